/* SPDX-License-Identifier: Apache-2.0 */
/* What a state demands of the rest (the column "do" of OUTAGE 4). Called by grid_state at
 * the end of each step. Pure. */
#ifndef GATEWAYD_MICROGRID_GRID_DEMAND_H
#define GATEWAYD_MICROGRID_GRID_DEMAND_H

#include "lib/microgrid/grid_guard.h"

/* Fills all of ret but next_ms. */
void grid_demand_fill(const struct grid_ctx *ctx, struct grid_demand *ret);

#endif
