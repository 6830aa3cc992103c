/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_load: read gatewayd.yaml and conf.d, merge them, let each section's builder
 * check its part and fill the configuration, sort the messages. Called by the core at
 * start and reload and by gatewayctl check; one load runs on one thread.
 */
#include "lib/config/load.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/config/basics.h"
#include "lib/config/buses.h"
#include "lib/config/devices.h"
#include "lib/config/grants.h"
#include "lib/config/map.h"
#include "lib/config/merge.h"
#include "lib/config/outage.h"
#include "lib/config/routes.h"
#include "lib/config/suggest.h"

struct top_keys {
    const struct tree_node *gateway, *store, *api, *buses, *devices, *circuits, *outage;
    const struct tree_node *policies, *commands, *forward, *consent;
};

#define TOP(name, kind) SCHEMA_KEY(#name, kind, SCHEMA_AT(top_keys, name))

static const struct schema_key top_table[] = {
    SCHEMA_KEY("gateway", MAP, SCHEMA_AT(top_keys, gateway), .required = true),
    TOP(store, MAP),
    TOP(api, MAP),
    TOP(buses, LIST),
    TOP(devices, LIST),
    TOP(circuits, LIST),
    TOP(outage, MAP),
    TOP(policies, MAP),
    TOP(commands, MAP),
    TOP(forward, LIST),
    TOP(consent, MAP),
};

static const struct schema top_schema = {
    .what = "the configuration",
    .keys = top_table,
    .n_keys = sizeof top_table / sizeof top_table[0],
};

char *load_strdup(struct load *load, const char *text)
{
    char *copy = strdup(text ? text : "");

    if (!copy)
        load->no_memory = true;
    return copy;
}

void *load_calloc(struct load *load, size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);

    if (!memory)
        load->no_memory = true;
    return memory;
}

struct config_mark load_mark(struct place place)
{
    return (struct config_mark){place.file ? place.file->path : "", place.line,
                                place.col};
}

static const char *note_file(struct load *load, const char *path)
{
    struct config *config = load->config;

    if (load->n_files + 1 >= load->files_capacity) {
        uint32_t capacity = load->files_capacity ? load->files_capacity * 2 : 8;
        char **bigger = realloc(config->files, capacity * sizeof *bigger);

        if (!bigger)
            return NULL;
        config->files = bigger;
        load->files_capacity = capacity;
    }
    config->files[load->n_files] = strdup(path);
    config->files[load->n_files + 1] = NULL;
    return config->files[load->n_files] ? config->files[load->n_files++] : NULL;
}

int load_file(struct load *load, const char *path, struct tree_node **ret_root)
{
    const char *noted;
    int rc;

    if (load->n_files >= LOAD_FILES_MAX) {
        struct source_file file = {path, NULL, 0};

        report_error(load->report, (struct place){&file, 0, 0}, "config-too-large",
                     "more than %u files, expected fewer", LOAD_FILES_MAX);
        return -EINVAL;
    }
    noted = note_file(load, path);
    rc = noted ? yaml_tree_load(load->arena, noted, load->report, ret_root) : -ENOMEM;
    if (rc == -ENOMEM)
        load->no_memory = true;
    return rc;
}

uint32_t load_list_length(struct load *load, const struct tree_node *list, uint32_t max,
                          const char *what)
{
    if (!list)
        return 0;
    if (list->n <= max)
        return list->n;
    report_error(load->report, list->entries[max].key_place, "config-too-large",
                 "more than %u %s, expected fewer", max, what);
    return max;
}

int load_find_device(struct load *load, struct place place, const char *name)
{
    struct suggest suggest = {.word = name};

    for (uint32_t i = 0; i < load->config->n_devices; i++) {
        const char *candidate = load->config->devices[i].name;

        if (candidate && strcmp(candidate, name) == 0)
            return (int)i;
        if (candidate)
            suggest_offer(&suggest, candidate);
    }
    report_error(load->report, place, "config-no-device",
                 "there is no device '%s', expected a name from 'devices'%s%s%s",
                 report_quote(name), suggest.best ? "; did you mean '" : "",
                 suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    return -1;
}

bool load_find_point(struct load *load, struct place place, const char *ref,
                     const struct config_point **ret_point)
{
    const char *dot = strchr(ref, '.');
    char name[64];
    struct suggest suggest = {.word = dot + 1};
    const struct config_device *device;
    int i;

    memcpy(name, ref, (size_t)(dot - ref));
    name[dot - ref] = '\0';
    i = load_find_device(load, place, name);
    if (i < 0)
        return false;
    device = &load->config->devices[i];
    *ret_point = NULL;
    for (uint32_t j = 0; j < device->n_points; j++) {
        if (strcmp(device->points[j].name, dot + 1) == 0) {
            *ret_point = &device->points[j];
            return true;
        }
        suggest_offer(&suggest, device->points[j].name);
    }
    if (device->n_points == 0 || load->device_broken[i])
        return true;
    report_error(load->report, place, "config-no-point",
                 "device '%s' has no point '%s', expected one of its points%s%s%s", name,
                 report_quote(dot + 1), suggest.best ? "; did you mean '" : "",
                 suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    return false;
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot && strcmp(dot, ".yaml") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int merge_file(struct load *load, const char *dir, const char *name,
                      struct tree_node *root)
{
    struct tree_node *overlay = NULL;
    struct strbuf path;
    int rc;

    strbuf_init(&path);
    strbuf_printf(&path, "%s/%s", dir, name);
    rc = path.failed ? -ENOMEM : load_file(load, path.data, &overlay);
    strbuf_done(&path);
    if (rc < 0)
        return rc;
    return merge_trees(load->arena, load->report, root, overlay) ? 0 : -ENOMEM;
}

static int merge_dir(struct load *load, const char *dir, bool must_exist,
                     struct tree_node *root)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_yaml, compare_names), rc = 0;
    struct source_file file = {dir, NULL, 0};

    if (n < 0 && must_exist)
        report_error(load->report, (struct place){&file, 0, 0}, "config-unreadable",
                     "cannot be read: %s, expected a directory", error_errno_text(errno));
    if (n < 0)
        return must_exist ? -EINVAL : 0;
    for (int i = 0; i < n; i++) {
        int one = rc == -ENOMEM ? rc : merge_file(load, dir, entries[i]->d_name, root);

        rc = one < 0 ? one : rc;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int read_files(struct load *load, struct tree_node **ret_root)
{
    const char *file = load->sources->file, *dir = load->sources->config_dir;
    const char *slash = strrchr(file, '/');
    struct strbuf beside;
    int rc = load_file(load, file, ret_root), rc_dir;

    strbuf_init(&beside);
    if (!dir)
        strbuf_printf(&beside, "%.*sconf.d", slash ? (int)(slash - file + 1) : 0, file);
    if (!dir && beside.failed)
        return -ENOMEM;
    if (rc < 0) /* still read the others, for their errors */
        *ret_root = arena_alloc(load->arena, sizeof **ret_root);
    if (!*ret_root) {
        strbuf_done(&beside);
        return -ENOMEM;
    }
    if (rc < 0)
        (*ret_root)->kind = TREE_MAP;
    rc_dir = merge_dir(load, dir ? dir : beside.data, dir != NULL, *ret_root);
    strbuf_done(&beside);
    return rc < 0 ? rc : rc_dir;
}

/* Each step may rely on the names of those before it: none goes on without memory. */
static void build(struct load *load, const struct tree_node *root)
{
    struct top_keys top = {0};
    struct outage_trees outage;

    schema_read(load->report, &top_schema, root, &top);
    outage = (struct outage_trees){top.circuits, top.outage, top.policies};
    basics_build(load, top.gateway, top.store, top.api);
    if (!load->no_memory)
        buses_build(load, top.buses);
    if (!load->no_memory)
        devices_build(load, top.devices);
    if (!load->no_memory)
        outage_build(load, &outage);
    if (!load->no_memory)
        grants_build_allows(load, top.commands);
    if (!load->no_memory)
        routes_build(load, top.forward);
    if (!load->no_memory)
        grants_build(load, top.consent);
}

static int run(struct load *load)
{
    struct tree_node *root = NULL;
    int rc;

    load->arena = arena_new();
    load->config = load_calloc(load, 1, sizeof *load->config);
    if (!load->arena || !load->config)
        return -ENOMEM;
    rc = read_files(load, &root);
    if (rc == 0)
        build(load, root);
    if (load->config->files)
        report_sort(load->report, load->config->files);
    if (load->no_memory)
        return -ENOMEM;
    return rc < 0 ? rc : load->report->n_errors ? -EINVAL : 0;
}

int config_load(const struct config_sources *sources, struct config **ret_config,
                struct config_report *report)
{
    struct load load = {.sources = sources, .report = report};
    int rc = run(&load);

    if (rc == 0)
        *ret_config = load.config;
    else
        config_free(load.config);
    map_free_all(&load);
    arena_free(load.arena);
    return rc;
}
