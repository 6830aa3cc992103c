/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys a plugin brings along: its declarative table (gw_option) applied to a bus, a
 * device or a point. Part of a load.
 */
#ifndef GATEWAYD_CONFIG_PLUGIN_KEYS_H
#define GATEWAYD_CONFIG_PLUGIN_KEYS_H

#include "lib/config/load.h"

/* The plugin's table, asked once per plugin and load; NULL: there is no such plugin,
 * reported at `place` each time. */
const struct gw_option *plugin_keys_table(struct load *load, struct place place,
                                          const char *plugin);

/* The same without a report: for a plugin that a bus named already. */
const struct gw_option *plugin_keys_known(struct load *load, const char *plugin);

/* Checks those keys of `node` that the table has in this scope, and puts them into `set`;
 * other keys are schema_read's business. True when nothing was wrong. */
bool plugin_keys_read(struct load *load, const struct tree_node *node,
                      const struct gw_option *options, uint32_t scope,
                      struct option_set *set);

/* Reports the required keys of the scope that are neither in `set` nor in `node` (there
 * with a bad value, reported already). */
bool plugin_keys_require(struct load *load, const struct tree_node *node,
                         const char *what, const struct gw_option *options,
                         uint32_t scope, const struct option_set *set);

/* Text of an option or of its default, or NULL. */
const char *plugin_keys_text(const struct gw_option *options, uint32_t scope,
                             const struct option_set *set, const char *key);

/* Does a device of this plugin need points from the file (some point key is required)? */
bool plugin_keys_need_points(const struct gw_option *options);

#endif
