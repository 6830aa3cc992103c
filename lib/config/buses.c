/* SPDX-License-Identifier: Apache-2.0 */
/* buses: the lines and hosts that devices hang on, each spoken to by one plugin. */
#include "lib/config/buses.h"

#include <string.h>

#include "lib/config/plugin_keys.h"
#include "lib/config/suggest.h"

struct bus_keys {
    const char *name, *plugin, *process;
};

static const struct schema_key bus_table[] = {
    SCHEMA_KEY("name", NAME, SCHEMA_AT(bus_keys, name), .required = true),
    SCHEMA_KEY("plugin", NAME, SCHEMA_AT(bus_keys, plugin), .required = true),
    SCHEMA_KEY("process", NAME, SCHEMA_AT(bus_keys, process)),
};

static void check_name_is_new(struct load *load, uint32_t n, const struct tree_node *node,
                              const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct config_bus *other = &load->config->buses[i];

        if (!other->name || strcmp(other->name, name) != 0)
            continue;
        report_error(
            load->report, yaml_tree_place(node, "name"), "config-duplicate-name",
            "two buses are named '%s', expected different names: the other is in "
            "line %u",
            name, other->mark.line);
        return;
    }
}

static void build_bus(struct load *load, uint32_t index, const struct tree_node *node)
{
    struct config_bus *bus = &load->config->buses[index];
    const char *plugin = yaml_tree_text(node, "plugin");
    struct schema schema = {"a bus", bus_table, 3, NULL, GW_SCOPE_BUS, false};
    struct bus_keys keys = {0};

    bus->mark = load_mark(node->place);
    if (plugin && *plugin)
        schema.options = plugin_keys_table(load, yaml_tree_place(node, "plugin"), plugin);
    schema.is_open = !schema.options;
    schema_read(load->report, &schema, node, &keys);
    if (keys.name)
        check_name_is_new(load, index, node, keys.name);
    bus->name = load_strdup(load, keys.name);
    bus->plugin = load_strdup(load, keys.plugin);
    bus->process = load_strdup(load, keys.process);
    if (!schema.options || node->kind != TREE_MAP)
        return;
    plugin_keys_read(load, node, schema.options, GW_SCOPE_BUS, &bus->options);
    plugin_keys_require(load, node, "a bus", schema.options, GW_SCOPE_BUS, &bus->options);
}

void buses_build(struct load *load, const struct tree_node *buses)
{
    uint32_t n = load_list_length(load, buses, LOAD_BUSES_MAX, "buses");

    load->config->buses = load_calloc(load, n, sizeof *load->config->buses);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        load->config->n_buses = i + 1;
        build_bus(load, i, buses->entries[i].node);
    }
}

int buses_find(struct load *load, struct place place, const char *name)
{
    struct suggest suggest = {.word = name};

    for (uint32_t i = 0; i < load->config->n_buses; i++) {
        const char *candidate = load->config->buses[i].name;

        if (candidate && strcmp(candidate, name) == 0)
            return (int)i;
        if (candidate)
            suggest_offer(&suggest, candidate);
    }
    report_error(load->report, place, "config-no-bus",
                 "there is no bus '%s', expected a name from 'buses'%s%s%s",
                 report_quote(name), suggest.best ? "; did you mean '" : "",
                 suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    return -1;
}
