/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a community-*.yaml into a struct community. One thread. */
#ifndef GATEWAYCTL_SIMULATE_COMMUNITY_LOAD_H
#define GATEWAYCTL_SIMULATE_COMMUNITY_LOAD_H

#include "gatewayctl/simulate/community.h"
#include "lib/config/config.h"

/* 0, or -EINVAL with what is wrong in *report (FILE:LINE:COL), or -ENOMEM. Unknown keys
 * are warnings: a community file may hold more than a simulation needs. The caller frees
 * with community_done in any case. */
int community_load(const char *path, struct community *community,
                   struct config_report *report);
void community_done(struct community *community);

/* Index of a home by its id, of a storage by its name; -1: no such. */
int community_find_home(const struct community *community, unsigned id);
int community_find_storage(const struct community *community, const char *id);

/* schema_read for a list's item or a mapping, with unknown keys as warnings. */
struct schema;
struct tree_node;
bool community_read_map(struct config_report *report, const struct schema *schema,
                        const struct tree_node *node, void *out);

#endif
