/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tie to the grid, where a switch of it is in our hands (outage.tie): open in every
 * island, let close when the state machine asks for it and the device itself says that it
 * is in synchronism. A tie that does not follow within 2 s is a fault: it is not moved
 * again until a person says so. On the loop.
 */
#ifndef GATEWAYD_CONTROL_TIE_H
#define GATEWAYD_CONTROL_TIE_H

#include "gatewayd/control/actuate.h"
#include "gatewayd/control/site_map.h"

struct tie {
    bool is_faulty;     /* until a person clears it */
    int64_t differs_ms; /* the feedback differs since; 0: it does not */
};

struct tie_in {
    const struct site_map *map;
    const struct control_ports *ports;
    struct actuate *actuate;
    uint32_t output; /* of the actuators: the tie's */
    int64_t t_boot_ms;
    enum grid_state_id state; /* of the step before */
};

/* Is the device in synchronism, as it says itself? */
bool tie_is_sync_ok(const struct site_map *map, const struct control_ports *ports);
/* Before a step of the state machine: compares what was ordered with what is read
 * back. */
void tie_look(struct tie *tie, const struct tie_in *in);
/* A person looked after it. */
void tie_clear(struct tie *tie);
/* After it: opens, lets close, or leaves it as it is. */
void tie_move(struct tie *tie, const struct tie_in *in, const struct grid_demand *demand);

#endif
