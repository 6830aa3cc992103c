/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A planned outage met by a planned island: shortly before it begins the home opens its
 * own tie, and asks to be back when it ends; likewise when its owner wants it off the
 * grid. Only with a tie in our hands; given up for this span when the island fails or its
 * reserve runs low, since the grid may be there. Pure.
 */
#ifndef GATEWAYD_CONTROL_PLANNED_H
#define GATEWAYD_CONTROL_PLANNED_H

#include "gatewayd/control/site_map.h"

struct planned {
    bool is_wanted, has_begun;
    int64_t given_up_ms; /* the end of the span for which it was given up; 0: none */
};

struct planned_in {
    const struct site_map *map;
    int64_t t_boot_ms, t_wall_ms;
    int64_t owner_until_ms; /* boot time: the owner's wish; 0: none */
    bool is_clock_set;
    enum grid_state_id state;
    double usable_permille; /* NaN: not known */
};

bool planned_wants_island(struct planned *planned, const struct planned_in *in);

#endif
