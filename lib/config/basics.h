/* SPDX-License-Identifier: Apache-2.0 */
/* The sections gateway, store and api. Part of a load. */
#ifndef GATEWAYD_CONFIG_BASICS_H
#define GATEWAYD_CONFIG_BASICS_H

#include "lib/config/load.h"

/* Absent sections (NULL) take their defaults. */
void basics_build(struct load *load, const struct tree_node *gateway,
                  const struct tree_node *store, const struct tree_node *api);

#endif
