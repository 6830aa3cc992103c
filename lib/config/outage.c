/* SPDX-License-Identifier: Apache-2.0 */
/*
 * circuits and outage. A mistake here shows only when the grid is gone, so names, units,
 * references and the order of the reserves are checked although nobody acts on them yet.
 */
#include "lib/config/outage.h"

#include <string.h>

#define BLACK_FLOOR_MIN 3.0 /* % of usable energy: below, the battery ends the island */

struct circuit_keys {
    const char *name, *sw, *power;
    int64_t class, min_on_ms, min_off_ms, leg;
    double typical_w, inrush_w;
    bool backed;
};

#define CIRCUIT(field) .offset = offsetof(struct circuit_keys, field)

static const struct schema_key circuit_table[] = {
    SCHEMA_KEY("name", NAME, CIRCUIT(name), .required = true),
    SCHEMA_KEY("switch", POINT_REF, CIRCUIT(sw)),
    SCHEMA_KEY("power", POINT_REF, CIRCUIT(power)),
    SCHEMA_KEY("class", WORD, CIRCUIT(class), .required = true,
               .words = "P0 P1 P2 P3 P4"),
    SCHEMA_KEY("typical", POWER, CIRCUIT(typical_w), .max = 1e6),
    SCHEMA_KEY("inrush", POWER, CIRCUIT(inrush_w), .max = 1e6),
    SCHEMA_KEY("min_on", DURATION, CIRCUIT(min_on_ms), .fallback = "60 s",
               .max = 86400000),
    SCHEMA_KEY("min_off", DURATION, CIRCUIT(min_off_ms), .fallback = "180 s",
               .max = 86400000),
    SCHEMA_KEY("leg", WORD, CIRCUIT(leg), .words = "L1 L2 L3 L1-L2 L1-L2-L3"),
    SCHEMA_KEY("backed", BOOL, CIRCUIT(backed), .fallback = "yes"),
};

struct outage_keys {
    int64_t island;
    const char *grid_code;
    double reserve;
    const struct tree_node *evidence, *sources, *floors;
};

#define OUTAGE(field) .offset = offsetof(struct outage_keys, field)

static const struct schema_key outage_table[] = {
    SCHEMA_KEY("island", WORD, OUTAGE(island), .required = true,
               .words = "own community none"),
    SCHEMA_KEY("evidence", LIST, OUTAGE(evidence)),
    SCHEMA_KEY("sources", LIST, OUTAGE(sources)),
    SCHEMA_KEY("grid_code", SITE_NAME, OUTAGE(grid_code), .fallback = "japan-tepco-50hz"),
    SCHEMA_KEY("reserve", PERCENT, OUTAGE(reserve), .fallback = "40 %", .max = 100),
    SCHEMA_KEY("floors", MAP, OUTAGE(floors)),
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
    int64_t kind, supply;
};

#define EVIDENCE(field) .offset = offsetof(struct evidence_keys, field)

static const struct schema_key evidence_table[] = {
    SCHEMA_KEY("point", POINT_REF, EVIDENCE(point), .required = true),
    SCHEMA_KEY("kind", WORD, EVIDENCE(kind), .required = true,
               .words = "contact voltage frequency pcs switch ups"),
    SCHEMA_KEY("supply", WORD, EVIDENCE(supply), .required = true, .words = "own grid"),
};

struct source_keys {
    const char *battery;
    double capacity_wh, max_discharge_w, cut_off;
};

#define SOURCE(field) .offset = offsetof(struct source_keys, field)

static const struct schema_key source_table[] = {
    SCHEMA_KEY("battery", NAME, SOURCE(battery), .required = true),
    SCHEMA_KEY("capacity", ENERGY, SOURCE(capacity_wh), .required = true, .min = 1,
               .max = 1e9),
    SCHEMA_KEY("max_discharge", POWER, SOURCE(max_discharge_w), .required = true,
               .min = 1, .max = 1e8),
    SCHEMA_KEY("cut_off", PERCENT, SOURCE(cut_off), .required = true, .max = 95),
};

static const struct schema circuit_schema = {"a circuit", circuit_table, 10, NULL,
                                             0,           false};
static const struct schema outage_schema = {"'outage'", outage_table, 6, NULL, 0, false};
static const struct schema floor_schema = {"'floors'", floor_table, 3, NULL, 0, false};
static const struct schema evidence_schema = {"evidence", evidence_table, 3, NULL,
                                              0,          false};
static const struct schema source_schema = {"a source", source_table, 4, NULL, 0, false};

static void check_switch(struct load *load, const struct tree_node *node,
                         const struct circuit_keys *keys)
{
    const struct config_point *point = NULL;
    struct place place = yaml_tree_place(node, "switch");

    if (keys->class == 0)
        report_error(
            load->report, place, "config-circuit",
            "a circuit of class P0 has a switch, expected none: what keeps people "
            "alive is never in our hands");
    if (load_find_point(load, place, keys->sw, &point) && point &&
        !(point->writable && point->is_bool))
        report_error(load->report, place, "config-not-writable",
                     "'%s' is no switch, expected a boolean point with 'write'",
                     keys->sw);
}

static void check_circuit(struct load *load, const struct tree_node *circuits,
                          uint32_t index)
{
    const struct tree_node *node = circuits->entries[index].node;
    struct circuit_keys keys = {0};
    const struct config_point *point = NULL;

    if (!schema_read(load->report, &circuit_schema, node, &keys))
        return;
    for (uint32_t i = 0; i < index; i++) {
        const char *other = yaml_tree_text(circuits->entries[i].node, "name");

        if (other && strcmp(other, keys.name) == 0)
            report_error(
                load->report, yaml_tree_place(node, "name"), "config-duplicate-name",
                "two circuits are named '%s', expected different names: the other "
                "is in line %u",
                keys.name, circuits->entries[i].node->place.line);
    }
    if (keys.sw)
        check_switch(load, node, &keys);
    if (keys.power)
        load_find_point(load, yaml_tree_place(node, "power"), keys.power, &point);
    if (keys.inrush_w > 0 && keys.inrush_w < keys.typical_w)
        report_error(load->report, yaml_tree_place(node, "inrush"), "config-range",
                     "inrush is below typical, expected at least the typical power");
}

static void check_evidence(struct load *load, const struct tree_node *node)
{
    struct evidence_keys keys = {0};
    const struct config_point *point = NULL;

    if (schema_read(load->report, &evidence_schema, node, &keys))
        load_find_point(load, yaml_tree_place(node, "point"), keys.point, &point);
}

static void check_source(struct load *load, const struct tree_node *node)
{
    struct source_keys keys = {0};
    struct place place = yaml_tree_place(node, "battery");
    enum role role;
    int device;

    if (!schema_read(load->report, &source_schema, node, &keys))
        return;
    device = load_find_device(load, place, keys.battery);
    if (device < 0 || load->device_broken[device])
        return;
    role = load->config->devices[device].role;
    if (role != ROLE_BATTERY && role != ROLE_EV)
        report_error(load->report, place, "config-role",
                     "device '%s' is no battery, expected one with role battery or ev",
                     keys.battery);
}

static void check_floors(struct load *load, const struct tree_node *outage,
                         const struct outage_keys *keys)
{
    static const struct tree_node empty = {.kind = TREE_MAP};
    const struct tree_node *node = keys->floors ? keys->floors : &empty;
    struct floor_keys floors = {0};

    if (!schema_read(load->report, &floor_schema, node, &floors))
        return;
    if (floors.black < BLACK_FLOOR_MIN)
        report_error(
            load->report, yaml_tree_place(node, "black"), "config-floors",
            "floor 'black' is below 3 %%, expected at least 3 %% so that the island "
            "ends before the battery does");
    if (floors.low <= floors.critical || floors.critical <= floors.black)
        report_error(load->report, keys->floors ? node->place : outage->place,
                     "config-floors",
                     "the floors are out of order, expected low > critical > black");
    if (keys->reserve <= floors.low)
        report_error(load->report, yaml_tree_place(outage, "reserve"), "config-floors",
                     "the reserve is not above the floor 'low', expected more than %g %%",
                     floors.low);
}

static void check_outage(struct load *load, const struct tree_node *outage)
{
    struct outage_keys keys = {0};
    bool ok = schema_read(load->report, &outage_schema, outage, &keys);
    uint32_t n =
        load_list_length(load, keys.evidence, LOAD_ITEMS_MAX, "items of evidence");

    for (uint32_t i = 0; i < n; i++)
        check_evidence(load, keys.evidence->entries[i].node);
    n = load_list_length(load, keys.sources, LOAD_ITEMS_MAX, "sources");
    for (uint32_t i = 0; i < n; i++)
        check_source(load, keys.sources->entries[i].node);
    if (ok)
        check_floors(load, outage, &keys);
}

void outage_check(struct load *load, const struct tree_node *circuits,
                  const struct tree_node *outage)
{
    uint32_t n = load_list_length(load, circuits, LOAD_ITEMS_MAX, "circuits");

    load->config->has_outage = n > 0 || outage;
    for (uint32_t i = 0; i < n; i++)
        check_circuit(load, circuits, i);
    if (outage)
        check_outage(load, outage);
    if (load->config->has_outage && load->report->n_errors == 0)
        report_warning(load->report, outage ? outage->place : circuits->place,
                       "config-not-yet",
                       "'circuits' and 'outage' are checked, but this version does not act "
                       "on them yet: in an outage nothing is switched");
}
