/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points: what one value of a device is called, how its raw number becomes a physical
 * one, and the limits without which nothing is ever written.
 */
#include "lib/config/points.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/plugin_keys.h"
#include "lib/config/units.h"

struct point_keys {
    const char *name, *unit;
    double scale, offset;
    int64_t interval_ms;
    const struct tree_node *write;
};

struct write_keys {
    double min, max, max_rate;
    const struct tree_node *failsafe;
    int64_t lease_ms;
    bool persistent;
};

#define AT(field) .offset = offsetof(struct point_keys, field)
#define IN(field) .offset = offsetof(struct write_keys, field)

static const struct schema_key point_table[] = {
    SCHEMA_KEY("name", POINT_NAME, AT(name), .required = true),
    SCHEMA_KEY("unit", TEXT, AT(unit), .fallback = ""),
    SCHEMA_KEY("scale", NUMBER, AT(scale), .fallback = "1", .min = -1e12, .max = 1e12),
    SCHEMA_KEY("offset", NUMBER, AT(offset), .fallback = "0", .min = -1e12, .max = 1e12),
    SCHEMA_KEY("interval", DURATION, AT(interval_ms), .min = 10, .max = 86400000),
    SCHEMA_KEY("write", MAP, AT(write)),
};

static const struct schema_key write_table[] = {
    SCHEMA_KEY("min", NUMBER, IN(min)),
    SCHEMA_KEY("max", NUMBER, IN(max)),
    SCHEMA_KEY("failsafe", ANY, IN(failsafe)),
    SCHEMA_KEY("lease", DURATION, IN(lease_ms), .min = 1000, .max = 86400000),
    SCHEMA_KEY("max_rate", NUMBER, IN(max_rate), .min = 1e-9, .max = 1e12),
    SCHEMA_KEY("persistent", BOOL, IN(persistent)),
};

static const struct schema write_schema = {"'write'", write_table, 6, NULL, 0, false};

static bool text_is(const char *text, const char *a, const char *b)
{
    return text && (strcmp(text, a) == 0 || strcmp(text, b) == 0);
}

static bool tells_kinds(const struct gw_option *options)
{
    for (; options && options->key; options++)
        if (options->scope == GW_SCOPE_POINT && (text_is(options->key, "type", "table") ||
                                                 text_is(options->key, "direction", "")))
            return true;
    return false;
}

/* For plugins whose points have no type to tell by: limits that fit a switch. */
static bool looks_boolean(const struct tree_node *write)
{
    const char *failsafe = write ? yaml_tree_text(write, "failsafe") : NULL;
    bool on;

    return failsafe && units_parse_bool(failsafe, &on) && !yaml_tree_get(write, "min") &&
           !yaml_tree_get(write, "max");
}

/* A coil, a bool or a line is on or off; everything else is a number. */
static void find_kind(struct config_point *point, const struct gw_option *options,
                      const struct tree_node *write)
{
    const struct option_set *set = &point->options;
    const char *type = plugin_keys_text(options, GW_SCOPE_POINT, set, "type");

    point->is_float = text_is(type, "float32", "float64");
    point->is_bool = text_is(type, "bool", "boolean") ||
                     text_is(plugin_keys_text(options, GW_SCOPE_POINT, set, "table"),
                             "coil", "discrete") ||
                     text_is(plugin_keys_text(options, GW_SCOPE_POINT, set, "direction"),
                             "out", "in") ||
                     (!tells_kinds(options) && looks_boolean(write));
    point->is_number = tells_kinds(options) && !point->is_bool;
}

static bool lacks(struct load *load, const struct tree_node *write, bool is_bool)
{
    static const char *const needed[] = {"failsafe", "lease", "min", "max"};
    bool lacking = false;

    for (size_t i = 0; i < (is_bool ? 2 : 4); i++) {
        if (yaml_tree_get(write, needed[i]))
            continue;
        report_error(load->report, write->place, "config-write-limits",
                     "a writable %s point lacks '%s', expected %s",
                     is_bool ? "boolean" : "numeric", needed[i],
                     is_bool ? "failsafe and lease" : "min, max, failsafe and lease");
        lacking = true;
    }
    for (size_t i = 2; is_bool && i < 4; i++) {
        if (!yaml_tree_get(write, needed[i]))
            continue;
        report_error(
            load->report, yaml_tree_place(write, needed[i]), "config-write-limits",
            "'%s' makes no sense for a boolean point, expected only failsafe and "
            "lease",
            needed[i]);
        lacking = true;
    }
    return lacking;
}

static bool read_failsafe(struct load *load, const struct tree_node *node, bool is_bool,
                          double *ret)
{
    static const struct schema_key as_number = {.key = "failsafe", .type = SCHEMA_NUMBER};
    static const struct schema_key as_bool = {.key = "failsafe", .type = SCHEMA_BOOL};
    bool on = false;

    if (!is_bool)
        return schema_read_value(load->report, &as_number, node, ret);
    if (!schema_read_value(load->report, &as_bool, node, &on))
        return false;
    *ret = on;
    return true;
}

static bool check_limits(struct load *load, const struct tree_node *write,
                         const struct config_point *point)
{
    if (point->write_min >= point->write_max) {
        report_error(load->report, yaml_tree_place(write, "max"), "config-write-limits",
                     "max is not above min, expected a range that holds values");
        return false;
    }
    if (point->failsafe >= point->write_min && point->failsafe <= point->write_max)
        return true;
    report_error(load->report, yaml_tree_place(write, "failsafe"), "config-write-limits",
                 "failsafe is outside min..max, expected a value that may be written");
    return false;
}

static bool read_write(struct load *load, const struct tree_node *write,
                       struct config_point *point)
{
    struct write_keys keys = {0};
    bool ok = schema_read(load->report, &write_schema, write, &keys);

    if (lacks(load, write, point->is_bool) || !ok)
        return false;
    point->writable = true;
    point->write_min = point->is_bool ? 0 : keys.min;
    point->write_max = point->is_bool ? 1 : keys.max;
    point->max_rate = keys.max_rate;
    point->lease_ms = (uint32_t)keys.lease_ms;
    point->persistent = keys.persistent;
    return read_failsafe(load, keys.failsafe, point->is_bool, &point->failsafe) &&
           check_limits(load, write, point);
}

static bool check_scale(struct load *load, const struct tree_node *node, double scale)
{
    if (scale > 0 || scale < 0)
        return true;
    report_error(load->report, yaml_tree_place(node, "scale"), "config-range",
                 "a scale of 0 loses the value, expected another number");
    return false;
}

static bool read_point(struct load *load, const struct tree_node *node,
                       const struct gw_option *options, struct config_point *point)
{
    struct schema schema = {"a point", point_table, 6, options, GW_SCOPE_POINT, !options};
    struct point_keys keys = {0};
    bool ok = schema_read(load->report, &schema, node, &keys);

    point->mark = load_mark(node->place);
    point->name = load_strdup(load, keys.name);
    point->unit = load_strdup(load, keys.unit);
    point->scale = keys.scale;
    point->offset = keys.offset;
    point->interval_ms = (uint32_t)keys.interval_ms;
    if (node->kind != TREE_MAP)
        return false;
    ok = check_scale(load, node, keys.scale) && ok;
    ok = plugin_keys_read(load, node, options, GW_SCOPE_POINT, &point->options) && ok;
    ok = plugin_keys_require(load, node, "a point", options, GW_SCOPE_POINT,
                             &point->options) &&
         ok;
    find_kind(point, options, keys.write);
    return (!keys.write || !options || read_write(load, keys.write, point)) && ok;
}

static struct config_point *add(struct load *load, struct point_list *list)
{
    struct config_point *point;

    if (list->n == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct config_point *bigger = realloc(list->points, capacity * sizeof *bigger);

        if (!bigger) {
            load->no_memory = true;
            return NULL;
        }
        list->points = bigger;
        list->capacity = capacity;
    }
    point = &list->points[list->n++];
    memset(point, 0, sizeof *point);
    return point;
}

static bool name_is_new(struct load *load, const struct point_list *list,
                        const struct tree_node *node)
{
    const struct config_point *last = &list->points[list->n - 1];

    for (uint32_t i = 0; last->name && *last->name && i + 1 < list->n; i++) {
        if (!list->points[i].name || strcmp(list->points[i].name, last->name) != 0)
            continue;
        report_error(
            load->report, yaml_tree_place(node, "name"), "config-duplicate-name",
            "two points are named '%s', expected different names: the other is in "
            "line %u",
            last->name, list->points[i].mark.line);
        return false;
    }
    return true;
}

bool points_read(struct load *load, const struct tree_node *list,
                 const struct gw_option *options, struct point_list *out)
{
    uint32_t n = load_list_length(load, list, LOAD_POINTS_MAX, "points in one list");
    bool ok = true;

    for (uint32_t i = 0; i < n; i++) {
        const struct tree_node *node = list->entries[i].node;
        struct config_point *point = add(load, out);

        if (!point || load->no_memory)
            return false;
        ok = read_point(load, node, options, point) && ok;
        ok = name_is_new(load, out, node) && ok;
    }
    return ok;
}

static bool copy_point(struct load *load, struct config_point *to,
                       const struct config_point *from)
{
    *to = *from;
    option_set_init(&to->options);
    to->name = load_strdup(load, from->name);
    to->unit = load_strdup(load, from->unit);
    for (uint32_t i = 0; i < from->options.n; i++) {
        const struct option *o = &from->options.options[i];

        if (option_set_put(&to->options, o->key, o->text, o->integer, o->number,
                           o->truth) < 0)
            load->no_memory = true;
    }
    return !load->no_memory;
}

bool points_put_copy(struct load *load, struct point_list *list,
                     const struct config_point *point)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (!list->points[i].name || strcmp(list->points[i].name, point->name) != 0)
            continue;
        points_point_done(&list->points[i]);
        return copy_point(load, &list->points[i], point);
    }
    return add(load, list) && copy_point(load, &list->points[list->n - 1], point);
}

void points_point_done(struct config_point *point)
{
    free(point->name);
    free(point->unit);
    option_set_done(&point->options);
}

void points_done(struct point_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        points_point_done(&list->points[i]);
    free(list->points);
    memset(list, 0, sizeof *list);
}
