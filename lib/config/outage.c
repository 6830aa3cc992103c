/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage: evidence, sources, floors, timers. A mistake here shows only when the grid is
 * gone, so names, units, references and the order of the reserves are checked in full.
 * From a load's tree into config_outage; the calendar parts are in policies.c.
 */
#include "lib/config/outage.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/actors.h"
#include "lib/config/circuits.h"
#include "lib/config/outage_check.h"
#include "lib/config/outage_data.h"
#include "lib/config/policies.h"
#include "lib/config/suggest.h"

/* IEEE 1547 and Japanese units alike; a letter may ask for more */
#define IN_BAND_MAX_MS 600000
#define BLACK_FLOOR_MIN 3.0 /* % of usable energy: below, the battery ends the island */

struct outage_keys {
    int64_t island, feeds, site, in_band_ms, halt_ms;
    const char *grid_code, *restart;
    double reserve, frequency_slope_hz;
    const struct tree_node *evidence, *sources, *floors, *operator, * medical,
        *departures;
    const struct tree_node *planned, *schedule, *tie, *generator, *limits;
};

#define OUTAGE(field) .offset = offsetof(struct outage_keys, field)

/* Words in the order of the enums of outage_data.h. */
static const struct schema_key outage_table[] = {
    SCHEMA_KEY("island", WORD, OUTAGE(island), .required = true,
               .words = "own community none"),
    SCHEMA_KEY("feeds", WORD, OUTAGE(feeds), .fallback = "house",
               .words = "house panel socket none"),
    SCHEMA_KEY("site", WORD, OUTAGE(site), .fallback = "home",
               .words = "home station shelter mobility"),
    SCHEMA_KEY("evidence", LIST, OUTAGE(evidence)),
    SCHEMA_KEY("sources", LIST, OUTAGE(sources)),
    SCHEMA_KEY("grid_code", SITE_NAME, OUTAGE(grid_code), .fallback = "japan-tepco-50hz"),
    SCHEMA_KEY("operator", MAP, OUTAGE(operator)),
    SCHEMA_KEY("in_band", DURATION, OUTAGE(in_band_ms), .max = 3600000),
    SCHEMA_KEY("frequency_slope", NUMBER, OUTAGE(frequency_slope_hz), .min = 0, .max = 5),
    SCHEMA_KEY("reserve", PERCENT, OUTAGE(reserve), .fallback = "40 %", .max = 100),
    SCHEMA_KEY("floors", MAP, OUTAGE(floors)),
    SCHEMA_KEY("medical", MAP, OUTAGE(medical)),
    SCHEMA_KEY("departures", LIST, OUTAGE(departures)),
    SCHEMA_KEY("planned", LIST, OUTAGE(planned)),
    SCHEMA_KEY("schedule", MAP, OUTAGE(schedule)),
    SCHEMA_KEY("tie", MAP, OUTAGE(tie)),
    SCHEMA_KEY("halt", DURATION, OUTAGE(halt_ms), .min = 60000, .max = 604800000),
    SCHEMA_KEY("restart", POINT_REF, OUTAGE(restart)),
    SCHEMA_KEY("generator", MAP, OUTAGE(generator)),
    SCHEMA_KEY("limits", MAP, OUTAGE(limits)),
};

struct floor_keys {
    double low, critical, black;
};

static const struct schema_key floor_table[] = {
    SCHEMA_KEY("low", PERCENT, SCHEMA_AT(floor_keys, low), .fallback = "30 %",
               .max = 100),
    SCHEMA_KEY("critical", PERCENT, SCHEMA_AT(floor_keys, critical), .fallback = "15 %",
               .max = 100),
    SCHEMA_KEY("black", PERCENT, SCHEMA_AT(floor_keys, black), .fallback = "8 %",
               .max = 100),
};

struct evidence_keys {
    const char *point;
    int64_t kind, supply, side;
    double nominal_v;
    bool inverted, certified;
};

#define EVIDENCE(field) .offset = offsetof(struct evidence_keys, field)

static const struct schema_key evidence_table[] = {
    SCHEMA_KEY("point", POINT_REF, EVIDENCE(point), .required = true),
    SCHEMA_KEY("kind", WORD, EVIDENCE(kind), .required = true,
               .words = "contact voltage frequency pcs switch ups"),
    SCHEMA_KEY("supply", WORD, EVIDENCE(supply), .required = true, .words = "own grid"),
    SCHEMA_KEY("nominal", NUMBER, EVIDENCE(nominal_v), .min = 50, .max = 7000),
    SCHEMA_KEY("inverted", BOOL, EVIDENCE(inverted)),
    SCHEMA_KEY("side", WORD, EVIDENCE(side), .fallback = "grid",
               .words = "grid home receiving-point"),
    SCHEMA_KEY("certified", BOOL, EVIDENCE(certified), .fallback = "yes"),
};

struct source_keys {
    const char *battery;
    double capacity_wh, max_discharge_w, max_charge_w, cut_off, departure_floor;
    bool black_start;
};

#define SOURCE(field) .offset = offsetof(struct source_keys, field)

static const struct schema_key source_table[] = {
    SCHEMA_KEY("battery", NAME, SOURCE(battery), .required = true),
    SCHEMA_KEY("capacity", ENERGY, SOURCE(capacity_wh), .required = true, .min = 1,
               .max = 1e9),
    SCHEMA_KEY("max_discharge", POWER, SOURCE(max_discharge_w), .required = true,
               .min = 1, .max = 1e8),
    SCHEMA_KEY("max_charge", POWER, SOURCE(max_charge_w), .max = 1e8),
    SCHEMA_KEY("cut_off", PERCENT, SOURCE(cut_off), .required = true, .max = 95),
    SCHEMA_KEY("departure_floor", PERCENT, SOURCE(departure_floor), .max = 100),
    SCHEMA_KEY("black_start", BOOL, SOURCE(black_start)),
};

struct operator_keys {
    const char *letter;
    int64_t in_band_ms;
};

static const struct schema_key operator_table[] = {
    SCHEMA_KEY("letter", TEXT, SCHEMA_AT(operator_keys, letter), .required = true),
    SCHEMA_KEY("in_band", DURATION, SCHEMA_AT(operator_keys, in_band_ms),
               .required = true, .max = 3600000),
};

struct tie_keys {
    const char *sw, *feedback, *sync;
    bool self_sync;
};

static const struct schema_key tie_table[] = {
    SCHEMA_KEY("switch", POINT_REF, SCHEMA_AT(tie_keys, sw), .required = true),
    SCHEMA_KEY("feedback", POINT_REF, SCHEMA_AT(tie_keys, feedback)),
    SCHEMA_KEY("sync", POINT_REF, SCHEMA_AT(tie_keys, sync)),
    SCHEMA_KEY("self_sync", BOOL, SCHEMA_AT(tie_keys, self_sync)),
};

static const struct schema tie_schema = SCHEMA_OF("'tie'", tie_table);

static const struct schema outage_schema = SCHEMA_OF("'outage'", outage_table);
static const struct schema floor_schema = SCHEMA_OF("'floors'", floor_table);
static const struct schema evidence_schema = SCHEMA_OF("evidence", evidence_table);
static const struct schema source_schema = SCHEMA_OF("a source", source_table);
static const struct schema operator_schema = SCHEMA_OF("'operator'", operator_table);

static void build_evidence(struct load *load, const struct tree_node *node,
                           struct config_evidence *out)
{
    struct evidence_keys keys = {0};
    const struct config_point *point = NULL;
    bool ok = schema_read(load->report, &evidence_schema, node, &keys);

    *out = (struct config_evidence){.point = load_strdup(load, keys.point),
                                    .kind = (enum config_evidence_kind)keys.kind,
                                    .by_grid = keys.supply == 1,
                                    .nominal_v = keys.nominal_v,
                                    .is_inverted = keys.inverted,
                                    .is_home_side = keys.side == 1,
                                    .is_receiving_point = keys.side == 2,
                                    .is_certified = keys.certified};
    if (!ok || load->no_memory)
        return;
    if (load_find_point(load, yaml_tree_place(node, "point"), keys.point, &point))
        outage_check_evidence(load, node, out, point);
}

static void build_source(struct load *load, const struct tree_node *node,
                         struct config_source *out)
{
    struct source_keys keys = {0};
    struct place place = yaml_tree_place(node, "battery");
    bool ok = schema_read(load->report, &source_schema, node, &keys);
    enum role role;
    int device;

    *out = (struct config_source){.battery = load_strdup(load, keys.battery),
                                  .capacity_wh = keys.capacity_wh,
                                  .max_discharge_w = keys.max_discharge_w,
                                  .max_charge_w = keys.max_charge_w,
                                  .cut_off = keys.cut_off,
                                  .departure_floor = keys.departure_floor,
                                  .black_start = keys.black_start};
    device = ok ? load_find_device(load, place, keys.battery) : -1;
    if (device < 0 || load->device_broken[device])
        return;
    role = load->config->devices[device].role;
    out->is_ev = role == ROLE_EV;
    if (!yaml_tree_get(node, "black_start"))
        out->black_start = !out->is_ev;
    if (role != ROLE_BATTERY && role != ROLE_EV)
        report_error(load->report, place, "config-role",
                     "device '%s' is no battery, expected one with role battery or ev",
                     keys.battery);
    else if (!load->no_memory)
        outage_check_floor(load, node, out);
}

static void build_floors(struct load *load, const struct tree_node *tree,
                         const struct outage_keys *keys, struct config_outage *outage)
{
    static const struct tree_node empty = {.kind = TREE_MAP};
    const struct tree_node *node = keys->floors ? keys->floors : &empty;
    struct floor_keys floors = {0};

    if (!schema_read(load->report, &floor_schema, node, &floors))
        return;
    outage->floor_low = floors.low;
    outage->floor_critical = floors.critical;
    outage->floor_black = floors.black;
    if (floors.black < BLACK_FLOOR_MIN)
        report_error(
            load->report, yaml_tree_place(node, "black"), "config-floors",
            "floor 'black' is below 3 %%, expected at least 3 %% so that the island "
            "ends before the battery does");
    if (floors.low <= floors.critical || floors.critical <= floors.black)
        report_error(load->report, keys->floors ? node->place : tree->place,
                     "config-floors",
                     "the floors are out of order, expected low > critical > black");
    if (keys->reserve <= floors.low)
        report_error(load->report, yaml_tree_place(tree, "reserve"), "config-floors",
                     "the reserve is not above the floor 'low', expected more than %g %%",
                     floors.low);
}

/* What is checked here of lib/microgrid's profiles, which this room may not ask; a test
 * holds the two together. */
struct profile {
    const char *name;
    uint32_t in_band_ms;
    bool has_nominal; /* voltages are those of one country */
};
static const struct profile profiles[] = {
    {"ieee1547-2018",    300000, false},
    {"japan-tepco-50hz", 300000, true },
    {"test",             5000,   true },
};

/* A misspelt profile would run another country's timers. */
static const struct profile *find_profile(struct load *load, const struct tree_node *tree,
                                          const char *name)
{
    struct suggest suggest = {.word = name};

    if (!name)
        return NULL;
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
        suggest_offer(&suggest, profiles[i].name);
    }
    report_error(
        load->report, yaml_tree_place(tree, "grid_code"), "config-timer",
        "there is no grid code '%s', expected ieee1547-2018 or japan-tepco-50hz%s%s%s",
        report_quote(name), suggest.best ? "; did you mean '" : "",
        suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    return NULL;
}

/* The operator's letter wins over everything that was typed here; without one the profile
 * does. */
static void check_in_band(struct load *load, const struct tree_node *tree,
                          const struct config_outage *outage,
                          const struct profile *profile)
{
    uint32_t letter_ms = outage->letter_in_band_ms;
    uint32_t least_ms = letter_ms || !profile ? letter_ms : profile->in_band_ms;
    uint32_t most_ms = letter_ms > IN_BAND_MAX_MS ? letter_ms : IN_BAND_MAX_MS;
    struct place place = yaml_tree_place(tree, "in_band");

    if (!yaml_tree_get(tree, "in_band"))
        return;
    if (outage->in_band_ms < least_ms)
        report_error(load->report, place, "config-timer",
                     "'in_band' is faster than the %s, expected at least %g s%s",
                     letter_ms ? "operator's letter" : "profile", least_ms / 1e3,
                     letter_ms ? "" : "; only the operator's letter may allow less");
    else if (outage->in_band_ms > most_ms)
        report_error(
            load->report, place, "config-timer",
            "'in_band' is beyond what an inverter can be set to, expected at most "
            "%g s",
            most_ms / 1e3);
}

static void build_timers(struct load *load, const struct outage_keys *keys,
                         struct config_outage *outage)
{
    struct operator_keys operator= {0};

    outage->in_band_ms = (uint32_t)keys->in_band_ms;
    if (keys->operator)
        schema_read(load->report, &operator_schema, keys->operator, & operator);
    free(outage->operator_letter);
    outage->operator_letter = load_strdup(load, operator.letter);
    outage->letter_in_band_ms = (uint32_t) operator.in_band_ms;
}

/* A grid code of many countries does not tell 120 V from 240 V that sag. */
static void check_nominal(struct load *load, const struct outage_keys *keys,
                          const struct config_outage *outage,
                          const struct profile *profile)
{
    if (!profile || profile->has_nominal)
        return;
    for (uint32_t i = 0; i < outage->n_evidence; i++) {
        const struct config_evidence *evidence = &outage->evidence[i];

        if (evidence->kind == CONFIG_EVIDENCE_VOLTAGE && !(evidence->nominal_v > 0))
            report_error(
                load->report, keys->evidence->entries[i].node->place, "config-nominal",
                "a voltage lacks its 'nominal', expected one under %s, such as 120, "
                "230 or 240",
                profile->name);
    }
}

/* One contact, one PCS, or two different kinds confirm an outage; less never does. */
static void ask_evidence(struct load *load, const struct tree_node *tree,
                         const struct config_outage *outage)
{
    unsigned kinds = 0;

    for (uint32_t i = 0; i < outage->n_evidence; i++)
        kinds |= 1u << outage->evidence[i].kind;
    if (outage->island == CONFIG_ISLAND_COMMUNITY ||
        kinds & (1u << CONFIG_EVIDENCE_CONTACT | 1u << CONFIG_EVIDENCE_PCS) ||
        (kinds & (kinds - 1)))
        return;
    report_warning(
        load->report, yaml_tree_place(tree, "evidence"), "config-evidence",
        "this evidence cannot confirm an outage, expected a contact, a PCS that "
        "reports independent operation, or two different kinds");
}

static void check_sides(struct load *load, const struct outage_keys *keys,
                        const struct config_outage *outage)
{
    for (uint32_t i = 0; i < outage->n_evidence; i++)
        if (outage->evidence[i].is_receiving_point &&
            outage->island != CONFIG_ISLAND_COMMUNITY)
            report_error(load->report, keys->evidence->entries[i].node->place,
                         "config-side",
                         "'side: receiving-point' without 'island: community', expected "
                         "grid or home");
}

/* Voltage on the home's side looks alike in an island and on the grid. */
static void ask_tie(struct load *load, const struct tree_node *tree,
                    const struct config_outage *outage)
{
    unsigned kinds = 0;

    for (uint32_t i = 0; i < outage->n_evidence; i++)
        kinds |= 1u << outage->evidence[i].kind;
    if (outage->island != CONFIG_ISLAND_OWN ||
        kinds & (1u << CONFIG_EVIDENCE_SWITCH | 1u << CONFIG_EVIDENCE_PCS))
        return;
    report_warning(load->report, yaml_tree_place(tree, "evidence"), "config-evidence",
                   "nothing tells whether the tie is open or closed, expected a pcs or a "
                   "switch; without one a person has to say when the home is on the grid "
                   "again");
}

/* Behind an open tie the inverter knows nothing of the grid. */
static bool tells_return(const struct config_outage *outage)
{
    unsigned kinds = 0;

    for (uint32_t i = 0; i < outage->n_evidence; i++)
        if (!outage->evidence[i].is_home_side)
            kinds |= 1u << outage->evidence[i].kind;
    kinds &= 1u << CONFIG_EVIDENCE_CONTACT | 1u << CONFIG_EVIDENCE_VOLTAGE |
             1u << CONFIG_EVIDENCE_FREQUENCY | 1u << CONFIG_EVIDENCE_UPS;
    return (kinds & 1u << CONFIG_EVIDENCE_CONTACT) || (kinds & (kinds - 1));
}

/* Nothing here may close a tie that is not in synchronism, not even by ending. */
static void check_tie(struct load *load, const struct tree_node *node,
                      const struct tie_keys *keys, const struct config_outage *outage)
{
    struct place place = yaml_tree_place(node, "switch");
    const struct config_point *point = NULL;

    if (outage->island != CONFIG_ISLAND_OWN)
        report_error(load->report, node->place, "config-tie",
                     "only an island of one's own has a tie, expected 'island: own'");
    if (!load_find_point(load, place, keys->sw, &point) || !point)
        return;
    if (!point->writable || !point->is_bool)
        report_error(load->report, place, "config-not-writable",
                     "'%s' is no switch, expected a boolean point with 'write'",
                     keys->sw);
    else if (point->failsafe > 0.5 && !keys->self_sync)
        report_error(
            load->report, place, "config-tie",
            "the failsafe of '%s' would close the tie out of synchronism, expected "
            "'failsafe: off', or 'self_sync: yes' of a device that waits by itself",
            keys->sw);
    for (uint32_t i = 0; i < outage->n_circuits; i++)
        if (strcmp(outage->circuits[i].sw, keys->sw) == 0)
            report_error(load->report, place, "config-tie",
                         "'%s' switches the circuit '%s', expected a switch of its own",
                         keys->sw, outage->circuits[i].name);
    if (!tells_return(outage))
        report_error(
            load->report, node->place, "config-tie",
            "nothing tells the grid's return behind an open tie, expected a contact, "
            "or voltage and frequency, of the grid's side as evidence");
    if (!keys->sync && !keys->self_sync)
        report_error(
            load->report, node->place, "config-tie",
            "nothing tells whether the tie may close, expected 'sync', a point that "
            "is on in synchronism, or 'self_sync: yes'");
}

static void build_tie(struct load *load, const struct tree_node *node,
                      struct config_outage *outage)
{
    struct tie_keys keys = {0};
    const struct config_point *point = NULL;
    bool ok = !node || schema_read(load->report, &tie_schema, node, &keys);

    outage->tie.sw = load_strdup(load, keys.sw);
    outage->tie.feedback = load_strdup(load, keys.feedback);
    outage->tie.sync = load_strdup(load, keys.sync);
    outage->tie.self_sync = keys.self_sync;
    if (!node || !ok || load->no_memory)
        return;
    check_tie(load, node, &keys, outage);
    if (keys.feedback)
        load_find_point(load, yaml_tree_place(node, "feedback"), keys.feedback, &point);
    if (keys.sync)
        load_find_point(load, yaml_tree_place(node, "sync"), keys.sync, &point);
}

/* One point is one witness, and one battery is stored in once. */
static void check_once(struct load *load, const struct tree_node *list, uint32_t index,
                       const char *key)
{
    const struct tree_node *node = list->entries[index].node;
    const char *name = yaml_tree_text(node, key);

    for (uint32_t i = 0; name && i < index; i++) {
        const char *other = yaml_tree_text(list->entries[i].node, key);

        if (other && strcmp(other, name) == 0) {
            report_error(
                load->report, yaml_tree_place(node, key), "config-duplicate-name",
                "'%s' stands here twice, expected it once: the other is in line %u",
                report_quote(name), list->entries[i].node->place.line);
            return;
        }
    }
}

static void build_lists(struct load *load, const struct outage_keys *keys,
                        struct config_outage *outage)
{
    uint32_t n =
        load_list_length(load, keys->evidence, CONFIG_EVIDENCE_MAX, "items of evidence");

    outage->evidence = load_calloc(load, n, sizeof *outage->evidence);
    for (uint32_t i = 0; !load->no_memory && i < n; i++, outage->n_evidence++) {
        build_evidence(load, keys->evidence->entries[i].node, &outage->evidence[i]);
        check_once(load, keys->evidence, i, "point");
        if (!load->no_memory)
            outage_check_witness(load, keys->evidence->entries[i].node,
                                 &outage->evidence[i], outage);
    }
    n = load_list_length(load, keys->sources, CONFIG_SOURCES_MAX, "sources");
    outage->sources = load_calloc(load, n, sizeof *outage->sources);
    for (uint32_t i = 0; !load->no_memory && i < n; i++, outage->n_sources++) {
        build_source(load, keys->sources->entries[i].node, &outage->sources[i]);
        check_once(load, keys->sources, i, "battery");
    }
}

static void build_outage(struct load *load, const struct tree_node *tree,
                         struct config_outage *outage)
{
    struct outage_keys keys = {0};
    uint32_t n_errors = load->report->n_errors;
    const struct profile *profile;
    bool ok = schema_read(load->report, &outage_schema, tree, &keys);
    const struct policies_trees calendar = {keys.medical, keys.departures, keys.planned,
                                            keys.schedule};
    const struct actors_trees actors = {tree, keys.generator, keys.limits,
                                        keys.restart};

    outage->is_given = true;
    outage->island = (enum config_island)keys.island;
    outage->feeds = (enum config_feeds)keys.feeds;
    outage->site = (enum config_site)keys.site;
    outage->halt_ms = (uint32_t)keys.halt_ms;
    outage->reserve = keys.reserve;
    outage->frequency_slope_hz = keys.frequency_slope_hz;
    free(outage->grid_code);
    outage->grid_code = load_strdup(load, keys.grid_code);
    profile = find_profile(load, tree, keys.grid_code);
    build_lists(load, &keys, outage);
    build_timers(load, &keys, outage);
    build_tie(load, keys.tie, outage);
    check_in_band(load, tree, outage, profile);
    check_nominal(load, &keys, outage, profile);
    policies_build_calendar(load, &calendar, outage);
    actors_build(load, &actors, outage);
    if (ok)
        build_floors(load, tree, &keys, outage);
    if (load->report->n_errors != n_errors)
        return;
    check_sides(load, &keys, outage);
    ask_evidence(load, tree, outage);
    ask_tie(load, tree, outage);
}

void outage_build(struct load *load, const struct outage_trees *trees)
{
    struct config_outage *outage = load_calloc(load, 1, sizeof *outage);
    uint32_t n_errors = load->report->n_errors;

    if (!outage)
        return;
    load->config->outage = outage;
    outage->island = CONFIG_ISLAND_NONE;
    outage->grid_code = load_strdup(load, "");
    outage->operator_letter = load_strdup(load, "");
    circuits_build(load, trees->circuits, outage);
    if (trees->outage && !load->no_memory)
        build_outage(load, trees->outage, outage);
    if (!load->no_memory)
        policies_build(load, trees->policies, outage);
    if (outage->is_given && outage->island == CONFIG_ISLAND_OWN &&
        outage->feeds != CONFIG_FEEDS_NONE && load->report->n_errors == n_errors)
        circuits_ask_contingency(load, trees->circuits, outage);
}
