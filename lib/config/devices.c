/* SPDX-License-Identifier: Apache-2.0 */
/* devices: what hangs on the buses, what it means, and its points, inline or from a map.
 */
#include "lib/config/devices.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/buses.h"
#include "lib/config/map.h"
#include "lib/config/plugin_keys.h"
#include "lib/config/points.h"
#include "lib/config/suggest.h"

#define INTERVAL_DEFAULT_MS 5000u

struct device_keys {
    const char *name, *bus, *map;
    int64_t role, category, interval_ms;
    const struct tree_node *points, *include;
};

#define AT(field) .offset = offsetof(struct device_keys, field)

/* role: in the order of enum role; category: of enum category. */
static const struct schema_key device_table[] = {
    SCHEMA_KEY("name", NAME, AT(name), .required = true),
    SCHEMA_KEY("bus", NAME, AT(bus), .required = true),
    SCHEMA_KEY("map", TEXT, AT(map)),
    SCHEMA_KEY("role", WORD, AT(role), .fallback = "none",
               .words = "none grid pv battery ev load circuit heater sensor mobility"),
    SCHEMA_KEY("category", WORD, AT(category),
               .words = "energy grid status health presence"),
    SCHEMA_KEY("interval", DURATION, AT(interval_ms), .min = 10, .max = 86400000),
    SCHEMA_KEY("points", LIST, AT(points)),
    SCHEMA_KEY("include", LIST, AT(include)),
};

/* One device while it is built. */
struct making {
    struct load *load;
    const struct tree_node *node;
    struct config_device *device;
    struct device_keys keys;
    const struct gw_option *options; /* NULL: bus or plugin unknown */
    const struct map *map;
    struct point_list points;
};

static bool name_is_new(struct making *m, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct config_device *other = &m->load->config->devices[i];

        if (!other->name || strcmp(other->name, m->keys.name) != 0)
            continue;
        report_error(
            m->load->report, yaml_tree_place(m->node, "name"), "config-duplicate-name",
            "two devices are named '%s', expected different names: the other is in "
            "line %u",
            m->keys.name, other->mark.line);
        return false;
    }
    return true;
}

/* Table of the plugin that the bus uses; silent about a bus whose plugin was reported. */
static bool find_options(struct making *m)
{
    const char *name = yaml_tree_text(m->node, "bus");
    int bus = name ? buses_find(m->load, yaml_tree_place(m->node, "bus"), name) : -1;
    const struct config_bus *found = bus < 0 ? NULL : &m->load->config->buses[bus];

    if (!found)
        return false;
    m->device->bus = (uint32_t)bus;
    m->options = plugin_keys_known(m->load, found->plugin);
    return m->options != NULL;
}

static bool put_map_options(struct making *m)
{
    const struct option_set *set = &m->map->options;

    for (uint32_t i = 0; i < set->n; i++) {
        const struct option *o = &set->options[i];

        if (option_set_put(&m->device->options, o->key, o->text, o->integer, o->number,
                           o->truth) < 0)
            m->load->no_memory = true;
    }
    return !m->load->no_memory;
}

static bool find_map(struct making *m)
{
    struct place place = yaml_tree_place(m->node, "map");
    const char *plugin = m->load->config->buses[m->device->bus].plugin;

    m->map = map_get(m->load, place, m->keys.map);
    if (!m->map || !m->map->is_usable)
        return false;
    if (strcmp(m->map->plugin, plugin) != 0) {
        report_error(
            m->load->report, place, "config-map-plugin",
            "map '%s' is for plugin '%s', expected one for '%s', the plugin of bus "
            "'%s'",
            m->keys.map, m->map->plugin, plugin, m->keys.bus);
        return false;
    }
    if (m->map->n_writes_dropped)
        report_warning(m->load->report, place, "config-map-draft",
                       "map '%s' is a draft: its %u writable points can only be read, "
                       "expected a map with status: verified",
                       m->keys.map, m->map->n_writes_dropped);
    return put_map_options(m);
}

static bool is_included(const struct making *m, const char *name)
{
    if (!m->keys.include)
        return true;
    for (uint32_t i = 0; i < m->keys.include->n; i++) {
        const struct tree_node *item = m->keys.include->entries[i].node;

        if (item->kind == TREE_SCALAR && strcmp(item->text, name) == 0)
            return true;
    }
    return false;
}

static bool check_include(struct making *m, const struct tree_node *item)
{
    static const struct schema_key row = {.key = "include", .type = SCHEMA_POINT_NAME};
    struct suggest suggest = {0};

    if (!schema_read_value(m->load->report, &row, item, NULL))
        return false;
    suggest.word = item->text;
    for (uint32_t i = 0; i < m->map->points.n; i++) {
        if (strcmp(m->map->points.points[i].name, item->text) == 0)
            return true;
        suggest_offer(&suggest, m->map->points.points[i].name);
    }
    report_error(m->load->report, item->place, "config-no-point",
                 "map '%s' has no point '%s', expected one of its points%s%s%s",
                 m->keys.map, item->text, suggest.best ? "; did you mean '" : "",
                 suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    return false;
}

static bool take_map_points(struct making *m)
{
    bool ok = true;

    for (uint32_t i = 0; m->keys.include && i < m->keys.include->n; i++)
        ok = check_include(m, m->keys.include->entries[i].node) && ok;
    for (uint32_t i = 0; i < m->map->points.n; i++)
        if (is_included(m, m->map->points.points[i].name))
            points_put_copy(m->load, &m->points, &m->map->points.points[i]);
    return ok;
}

static bool refuse_draft_writes(struct making *m, const struct point_list *own)
{
    bool ok = true;

    for (uint32_t i = 0; m->map && m->map->is_draft && i < own->n; i++) {
        const struct tree_node *point = m->keys.points->entries[i].node;

        if (!own->points[i].writable)
            continue;
        report_error(
            m->load->report, yaml_tree_place(point, "write"), "config-map-draft",
            "map '%s' is a draft, expected status: verified before device '%s' may "
            "be written to",
            m->keys.map, m->keys.name);
        ok = false;
    }
    return ok;
}

static bool take_own_points(struct making *m)
{
    struct point_list own = {0};
    bool ok = points_read(m->load, m->keys.points, m->options, &own);

    ok = refuse_draft_writes(m, &own) && ok;
    for (uint32_t i = 0; i < own.n && own.points[i].name; i++)
        points_put_copy(m->load, &m->points, &own.points[i]);
    points_done(&own);
    return ok;
}

static bool check_points(struct making *m)
{
    if (m->keys.include && !m->keys.map) {
        report_error(m->load->report, yaml_tree_place(m->node, "include"),
                     "config-unknown-key",
                     "'include' without 'map', expected 'map: NAME'");
        return false;
    }
    if (m->points.n > 0 || !plugin_keys_need_points(m->options))
        return true;
    report_error(m->load->report, m->node->place, "config-no-points",
                 "device '%s' has no points, expected 'map: NAME' or a list 'points'",
                 m->keys.name);
    return false;
}

static void fill(struct making *m)
{
    struct config_device *device = m->device;
    uint32_t map_interval_ms = m->map ? m->map->interval_ms : 0;

    device->interval_ms = m->keys.interval_ms ? (uint32_t)m->keys.interval_ms
                          : map_interval_ms   ? map_interval_ms
                                              : INTERVAL_DEFAULT_MS;
    device->role = (enum role)m->keys.role;
    device->category = m->keys.category >= 0       ? (enum category)m->keys.category
                       : device->role == ROLE_GRID ? CATEGORY_GRID
                                                   : CATEGORY_ENERGY;
    device->points = m->points.points;
    device->n_points = m->points.n;
    for (uint32_t i = 0; i < device->n_points; i++)
        if (device->points[i].interval_ms == 0)
            device->points[i].interval_ms = device->interval_ms;
}

static bool build_device(struct load *load, uint32_t index, const struct tree_node *node)
{
    struct making m = {load, node, &load->config->devices[index], {.category = -1}, NULL,
                       NULL, {0}};
    struct schema schema = {"a device", device_table, 8, NULL, GW_SCOPE_DEVICE, false};
    bool ok = find_options(&m);

    schema.options = m.options;
    schema.is_open = !m.options;
    ok = schema_read(load->report, &schema, node, &m.keys) && ok;
    m.device->mark = load_mark(node->place);
    if (m.keys.name)
        ok = name_is_new(&m, index) && ok;
    m.device->name = load_strdup(load, m.keys.name);
    m.device->map = load_strdup(load, m.keys.map);
    if (!m.options || !m.keys.name || node->kind != TREE_MAP)
        return false;
    if (m.keys.map)
        ok = find_map(&m) && ok;
    ok = plugin_keys_read(load, node, m.options, GW_SCOPE_DEVICE, &m.device->options) &&
         ok;
    ok = plugin_keys_require(load, node, "a device", m.options, GW_SCOPE_DEVICE,
                             &m.device->options) &&
         ok;
    if (m.map && m.map->is_usable)
        ok = take_map_points(&m) && ok;
    ok = take_own_points(&m) && ok;
    if (!m.keys.map || (m.map && m.map->is_usable))
        ok = check_points(&m) && ok;
    fill(&m);
    return ok;
}

void devices_build(struct load *load, const struct tree_node *devices)
{
    uint32_t n = load_list_length(load, devices, LOAD_DEVICES_MAX, "devices");

    load->config->devices = load_calloc(load, n, sizeof *load->config->devices);
    load->device_broken = arena_alloc(load->arena, n + 1);
    if (!load->config->devices || !load->device_broken) {
        load->no_memory = true;
        return;
    }
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        load->config->n_devices = i + 1;
        load->device_broken[i] = !build_device(load, i, devices->entries[i].node);
    }
}
