/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device maps: what docs/maps.md says about a file of one product, checked in full even
 * where only people read it (products, evidence, caveats).
 */
#include "lib/config/map.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/map_find.h"
#include "lib/config/plugin_keys.h"
#include "lib/config/suggest.h"

struct map_keys {
    const char *map, *plugin;
    int64_t status, interval_ms;
    const struct tree_node *products, *capabilities, *probe, *evidence, *caveats, *points;
};

#define AT(field) .offset = offsetof(struct map_keys, field)

static const struct schema_key map_table[] = {
    SCHEMA_KEY("map", NAME, AT(map), .required = true),
    SCHEMA_KEY("plugin", NAME, AT(plugin), .required = true),
    SCHEMA_KEY("description", TEXT, .offset = SCHEMA_ANYWHERE),
    SCHEMA_KEY("products", LIST, AT(products)),
    SCHEMA_KEY("capabilities", LIST, AT(capabilities)),
    SCHEMA_KEY("probe", MAP, AT(probe)),
    SCHEMA_KEY("status", WORD, AT(status), .fallback = "draft",
               .words = "verified draft"),
    SCHEMA_KEY("evidence", LIST, AT(evidence)),
    SCHEMA_KEY("caveats", LIST, AT(caveats)),
    SCHEMA_KEY("interval", DURATION, AT(interval_ms), .min = 10, .max = 86400000),
    SCHEMA_KEY("points", LIST, AT(points), .required = true),
};

static const struct schema_key evidence_table[] = {
    SCHEMA_KEY("kind", WORD, .offset = SCHEMA_ANYWHERE, .required = true,
               .words = "document user-report hardware"),
    SCHEMA_KEY("source", TEXT, .offset = SCHEMA_ANYWHERE, .required = true),
    SCHEMA_KEY("page", TEXT, .offset = SCHEMA_ANYWHERE),
    SCHEMA_KEY("url", TEXT, .offset = SCHEMA_ANYWHERE),
    SCHEMA_KEY("date", DATE, .offset = SCHEMA_ANYWHERE, .required = true),
};

static const struct schema_key caveat_table[] = {
    SCHEMA_KEY("text", TEXT, .offset = SCHEMA_ANYWHERE, .required = true),
    SCHEMA_KEY("link", TEXT, .offset = SCHEMA_ANYWHERE),
};

struct probe_keys {
    const char *point;
    const struct tree_node *equals;
    double min, max;
};

static const struct schema_key probe_table[] = {
    SCHEMA_KEY("point", POINT_NAME, SCHEMA_AT(probe_keys, point)),
    SCHEMA_KEY("equals", ANY, SCHEMA_AT(probe_keys, equals)),
    SCHEMA_KEY("min", NUMBER, SCHEMA_AT(probe_keys, min)),
    SCHEMA_KEY("max", NUMBER, SCHEMA_AT(probe_keys, max)),
};

static const struct schema evidence_schema = {"evidence", evidence_table, 5, NULL,
                                              0,          false};
static const struct schema caveat_schema = {"a caveat", caveat_table, 2, NULL, 0, false};

static bool check_texts(struct load *load, const struct tree_node *list, const char *what)
{
    struct schema_key row = {.key = what, .type = SCHEMA_TEXT};
    bool ok = true;

    for (uint32_t i = 0; list && i < list->n; i++)
        ok = schema_read_value(load->report, &row, list->entries[i].node, NULL) && ok;
    return ok;
}

static bool check_items(struct load *load, const struct tree_node *list,
                        const struct schema *schema)
{
    bool ok = true;
    char unused;

    for (uint32_t i = 0; list && i < list->n; i++)
        ok = schema_read(load->report, schema, list->entries[i].node, &unused) && ok;
    return ok;
}

static bool probe_point_is_known(struct load *load, const struct map *map,
                                 const struct tree_node *probe, const char *name)
{
    struct suggest suggest = {.word = name};

    for (uint32_t i = 0; i < map->points.n; i++) {
        if (strcmp(map->points.points[i].name, name) == 0)
            return true;
        suggest_offer(&suggest, map->points.points[i].name);
    }
    report_error(load->report, yaml_tree_place(probe, "point"), "config-no-point",
                 "the map has no point '%s', expected one of its points%s%s%s", name,
                 suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
                 suggest.best ? "'?" : "");
    return false;
}

/* A probe names a point of the map, or describes a register of its own. */
static bool check_probe(struct load *load, const struct map *map,
                        const struct tree_node *probe, const struct gw_option *options)
{
    struct schema schema = {"'probe'", probe_table, 4, options, GW_SCOPE_POINT, !options};
    struct probe_keys keys = {0};
    struct option_set set;
    bool ok = schema_read(load->report, &schema, probe, &keys);

    option_set_init(&set);
    ok = plugin_keys_read(load, probe, options, GW_SCOPE_POINT, &set) && ok;
    if (keys.point)
        ok = probe_point_is_known(load, map, probe, keys.point) && ok;
    else
        ok = plugin_keys_require(load, probe, "'probe' without 'point'", options,
                                 GW_SCOPE_POINT, &set) &&
             ok;
    option_set_done(&set);
    return ok;
}

static bool check_status(struct load *load, const struct tree_node *root, bool is_draft,
                         const struct tree_node *evidence)
{
    if (is_draft || (evidence && evidence->n > 0))
        return true;
    report_error(
        load->report, yaml_tree_place(root, "status"), "config-map-evidence",
        "a verified map names no evidence, expected 'evidence' with at least one "
        "source, or status: draft");
    return false;
}

static bool check_name(struct load *load, const struct tree_node *root, const char *name)
{
    const char *path = root->place.file->path, *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t len = strlen(base) - strlen(".yaml");

    if (strlen(name) == len && memcmp(base, name, len) == 0)
        return true;
    report_error(load->report, yaml_tree_place(root, "map"), "config-map-name",
                 "the map is named '%s', expected the file's name '%.*s'", name, (int)len,
                 base);
    return false;
}

static void drop_writes(struct map *map)
{
    for (uint32_t i = 0; i < map->points.n; i++) {
        map->n_writes_dropped += map->points.points[i].writable;
        map->points.points[i].writable = false;
    }
}

static bool fill(struct load *load, struct map *map, const struct tree_node *root)
{
    const char *plugin = yaml_tree_text(root, "plugin");
    struct schema schema = {
        "a map", map_table,       sizeof map_table / sizeof map_table[0],
        NULL,    GW_SCOPE_DEVICE, false};
    struct map_keys keys = {0};
    bool ok;

    if (plugin && *plugin)
        schema.options = plugin_keys_table(load, yaml_tree_place(root, "plugin"), plugin);
    schema.is_open = !schema.options;
    ok = schema_read(load->report, &schema, root, &keys) && schema.options;
    map->plugin = keys.plugin;
    map->is_draft = keys.status == 1;
    map->interval_ms = (uint32_t)keys.interval_ms;
    ok = plugin_keys_read(load, root, schema.options, GW_SCOPE_DEVICE, &map->options) &&
         ok;
    ok = points_read(load, keys.points, schema.options, &map->points) && ok;
    ok = check_texts(load, keys.products, "products") && ok;
    ok = check_texts(load, keys.capabilities, "capabilities") && ok;
    ok = check_items(load, keys.evidence, &evidence_schema) && ok;
    ok = check_items(load, keys.caveats, &caveat_schema) && ok;
    ok = check_status(load, root, map->is_draft, keys.evidence) && ok;
    if (keys.map)
        ok = check_name(load, root, keys.map) && ok;
    if (keys.probe && !load->no_memory)
        ok = check_probe(load, map, keys.probe, schema.options) && ok;
    if (map->is_draft)
        drop_writes(map);
    return ok;
}

static struct map *read_map(struct load *load, const char *path, const char *name)
{
    struct tree_node *root = NULL;
    struct map *map = arena_alloc(load->arena, sizeof *map);

    if (!map) {
        load->no_memory = true;
        return NULL;
    }
    map->name = name;
    map->next = load->maps;
    load->maps = map;
    map->is_usable =
        load_file(load, path, &root) == 0 && fill(load, map, root) && !load->no_memory;
    return map;
}

const struct map *map_get(struct load *load, struct place place, const char *name)
{
    const char *path;

    for (const struct map *map = load->maps; map; map = map->next)
        if (strcmp(map->name, name) == 0)
            return map;
    path = map_find_path(load, place, name);
    return path ? read_map(load, path, name) : NULL;
}

void map_free_all(struct load *load)
{
    for (struct map *map = load->maps; map; map = map->next) {
        points_done(&map->points);
        option_set_done(&map->options);
    }
}
