/* SPDX-License-Identifier: Apache-2.0 */
/* Lays one file's tree over another's: conf.d. Pure but for the arena. */
#ifndef GATEWAYD_CONFIG_MERGE_H
#define GATEWAYD_CONFIG_MERGE_H

#include <stdbool.h>

#include "lib/config/yaml_tree.h"

/* Mappings merge by key; in the lists buses, devices, circuits, forward (by `name`) and
 * consent.grants (by `id`) an item replaces the one of that name or comes behind; any
 * other list or scalar replaces what was there. False: no memory. */
bool merge_trees(struct arena *arena, struct config_report *report,
                 struct tree_node *base, const struct tree_node *overlay);

#endif
