/* SPDX-License-Identifier: Apache-2.0 */
/* The section forward. Part of a load. */
#ifndef GATEWAYD_CONFIG_ROUTES_H
#define GATEWAYD_CONFIG_ROUTES_H

#include "lib/config/load.h"

void routes_build(struct load *load, const struct tree_node *forward);

#endif
