/* SPDX-License-Identifier: Apache-2.0 */
/* The sections circuits, outage and policies into config->outage. Part of a load, after
 * devices_build. */
#ifndef GATEWAYD_CONFIG_OUTAGE_H
#define GATEWAYD_CONFIG_OUTAGE_H

#include "lib/config/load.h"

struct outage_trees {
    const struct tree_node *circuits, *outage, *policies; /* NULL: not there */
};

void outage_build(struct load *load, const struct outage_trees *trees);

#endif
