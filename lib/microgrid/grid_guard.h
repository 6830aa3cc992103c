/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of grid_table may ask: conditions with the time they have held, spans
 * they have to hold, and guards. Between grid_state (which keeps the memory) and the
 * tables.
 */
#ifndef GATEWAYD_MICROGRID_GRID_GUARD_H
#define GATEWAYD_MICROGRID_GRID_GUARD_H

#include "lib/microgrid/grid_state.h"

/* One step, seen by guards. */
struct grid_ctx {
    const struct grid_state *grid;
    const struct grid_input *in;
    const struct evidence_verdict *v;
    int64_t now_ms;
};

/* Conditions; each is watched every step and cleared on leaving a state. */
enum grid_hold {
    HOLD_ENTERED,    /* always, since the state was entered */
    HOLD_SIGN,       /* any sign of loss */
    HOLD_CONFIRMED,  /* loss confirmed (2.3) */
    HOLD_CLEAN,      /* no sign, and who raised it says better */
    HOLD_VF_GOOD,    /* V/f good and the tie open */
    HOLD_LOST,       /* the island is lost: no voltage, or its PCS off */
    HOLD_LOW,        /* at R1, or the forecast falls below R2 */
    HOLD_ABOVE_LOW, HOLD_ABOVE_CRITICAL, /* 5 points above, forecast not below */
    HOLD_IN_BAND,    /* return confirmed, everything in its band */
    HOLD_TIE_CLOSED, /* and in band, and in-band time and delay over */
    HOLD_LOST_AGAIN, /* while reconnecting */
    HOLD_SUPPLY_GONE, HOLD_SUPPLY_BACK, /* at a community's home */
    HOLD_CONTRADICTION, /* signs of loss and of presence at once */
    HOLD_CRITICAL,   /* at R2 */
    HOLD_ODD_HZ,     /* no plan, and a frequency that no grid has */
    HOLD_UNTOLD,     /* a community: neither plan nor evidence tells of the grid */
    HOLD_UNCONFIRMED, /* reconnecting, without a confirmed return */
    HOLD_COUNT
};
_Static_assert(HOLD_COUNT <= GRID_HOLDS, "grid_state keeps GRID_HOLDS conditions");

/* Spans by name: of timing, of the code, or computed. */
enum grid_span {
    SPAN_NONE, SPAN_CONFIRM, SPAN_CLEAN, SPAN_UNPROVEN, SPAN_P4_RETURN, SPAN_VF_GOOD,
    SPAN_TRANSFER, SPAN_RECOVER, SPAN_ENTER /* in-band time and delay */,
    SPAN_SYNC /* SPAN_ENTER and the time a switch may take */, SPAN_WATCH, SPAN_ASK,
    SPAN_COUNT
};

bool grid_guard_holds(const struct grid_ctx *ctx, enum grid_hold hold);
int64_t grid_guard_span_ms(const struct grid_ctx *ctx, enum grid_span span);
/* Since when, boot ms; -1: it does not hold. */
int64_t grid_guard_since_ms(const struct grid_ctx *ctx, enum grid_hold hold);
bool grid_guard_held_ms(const struct grid_ctx *ctx, enum grid_hold hold, int64_t for_ms);

/* Usable energy that decides the ladder: of the battery; in a community without a plan,
 * of the island's frequency. False: not known. */
bool grid_guard_usable(const struct grid_ctx *ctx, int64_t *ret_permille);
/* The plan's state if it is news (received after what we saw ourselves); -1: none. */
int grid_guard_plan(const struct grid_ctx *ctx);
/* Black start: PV is seen, or the island was lost with energy left, and it is time. */
bool grid_guard_may_try(const struct grid_ctx *ctx);
/* Sets of sources for sentences. */
uint32_t grid_guard_sources(const struct evidence *evidence, uint32_t kinds);

/* Guards of rows. */
typedef bool grid_guard_fn(const struct grid_ctx *ctx);
grid_guard_fn grid_guard_always, grid_guard_fault, grid_guard_locked, grid_guard_cleared,
    grid_guard_cleared_on_grid, grid_guard_unlocked, grid_guard_unlocked_on_grid,
    grid_guard_person_ok, grid_guard_person_outage, grid_guard_at_black,
    grid_guard_at_critical, grid_guard_back_on_tie, grid_guard_transfer_failed,
    grid_guard_restarted, grid_guard_tie_open, grid_guard_pcs_off,
    grid_guard_wanted, grid_guard_unwanted;
grid_guard_fn grid_guard_plan_outage, grid_guard_plan_grid, grid_guard_plan_return,
    grid_guard_plan_low, grid_guard_plan_critical, grid_guard_plan_islanded,
    grid_guard_plan_above_critical, grid_guard_plan_island, grid_guard_plan_suspects,
    grid_guard_supplied, grid_guard_supply_is_grid, grid_guard_is_planless;

#endif
