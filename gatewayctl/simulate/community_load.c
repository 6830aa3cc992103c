/* SPDX-License-Identifier: Apache-2.0 */
/*
 * community-*.yaml -> struct community, by tables of keys (lib/config/schema.h). Checks
 * what the plant divides by or indexes with; everything else is the file's business.
 */
#include "gatewayctl/simulate/community_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/schema.h"

#define POWER_MAX 1e9

struct community_keys {
    const char *name;
    int64_t variant, step_s;
    const struct tree_node *network, *classes, *homes, *storages;
};

static const struct schema_key community_keys[] = {
    SCHEMA_KEY("name", TEXT, SCHEMA_AT(community_keys, name), .fallback = "community"),
    SCHEMA_KEY("variant", WORD, SCHEMA_AT(community_keys, variant), .required = true,
               .words = "A B"),
    SCHEMA_KEY("step_s", INT, SCHEMA_AT(community_keys, step_s), .fallback = "300",
               .min = 1, .max = 86400),
    SCHEMA_KEY("network", MAP, SCHEMA_AT(community_keys, network), .required = true),
    SCHEMA_KEY("circuit_classes", MAP, SCHEMA_AT(community_keys, classes),
               .required = true),
    SCHEMA_KEY("homes", LIST, SCHEMA_AT(community_keys, homes), .required = true),
    SCHEMA_KEY("storages", LIST, SCHEMA_AT(community_keys, storages), .required = true),
};
static const struct schema community_schema = {
    .what = "a community", .keys = community_keys, .n_keys = 7, .is_open = true};

#define POWER_KEY(name, out, field)                                                      \
    SCHEMA_KEY(name, NUMBER, SCHEMA_AT(out, field), .required = true, .min = 0,          \
               .max = POWER_MAX)
static const struct schema_key network_keys[] = {
    POWER_KEY("grid_import_limit_w", community, grid_import_limit_w),
    POWER_KEY("grid_export_limit_w", community, grid_export_limit_w),
    POWER_KEY("max_island_load_w", community, max_island_load_w),
    POWER_KEY("pv_limit_w", community, pv_limit_w),
    POWER_KEY("restart_penalty_s", community, restart_penalty_s),
    SCHEMA_KEY("freq_nominal_hz", NUMBER, SCHEMA_AT(community, freq_nominal_hz),
               .fallback = "50", .min = 1, .max = 100),
    SCHEMA_KEY("freq_soc_slope_hz", NUMBER, SCHEMA_AT(community, freq_soc_slope_hz),
               .fallback = "1", .min = 0, .max = 100),
};
static const struct schema network_schema = {
    .what = "the network", .keys = network_keys, .n_keys = 7, .is_open = true};

struct class_keys {
    int64_t priority;
    double weight, min_on_s, min_off_s, rated_w, tank_wh;
};

static const struct schema_key class_keys[] = {
    SCHEMA_KEY("priority", INT, SCHEMA_AT(class_keys, priority), .required = true,
               .min = 1, .max = 100),
    POWER_KEY("weight", class_keys, weight),
    POWER_KEY("min_on_s", class_keys, min_on_s),
    POWER_KEY("min_off_s", class_keys, min_off_s),
    SCHEMA_KEY("rated_w", NUMBER, SCHEMA_AT(class_keys, rated_w), .min = 0,
               .max = POWER_MAX),
    SCHEMA_KEY("tank_wh", NUMBER, SCHEMA_AT(class_keys, tank_wh), .min = 0,
               .max = POWER_MAX),
};
static const struct schema class_schema = {
    .what = "a class of circuits", .keys = class_keys, .n_keys = 6, .is_open = true};

struct home_keys {
    int64_t id;
    double pv_wp, service_limit_w;
    bool is_medical, has_ev_charger;
    const struct tree_node *mean;
};

static const struct schema_key home_keys[] = {
    SCHEMA_KEY("id", INT, SCHEMA_AT(home_keys, id), .required = true, .min = 1,
               .max = 1000000),
    SCHEMA_KEY("pv_wp", NUMBER, SCHEMA_AT(home_keys, pv_wp), .min = 0, .max = POWER_MAX),
    POWER_KEY("service_limit_w", home_keys, service_limit_w),
    SCHEMA_KEY("medical", BOOL, SCHEMA_AT(home_keys, is_medical)),
    SCHEMA_KEY("home_ev_charger", BOOL, SCHEMA_AT(home_keys, has_ev_charger)),
    SCHEMA_KEY("mean_w", LIST, SCHEMA_AT(home_keys, mean), .required = true),
};
static const struct schema home_schema = {
    .what = "a home", .keys = home_keys, .n_keys = 6, .is_open = true};
static const struct schema_key mean_key = {
    .key = "mean_w", .type = SCHEMA_NUMBER, .max = POWER_MAX};

struct storage_keys {
    const char *id;
    int64_t kind, role, home;
    struct community_storage out;
};

#define SHARE_KEY(name, field)                                                           \
    SCHEMA_KEY(name, NUMBER, SCHEMA_AT(storage_keys, out.field), .required = true,       \
               .min = 0, .max = 1)
static const struct schema_key storage_keys[] = {
    SCHEMA_KEY("id", TEXT, SCHEMA_AT(storage_keys, id), .required = true),
    SCHEMA_KEY("kind", WORD, SCHEMA_AT(storage_keys, kind), .required = true,
               .words = "battery ev"),
    SCHEMA_KEY("role", WORD, SCHEMA_AT(storage_keys, role), .required = true,
               .words = "grid_following grid_forming"),
    SCHEMA_KEY("home", INT, SCHEMA_AT(storage_keys, home), .fallback = "0", .min = 0,
               .max = 1000000),
    SCHEMA_KEY("capacity_wh", NUMBER, SCHEMA_AT(storage_keys, out.capacity_wh),
               .required = true, .min = 1, .max = 1e12),
    SHARE_KEY("soc_min", soc_min),
    SHARE_KEY("soc_max", soc_max),
    SHARE_KEY("soc_reserve", soc_reserve),
    SHARE_KEY("soc_depart", soc_depart),
    POWER_KEY("max_charge_w", storage_keys, out.max_charge_w),
    POWER_KEY("max_discharge_w", storage_keys, out.max_discharge_w),
    SCHEMA_KEY("eta_charge", NUMBER, SCHEMA_AT(storage_keys, out.eta_charge),
               .required = true, .min = 0.01, .max = 1),
    SCHEMA_KEY("eta_discharge", NUMBER, SCHEMA_AT(storage_keys, out.eta_discharge),
               .required = true, .min = 0.01, .max = 1),
};
static const struct schema storage_schema = {
    .what = "a storage", .keys = storage_keys, .n_keys = 13, .is_open = true};

static bool is_known(const struct schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->n_keys; i++)
        if (strcmp(schema->keys[i].key, key) == 0)
            return true;
    return false;
}

bool community_read_map(struct config_report *report, const struct schema *schema,
                        const struct tree_node *node, void *out)
{
    if (node->kind == TREE_MAP)
        for (uint32_t i = 0; i < node->n; i++)
            if (!is_known(schema, node->entries[i].key))
                report_warning(report, node->entries[i].key_place, "scenario-unknown-key",
                               "unknown key '%s' in %s is ignored",
                               report_quote(node->entries[i].key), schema->what);
    return schema_read(report, schema, node, out);
}

int community_find_home(const struct community *community, unsigned id)
{
    for (unsigned i = 0; i < community->n_homes; i++)
        if (community->homes[i].id == id)
            return (int)i;
    return -1;
}

int community_find_storage(const struct community *community, const char *id)
{
    for (unsigned i = 0; i < community->n_storages; i++)
        if (strcmp(community->storages[i].id, id) == 0)
            return (int)i;
    return -1;
}

static void read_classes(const struct tree_node *classes, struct community *community,
                         struct config_report *report)
{
    for (enum sim_circuit c = 0; c < N_CIRCUITS; c++) {
        struct tree_node *node = yaml_tree_get(classes, circuit_name(c));
        struct class_keys keys = {0};

        if (!node) {
            report_error(report, classes->place, "scenario-class",
                         "class '%s' is missing, expected all of critical, essential, "
                         "comfort, deferrable, heavy",
                         circuit_name(c));
            continue;
        }
        community_read_map(report, &class_schema, node, &keys);
        if (c == CIRCUIT_DEFERRABLE && (keys.rated_w <= 0 || keys.tank_wh <= 0))
            report_error(report, node->place, "scenario-class",
                         "class 'deferrable' lacks its water heater, expected rated_w "
                         "and tank_wh above 0");
        community->classes[c] =
            (struct community_class){(unsigned)keys.priority, keys.weight,  keys.min_on_s,
                                     keys.min_off_s,          keys.rated_w, keys.tank_wh};
    }
}

static void read_mean(const struct tree_node *mean, double *mean_w,
                      struct config_report *report)
{
    if (mean->n != N_CIRCUITS) {
        report_error(report, mean->place, "scenario-mean",
                     "mean_w has %u values, expected 5: critical, essential, comfort, "
                     "deferrable, heavy",
                     mean->n);
        return;
    }
    for (uint32_t c = 0; c < N_CIRCUITS; c++)
        schema_read_value(report, &mean_key, mean->entries[c].node, &mean_w[c]);
}

static void read_home(const struct tree_node *node, struct community *community,
                      struct config_report *report)
{
    struct community_home *home = &community->homes[community->n_homes];
    struct home_keys keys = {0};

    if (!community_read_map(report, &home_schema, node, &keys))
        return;
    if (community_find_home(community, (unsigned)keys.id) >= 0) {
        report_error(report, yaml_tree_place(node, "id"), "scenario-duplicate",
                     "home %u stands here twice, expected different ids",
                     (unsigned)keys.id);
        return;
    }
    *home = (struct community_home){.id = (unsigned)keys.id,
                                    .pv_wp = keys.pv_wp,
                                    .service_limit_w = keys.service_limit_w,
                                    .is_medical = keys.is_medical,
                                    .has_ev_charger = keys.has_ev_charger};
    read_mean(keys.mean, home->mean_w, report);
    community->n_homes++;
}

static void read_storage(const struct tree_node *node, struct community *community,
                         struct config_report *report)
{
    struct storage_keys keys = {0};
    struct community_storage *out = &keys.out;

    if (!community_read_map(report, &storage_schema, node, &keys))
        return;
    if (strlen(keys.id) >= sizeof out->id ||
        community_find_storage(community, keys.id) >= 0) {
        report_error(report, yaml_tree_place(node, "id"), "scenario-duplicate",
                     "storage '%s' stands here twice or is longer than %d characters",
                     report_quote(keys.id), COMMUNITY_NAME_MAX - 1);
        return;
    }
    if (strpbrk(keys.id, ",\"\n\r") || !keys.id[0]) {
        report_error(
            report, yaml_tree_place(node, "id"), "scenario-name",
            "storage '%s' cannot stand in a result, expected an id without comma, "
            "quote and line end",
            report_quote(keys.id));
        return;
    }
    strcpy(out->id, keys.id);
    out->is_ev = keys.kind == 1;
    out->is_grid_forming = keys.role == 1;
    out->home = keys.home ? community_find_home(community, (unsigned)keys.home) : -1;
    if (keys.home && out->home < 0)
        report_error(report, yaml_tree_place(node, "home"), "scenario-home",
                     "storage '%s' is in home %u, expected a home of this community",
                     keys.id, (unsigned)keys.home);
    if (out->soc_min > out->soc_max)
        report_error(report, yaml_tree_place(node, "soc_min"), "scenario-soc",
                     "soc_min of '%s' is above soc_max", keys.id);
    community->storages[community->n_storages++] = *out;
}

static bool is_within(const struct tree_node *list, unsigned least, unsigned most,
                      const char *what, struct config_report *report)
{
    if (list->n >= least && list->n <= most)
        return true;
    report_error(report, list->place, "scenario-bound", "%u %s, expected %u to %u",
                 list->n, what, least, most);
    return false;
}

static int read_lists(const struct community_keys *keys, struct community *community,
                      struct config_report *report)
{
    if (!is_within(keys->homes, 1, COMMUNITY_HOMES_MAX, "homes", report) ||
        !is_within(keys->storages, 0, COMMUNITY_STORAGES_MAX, "storages", report))
        return -EINVAL;
    community->homes = calloc(keys->homes->n, sizeof *community->homes);
    community->storages = calloc(keys->storages->n + 1, sizeof *community->storages);
    if (!community->homes || !community->storages)
        return -ENOMEM;
    for (uint32_t i = 0; i < keys->homes->n; i++)
        read_home(keys->homes->entries[i].node, community, report);
    for (uint32_t i = 0; i < keys->storages->n; i++)
        read_storage(keys->storages->entries[i].node, community, report);
    return 0;
}

int community_load(const char *path, struct community *community,
                   struct config_report *report)
{
    struct arena *arena = arena_new();
    struct community_keys keys = {0};
    struct tree_node *root;
    int rc = arena ? yaml_tree_load(arena, path, report, &root) : -ENOMEM;

    memset(community, 0, sizeof *community);
    if (rc == 0 && !community_read_map(report, &community_schema, root, &keys))
        rc = -EINVAL;
    if (rc == 0) {
        strncpy(community->name, keys.name, sizeof community->name - 1);
        community->is_central = keys.variant == 0;
        community->step_s = (unsigned)keys.step_s;
        community_read_map(report, &network_schema, keys.network, community);
        read_classes(keys.classes, community, report);
        rc = read_lists(&keys, community, report);
    }
    arena_free(arena);
    return rc == 0 && report->n_errors ? -EINVAL : rc;
}

void community_done(struct community *community)
{
    free(community->homes);
    free(community->storages);
    memset(community, 0, sizeof *community);
}
