/* SPDX-License-Identifier: Apache-2.0 */
/*
 * circuits. A mistake here shows only when the grid is gone, so references, classes and
 * powers are checked in full. From a load's tree into config_outage.
 */
#include "lib/config/circuits.h"

#include <string.h>

struct circuit_keys {
    const char *name, *sw, *power;
    int64_t class, min_on_ms, min_off_ms, latest_return_ms, leg;
    double typical_w, inrush_w;
    bool backed, thermostatic, drops_out;
};

#define CIRCUIT(field) .offset = offsetof(struct circuit_keys, field)

/* leg: in the order of enum config_leg, from L1 on. */
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
    SCHEMA_KEY("latest_return", DURATION, CIRCUIT(latest_return_ms), .max = 604800000),
    SCHEMA_KEY("leg", WORD, CIRCUIT(leg), .words = "L1 L2 L3 L1-L2 L1-L2-L3"),
    SCHEMA_KEY("backed", BOOL, CIRCUIT(backed), .fallback = "yes"),
    SCHEMA_KEY("thermostatic", BOOL, CIRCUIT(thermostatic)),
    SCHEMA_KEY("drops_out", BOOL, CIRCUIT(drops_out)),
};

static const struct schema circuit_schema = SCHEMA_OF("a circuit", circuit_table);

int circuits_find(const struct config_outage *outage, const char *name)
{
    for (uint32_t i = 0; i < outage->n_circuits; i++)
        if (outage->circuits[i].name && strcmp(outage->circuits[i].name, name) == 0)
            return (int)i;
    return -1;
}

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

/* Among the circuits before this one: those of the same name, or on the same switch. */
static void check_others(struct load *load, const struct tree_node *circuits,
                         uint32_t index, const struct circuit_keys *keys)
{
    const struct tree_node *node = circuits->entries[index].node;

    for (uint32_t i = 0; i < index; i++) {
        const char *name = yaml_tree_text(circuits->entries[i].node, "name");
        const char *sw = yaml_tree_text(circuits->entries[i].node, "switch");
        unsigned line = circuits->entries[i].node->place.line;

        if (name && strcmp(name, keys->name) == 0)
            report_error(
                load->report, yaml_tree_place(node, "name"), "config-duplicate-name",
                "two circuits are named '%s', expected different names: the other "
                "is in line %u",
                keys->name, line);
        if (sw && keys->sw && strcmp(sw, keys->sw) == 0)
            report_error(
                load->report, yaml_tree_place(node, "switch"), "config-circuit",
                "'%s' already switches the circuit in line %u, expected a switch "
                "of its own",
                keys->sw, line);
    }
}

static void keep(struct load *load, const struct circuit_keys *keys,
                 const struct tree_node *node, struct config_circuit *out)
{
    *out = (struct config_circuit){.name = load_strdup(load, keys->name),
                                   .sw = load_strdup(load, keys->sw),
                                   .power = load_strdup(load, keys->power),
                                   .class = (int)keys->class,
                                   .typical_w = keys->typical_w,
                                   .inrush_w = keys->inrush_w,
                                   .min_on_ms = (uint32_t)keys->min_on_ms,
                                   .min_off_ms = (uint32_t)keys->min_off_ms,
                                   .latest_return_ms = (uint32_t)keys->latest_return_ms,
                                   .leg = yaml_tree_get(node, "leg")
                                              ? (enum config_leg)(keys->leg + 1)
                                              : CONFIG_LEG_NONE,
                                   .backed = keys->backed,
                                   .thermostatic = keys->thermostatic,
                                   .drops_out = keys->drops_out};
}

static void build_circuit(struct load *load, const struct tree_node *circuits,
                          uint32_t index, struct config_circuit *out)
{
    const struct tree_node *node = circuits->entries[index].node;
    struct circuit_keys keys = {0};
    const struct config_point *point = NULL;
    bool ok = schema_read(load->report, &circuit_schema, node, &keys);

    keep(load, &keys, node, out);
    if (!ok)
        return;
    check_others(load, circuits, index, &keys);
    if (keys.sw)
        check_switch(load, node, &keys);
    if (keys.power)
        load_find_point(load, yaml_tree_place(node, "power"), keys.power, &point);
    if (keys.inrush_w > 0 && keys.inrush_w < keys.typical_w)
        report_error(load->report, yaml_tree_place(node, "inrush"), "config-range",
                     "inrush is below typical, expected at least the typical power");
}

void circuits_build(struct load *load, const struct tree_node *circuits,
                    struct config_outage *outage)
{
    uint32_t n = load_list_length(load, circuits, CONFIG_CIRCUITS_MAX, "circuits");

    outage->circuits = load_calloc(load, n, sizeof *outage->circuits);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        build_circuit(load, circuits, i, &outage->circuits[i]);
        outage->n_circuits = i + 1;
    }
}

/* No software sheds in the milliseconds that an inverter takes to trip. */
void circuits_ask_contingency(struct load *load, const struct tree_node *circuits,
                              const struct config_outage *outage)
{
    for (uint32_t i = 0; i < outage->n_circuits; i++) {
        const struct tree_node *node = circuits->entries[i].node;

        if (outage->circuits[i].class == 4 && *outage->circuits[i].sw &&
            outage->circuits[i].backed && !yaml_tree_get(node, "drops_out"))
            report_warning(
                load->report, node->place, "config-contingency",
                "does the contactor of '%s' (P4) fall by itself when the grid goes? "
                "A bulk load that stays on can trip the inverter before anything is "
                "shed; answer with 'drops_out: yes' or 'drops_out: no'",
                outage->circuits[i].name);
    }
}
