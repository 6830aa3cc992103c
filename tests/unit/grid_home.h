/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home for tests of the outage controller: a world (what is true), sources that report
 * it at their polls, and the state machine stepped every 100 ms of passed-in time.
 */
#ifndef GATEWAYD_TESTS_UNIT_GRID_HOME_H
#define GATEWAYD_TESTS_UNIT_GRID_HOME_H

#include "lib/microgrid/grid_state.h"

#define GRID_HOME_LOG 256
#define GRID_HOME_STEP_MS 100

/* Indices of the sources; a kind of home has some of them. */
enum grid_home_source {
    SRC_CONTACT, SRC_GRID_V, SRC_GRID_HZ, SRC_PCS, SRC_SWITCH, SRC_UPS, SRC_HOME_V,
    SRC_HOME_HZ, SRC_BATTERY, SRC_NEIGHBOUR, SRC_COUNT
};
#define SRC_BIT(source) (1U << (source))
#define SRC_ALL (SRC_BIT(SRC_COUNT) - 1)
#define SRC_PCS_ONLY (SRC_BIT(SRC_PCS) | SRC_BIT(SRC_BATTERY))
#define SRC_COMMUNITY (SRC_BIT(SRC_HOME_V) | SRC_BIT(SRC_HOME_HZ) | SRC_BIT(SRC_CONTACT))
#define SRC_METER (SRC_BIT(SRC_CONTACT) | SRC_BIT(SRC_GRID_V) | SRC_BIT(SRC_GRID_HZ))

struct grid_home {
    double world[SRC_COUNT]; /* what each source would read now */
    uint32_t has, cut;       /* sets of sources: there at all; silent since it was cut */
    struct evidence_source sources[SRC_COUNT];
    struct evidence_reading readings[SRC_COUNT];
    struct evidence evidence;
    struct evidence_verdict verdict;
    struct grid_config config;
    struct grid_input input;
    struct grid_state grid;
    struct grid_out out;
    int64_t now_ms;
    uint32_t n_log;
    struct grid_transition log[GRID_HOME_LOG];
};

/* A world that fits the state; the machine begins in it with clean counters. */
void grid_home_init(struct grid_home *home, enum grid_island island, uint32_t has,
                    enum grid_state_id state);
/* As init, but keeps config as it was changed by the test. */
void grid_home_restart(struct grid_home *home, enum grid_state_id state);
/* Worlds. */
void grid_home_grid_is(struct grid_home *home, bool is_there);
void grid_home_island_is(struct grid_home *home, bool is_there);
/* The PCS alone reports the tie and the grid of a PCS-only home. */
void grid_home_pcs_is(struct grid_home *home, enum evidence_pcs pcs);

void grid_home_step(struct grid_home *home); /* 100 ms on */
void grid_home_run(struct grid_home *home, int64_t ms);
/* Until the state is reached; true if it was within ms. */
bool grid_home_reaches(struct grid_home *home, enum grid_state_id state, int64_t ms);
/* The first transition by this row; NULL: none so far. */
const struct grid_transition *grid_home_find(const struct grid_home *home,
                                             const char *row);

#endif
