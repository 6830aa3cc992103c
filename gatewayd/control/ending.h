/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own end in a dark home (OUTAGE 4, BLACK): what is stored goes to the disk
 * while there still is power, and after outage.halt without sun the machine is asked to
 * switch off cleanly. On the loop.
 */
#ifndef GATEWAYD_CONTROL_ENDING_H
#define GATEWAYD_CONTROL_ENDING_H

#include "gatewayd/control/ports.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

struct ending {
    int64_t flushed_ms;    /* boot time; 0: not in this darkness */
    int64_t dark_since_ms; /* without sun; 0: not dark */
    bool is_asked;         /* to switch off */
};

struct ending_in {
    int64_t t_boot_ms;
    const struct site_map *map;
    const struct grid_demand *demand;
    double pv_w; /* NaN: not known */
};

/* Returns the boot time in ms of its next look; INT64_MAX: none. */
int64_t ending_step(struct ending *ending, const struct control_ports *ports,
                    const struct ending_in *in);

#endif
