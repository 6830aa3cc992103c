/* SPDX-License-Identifier: Apache-2.0 */
/* The section buses. Part of a load. */
#ifndef GATEWAYD_CONFIG_BUSES_H
#define GATEWAYD_CONFIG_BUSES_H

#include "lib/config/load.h"

void buses_build(struct load *load, const struct tree_node *buses);

/* Index of the bus, or -1: reported with a hint. */
int buses_find(struct load *load, struct place place, const char *name);

#endif
