/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to devices of the island; see actors.h. */
#include "lib/config/actors.h"

#include <string.h>

#define DAY_MS 86400000

struct generator_keys {
    const char *sw;
    double stop;
    int64_t start_after_ms, min_run_ms, min_rest_ms;
};

#define GENERATOR(field) .offset = offsetof(struct generator_keys, field)

static const struct schema_key generator_table[] = {
    SCHEMA_KEY("switch", POINT_REF, GENERATOR(sw), .required = true),
    SCHEMA_KEY("stop", PERCENT, GENERATOR(stop), .fallback = "60 %", .max = 100),
    SCHEMA_KEY("start_after", DURATION, GENERATOR(start_after_ms), .fallback = "60 s",
               .max = DAY_MS),
    SCHEMA_KEY("min_run", DURATION, GENERATOR(min_run_ms), .fallback = "10 min",
               .max = DAY_MS),
    SCHEMA_KEY("min_rest", DURATION, GENERATOR(min_rest_ms), .fallback = "5 min",
               .max = DAY_MS),
};

struct limit_keys {
    double pcs_w, l1_w, l2_w, l3_w;
};

#define LIMIT(field) .offset = offsetof(struct limit_keys, field)

static const struct schema_key limit_table[] = {
    SCHEMA_KEY("pcs", POWER, LIMIT(pcs_w), .min = 1, .max = 1e8),
    SCHEMA_KEY("l1", POWER, LIMIT(l1_w), .min = 1, .max = 1e8),
    SCHEMA_KEY("l2", POWER, LIMIT(l2_w), .min = 1, .max = 1e8),
    SCHEMA_KEY("l3", POWER, LIMIT(l3_w), .min = 1, .max = 1e8),
};

static const struct schema generator_schema = SCHEMA_OF("'generator'", generator_table);
static const struct schema limit_schema = SCHEMA_OF("'limits'", limit_table);

static struct place place_of(const struct tree_node *node, const char *key)
{
    return node ? yaml_tree_place(node, key) : (struct place){0};
}

/* Two that order one point would undo each other for ever. */
static void check_owner(struct load *load, struct place place, const char *ref,
                        const struct config_outage *outage)
{
    const char *owner = NULL;

    for (uint32_t i = 0; i < outage->n_circuits && !owner; i++)
        if (strcmp(outage->circuits[i].sw, ref) == 0)
            owner = outage->circuits[i].name;
    if (!owner && outage->tie.sw && strcmp(outage->tie.sw, ref) == 0)
        owner = "tie";
    if (!owner && outage->generator.sw && strcmp(outage->generator.sw, ref) == 0)
        owner = "generator";
    if (owner)
        report_error(load->report, place, "config-circuit",
                     "'%s' is the switch of '%s', expected a point of its own", ref,
                     owner);
}

/* What is asked of a device ends with us: whoever stops asking leaves it to itself. */
static char *build_request(struct load *load, struct place place, const char *ref,
                           const struct config_outage *outage)
{
    const struct config_point *point = NULL;

    if (!ref || !load_find_point(load, place, ref, &point) || !point)
        return load_strdup(load, ref);
    check_owner(load, place, ref, outage);
    if (!point->writable || !point->is_bool)
        report_error(load->report, place, "config-not-writable",
                     "'%s' is no switch, expected a boolean point with 'write'", ref);
    else if (point->failsafe != 0)
        report_error(
            load->report, place, "config-write-limits",
            "the failsafe of '%s' is on, expected off: without us the device rules "
            "itself",
            ref);
    return load_strdup(load, ref);
}

static void build_generator(struct load *load, const struct tree_node *node,
                            struct config_outage *outage)
{
    struct generator_keys keys = {0};

    if (node)
        schema_read(load->report, &generator_schema, node, &keys);
    outage->generator.sw = build_request(load, place_of(node, "switch"), keys.sw, outage);
    outage->generator.stop = keys.stop;
    outage->generator.start_after_ms = (uint32_t)keys.start_after_ms;
    outage->generator.min_run_ms = (uint32_t)keys.min_run_ms;
    outage->generator.min_rest_ms = (uint32_t)keys.min_rest_ms;
}

static void build_limits(struct load *load, const struct tree_node *node,
                         struct config_outage *outage)
{
    struct limit_keys keys = {0};

    if (node)
        schema_read(load->report, &limit_schema, node, &keys);
    outage->limits.pcs_w = keys.pcs_w;
    outage->limits.leg_w[0] = keys.l1_w;
    outage->limits.leg_w[1] = keys.l2_w;
    outage->limits.leg_w[2] = keys.l3_w;
}

void actors_build(struct load *load, const struct actors_trees *trees,
                  struct config_outage *outage)
{
    build_generator(load, trees->generator, outage);
    build_limits(load, trees->limits, outage);
    outage->restart =
        build_request(load, place_of(trees->outage, "restart"), trees->restart, outage);
}
