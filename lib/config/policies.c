/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has a date or happens on ordinary days; see policies.h. From a load's tree into
 * config_outage.
 */
#include "lib/config/policies.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/config/circuits.h"
#include "lib/config/outage_check.h"
#include "lib/config/units.h"
#include "lib/config/zone.h"

#define DAYS_30_MS 2592000000.0
#define LINE_MAX_LEN 200

/* ---- times as people write them ---------------------------------------------------- */

/* "09:30" -> 570; -1: no such time of day. */
static int32_t parse_minutes(const char *text)
{
    if (strlen(text) != 5 || text[2] != ':' || !isdigit((unsigned char)text[0]) ||
        !isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[3]) ||
        !isdigit((unsigned char)text[4]) || atoi(text) > 23 || atoi(text + 3) > 59)
        return -1;
    return atoi(text) * 60 + atoi(text + 3);
}

/* "2026-12-01 09:30", or with T between. */
static bool split_time(const char *text, int64_t *ret_day, int32_t *ret_min)
{
    char date[11];

    if (strlen(text) != 16 || (text[10] != ' ' && text[10] != 'T'))
        return false;
    memcpy(date, text, 10);
    date[10] = '\0';
    *ret_min = parse_minutes(text + 11);
    return *ret_min >= 0 && units_parse_date(date, ret_day);
}

bool policies_parse_time(const char *text, const char *zone, int64_t *ret_wall_ms)
{
    int64_t day;
    int32_t minutes;

    return split_time(text, &day, &minutes) &&
           zone_wall_ms(zone, day, minutes, ret_wall_ms);
}

/* ---- medical ----------------------------------------------------------------------- */

struct medical_keys {
    const char *power;
    double typical_w;
    int64_t battery_ms, reserve_ms;
};

static const struct schema_key medical_table[] = {
    SCHEMA_KEY("power", POINT_REF, SCHEMA_AT(medical_keys, power)),
    SCHEMA_KEY("typical", POWER, SCHEMA_AT(medical_keys, typical_w), .required = true,
               .min = 1, .max = 1e5),
    SCHEMA_KEY("battery", DURATION, SCHEMA_AT(medical_keys, battery_ms),
               .fallback = "0 s", .max = DAYS_30_MS),
    SCHEMA_KEY("reserve", DURATION, SCHEMA_AT(medical_keys, reserve_ms), .required = true,
               .min = 60000, .max = DAYS_30_MS),
};

static const struct schema medical_schema = SCHEMA_OF("'medical'", medical_table);

static void build_medical(struct load *load, const struct tree_node *node,
                          struct config_outage *outage)
{
    struct medical_keys keys = {0};
    const struct config_point *point = NULL;
    bool ok = !node || schema_read(load->report, &medical_schema, node, &keys);

    outage->medical.power = load_strdup(load, keys.power);
    outage->medical.power_w = keys.typical_w;
    outage->medical.battery_h = (double)keys.battery_ms / 3.6e6;
    outage->medical.reserve_h = (double)keys.reserve_ms / 3.6e6;
    if (ok && keys.power)
        load_find_point(load, yaml_tree_place(node, "power"), keys.power, &point);
}

/* ---- departures -------------------------------------------------------------------- */

struct departure_keys {
    const char *ev, *at, *by;
    double soc;
};

static const struct schema_key departure_table[] = {
    SCHEMA_KEY("ev", NAME, SCHEMA_AT(departure_keys, ev), .required = true),
    SCHEMA_KEY("at", TEXT, SCHEMA_AT(departure_keys, at), .required = true),
    SCHEMA_KEY("soc", PERCENT, SCHEMA_AT(departure_keys, soc), .required = true,
               .max = 100),
    SCHEMA_KEY("by", TEXT, SCHEMA_AT(departure_keys, by)),
};

static const struct schema departure_schema = SCHEMA_OF("a departure", departure_table);

static void build_departure(struct load *load, const struct tree_node *node,
                            const struct config_outage *outage,
                            struct config_departure *out)
{
    struct departure_keys keys = {0};
    bool ok = schema_read(load->report, &departure_schema, node, &keys);
    struct place place = yaml_tree_place(node, "ev");
    int device;

    *out = (struct config_departure){.ev = load_strdup(load, keys.ev),
                                     .by = load_strdup(load, keys.by),
                                     .soc = keys.soc};
    if (!ok)
        return;
    out->at_min = parse_minutes(keys.at);
    if (out->at_min < 0 && !split_time(keys.at, &out->day, &out->at_min))
        report_error(load->report, yaml_tree_place(node, "at"), "config-time",
                     "bad time '%s', expected '07:30' for each day or '2026-12-01 07:30'",
                     report_quote(keys.at));
    device = load_find_device(load, place, keys.ev);
    if (device < 0 || load->device_broken[device] || load->no_memory)
        return;
    if (load->config->devices[device].role != ROLE_EV)
        report_error(load->report, place, "config-role",
                     "device '%s' is no car, expected one with role ev", keys.ev);
    else
        outage_check_departure(load, node, out, outage);
}

/* ---- planned outages --------------------------------------------------------------- */

struct span_keys {
    const char *from, *until;
};

static const struct schema_key span_table[] = {
    SCHEMA_KEY("from", TEXT, SCHEMA_AT(span_keys, from), .required = true),
    SCHEMA_KEY("until", TEXT, SCHEMA_AT(span_keys, until), .required = true),
};

static const struct schema span_schema = SCHEMA_OF("a planned outage", span_table);

static bool parse_end(struct load *load, const struct tree_node *node, const char *key,
                      const char *text, int64_t *ret_ms)
{
    if (policies_parse_time(text, load->config->timezone, ret_ms))
        return true;
    report_error(load->report, yaml_tree_place(node, key), "config-time",
                 "bad time '%s', expected local time as '2026-12-01 09:00'",
                 report_quote(text));
    return false;
}

static void build_span(struct load *load, const struct tree_node *node,
                       struct config_outage *outage)
{
    struct config_span *span = &outage->planned[outage->n_planned];
    struct span_keys keys = {0};

    if (!schema_read(load->report, &span_schema, node, &keys) ||
        !parse_end(load, node, "from", keys.from, &span->from_ms) ||
        !parse_end(load, node, "until", keys.until, &span->until_ms))
        return;
    if (span->until_ms <= span->from_ms)
        report_error(load->report, yaml_tree_place(node, "until"), "config-time",
                     "'until' is not after 'from', expected a later time");
    else
        outage->n_planned++;
}

/* ---- a rotating schedule ----------------------------------------------------------- */

struct schedule_keys {
    const char *file, *group;
};

static const struct schema_key schedule_table[] = {
    SCHEMA_KEY("file", TEXT, SCHEMA_AT(schedule_keys, file), .required = true),
    SCHEMA_KEY("group", TEXT, SCHEMA_AT(schedule_keys, group), .required = true),
};

static const struct schema schedule_schema = SCHEMA_OF("'schedule'", schedule_table);

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\"");
    len = strlen(text);
    while (len && strchr(" \t\"\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* GROUP,FROM,UNTIL. True when it was used or is another group's, a heading or a
 * comment. */
static bool take_row(char *line, const char *group, const char *zone,
                     struct config_outage *outage)
{
    char *fields[3] = {strtok(line, ","), strtok(NULL, ","), strtok(NULL, ",")};
    struct config_span *span = &outage->planned[outage->n_planned];

    if (!fields[0] || *trim(fields[0]) == '#' || !*trim(fields[0]))
        return true;
    if (!fields[1] || !fields[2])
        return false;
    if (strcmp(trim(fields[0]), group) != 0)
        return true;
    if (outage->n_planned == CONFIG_PLANNED_MAX ||
        !policies_parse_time(trim(fields[1]), zone, &span->from_ms) ||
        !policies_parse_time(trim(fields[2]), zone, &span->until_ms) ||
        span->until_ms <= span->from_ms)
        return false;
    outage->n_planned++;
    return true;
}

/* A pipe or a device may never end. */
static FILE *open_file(const char *path)
{
    FILE *file = NULL;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        file = fdopen(fd, "r");
    else if (fd >= 0)
        errno = EINVAL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* Only warned of: a schedule that is late or gone must not keep the gateway from its
 * work. */
static void read_schedule(struct load *load, const struct tree_node *node,
                          const struct schedule_keys *keys, struct config_outage *outage)
{
    struct place place = yaml_tree_place(node, "file");
    FILE *file = open_file(keys->file);
    unsigned n = 0, before = outage->n_planned;
    char line[LINE_MAX_LEN];

    if (!file) {
        report_warning(
            load->report, place, "config-schedule",
            "the schedule cannot be read: %s, expected a CSV of group,from,until",
            error_errno_text(errno));
        return;
    }
    while (fgets(line, sizeof line, file)) {
        n++;
        if (!take_row(line, keys->group, load->config->timezone, outage)) {
            report_warning(load->report, place, "config-schedule",
                           "line %u of the schedule is not used, expected "
                           "'GROUP,2026-12-01 09:00,2026-12-01 12:00'",
                           n);
            break;
        }
    }
    fclose(file);
    if (outage->n_planned == before)
        report_warning(load->report, place, "config-schedule",
                       "the schedule has no outage of group '%s'",
                       report_quote(keys->group));
}

static int compare_spans(const void *a, const void *b)
{
    const struct config_span *x = a, *y = b;

    return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

void policies_build_calendar(struct load *load, const struct policies_trees *trees,
                             struct config_outage *outage)
{
    struct schedule_keys schedule = {0};
    uint32_t n =
        load_list_length(load, trees->departures, CONFIG_DEPARTURES_MAX, "departures");

    build_medical(load, trees->medical, outage);
    outage->departures = load_calloc(load, n, sizeof *outage->departures);
    for (uint32_t i = 0; !load->no_memory && i < n; i++, outage->n_departures++)
        build_departure(load, trees->departures->entries[i].node, outage,
                        &outage->departures[i]);
    n = load_list_length(load, trees->planned, CONFIG_PLANNED_MAX, "planned outages");
    outage->planned = load_calloc(load, trees->schedule ? CONFIG_PLANNED_MAX + 1 : n + 1,
                                  sizeof *outage->planned);
    if (load->no_memory)
        return;
    for (uint32_t i = 0; i < n; i++)
        build_span(load, trees->planned->entries[i].node, outage);
    if (trees->schedule &&
        schema_read(load->report, &schedule_schema, trees->schedule, &schedule))
        read_schedule(load, trees->schedule, &schedule, outage);
    qsort(outage->planned, outage->n_planned, sizeof *outage->planned, compare_spans);
}

/* ---- policies ---------------------------------------------------------------------- */

struct policies_keys {
    const struct tree_node *surplus, *peak, *storm;
};

static const struct schema_key policies_table[] = {
    SCHEMA_KEY("surplus", MAP, SCHEMA_AT(policies_keys, surplus)),
    SCHEMA_KEY("peak", MAP, SCHEMA_AT(policies_keys, peak)),
    SCHEMA_KEY("storm", MAP, SCHEMA_AT(policies_keys, storm)),
};

struct surplus_keys {
    double from_w;
    const struct tree_node *circuits;
};

static const struct schema_key surplus_table[] = {
    SCHEMA_KEY("from", POWER, SCHEMA_AT(surplus_keys, from_w), .fallback = "300 W",
               .max = 1e6),
    SCHEMA_KEY("circuits", LIST, SCHEMA_AT(surplus_keys, circuits), .required = true),
};

struct peak_keys {
    double limit_w;
};

static const struct schema_key peak_table[] = {
    SCHEMA_KEY("limit", POWER, SCHEMA_AT(peak_keys, limit_w), .required = true,
               .min = 100, .max = 1e7),
};

struct storm_keys {
    double reserve;
    int64_t ahead_ms;
};

static const struct schema_key storm_table[] = {
    SCHEMA_KEY("reserve", PERCENT, SCHEMA_AT(storm_keys, reserve), .fallback = "100 %",
               .max = 100),
    SCHEMA_KEY("ahead", DURATION, SCHEMA_AT(storm_keys, ahead_ms), .fallback = "1 h",
               .max = DAYS_30_MS),
};

static const struct schema policies_schema = SCHEMA_OF("'policies'", policies_table);
static const struct schema surplus_schema = SCHEMA_OF("'surplus'", surplus_table);
static const struct schema peak_schema = SCHEMA_OF("'peak'", peak_table);
static const struct schema storm_schema = SCHEMA_OF("'storm'", storm_table);

static const struct schema_key circuit_name_row = {.key = "circuits",
                                                   .type = SCHEMA_NAME};

static void build_surplus(struct load *load, const struct tree_node *node,
                          struct config_outage *outage)
{
    struct surplus_keys keys = {0};
    uint32_t n;

    if (!node || !schema_read(load->report, &surplus_schema, node, &keys))
        return;
    outage->policies.has_surplus = true;
    outage->policies.surplus_from_w = keys.from_w;
    n = load_list_length(load, keys.circuits, CONFIG_CIRCUITS_MAX, "circuits");
    outage->policies.surplus = load_calloc(load, n, sizeof *outage->policies.surplus);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        const struct tree_node *item = keys.circuits->entries[i].node;
        const char *name = NULL;
        int circuit;

        if (!schema_read_value(load->report, &circuit_name_row, item, &name))
            continue;
        circuit = circuits_find(outage, name);
        if (circuit < 0 || !*outage->circuits[circuit].sw)
            report_error(load->report, item->place, "config-circuit",
                         "'%s' is no circuit with a switch, expected one of 'circuits'",
                         report_quote(name));
        else
            outage->policies.surplus[outage->policies.n_surplus++] =
                load_strdup(load, name);
    }
}

void policies_build(struct load *load, const struct tree_node *policies,
                    struct config_outage *outage)
{
    static const struct tree_node empty = {.kind = TREE_MAP};
    struct policies_keys keys = {0};
    struct peak_keys peak = {0};
    struct storm_keys storm = {0};

    if (policies)
        schema_read(load->report, &policies_schema, policies, &keys);
    build_surplus(load, keys.surplus, outage);
    if (keys.peak)
        schema_read(load->report, &peak_schema, keys.peak, &peak);
    schema_read(load->report, &storm_schema, keys.storm ? keys.storm : &empty, &storm);
    outage->policies.peak_limit_w = peak.limit_w;
    outage->policies.storm_reserve = storm.reserve;
    outage->policies.planned_ahead_ms = (uint32_t)storm.ahead_ms;
}
