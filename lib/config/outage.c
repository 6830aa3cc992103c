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

#define CIRCUIT(field) offsetof(struct circuit_keys, field)

static const struct schema_key circuit_table[] = {
    {"name",    SCHEMA_NAME,      SCHEMA_REQUIRED, CIRCUIT(name),       NULL,    0, 0,        NULL},
    {"switch",  SCHEMA_POINT_REF, 0,               CIRCUIT(sw),         NULL,    0, 0,        NULL},
    {"power",   SCHEMA_POINT_REF, 0,               CIRCUIT(power),      NULL,    0, 0,        NULL},
    {"class",   SCHEMA_WORD,      SCHEMA_REQUIRED, CIRCUIT(class),      NULL,    0, 0,
     "P0 P1 P2 P3 P4"                                                                             },
    {"typical", SCHEMA_POWER,     0,               CIRCUIT(typical_w),  NULL,    0, 1e6,      NULL},
    {"inrush",  SCHEMA_POWER,     0,               CIRCUIT(inrush_w),   NULL,    0, 1e6,      NULL},
    {"min_on",  SCHEMA_DURATION,  0,               CIRCUIT(min_on_ms),  "60 s",  0, 86400000, NULL},
    {"min_off", SCHEMA_DURATION,  0,               CIRCUIT(min_off_ms), "180 s", 0, 86400000, NULL},
    {"leg",     SCHEMA_WORD,      0,               CIRCUIT(leg),        NULL,    0, 0,
     "L1 L2 L3 L1-L2 L1-L2-L3"                                                                    },
    {"backed",  SCHEMA_BOOL,      0,               CIRCUIT(backed),     "yes",   0, 0,        NULL},
};

struct outage_keys {
    int64_t island;
    const char *grid_code;
    double reserve;
    const struct tree_node *evidence, *sources, *floors;
};

#define OUTAGE(field) offsetof(struct outage_keys, field)

static const struct schema_key outage_table[] = {
    {"island",    SCHEMA_WORD,      SCHEMA_REQUIRED, OUTAGE(island),    NULL,                0, 0,   "own community none"},
    {"evidence",  SCHEMA_LIST,      0,               OUTAGE(evidence),  NULL,                0, 0,   NULL                },
    {"sources",   SCHEMA_LIST,      0,               OUTAGE(sources),   NULL,                0, 0,   NULL                },
    {"grid_code", SCHEMA_SITE_NAME, 0,               OUTAGE(grid_code), "japan-tepco-50hz",  0, 0,   NULL                },
    {"reserve",   SCHEMA_PERCENT,   0,               OUTAGE(reserve),   "40 %",              0, 100, NULL                },
    {"floors",    SCHEMA_MAP,       0,               OUTAGE(floors),    NULL,                0, 0,   NULL                },
};

struct floor_keys {
    double low, critical, black;
};

static const struct schema_key floor_table[] = {
    {"low",      SCHEMA_PERCENT, 0, offsetof(struct floor_keys, low),      "30 %", 0, 100, NULL},
    {"critical", SCHEMA_PERCENT, 0, offsetof(struct floor_keys, critical), "15 %", 0, 100, NULL},
    {"black",    SCHEMA_PERCENT, 0, offsetof(struct floor_keys, black),    "8 %",  0, 100, NULL},
};

struct evidence_keys {
    const char *point;
    int64_t kind, supply;
};

#define EVIDENCE(field) offsetof(struct evidence_keys, field)

static const struct schema_key evidence_table[] = {
    {"point",  SCHEMA_POINT_REF, SCHEMA_REQUIRED, EVIDENCE(point),  NULL, 0, 0, NULL      },
    {"kind",   SCHEMA_WORD,      SCHEMA_REQUIRED, EVIDENCE(kind),   NULL, 0, 0,
     "contact voltage frequency pcs switch ups"                                           },
    {"supply", SCHEMA_WORD,      SCHEMA_REQUIRED, EVIDENCE(supply), NULL, 0, 0, "own grid"},
};

struct source_keys {
    const char *battery;
    double capacity_wh, max_discharge_w, cut_off;
};

#define SOURCE(field) offsetof(struct source_keys, field)

static const struct schema_key source_table[] = {
    {"battery",       SCHEMA_NAME,    SCHEMA_REQUIRED, SOURCE(battery),         NULL, 0,   0,   NULL},
    {"capacity",      SCHEMA_ENERGY,  SCHEMA_REQUIRED, SOURCE(capacity_wh),     NULL, 1,   1e9, NULL},
    {"max_discharge", SCHEMA_POWER,   SCHEMA_REQUIRED, SOURCE(max_discharge_w), NULL, 1,   1e8, NULL},
    {"cut_off",       SCHEMA_PERCENT, SCHEMA_REQUIRED, SOURCE(cut_off),         NULL, 0,   95,  NULL},
};

static const struct schema circuit_schema = {"a circuit", circuit_table, 10, NULL, 0, false};
static const struct schema outage_schema = {"'outage'", outage_table, 6, NULL, 0, false};
static const struct schema floor_schema = {"'floors'", floor_table, 3, NULL, 0, false};
static const struct schema evidence_schema = {"evidence", evidence_table, 3, NULL, 0, false};
static const struct schema source_schema = {"a source", source_table, 4, NULL, 0, false};

static void check_switch(struct load *load, const struct tree_node *node,
                         const struct circuit_keys *keys)
{
    const struct config_point *point = NULL;
    struct place place = yaml_tree_place(node, "switch");

    if (keys->class == 0)
        report_error(load->report, place, "config-circuit",
                     "a circuit of class P0 has a switch, expected none: what keeps people "
                     "alive is never in our hands");
    if (load_find_point(load, place, keys->sw, &point) && point &&
        !(point->writable && point->is_bool))
        report_error(load->report, place, "config-not-writable",
                     "'%s' is no switch, expected a boolean point with 'write'", keys->sw);
}

static void check_circuit(struct load *load, const struct tree_node *circuits, uint32_t index)
{
    const struct tree_node *node = circuits->entries[index].node;
    struct circuit_keys keys = {0};
    const struct config_point *point = NULL;

    if (!schema_read(load->report, &circuit_schema, node, &keys))
        return;
    for (uint32_t i = 0; i < index; i++) {
        const char *other = yaml_tree_text(circuits->entries[i].node, "name");

        if (other && strcmp(other, keys.name) == 0)
            report_error(load->report, yaml_tree_place(node, "name"),
                         "config-duplicate-name",
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
        report_error(load->report, yaml_tree_place(node, "black"), "config-floors",
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
    uint32_t n = load_list_length(load, keys.evidence, LOAD_ITEMS_MAX, "items of evidence");

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
    if (load->no_memory)
        return;
    for (uint32_t i = 0; i < n; i++)
        check_circuit(load, circuits, i);
    if (outage)
        check_outage(load, outage);
}
