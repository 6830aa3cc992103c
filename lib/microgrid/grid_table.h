/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of OUTAGE 4, one for each outage.island: a row is one line of the table.
 * Walked by grid_state; the first row of the present state that fires is taken. Data
 * only.
 */
#ifndef GATEWAYD_MICROGRID_GRID_TABLE_H
#define GATEWAYD_MICROGRID_GRID_TABLE_H

#include "lib/microgrid/grid_guard.h"

/* Besides a state as a row's end. */
#define GRID_TO_CAME_FROM GRID_STATE_COUNT    /* where RECONNECTING came from */
#define GRID_TO_SAME (GRID_STATE_COUNT + 1)   /* a notice: once in a state */

/* What a row's sentence names besides its own words. */
enum grid_cite { CITE_NOTHING, CITE_LOSS, CITE_PRESENT, CITE_ISLAND, CITE_USABLE };

enum grid_row_flag {
    ROW_LOCAL = 1,    /* by own evidence: plans received before are no news */
    ROW_OUTAGE = 2,   /* counts as an outage (anti-flap) */
    ROW_DISTRUST = 4, /* who says otherwise is wrong */
    ROW_PERSON = 8,
};

struct grid_row {
    const char *name;
    uint32_t from; /* bits 1 << state */
    enum grid_hold hold;
    enum grid_span span;
    grid_guard_fn *when;
    int to; /* state, or one of above */
    enum grid_cite cite;
    uint32_t flags, alarm;
    const char *why;
};

/* The rows of a table in order of rank; *ret_n of them. */
const struct grid_row *grid_table_rows(enum grid_island island, uint32_t *ret_n);
/* Does any row of this state wait for what such a person says (PERSON_GRID_OK or
 * PERSON_OUTAGE)? */
bool grid_table_asks(enum grid_island island, enum grid_state_id state,
                     enum grid_person person);

#endif
