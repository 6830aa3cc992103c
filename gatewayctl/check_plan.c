/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks gateway-devhost for the read plan of every bus and adds up what it costs on the
 * line. cmd_check.c shows it.
 */
#include "gatewayctl/check_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/ctl.h"
#include "gatewayctl/human.h"
#include "lib/base/err.h"
#include "lib/host/plugin_query.h"
#include "lib/hostview/host_view.h"

struct check {
    const struct config *config;
    const struct check_tools *tools;
    json_t *buses, *messages;
    unsigned n_errors;
};

json_t *check_message(const char *severity, const char *code,
                      const struct config_mark *mark, const char *text)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:i,s:s}", "severity", severity, "code", code,
                     "file", mark && mark->file ? mark->file : "", "line",
                     mark ? (int)mark->line : 0, "col", mark ? (int)mark->col : 0, "text",
                     text);
}

static void tell(struct check *check, const char *severity, const char *code,
                 const struct config_mark *mark, const char *text)
{
    json_array_append_new(check->messages, check_message(severity, code, mark, text));
    check->n_errors += strcmp(severity, "error") == 0;
}

/* ---- buses ----------------------------------------------------------------------- */

/* An option of the bus as written, or the plugin's default; NULL when there is
 * neither. */
static const char *bus_option(const struct check *check, const struct config_bus *bus,
                              const char *key)
{
    const struct option *given = option_set_find(&bus->options, key);
    const char *reason;
    const struct gw_option *row;

    if (given)
        return given->text;
    row = plugin_query_options(check->tools->devhost, check->tools->plugin_dir,
                               bus->plugin, &reason);
    for (; row && row->key; row++)
        if (row->scope == GW_SCOPE_BUS && strcmp(row->key, key) == 0)
            return row->fallback;
    return NULL;
}

/* Baud rate of a serial line, null elsewhere. New reference. */
static json_t *bus_baud(const struct check *check, const struct config_bus *bus)
{
    const char *transport = bus_option(check, bus, "transport");
    const char *baud = bus_option(check, bus, "baud");

    if (!baud || (transport && strcmp(transport, "rtu") != 0))
        return json_null();
    return json_integer(strtoll(baud, NULL, 10));
}

static void list_buses(struct check *check)
{
    for (uint32_t i = 0; i < check->config->n_buses; i++) {
        const struct config_bus *bus = &check->config->buses[i];

        json_array_append_new(check->buses,
                              json_pack("{s:s,s:s,s:o,s:i,s:i,s:i,s:[]}", "name",
                                        bus->name, "plugin", bus->plugin, "baud",
                                        bus_baud(check, bus), "requests", 0, "cycle_ms",
                                        0, "load_permille", 0, "devices"));
    }
}

/* ---- lines of the host process ---------------------------------------------------- */

/* The requests of this device on its bus; made when it is new. Borrowed. */
static json_t *requests_of(json_t *bus, const char *name)
{
    json_t *devices = json_object_get(bus, "devices");
    size_t n = json_array_size(devices);

    if (!n || strcmp(ctl_text(json_array_get(devices, n - 1), "device"), name) != 0)
        json_array_append_new(devices,
                              json_pack("{s:s,s:[]}", "device", name, "requests"));
    return json_object_get(json_array_get(devices, json_array_size(devices) - 1),
                           "requests");
}

static void take_plan(struct check *check, const json_t *line)
{
    json_t *bus = json_array_get(check->buses, (size_t)ctl_number(line, "bus_index"));

    if (!bus)
        return;
    json_array_append_new(requests_of(bus, ctl_text(line, "device")),
                          json_pack("{s:O,s:O,s:O,s:O}", "interval_ms",
                                    json_object_get(line, "interval_ms"), "cost_us",
                                    json_object_get(line, "cost_us"), "points",
                                    json_object_get(line, "n_points"), "text",
                                    json_object_get(line, "text")));
}

static const struct config_mark *mark_of(const struct config *config, const json_t *line)
{
    for (uint32_t i = 0; i < config->n_devices; i++)
        if (strcmp(config->devices[i].name, ctl_text(line, "device")) == 0)
            return &config->devices[i].mark;
    for (uint32_t i = 0; i < config->n_buses; i++)
        if (strcmp(config->buses[i].name, ctl_text(line, "bus")) == 0)
            return &config->buses[i].mark;
    return NULL;
}

static void take_message(struct check *check, const json_t *line)
{
    const char *device = ctl_text(line, "device");
    char text[600];

    snprintf(text, sizeof text, "%s '%.64s': %s", *device ? "device" : "bus",
             *device ? device : ctl_text(line, "bus"), ctl_text(line, "text"));
    tell(check, ctl_text(line, "kind"), "plugin", mark_of(check->config, line), text);
}

static void take_line(struct check *check, const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *kind = ctl_text(line, "kind");

    if (strcmp(kind, "plan") == 0)
        take_plan(check, line);
    else if (strcmp(kind, "error") == 0 || strcmp(kind, "warning") == 0)
        take_message(check, line);
    json_decref(line);
}

/* Only told when the lines said nothing of it themselves. */
static void take_exit(struct check *check, const char *plugin, int rc, const char *errors)
{
    char text[600];

    if (rc < 0)
        snprintf(text, sizeof text, "the plan of plugin '%.64s' cannot be made: %s: %s",
                 plugin, check->tools->devhost, error_errno_text(rc));
    else
        snprintf(text, sizeof text, "the plan of plugin '%.64s' cannot be made: %.*s",
                 plugin, (int)strcspn(errors, "\n"), errors);
    tell(check, "error", "plugin", NULL, text);
}

static int view_plugin(const struct check *check, const char *plugin,
                       struct host_config *ret_view)
{
    const struct config *config = check->config;
    uint32_t *buses = calloc(config->n_buses + 1, sizeof *buses), n = 0;
    int rc;

    for (uint32_t i = 0; buses && i < config->n_buses; i++)
        if (strcmp(config->buses[i].plugin, plugin) == 0)
            buses[n++] = i;
    rc = n > 0 ? host_view_make(config, buses, n, check->tools->plugin_dir, ret_view)
               : -ENOMEM;
    free(buses);
    return rc;
}

static void ask_plugin(struct check *check, const char *plugin)
{
    struct strbuf input, lines, errors;
    struct host_config view;
    unsigned n_before = check->n_errors;
    char *rest, *line;
    int rc = view_plugin(check, plugin, &view);

    if (rc < 0)
        return;
    strbuf_init(&input);
    strbuf_init(&lines);
    strbuf_init(&errors);
    host_config_encode(&view, &input);
    rc = plugin_query_check(check->tools->devhost, &input, &lines, &errors);
    rest = lines.data;
    while ((line = strsep(&rest, "\n")))
        take_line(check, line);
    if (rc && check->n_errors == n_before)
        take_exit(check, plugin, rc, errors.data ? errors.data : "");
    host_view_done(&view);
    strbuf_done(&input);
    strbuf_done(&lines);
    strbuf_done(&errors);
}

/* ---- load ------------------------------------------------------------------------ */

static void add_up_device(const json_t *device, int64_t *n, int64_t *cycle_ms,
                          double *permille)
{
    const json_t *requests = json_object_get(device, "requests");

    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *request = json_array_get(requests, i);
        int64_t interval_ms = ctl_number(request, "interval_ms");

        ++*n;
        if (!interval_ms)
            continue;
        if (!*cycle_ms || interval_ms < *cycle_ms)
            *cycle_ms = interval_ms;
        *permille += (double)ctl_number(request, "cost_us") / (double)interval_ms;
    }
}

bool check_load_text(const json_t *bus, char *ret, size_t size)
{
    int64_t baud = ctl_number(bus, "baud"), cycle_ms = ctl_number(bus, "cycle_ms");
    double permille = json_number_value(json_object_get(bus, "load_permille"));
    double busy_ms = permille * (double)cycle_ms / 1e3;
    char at[32] = "";

    if (!cycle_ms)
        return false;
    if (baud)
        snprintf(at, sizeof at, " at %" PRId64 " baud", baud);
    if (busy_ms < 100)
        snprintf(ret, size, "%.1f ms of each %g s cycle%s (%.3g %%)", busy_ms,
                 (double)cycle_ms / 1e3, at, permille / 10);
    else
        snprintf(ret, size, "%.2f s of each %g s cycle%s (%.0f %%)", busy_ms / 1e3,
                 (double)cycle_ms / 1e3, at, permille / 10);
    return true;
}

static void judge_load(struct check *check, const json_t *bus,
                       const struct config_bus *config)
{
    double permille = json_number_value(json_object_get(bus, "load_permille"));
    char load[120] = "", text[400];

    check_load_text(bus, load, sizeof load);
    if (permille > CHECK_LOAD_MAX_PERMILLE) {
        snprintf(text, sizeof text,
                 "bus '%.64s' would need %s: lengthen intervals, or spread "
                 "the devices over more buses",
                 config->name, load);
        tell(check, "error", "bus-overload", &config->mark, text);
    } else if (permille > CHECK_LOAD_WARN_PERMILLE) {
        snprintf(text, sizeof text,
                 "bus '%.64s' is busy for %s: little room for retries and "
                 "writes",
                 config->name, load);
        tell(check, "warning", "bus-load", &config->mark, text);
    }
}

static void add_up(struct check *check, size_t index)
{
    json_t *bus = json_array_get(check->buses, index);
    const json_t *devices = json_object_get(bus, "devices");
    int64_t n = 0, cycle_ms = 0;
    double permille = 0;

    for (size_t i = 0; i < json_array_size(devices); i++)
        add_up_device(json_array_get(devices, i), &n, &cycle_ms, &permille);
    json_object_set_new(bus, "requests", json_integer(n));
    json_object_set_new(bus, "cycle_ms", json_integer(cycle_ms));
    json_object_set_new(bus, "load_permille", json_real(round(permille * 10) / 10));
    judge_load(check, bus, &check->config->buses[index]);
}

static bool is_first_of_plugin(const struct config *config, uint32_t bus)
{
    for (uint32_t i = 0; i < bus; i++)
        if (strcmp(config->buses[i].plugin, config->buses[bus].plugin) == 0)
            return false;
    return true;
}

unsigned check_plan(const struct config *config, const struct check_tools *tools,
                    json_t *ret_buses, json_t *messages)
{
    struct check check = {
        .config = config, .tools = tools, .buses = ret_buses, .messages = messages};

    list_buses(&check);
    for (uint32_t i = 0; i < config->n_buses; i++)
        if (is_first_of_plugin(config, i))
            ask_plugin(&check, config->buses[i].plugin);
    for (uint32_t i = 0; i < config->n_buses; i++)
        add_up(&check, i);
    return check.n_errors;
}
