/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving energy while little is left (CRITICAL, BLACK): the daemon is told which devices
 * control reads or moves; all others are polled slower, and routes gather readings.
 */
#ifndef GATEWAYD_CONTROL_SAVING_H
#define GATEWAYD_CONTROL_SAVING_H

#include "gatewayd/control/ports.h"
#include "gatewayd/control/site_map.h"

struct saving { /* all zero: not saving */
    bool is_on;
    bool is_new_map; /* what was told is of another catalogue */
};

/* Tells the port when it changed. */
void saving_step(struct saving *saving, const struct control_ports *ports,
                 const struct site_map *map, bool is_wanted);
/* needed: map->n_devices of them. */
void saving_mark_needed(const struct site_map *map, bool *needed);

#endif
