/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices of the island are asked for, on or off: the restart of an inverter, a
 * generator. Off is always "rule yourself". Pure.
 */
#ifndef GATEWAYD_CONTROL_ASKS_H
#define GATEWAYD_CONTROL_ASKS_H

#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

struct asks {
    bool is_running;    /* the generator */
    int64_t changed_ms; /* it was started or stopped; 0: never */
    int64_t wanted_ms;  /* a reason to start it holds since; -1: none does */
};

struct asks_in {
    int64_t t_boot_ms;
    const struct site_map *map;
    const struct grid_demand *demand;
    const struct sense_power *power;
    double limit_w; /* of the island's power; < 0: not known */
};

struct asks_out {
    bool is_wanted[REQUEST_COUNT];
    const char *why[REQUEST_COUNT]; /* static; NULL: not asked */
    int64_t next_ms;                /* boot time of the next look; INT64_MAX: none */
};

void asks_init(struct asks *asks);
void asks_step(struct asks *asks, const struct asks_in *in, struct asks_out *ret);

#endif
