/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and guards, one small function each, so that a row of grid_table reads like
 * the line of OUTAGE 4 it stands for. What is not known holds nowhere: no guard may turn
 * true because a source fell silent.
 */
#include "lib/microgrid/grid_guard.h"

#include <math.h>
#include <stddef.h>

/* A public grid stays within 0.2..0.3 Hz; an island that tells its charge does not. */
#define ODD_HZ 0.35

static bool is_community(const struct grid_ctx *ctx)
{
    return ctx->grid->config.island == ISLAND_COMMUNITY;
}

/* ---- facts ---- */

static bool has_plan(const struct grid_ctx *ctx)
{
    return is_community(ctx) && ctx->in->plan.is_valid;
}

int grid_guard_plan(const struct grid_ctx *ctx)
{
    const struct grid_plan *plan = &ctx->in->plan;

    if (!has_plan(ctx) || plan->t_ms <= ctx->grid->local_ms)
        return -1;
    if (plan->state == MANUAL || plan->state == FAULT)
        return -1;
    /* what feeds us is not black for us */
    return plan->state == BLACK ? CRITICAL : (int)plan->state;
}

static bool usable_by_hz(const struct grid_ctx *ctx, int64_t *ret_permille)
{
    const struct grid_config *config = &ctx->grid->config;
    double permille;

    if (has_plan(ctx) || config->island_slope_hz <= 0 || !isfinite(ctx->v->home_hz))
        return false;
    permille = 500 + (ctx->v->home_hz - config->code.nominal_hz) /
                         config->island_slope_hz * 1000;
    *ret_permille = llrint(fmin(fmax(permille, 0), 1000));
    return true;
}

bool grid_guard_usable(const struct grid_ctx *ctx, int64_t *ret_permille)
{
    if (is_community(ctx))
        return usable_by_hz(ctx, ret_permille);
    if (!ctx->v->has_usable)
        return false;
    *ret_permille = ctx->v->usable_permille;
    return true;
}

static bool is_at(const struct grid_ctx *ctx, uint32_t floor_permille)
{
    int64_t permille;

    return grid_guard_usable(ctx, &permille) && permille <= (int64_t)floor_permille;
}

static bool is_above(const struct grid_ctx *ctx, uint32_t floor_permille)
{
    int64_t permille;

    return grid_guard_usable(ctx, &permille) &&
           permille >= (int64_t)floor_permille + ctx->grid->config.recover_permille;
}

/* Readings of V/f, else the PCS's own report (OUTAGE 4, last paragraph). */
static enum evidence_tri vf_good(const struct grid_ctx *ctx)
{
    if (ctx->v->vf_good != TRI_UNKNOWN)
        return ctx->v->vf_good;
    if (ctx->v->pcs == PCS_UNKNOWN)
        return TRI_UNKNOWN;
    return ctx->v->pcs == PCS_OFF || ctx->in->has_pcs_alarm ? TRI_NO : TRI_YES;
}

static bool is_window(const struct grid_ctx *ctx)
{
    const struct grid_timing *timing = &ctx->grid->config.timing;
    int64_t in_ms = ctx->now_ms - ctx->grid->entered_ms;
    bool has_sun = ctx->in->is_pv_seen && ctx->in->is_daylight;

    /* an island that was lost with its battery full need not wait for the sun */
    if (!has_sun && !is_above(ctx, ctx->grid->config.critical_permille))
        return false;
    return timing->try_every_ms > 0 && in_ms % timing->try_every_ms < timing->try_ms;
}

bool grid_guard_may_try(const struct grid_ctx *ctx)
{
    return ctx->grid->config.can_black_start && is_window(ctx);
}

uint32_t grid_guard_sources(const struct evidence *evidence, uint32_t kinds)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < evidence->n; i++) {
        if (evidence->memory[i].is_fresh && (kinds >> evidence->sources[i].kind & 1))
            set |= 1U << i;
    }
    return set;
}

/* ---- conditions ---- */

static bool hold_sign(const struct grid_ctx *ctx)
{
    return ctx->v->has_sign;
}

static bool hold_confirmed(const struct grid_ctx *ctx)
{
    return ctx->v->is_loss_confirmed;
}

static bool hold_odd_hz(const struct grid_ctx *ctx)
{
    int64_t permille;

    return is_community(ctx) && usable_by_hz(ctx, &permille) &&
           fabs(ctx->v->home_hz - ctx->grid->config.code.nominal_hz) > ODD_HZ;
}

/* A community's home that is lit may be so by an island: a plan knows, or its
 * frequency. */
static bool hold_clean(const struct grid_ctx *ctx)
{
    const struct evidence_verdict *v = ctx->v;

    if (has_plan(ctx) || hold_odd_hz(ctx))
        return false;
    return !v->has_sign && v->present != 0 &&
           (ctx->grid->suspects == 0 || v->is_return_confirmed);
}

static bool hold_vf_good(const struct grid_ctx *ctx)
{
    return vf_good(ctx) == TRI_YES && ctx->v->tie_closed == TRI_NO;
}

static bool hold_lost(const struct grid_ctx *ctx)
{
    return ctx->v->supply == TRI_NO || ctx->v->pcs == PCS_OFF;
}

static bool hold_low(const struct grid_ctx *ctx)
{
    return is_at(ctx, ctx->grid->config.low_permille) ||
           ctx->in->forecast_below == TRI_YES;
}

static bool hold_above_low(const struct grid_ctx *ctx)
{
    bool is_forecast_good =
        ctx->in->forecast_below == TRI_NO ||
        (ctx->in->forecast_below == TRI_UNKNOWN && !ctx->grid->config.has_forecast);

    return is_above(ctx, ctx->grid->config.low_permille) && is_forecast_good;
}

static bool hold_above_critical(const struct grid_ctx *ctx)
{
    return is_above(ctx, ctx->grid->config.critical_permille);
}

static bool hold_in_band(const struct grid_ctx *ctx)
{
    return ctx->v->is_return_confirmed;
}

static bool is_ready(const struct grid_ctx *ctx)
{
    return grid_guard_held_ms(ctx, HOLD_IN_BAND, grid_guard_span_ms(ctx, SPAN_ENTER));
}

static bool hold_tie_closed(const struct grid_ctx *ctx)
{
    return ctx->v->tie_closed == TRI_YES && is_ready(ctx);
}

/* A PCS says that the grid is gone by being independent again. */
static bool hold_lost_again(const struct grid_ctx *ctx)
{
    return ctx->v->is_loss_confirmed ||
           (ctx->v->pcs == PCS_ISLANDED && ctx->grid->was_on_grid);
}

static bool hold_supply_gone(const struct grid_ctx *ctx)
{
    return ctx->v->supply == TRI_NO;
}

static bool hold_supply_back(const struct grid_ctx *ctx)
{
    return ctx->v->supply == TRI_YES;
}

static bool hold_contradiction(const struct grid_ctx *ctx)
{
    return ctx->v->loss != 0 && ctx->v->present != 0;
}

/* All of a home in a community is lit by the community, island or grid: only its plan or
 * the receiving point's own contact tells them apart. */
static bool hold_untold(const struct grid_ctx *ctx)
{
    return is_community(ctx) && !has_plan(ctx) && ctx->v->loss == 0 &&
           ctx->v->present == 0;
}

/* Brought here by a person who was wrong, or by evidence that fell silent since. */
static bool hold_unconfirmed(const struct grid_ctx *ctx)
{
    return ctx->grid->state == RECONNECTING && !is_community(ctx) &&
           !ctx->v->is_return_confirmed;
}

static grid_guard_fn *const conditions[HOLD_COUNT] = {
    [HOLD_ENTERED] = grid_guard_always,
    [HOLD_SIGN] = hold_sign,
    [HOLD_CONFIRMED] = hold_confirmed,
    [HOLD_CLEAN] = hold_clean,
    [HOLD_VF_GOOD] = hold_vf_good,
    [HOLD_LOST] = hold_lost,
    [HOLD_LOW] = hold_low,
    [HOLD_ABOVE_LOW] = hold_above_low,
    [HOLD_ABOVE_CRITICAL] = hold_above_critical,
    [HOLD_IN_BAND] = hold_in_band,
    [HOLD_TIE_CLOSED] = hold_tie_closed,
    [HOLD_LOST_AGAIN] = hold_lost_again,
    [HOLD_SUPPLY_GONE] = hold_supply_gone,
    [HOLD_SUPPLY_BACK] = hold_supply_back,
    [HOLD_CONTRADICTION] = hold_contradiction,
    [HOLD_CRITICAL] = grid_guard_at_critical,
    [HOLD_ODD_HZ] = hold_odd_hz,
    [HOLD_UNTOLD] = hold_untold,
    [HOLD_UNCONFIRMED] = hold_unconfirmed,
};

bool grid_guard_holds(const struct grid_ctx *ctx, enum grid_hold hold)
{
    return conditions[hold](ctx);
}

int64_t grid_guard_since_ms(const struct grid_ctx *ctx, enum grid_hold hold)
{
    return hold == HOLD_ENTERED ? ctx->grid->entered_ms : ctx->grid->hold_ms[hold];
}

bool grid_guard_held_ms(const struct grid_ctx *ctx, enum grid_hold hold, int64_t for_ms)
{
    int64_t since_ms = grid_guard_since_ms(ctx, hold);

    return since_ms != -1 && ctx->now_ms - since_ms >= for_ms;
}

/* ---- spans ---- */

static const size_t span_offsets[SPAN_COUNT] = {
    [SPAN_CLEAN] = offsetof(struct grid_timing, clean_ms),
    [SPAN_UNPROVEN] = offsetof(struct grid_timing, unproven_ms),
    [SPAN_VF_GOOD] = offsetof(struct grid_timing, vf_good_ms),
    [SPAN_TRANSFER] = offsetof(struct grid_timing, transfer_ms),
    [SPAN_RECOVER] = offsetof(struct grid_timing, recover_ms),
    [SPAN_ASK] = offsetof(struct grid_timing, ask_ms),
};

static int64_t enter_ms(const struct grid_ctx *ctx)
{
    return (int64_t)grid_state_in_band_ms(ctx->grid) + grid_state_delay_ms(ctx->grid);
}

int64_t grid_guard_span_ms(const struct grid_ctx *ctx, enum grid_span span)
{
    const struct grid_timing *timing = &ctx->grid->config.timing;
    const struct grid_code *code = &ctx->grid->config.code;

    if (span == SPAN_NONE)
        return 0;
    if (span == SPAN_CONFIRM) /* an inverter that is independent has waited itself */
        return ctx->v->pcs == PCS_ISLANDED ? 0 : code->confirm_ms;
    if (span == SPAN_P4_RETURN)
        return (int64_t)timing->unproven_ms + timing->p4_return_ms;
    if (span == SPAN_ENTER)
        return enter_ms(ctx);
    if (span == SPAN_SYNC)
        return enter_ms(ctx) + timing->sync_ms;
    if (span == SPAN_WATCH)
        return code->watch_ms;
    return *(const uint32_t *)((const char *)timing + span_offsets[span]);
}

/* ---- guards of all tables ---- */

bool grid_guard_always(const struct grid_ctx *ctx)
{
    (void)ctx;
    return true;
}

bool grid_guard_fault(const struct grid_ctx *ctx)
{
    return ctx->in->has_contactor_fault || ctx->in->has_two_masters;
}

bool grid_guard_locked(const struct grid_ctx *ctx)
{
    return ctx->in->is_locked;
}

static bool is_on_grid(const struct grid_ctx *ctx)
{
    return ctx->v->is_return_confirmed &&
           (ctx->grid->config.island != ISLAND_OWN || ctx->v->tie_closed == TRI_YES);
}

bool grid_guard_cleared(const struct grid_ctx *ctx)
{
    return ctx->in->person == PERSON_CLEAR && !grid_guard_fault(ctx);
}

bool grid_guard_cleared_on_grid(const struct grid_ctx *ctx)
{
    return grid_guard_cleared(ctx) && is_on_grid(ctx);
}

bool grid_guard_unlocked(const struct grid_ctx *ctx)
{
    return !ctx->in->is_locked;
}

bool grid_guard_unlocked_on_grid(const struct grid_ctx *ctx)
{
    return !ctx->in->is_locked && is_on_grid(ctx);
}

bool grid_guard_person_ok(const struct grid_ctx *ctx)
{
    return ctx->in->person == PERSON_GRID_OK;
}

bool grid_guard_person_outage(const struct grid_ctx *ctx)
{
    return ctx->in->person == PERSON_OUTAGE;
}

/* ---- own ---- */

bool grid_guard_at_black(const struct grid_ctx *ctx)
{
    return is_at(ctx, ctx->grid->config.black_permille);
}

bool grid_guard_at_critical(const struct grid_ctx *ctx)
{
    return is_at(ctx, ctx->grid->config.critical_permille);
}

bool grid_guard_back_on_tie(const struct grid_ctx *ctx)
{
    return ctx->v->is_present_confirmed && ctx->v->tie_closed != TRI_NO;
}

/* By evidence: bad V/f, a PCS that is off, a tie that did not open. Silence is none. */
bool grid_guard_transfer_failed(const struct grid_ctx *ctx)
{
    return ctx->v->vf_good == TRI_NO || ctx->in->has_pcs_alarm || hold_lost(ctx) ||
           ctx->v->tie_closed == TRI_YES || ctx->v->is_present_confirmed;
}

bool grid_guard_wanted(const struct grid_ctx *ctx)
{
    return ctx->in->is_island_wanted;
}

bool grid_guard_unwanted(const struct grid_ctx *ctx)
{
    return !ctx->in->is_island_wanted;
}

bool grid_guard_restarted(const struct grid_ctx *ctx)
{
    return is_window(ctx) && is_above(ctx, ctx->grid->config.black_permille);
}

bool grid_guard_tie_open(const struct grid_ctx *ctx)
{
    return ctx->v->tie_closed != TRI_YES;
}

bool grid_guard_pcs_off(const struct grid_ctx *ctx)
{
    return ctx->v->pcs == PCS_OFF;
}

/* ---- community: the plan walks the table, without it own evidence and the frequency
 * ---- */

static bool is_plan_between(const struct grid_ctx *ctx, enum grid_state_id from,
                            enum grid_state_id to)
{
    int plan = grid_guard_plan(ctx);

    return plan >= (int)from && plan <= (int)to;
}

bool grid_guard_plan_outage(const struct grid_ctx *ctx)
{
    return is_plan_between(ctx, TRANSFERRING, CRITICAL);
}

bool grid_guard_plan_grid(const struct grid_ctx *ctx)
{
    return grid_guard_plan(ctx) == GRID_OK;
}

bool grid_guard_plan_return(const struct grid_ctx *ctx)
{
    return grid_guard_plan(ctx) == RECONNECTING || grid_guard_plan(ctx) == GRID_OK;
}

bool grid_guard_plan_low(const struct grid_ctx *ctx)
{
    return is_plan_between(ctx, LOW_RESERVE, CRITICAL);
}

bool grid_guard_plan_critical(const struct grid_ctx *ctx)
{
    return grid_guard_plan(ctx) == CRITICAL;
}

bool grid_guard_plan_islanded(const struct grid_ctx *ctx)
{
    return is_plan_between(ctx, TRANSFERRING, ISLANDED);
}

bool grid_guard_plan_above_critical(const struct grid_ctx *ctx)
{
    return is_plan_between(ctx, TRANSFERRING, LOW_RESERVE);
}

/* Its island runs, in whatever state. */
bool grid_guard_plan_island(const struct grid_ctx *ctx)
{
    return is_plan_between(ctx, ISLANDED, CRITICAL);
}

bool grid_guard_plan_suspects(const struct grid_ctx *ctx)
{
    return grid_guard_plan(ctx) == OUTAGE_SUSPECTED;
}

bool grid_guard_supply_is_grid(const struct grid_ctx *ctx)
{
    return ctx->v->is_return_confirmed || grid_guard_plan_return(ctx);
}

bool grid_guard_supplied(const struct grid_ctx *ctx)
{
    return ctx->v->supply != TRI_NO;
}

bool grid_guard_is_planless(const struct grid_ctx *ctx)
{
    return !has_plan(ctx);
}
