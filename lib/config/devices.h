/* SPDX-License-Identifier: Apache-2.0 */
/* The section devices, with the maps they use. Part of a load, after buses_build. */
#ifndef GATEWAYD_CONFIG_DEVICES_H
#define GATEWAYD_CONFIG_DEVICES_H

#include "lib/config/load.h"

void devices_build(struct load *load, const struct tree_node *devices);

#endif
