/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control may move beside circuits, batteries and the tie: the restart of an
 * inverter, a generator; and the powers an inverter bears. Keys of `outage`, from a
 * load's tree into config_outage; called by outage.c.
 */
#ifndef GATEWAYD_CONFIG_ACTORS_H
#define GATEWAYD_CONFIG_ACTORS_H

#include "lib/config/load.h"
#include "lib/config/outage_data.h"

/* Any may be NULL: not given. */
struct actors_trees {
    const struct tree_node *outage; /* for the place of `restart` */
    const struct tree_node *generator, *limits;
    const char *restart;
};

void actors_build(struct load *load, const struct actors_trees *trees,
                  struct config_outage *outage);

#endif
