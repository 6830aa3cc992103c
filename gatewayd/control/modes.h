/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forced modes of batteries: charging up to the reserve that a storm or a planned outage
 * asks for. Only while the grid is there, and only with a journal on disk: a restart must
 * know what it owns (OUTAGE 6.6). Pure.
 */
#ifndef GATEWAYD_CONTROL_MODES_H
#define GATEWAYD_CONTROL_MODES_H

#include "gatewayd/control/policy.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

struct modes {
    uint32_t charging; /* bits of batteries */
};

struct modes_in {
    const struct site_map *map;
    const struct control_ports *ports;
    const struct grid_demand *demand;
    const struct policy_out *policy;
    bool is_held;
};

/* The power wanted of battery i (+ discharge), or NaN: it is left to itself. */
double modes_step(struct modes *modes, const struct modes_in *in, uint32_t i);

#endif
