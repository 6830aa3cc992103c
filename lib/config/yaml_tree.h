/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML files as trees of nodes that know where they stand. The one wrapper of libyaml.
 * Strict: anchors, aliases, tags, merge keys, several documents and duplicate keys are
 * errors. Bounded: file 1 MiB, depth 16, keys 64 characters, 1000 keys in a mapping,
 * 100000 nodes in a file. One thread.
 */
#ifndef GATEWAYD_CONFIG_YAML_TREE_H
#define GATEWAYD_CONFIG_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/arena.h"
#include "lib/config/report.h"

enum tree_kind {
    TREE_SCALAR,
    TREE_LIST,
    TREE_MAP,
    TREE_BROKEN, /* already reported: later checks pass over it */
};

struct tree_entry {
    const char *key; /* NULL in lists */
    struct place key_place;
    struct tree_node *node;
};

struct tree_node {
    enum tree_kind kind;
    bool is_plain; /* scalar without quotes */
    struct place place, end;
    const char *text; /* scalar */
    uint32_t n, capacity;
    struct tree_entry *entries;
};

/* Reads and parses; all memory is the arena's but `path`, which places keep (borrowed).
 * *ret_root is an empty mapping for an empty file. 0; -EINVAL: reported; -ENOMEM. */
int yaml_tree_load(struct arena *arena, const char *path, struct config_report *report,
                   struct tree_node **ret_root);
/* The same for a text in memory, borrowed until the arena goes. */
int yaml_tree_parse(struct arena *arena, const struct source_file *file,
                    struct config_report *report, struct tree_node **ret_root);

/* Value of a key, or NULL. */
struct tree_node *yaml_tree_get(const struct tree_node *map, const char *key);
/* Scalar text of a key, or NULL. */
const char *yaml_tree_text(const struct tree_node *map, const char *key);
/* Where a key stands, or the mapping itself when it has no such key. */
struct place yaml_tree_place(const struct tree_node *map, const char *key);
/* Nothing was written there: "key:" alone, ~ or null. NULL counts. */
bool yaml_tree_is_null(const struct tree_node *node);
/* "a list", "a mapping", "text". */
const char *yaml_tree_kind_name(const struct tree_node *node);
/* Appends an entry; false: no memory. */
bool yaml_tree_add(struct arena *arena, struct tree_node *parent,
                   struct tree_entry entry);

#endif
