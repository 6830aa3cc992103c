/* SPDX-License-Identifier: Apache-2.0 */
/* Demands: a table by state, then the few that depend on time or evidence. */
#include "lib/microgrid/grid_demand.h"

#define P4_STEP_MS 30000          /* one bulk load at a time while the grid is unknown */
#define STAGE_MS INT64_C(5400000) /* longer than any restoration: 60 min and a ramp */

enum demand_flag {
    DO_FREEZE = 1,
    DO_SHED = 2,
    DO_OPEN = 4,
    DO_HOLD = 8,
    DO_V2H = 16,
    DO_SAVE = 32,
    DO_FLUSH = 64,
    DO_STAGE = 128,
    DO_ISLAND = 256,
    DO_RUN = 512
};

struct demand_row {
    enum circuit_class highest;
    uint32_t flags;
};

#define ON_ISLAND (DO_FREEZE | DO_SHED | DO_STAGE | DO_ISLAND)
#define RUNNING (ON_ISLAND | DO_RUN) /* stable: its set-points are the plan's */

static const struct demand_row rows[GRID_STATE_COUNT] = {
    [GRID_OK] = {CIRCUIT_P4, 0},
    [OUTAGE_SUSPECTED] = {CIRCUIT_P4, DO_FREEZE},
    [TRANSFERRING] = {CIRCUIT_P3, ON_ISLAND},
    [ISLANDED] = {CIRCUIT_P4, RUNNING},
    [LOW_RESERVE] = {CIRCUIT_P2, RUNNING | DO_V2H},
    [CRITICAL] = {CIRCUIT_P1, RUNNING | DO_V2H | DO_SAVE},
    [BLACK] = {CIRCUIT_NONE, DO_FREEZE | DO_SHED | DO_OPEN | DO_SAVE | DO_FLUSH},
    [RECONNECTING] = {CIRCUIT_P4, DO_FREEZE | DO_SHED | DO_STAGE},
    [MANUAL] = {CIRCUIT_P4, DO_FREEZE | DO_HOLD},
    [FAULT] = {CIRCUIT_P4, DO_FREEZE | DO_HOLD},
};

static void fill_from_row(const struct demand_row *row, struct grid_demand *ret)
{
    ret->highest_class = row->highest;
    ret->freeze_exports = row->flags & DO_FREEZE;
    ret->freeze_forced = (row->flags & DO_FREEZE) && !(row->flags & DO_RUN);
    ret->shed_to_budget = row->flags & DO_SHED;
    ret->open_all_first = row->flags & DO_OPEN;
    ret->no_switching = row->flags & DO_HOLD;
    ret->may_start_v2h = ret->may_start_generator = row->flags & DO_V2H;
    ret->save_power = row->flags & DO_SAVE;
    ret->flush_store = row->flags & DO_FLUSH;
    ret->stage_loads = row->flags & DO_STAGE;
    ret->is_islanded = row->flags & DO_ISLAND;
}

static void suspected(const struct grid_ctx *ctx, struct grid_demand *ret)
{
    int64_t returning_ms =
        ctx->now_ms - ctx->grid->entered_ms - grid_guard_span_ms(ctx, SPAN_P4_RETURN);

    if (!ctx->grid->is_p4_dropped)
        return;
    if (returning_ms < 0) {
        ret->drop_p4 = true;
        ret->highest_class = CIRCUIT_P3;
        return;
    }
    ret->stage_loads = true;
    ret->p4_returned = (uint32_t)(returning_ms / P4_STEP_MS + 1);
}

/* The island goes on behind an open tie; behind a closed one the grid carries the
 * home. */
static void reconnecting(const struct grid_ctx *ctx, struct grid_demand *ret)
{
    const struct grid_state *grid = ctx->grid;
    bool is_own = grid->config.island == ISLAND_OWN;
    bool is_tie_closed = !is_own || ctx->v->tie_closed == TRI_YES;

    ret->highest_class = rows[grid->came_from].highest;
    ret->is_islanded = is_own && !is_tie_closed && grid->came_from != BLACK;
    if (grid->came_from == BLACK && is_tie_closed)
        ret->highest_class = CIRCUIT_P1;
    ret->open_all_first = grid->came_from == BLACK && !is_tie_closed;
    ret->ask_sync =
        is_own && !is_tie_closed && ctx->v->is_return_confirmed &&
        grid_guard_held_ms(ctx, HOLD_IN_BAND, grid_guard_span_ms(ctx, SPAN_ENTER));
    ret->close_tie = ret->ask_sync && ctx->in->is_sync_ok;
    ret->freeze_forced = !ret->is_islanded;
}

static void black(const struct grid_ctx *ctx, struct grid_demand *ret)
{
    if (ctx->grid->config.island != ISLAND_OWN)
        return;
    ret->try_restart = grid_guard_may_try(ctx);
    if (ret->try_restart)
        ret->highest_class = CIRCUIT_P0;
}

static void on_grid(const struct grid_ctx *ctx, struct grid_demand *ret)
{
    const struct grid_state *grid = ctx->grid;
    uint32_t ramp_ms = grid->config.code.ramp_ms;

    ret->stage_loads = grid->stage_ms != -1 && ctx->now_ms - grid->stage_ms < STAGE_MS;
    if (grid->ramp_ms != -1 && ctx->now_ms - grid->ramp_ms < ramp_ms)
        ret->pv_limit_permille =
            (uint32_t)((ctx->now_ms - grid->ramp_ms) * 1000 / (int64_t)ramp_ms);
}

static uint32_t standing_alarms(const struct grid_ctx *ctx)
{
    const struct grid_state *grid = ctx->grid;
    uint32_t alarms = grid->alarms;

    if (ctx->in->has_contactor_fault)
        alarms |= ALARM_CONTACTOR;
    if (ctx->in->has_two_masters)
        alarms |= ALARM_TWO_MASTERS;
    if (ctx->v->is_loss_confirmed && !ctx->v->is_absent)
        alarms |= ALARM_OUT_OF_BAND;
    if (grid->config.island == ISLAND_OWN && grid->state >= TRANSFERRING &&
        grid->state <= CRITICAL && !ctx->v->has_usable)
        alarms |= ALARM_USABLE_UNKNOWN;
    if (grid_guard_held_ms(ctx, HOLD_UNCONFIRMED, grid_guard_span_ms(ctx, SPAN_WATCH)))
        alarms |= ALARM_UNCONFIRMED;
    return alarms;
}

typedef void fill_fn(const struct grid_ctx *ctx, struct grid_demand *ret);

static fill_fn *const by_state[GRID_STATE_COUNT] = {
    [GRID_OK] = on_grid,
    [OUTAGE_SUSPECTED] = suspected,
    [BLACK] = black,
    [RECONNECTING] = reconnecting,
};

void grid_demand_fill(const struct grid_ctx *ctx, struct grid_demand *ret)
{
    const struct grid_state *grid = ctx->grid;
    bool is_outage = grid->state >= TRANSFERRING && grid->state <= RECONNECTING;

    *ret = (struct grid_demand){.state = grid->state, .pv_limit_permille = 1000};
    fill_from_row(&rows[grid->state], ret);
    if (by_state[grid->state])
        by_state[grid->state](ctx, ret);
    if (grid->state == TRANSFERRING) {
        ret->drop_p4 = true;
        ret->open_tie = ctx->in->is_island_wanted && ctx->v->tie_closed != TRI_NO;
    }
    if (ret->freeze_exports)
        ret->pv_limit_permille = 0;
    if (grid->config.island == ISLAND_NONE)
        ret->is_islanded = false;
    ret->tell_coordinator = is_outage;
    ret->tell_owner = is_outage && grid->outage_ms != -1 &&
                      ctx->now_ms - grid->outage_ms >= grid->config.timing.tell_owner_ms;
    ret->alarms = standing_alarms(ctx);
    ret->seed = grid->config.site_seed ^ grid->n_outages;
}
