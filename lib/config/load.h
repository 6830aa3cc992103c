/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the builders of the configuration share during one load: where messages go, the
 * arena of the trees, the configuration under construction. One thread, one load.
 */
#ifndef GATEWAYD_CONFIG_LOAD_H
#define GATEWAYD_CONFIG_LOAD_H

#include "lib/config/config.h"
#include "lib/config/schema.h"
#include "lib/config/yaml_tree.h"

#define LOAD_BUSES_MAX 256u
#define LOAD_DEVICES_MAX 1024u
#define LOAD_POINTS_MAX 2048u /* of one device or map */
#define LOAD_ITEMS_MAX 256u   /* of every other list */
#define LOAD_FILES_MAX 1000u

struct plugin_table;
struct map;
struct map_file;

struct load {
    const struct config_sources *sources;
    struct config_report *report;
    struct arena *arena;
    struct config *config;
    uint32_t n_files, files_capacity;
    struct plugin_table *plugins; /* asked so far */
    struct map *maps;             /* read so far */
    struct map_file *map_files;   /* found in map_dirs */
    uint32_t n_map_files, map_files_capacity;
    bool map_files_listed;
    bool *device_broken; /* [i]: devices[i] had errors, do not look into it */
    bool no_memory;
};

/* Reads one file and notes it in config->files. 0, -EINVAL (reported), -ENOMEM. */
int load_file(struct load *load, const char *path, struct tree_node **ret_root);

/* As strdup and calloc; out of memory is remembered in load->no_memory. NULL text: "". */
char *load_strdup(struct load *load, const char *text);
void *load_calloc(struct load *load, size_t n, size_t size);
struct config_mark load_mark(struct place place);

/* The length of a list (NULL: 0); more than `max` is reported, the rest passed over. */
uint32_t load_list_length(struct load *load, const struct tree_node *list, uint32_t max,
                          const char *what);
/* Is `ref` (DEVICE.POINT) a point of this configuration? Reports with a hint when not.
 * *ret_point is NULL when the device's plugin knows its points by itself. */
bool load_find_point(struct load *load, struct place place, const char *ref,
                     const struct config_point **ret_point);
/* Index of the device, or -1: reported with a hint. */
int load_find_device(struct load *load, struct place place, const char *name);

#endif
