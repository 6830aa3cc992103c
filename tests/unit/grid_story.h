/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For stories told to the state machine of a home of its own island: one home, what
 * happens to it, and a switch that follows its permission.
 */
#ifndef GATEWAYD_TESTS_UNIT_GRID_STORY_H
#define GATEWAYD_TESTS_UNIT_GRID_STORY_H

#include <string.h>

#include "tests/unit/grid_home.h"
#include "tests/unit/suite.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)

static struct grid_home home;

static inline const struct grid_demand *demand(void)
{
    return &home.out.demand;
}

static inline void begin(enum grid_state_id state)
{
    grid_home_init(&home, ISLAND_OWN, SRC_ALL, state);
    grid_home_run(&home, 3 * S);
    home.n_log = 0;
}

static inline void grid_is(bool is_there)
{
    grid_home_grid_is(&home, is_there);
}

/* The PCS does its part: an island behind an open tie. */
static inline void outage(void)
{
    grid_is(false);
    grid_home_run(&home, 300);
    grid_home_island_is(&home, true);
}

/* The switch follows its permission. */
static inline bool reconnects(int64_t ms)
{
    for (int64_t done = 0; done < ms && home.grid.state != GRID_OK; done += 100) {
        grid_home_step(&home);
        if (demand()->ask_sync) {
            home.world[SRC_SWITCH] = 1;
            home.world[SRC_PCS] = PCS_ON_GRID;
            home.world[SRC_UPS] = 0;
            home.world[SRC_HOME_V] = home.world[SRC_GRID_V];
            home.world[SRC_HOME_HZ] = home.world[SRC_GRID_HZ];
        }
    }
    return home.grid.state == GRID_OK;
}

#endif
