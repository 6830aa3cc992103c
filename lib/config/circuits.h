/* SPDX-License-Identifier: Apache-2.0 */
/* The section circuits: what may be switched in an outage. Part of a load, after
 * devices_build. */
#ifndef GATEWAYD_CONFIG_CIRCUITS_H
#define GATEWAYD_CONFIG_CIRCUITS_H

#include "lib/config/load.h"
#include "lib/config/outage_data.h"

void circuits_build(struct load *load, const struct tree_node *circuits,
                    struct config_outage *outage);
/* Warns of bulk loads that nobody said to fall with the grid; island: it forms its
 * own. */
void circuits_ask_contingency(struct load *load, const struct tree_node *circuits,
                              const struct config_outage *outage);
/* Index by name, or -1. */
int circuits_find(const struct config_outage *outage, const char *name);

#endif
