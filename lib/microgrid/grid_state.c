/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine that walks grid_table: keeps the time each condition has held, takes the
 * first row that fires, says why, and asks to be called again when the next row may fire.
 * Pure.
 */
#include "lib/microgrid/grid_state.h"

#include <stdio.h>
#include <string.h>

#include "lib/microgrid/evidence_text.h"
#include "lib/microgrid/grid_demand.h"
#include "lib/microgrid/grid_table.h"

#define FLAP_SHIFT_MAX 16

static const char *const names[GRID_STATE_COUNT] = {
    "GRID_OK", "OUTAGE_SUSPECTED", "TRANSFERRING", "ISLANDED", "LOW_RESERVE", "CRITICAL",
    "BLACK",   "RECONNECTING",     "MANUAL",       "FAULT",
};

const char *grid_state_name(enum grid_state_id state)
{
    return (unsigned)state < GRID_STATE_COUNT ? names[state] : "unknown";
}

int grid_state_from_name(const char *name)
{
    for (int i = 0; i < GRID_STATE_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

static bool is_outage_state(enum grid_state_id state)
{
    return state >= TRANSFERRING && state <= RECONNECTING;
}

bool grid_state_may_island(const struct grid_state *grid)
{
    if (grid->config.island == ISLAND_NONE)
        return false;
    if (grid->config.island == ISLAND_COMMUNITY)
        return grid->state != GRID_OK && grid->state != OUTAGE_SUSPECTED;
    return grid->outage_ms != -1 || is_outage_state(grid->state) ||
           grid->state == MANUAL || grid->state == FAULT;
}

/* ---- in-band timer, random delay, anti-flap ---- */

uint32_t grid_state_in_band_ms(const struct grid_state *grid)
{
    uint64_t ms = grid->config.code.in_band_ms;
    uint64_t max_ms = grid->config.timing.flap_max_ms;

    if (max_ms < ms)
        return (uint32_t)ms;
    ms <<= grid->flap_shift;
    return (uint32_t)(ms < max_ms ? ms : max_ms);
}

/* splitmix64: the same site and outage always wait equally long. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint32_t grid_state_delay_ms(const struct grid_state *grid)
{
    uint64_t seed = mix(grid->config.site_seed) + grid->n_outages;

    return (uint32_t)(mix(seed) % ((uint64_t)grid->config.code.random_ms + 1));
}

static void count_outage(struct grid_state *grid, int64_t t_boot_ms)
{
    grid->outages_ms[grid->n_outages % GRID_OUTAGES_MAX] = t_boot_ms;
    grid->n_outages++;
}

/* Each outage beyond the third within the hour doubles the in-band timer. */
static uint32_t flap_shift(const struct grid_state *grid, int64_t now_ms)
{
    uint32_t kept =
        grid->n_outages < GRID_OUTAGES_MAX ? grid->n_outages : GRID_OUTAGES_MAX;
    uint32_t n = 0;

    for (uint32_t i = 0; i < kept; i++)
        n += now_ms - grid->outages_ms[i] <= (int64_t)grid->config.timing.flap_span_ms;
    n = n > grid->config.timing.flap_outages ? n - grid->config.timing.flap_outages : 0;
    return n < FLAP_SHIFT_MAX ? n : FLAP_SHIFT_MAX;
}

void grid_state_add_outage(struct grid_state *grid, int64_t t_boot_ms)
{
    count_outage(grid, t_boot_ms);
    if (grid->state == RECONNECTING) /* entered before the restart */
        grid->flap_shift = flap_shift(grid, grid->last_ms);
}

/* ---- entering and leaving states ---- */

static void clear_counters(struct grid_state *grid, int64_t now_ms)
{
    grid->entered_ms = now_ms;
    grid->noticed = grid->alarms = grid->suspects = 0;
    grid->was_on_grid = false;
    for (int i = 0; i < GRID_HOLDS; i++)
        grid->hold_ms[i] = -1;
}

/* A home that its community feeds again is not black, whatever it came from. */
static enum grid_state_id way_back(const struct grid_state *grid, enum grid_state_id from)
{
    return from == BLACK && grid->config.island == ISLAND_COMMUNITY ? CRITICAL : from;
}

void grid_state_init(struct grid_state *grid, const struct grid_config *config,
                     enum grid_state_id state, int64_t t_boot_ms)
{
    *grid = (struct grid_state){
        .config = *config,
        .state = state,
        .last_ms = t_boot_ms,
        .ramp_ms = -1,
        .stage_ms = -1,
        .outage_ms = is_outage_state(state) ? t_boot_ms : -1,
        .local_ms = INT64_MIN,
    };
    grid->came_from = way_back(grid, BLACK);
    clear_counters(grid, t_boot_ms);
}

static void enter(struct grid_state *grid, enum grid_state_id to, int64_t now_ms)
{
    enum grid_state_id from = grid->state;

    grid->state = to;
    clear_counters(grid, now_ms);
    if (to == RECONNECTING) {
        grid->came_from = way_back(grid, from);
        grid->flap_shift = flap_shift(grid, now_ms);
    }
    if (to == GRID_OK) {
        grid->stage_ms = now_ms;
        grid->ramp_ms = from == RECONNECTING ? now_ms : -1;
        grid->outage_ms = -1;
        grid->is_p4_dropped = false;
    } else {
        grid->stage_ms = grid->ramp_ms = -1;
    }
    if (is_outage_state(to) && grid->outage_ms == -1)
        grid->outage_ms = now_ms;
}

/* ---- conditions ---- */

static void watch_conditions(const struct grid_ctx *ctx, struct grid_state *grid)
{
    for (int i = 0; i < HOLD_COUNT; i++) {
        if (!grid_guard_holds(ctx, (enum grid_hold)i))
            grid->hold_ms[i] = -1;
        else if (grid->hold_ms[i] == -1)
            grid->hold_ms[i] = ctx->now_ms;
    }
}

/* What was not watched for long did not hold. */
static void forget_unwatched(struct grid_state *grid, int64_t now_ms)
{
    uint32_t gap_ms = grid->config.timing.gap_ms;

    if (gap_ms == 0 || now_ms - grid->last_ms <= (int64_t)gap_ms)
        return;
    for (int i = 0; i < GRID_HOLDS; i++)
        grid->hold_ms[i] = -1;
}

static void watch_suspects(const struct grid_ctx *ctx, struct grid_state *grid)
{
    const struct evidence_verdict *v = ctx->v;

    if (grid->state != OUTAGE_SUSPECTED)
        return;
    grid->suspects = (grid->suspects & v->silent) | v->loss;
    if ((v->has_sign && v->has_hard_sign) ||
        grid_guard_held_ms(ctx, HOLD_SIGN, grid->config.timing.drop_p4_ms))
        grid->is_p4_dropped = true;
}

/* Behind an open tie the island goes on draining: what it falls to is where it returns.
 */
static void watch_ladder(const struct grid_ctx *ctx, struct grid_state *grid)
{
    const struct grid_config *config = &grid->config;
    enum grid_state_id at = ISLANDED;
    int64_t permille;

    if (grid->state != RECONNECTING || config->island != ISLAND_OWN)
        return;
    grid->was_on_grid = grid->was_on_grid || ctx->v->pcs == PCS_ON_GRID;
    if (ctx->v->tie_closed == TRI_YES)
        return;
    if (grid_guard_usable(ctx, &permille)) {
        if (permille <= (int64_t)config->black_permille)
            at = BLACK;
        else if (permille <= (int64_t)config->critical_permille)
            at = CRITICAL;
        else if (permille <= (int64_t)config->low_permille)
            at = LOW_RESERVE;
    }
    if (grid_guard_held_ms(ctx, HOLD_LOST, config->timing.vf_good_ms))
        at = BLACK;
    if (at > grid->came_from)
        grid->came_from = at;
}

/* ---- rows ---- */

static bool fires(const struct grid_ctx *ctx, const struct grid_row *row, uint64_t bit)
{
    if (!(row->from >> ctx->grid->state & 1))
        return false;
    if (row->to == GRID_TO_SAME && (ctx->grid->noticed & bit))
        return false;
    return grid_guard_held_ms(ctx, row->hold, grid_guard_span_ms(ctx, row->span)) &&
           row->when(ctx);
}

static uint32_t cited(const struct grid_ctx *ctx, const struct evidence *evidence,
                      enum grid_cite cite)
{
    if (cite == CITE_LOSS)
        return ctx->v->loss;
    if (cite == CITE_PRESENT)
        return ctx->v->present;
    if (!evidence || cite == CITE_NOTHING)
        return 0;
    if (cite == CITE_USABLE)
        return grid_guard_sources(evidence, 1U << EVIDENCE_BATTERY);
    return grid_guard_sources(evidence, 1U << EVIDENCE_PCS | 1U << EVIDENCE_SWITCH |
                                            1U << EVIDENCE_VOLTAGE |
                                            1U << EVIDENCE_FREQUENCY);
}

static void say_why(const struct grid_row *row, const struct evidence *evidence,
                    struct grid_transition *ret)
{
    size_t length;

    snprintf(ret->why, sizeof ret->why, "%s", row->why);
    if (!evidence || ret->evidence == 0)
        return;
    length = strlen(ret->why);
    snprintf(ret->why + length, sizeof ret->why - length, ": ");
    length = strlen(ret->why);
    evidence_set_text(evidence, ret->evidence, ret->t_ms, ret->why + length,
                      sizeof ret->why - length);
}

static void take(const struct grid_ctx *ctx, struct grid_state *grid,
                 const struct grid_row *row, const struct evidence *evidence,
                 struct grid_out *ret)
{
    struct grid_transition *told = &ret->transitions[ret->n_transitions++];
    int to = row->to;

    if (to == GRID_TO_SAME)
        to = (int)grid->state;
    else if (to == GRID_TO_CAME_FROM)
        to = (int)grid->came_from;
    *told = (struct grid_transition){
        .from = grid->state,
        .to = (enum grid_state_id)to,
        .row = row->name,
        .t_ms = ctx->now_ms,
        .evidence = cited(ctx, evidence, row->cite),
        .distrust = row->flags & ROW_DISTRUST,
    };
    say_why(row, evidence, told);
    if (row->flags & ROW_LOCAL)
        grid->local_ms = ctx->now_ms;
    if (row->flags & ROW_OUTAGE)
        count_outage(grid, ctx->now_ms);
    if (row->to != GRID_TO_SAME)
        enter(grid, told->to, ctx->now_ms);
    grid->alarms |= row->alarm;
}

/* True when a row was taken and another may follow in the same step. */
static bool walk(const struct grid_ctx *ctx, struct grid_state *grid,
                 const struct evidence *evidence, struct grid_out *ret)
{
    uint32_t n;
    const struct grid_row *rows = grid_table_rows(grid->config.island, &n);

    watch_conditions(ctx, grid);
    watch_suspects(ctx, grid);
    watch_ladder(ctx, grid);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bit = UINT64_C(1) << i;

        if (!fires(ctx, &rows[i], bit))
            continue;
        if (rows[i].to == GRID_TO_SAME)
            grid->noticed |= bit;
        take(ctx, grid, &rows[i], evidence, ret);
        /* what a person or a verdict on evidence changed is seen in the next step */
        return !(rows[i].flags & (ROW_PERSON | ROW_DISTRUST));
    }
    return false;
}

/* ---- when to be called again ---- */

static void earlier(int64_t now_ms, int64_t at_ms, int64_t *next_ms)
{
    if (at_ms > now_ms && at_ms < *next_ms)
        *next_ms = at_ms;
}

static int64_t next_call(const struct grid_ctx *ctx, const struct grid_demand *demand)
{
    const struct grid_state *grid = ctx->grid;
    const struct grid_timing *timing = &grid->config.timing;
    int64_t next_ms = INT64_MAX, now_ms = ctx->now_ms, sign_ms;
    uint32_t n;
    const struct grid_row *rows = grid_table_rows(grid->config.island, &n);

    for (uint32_t i = 0; i < n; i++) {
        int64_t since_ms = grid_guard_since_ms(ctx, rows[i].hold);

        if ((rows[i].from >> grid->state & 1) && since_ms != -1)
            earlier(now_ms, since_ms + grid_guard_span_ms(ctx, rows[i].span), &next_ms);
    }
    sign_ms = grid_guard_since_ms(ctx, HOLD_SIGN);
    if (grid->state == OUTAGE_SUSPECTED && sign_ms != -1)
        earlier(now_ms, sign_ms + timing->drop_p4_ms, &next_ms);
    if (grid->state == RECONNECTING && grid_guard_since_ms(ctx, HOLD_IN_BAND) != -1)
        earlier(now_ms,
                grid_guard_since_ms(ctx, HOLD_IN_BAND) +
                    grid_guard_span_ms(ctx, SPAN_ENTER),
                &next_ms);
    if (grid_guard_since_ms(ctx, HOLD_UNCONFIRMED) != -1)
        earlier(now_ms,
                grid_guard_since_ms(ctx, HOLD_UNCONFIRMED) +
                    grid_guard_span_ms(ctx, SPAN_WATCH),
                &next_ms);
    if (grid->outage_ms != -1)
        earlier(now_ms, grid->outage_ms + timing->tell_owner_ms, &next_ms);
    if (demand->pv_limit_permille < 1000 && grid->state == GRID_OK)
        earlier(now_ms, now_ms + 1000, &next_ms);
    if (timing->gap_ms > 0)
        earlier(now_ms, now_ms + timing->gap_ms / 2, &next_ms);
    return next_ms;
}

void grid_state_step(struct grid_state *grid, int64_t t_boot_ms,
                     const struct grid_input *input, const struct evidence *evidence,
                     struct grid_out *ret)
{
    struct grid_ctx ctx = {
        .grid = grid,
        .in = input,
        .v = input->verdict,
        .now_ms = t_boot_ms > grid->last_ms ? t_boot_ms : grid->last_ms,
    };

    ret->n_transitions = 0;
    forget_unwatched(grid, ctx.now_ms);
    grid->last_ms = ctx.now_ms;
    while (walk(&ctx, grid, evidence, ret) && ret->n_transitions < GRID_TRANSITIONS_MAX)
        ;
    watch_conditions(&ctx, grid);
    watch_suspects(&ctx, grid);
    watch_ladder(&ctx, grid);
    grid_demand_fill(&ctx, &ret->demand);
    ret->demand.next_ms = next_call(&ctx, &ret->demand);
}
