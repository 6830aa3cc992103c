/* SPDX-License-Identifier: Apache-2.0 */
/* One decision from demand, plan, power and policies; see decide.h. */
#include "gatewayd/control/decide.h"

#include <math.h>
#include <string.h>

#define TEST_SPEED 100
#define LOOK_MS 1000
#define SPIKE_MS 7000 /* shorter ones are the inverter's to carry */
#define QUIET_MS 10000

void decide_init(struct decide *decide, bool is_test)
{
    struct restore_timing timing = restore_timing_default(is_test ? TEST_SPEED : 1);

    memset(decide, 0, sizeof *decide);
    decide->calm_load_w = (double)NAN;
    decide->above_since_ms = -1;
    decide->site_random_ms = timing.site_random_ms;
    restore_init(&decide->restore, &timing);
}

/* ---- classes ----------------------------------------------------------------------- */

static enum circuit_reason reason_of(const struct grid_demand *demand)
{
    switch (demand->state) {
    case OUTAGE_SUSPECTED:
        return WHY_SIGN;
    case BLACK:
        return WHY_BLACK;
    case LOW_RESERVE:
    case CRITICAL:
        return WHY_ENERGY;
    case GRID_OK:
    case TRANSFERRING:
    case ISLANDED:
    case RECONNECTING:
    case MANUAL:
    case FAULT:
    case GRID_STATE_COUNT:
        break;
    }
    return WHY_CLASS;
}

/* The last class that may be on, and why no more. */
struct class_limit {
    enum circuit_class max;
    enum circuit_reason reason;
    double value, limit;
};

/* The state's, tightened by the coordinator's plan. */
static struct class_limit class_of(const struct decide_in *in)
{
    const struct grid_demand *demand = in->demand;
    struct class_limit class = {.max = demand->highest_class,
                                .reason = reason_of(demand)};

    if (class.reason == WHY_ENERGY)
        class.value = in->power->usable_permille;
    else
        class.limit = class.max;
    if (demand->drop_p4 && class.max > CIRCUIT_P3) {
        class.max = CIRCUIT_P3;
        class.reason = WHY_SIGN;
    }
    if (in->plan && in->plan->mode == PLAN_ISLAND && demand->state != GRID_OK &&
        in->plan->p_max < class.max)
        class = (struct class_limit){
            .max = in->plan->p_max,
            .reason = in->plan->power_w >= 0 ? WHY_BUDGET : WHY_CLASS,
            .value = in->power->load_w,
            .limit =
                in->plan->power_w >= 0 ? in->plan->power_w : (double)in->plan->p_max};
    return class;
}

/* No proof for long: bulk loads come back one by one, in order. */
static void return_p4(const struct decide_in *in, struct circuit_plan *plan)
{
    uint32_t left = in->demand->p4_returned;

    for (uint32_t i = 0; left && i < in->map->n_circuits; i++) {
        struct circuit_order *order = &plan->circuits[i];

        if (in->map->circuits[i].class != CIRCUIT_P4 || !in->map->circuits[i].has_switch)
            continue;
        if (left > 1) {
            left--;
        } else if (order->want_on && !in->now[i].is_on && order->reason != WHY_OVERRIDE) {
            order->want_on = false;
            order->reason = WHY_SIGN;
        }
    }
}

/* ---- power ------------------------------------------------------------------------- */

/* Shorter spikes than SPIKE_MS do not count, unless the inverter itself complains. */
static void calm_down(struct decide *decide, const struct decide_in *in)
{
    double load_w = in->power->load_w;

    if (isnan(load_w))
        return;
    if (isnan(decide->calm_load_w) || load_w <= decide->calm_load_w ||
        in->is_overloaded) {
        decide->calm_load_w = load_w;
        decide->above_since_ms = -1;
    } else if (decide->above_since_ms < 0) {
        decide->above_since_ms = in->t_boot_ms;
    } else if (in->t_boot_ms - decide->above_since_ms >= SPIKE_MS) {
        decide->calm_load_w = load_w;
        decide->above_since_ms = -1;
    }
}

/* Of circuits that stay on though ordered off. */
static double stuck_w(const struct decide_in *in)
{
    double sum_w = 0;

    for (uint32_t i = 0; i < in->map->n_circuits; i++)
        if (in->now[i].has_feedback && in->now[i].is_on_read && !in->now[i].is_on)
            sum_w += circuit_expect_w(&in->map->circuits[i], &in->now[i]);
    return sum_w;
}

/* What is drawn beside the circuits that obey: the load less those that are on. Where no
 * meter tells the load, at least what sticks. */
static double other_w(const struct decide *decide, const struct decide_in *in)
{
    double rest_w = decide->calm_load_w;

    if (isnan(rest_w))
        return stuck_w(in);
    for (uint32_t i = 0; i < in->map->n_circuits; i++)
        if (in->now[i].is_on)
            rest_w -= circuit_expect_w(&in->map->circuits[i], &in->now[i]);
    return rest_w < 0 ? 0 : rest_w;
}

/* Behind a closed tie the grid carries what the battery cannot. */
static bool is_alone(const struct decide_in *in)
{
    return in->demand->is_islanded && in->tie_closed != TRI_YES;
}

static void order_by_class(const struct decide_in *in, struct circuit_plan *plan)
{
    const struct class_limit class = class_of(in);

    plan->n_circuits = in->map->n_circuits;
    for (uint32_t i = 0; i < plan->n_circuits; i++) {
        const struct circuit *circuit = &in->map->circuits[i];
        struct circuit_order *order = &plan->circuits[i];
        enum circuit_override override = circuit_override_at(circuit, in->t_boot_ms);

        *order = (struct circuit_order){.index = (uint16_t)i, .want_on = true};
        order->reason = in->demand->is_islanded ? WHY_FITS : WHY_GRID;
        if (!circuit->has_switch || (in->demand->is_islanded && !circuit->is_backed)) {
            order->want_on = in->now[i].is_on;
            order->reason = WHY_UNTOUCHED;
        } else if (override != OVERRIDE_AUTO) {
            order->want_on = override == OVERRIDE_ON;
            order->reason = WHY_OVERRIDE;
            order->until_ms = circuit->override_until_ms;
        } else if (circuit->class > class.max) {
            order->want_on = false;
            order->reason = class.reason;
            order->value = class.value;
            order->limit = class.limit;
        }
    }
}

/* What the island may carry: its own power, and the coordinator's budget while that
 * lives. */
static double island_limit_w(const struct decide_in *in, enum circuit_reason *ret_reason)
{
    const struct circuit_limits limits = programme_limits(in->map);
    double limit_w = is_alone(in) ? circuit_limit_w(&limits) : -1;
    const struct plan_content *plan = in->plan;

    *ret_reason = WHY_POWER;
    if (plan && in->is_plan_alive && plan->mode == PLAN_ISLAND && plan->power_w >= 0 &&
        (limit_w < 0 || plan->power_w < limit_w)) {
        *ret_reason = WHY_BUDGET;
        return plan->power_w;
    }
    return limit_w;
}

static int next_to_shed(const struct decide_in *in, const struct circuit_plan *plan)
{
    int best = -1;

    for (uint32_t i = 0; i < plan->n_circuits; i++)
        if (plan->circuits[i].want_on && in->map->circuits[i].has_switch &&
            plan->circuits[i].reason != WHY_UNTOUCHED &&
            (best < 0 || in->map->circuits[i].class >= in->map->circuits[best].class))
            best = (int)i;
    return best;
}

/* From the bottom until it fits. */
static void order_by_power(const struct decide *decide, const struct decide_in *in,
                           struct circuit_plan *plan)
{
    enum circuit_reason reason;
    double limit_w = island_limit_w(in, &reason), total_w = other_w(decide, in);

    for (uint32_t i = 0; i < plan->n_circuits; i++)
        if (plan->circuits[i].want_on)
            total_w += circuit_expect_w(&in->map->circuits[i], &in->now[i]);
    while (limit_w >= 0 && total_w > limit_w) {
        int i = next_to_shed(in, plan);

        if (i < 0)
            return;
        plan->circuits[i].want_on = false;
        plan->circuits[i].reason = reason;
        plan->circuits[i].value = total_w;
        plan->circuits[i].limit = limit_w;
        total_w -= circuit_expect_w(&in->map->circuits[i], &in->now[i]);
    }
}

/* The programme knows the state's limit, not its reason; and it may not give up P1, which
 * the state table keeps down to the last floor (OUTAGE 4). */
static void mend_order(const struct decide_in *in, const struct class_limit *class,
                       struct circuit_order *order)
{
    enum circuit_class of = in->map->circuits[order->index].class;

    if (order->want_on || order->reason == WHY_OVERRIDE || order->reason == WHY_UNTOUCHED)
        return;
    if (of > class->max) {
        *order = (struct circuit_order){.index = order->index, .reason = class->reason,
                                        .value = class->value, .limit = class->limit};
    } else if (order->reason == WHY_ENERGY) {
        order->value = in->power->usable_permille;
        order->want_on = of <= CIRCUIT_P1;
        order->reason = order->want_on ? WHY_FITS : WHY_ENERGY;
    }
}

/* The programme of lib/microgrid; without one, classes and power alone. */
static void order(struct decide *decide, const struct decide_in *in,
                  struct circuit_plan *plan)
{
    const struct class_limit class = class_of(in);
    const struct grid_demand *demand = in->demand;
    const struct programme_in programme = {.t_boot_ms = in->t_boot_ms,
                                           .local_ms = in->local_ms,
                                           .map = in->map,
                                           .now = in->now,
                                           .power = in->power,
                                           .class_max = class.max,
                                           .is_grid_up = !is_alone(in) &&
                                                         demand->state != BLACK &&
                                                         demand->state != TRANSFERRING,
                                           .is_dark = demand->state == BLACK,
                                           .is_plan_alive = in->is_plan_alive,
                                           .plan = in->plan,
                                           .plan_ms = in->plan_ms,
                                           .plan_first_ms = in->plan_first_ms,
                                           .other_w = other_w(decide, in)};

    if (!in->programme || !programme_step(in->programme, &programme, plan)) {
        order_by_class(in, plan);
        order_by_power(decide, in, plan);
        return;
    }
    for (uint32_t i = 0; i < plan->n_circuits; i++)
        mend_order(in, &class, &plan->circuits[i]);
}

/* ---- policies and restoration ------------------------------------------------------ */

static void apply_policy(const struct decide_in *in, struct circuit_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_circuits; i++) {
        struct circuit_order *order = &plan->circuits[i];
        uint64_t bit = UINT64_C(1) << i;

        if (!order->want_on || order->reason == WHY_OVERRIDE ||
            !in->map->circuits[i].has_switch)
            continue;
        if (in->policy->off & bit) {
            order->want_on = false;
            order->reason = in->policy->peak & bit ? WHY_SCHEDULE : WHY_SURPLUS;
            order->value = in->policy->surplus_w;
            order->until_ms = in->policy->peak & bit ? in->policy->slot_end_ms : 0;
        } else if (in->policy->surplus & bit) {
            order->reason = WHY_SURPLUS;
            order->value = in->policy->surplus_w;
        }
    }
}

static uint64_t wanted_bits(const struct circuit_plan *plan)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < plan->n_circuits; i++)
        if (plan->circuits[i].want_on)
            bits |= UINT64_C(1) << i;
    return bits;
}

static bool is_good(const struct decide_in *in)
{
    double limit_w;
    struct circuit_limits limits;

    if (in->vf_good == TRI_NO || in->is_overloaded)
        return false;
    if (!is_alone(in))
        return true;
    limits = programme_limits(in->map);
    limit_w = circuit_limit_w(&limits);
    return limit_w < 0 || isnan(in->power->load_w) || in->power->load_w <= limit_w;
}

/* In a community a change of state, a plan that begins and one that runs out reach all
 * homes at one moment: each is an occasion with delays of its own. */
static uint64_t occasion_of(const struct decide_in *in)
{
    if (in->map->config.island != ISLAND_COMMUNITY)
        return in->demand->seed;
    return in->demand->seed ^ (uint64_t)in->demand->state << 56 ^
           (uint64_t)(in->plan != NULL) << 55;
}

/* Homes behind one receiving point wait for the profile's random time, in an island not
 * longer than any site; a home with its own tie has waited for it before the tie
 * closed. */
static uint32_t random_of(const struct decide *decide, const struct decide_in *in)
{
    enum grid_state_id state = in->demand->state;
    const struct grid_config *config = &in->map->config;
    uint32_t usual_ms = restore_timing_default(1).site_random_ms;

    if (config->island != ISLAND_COMMUNITY || !config->code.random_ms)
        return decide->site_random_ms;
    if (state == GRID_OK || state == RECONNECTING || config->code.random_ms < usual_ms)
        return config->code.random_ms;
    return usual_ms;
}

/* What is being switched off at this moment is not on already. */
static void begin_staging(struct decide *decide, const struct decide_in *in,
                          const struct circuit_plan *plan)
{
    struct circuit_now now[CIRCUIT_MAX];

    memcpy(now, in->now, in->map->n_circuits * sizeof *now);
    for (uint32_t i = 0; i < in->map->n_circuits; i++)
        now[i].is_on = now[i].is_on && plan->circuits[i].want_on;
    decide->restore.timing.site_random_ms = random_of(decide, in);
    decide->restore_seed = occasion_of(in);
    restore_begin(&decide->restore, in->t_boot_ms, decide->restore_seed, now,
                  in->map->n_circuits);
}

static bool has_returning(const struct decide_in *in, const struct circuit_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_circuits; i++)
        if (plan->circuits[i].want_on && !in->now[i].is_on &&
            in->map->circuits[i].has_switch)
            return true;
    return false;
}

/* Shed fast, restore slow: what is off comes back when its turn comes. */
static int64_t stage(struct decide *decide, const struct decide_in *in,
                     struct circuit_plan *plan)
{
    const struct grid_demand *demand = in->demand;
    int64_t next_ms = INT64_MAX;
    uint64_t allowed;

    if (demand->stage_loads && (occasion_of(in) != decide->restore_seed ||
                                (!decide->restore.is_running && has_returning(in, plan))))
        begin_staging(decide, in, plan);
    if (!decide->restore.is_running)
        return next_ms;
    allowed =
        restore_step(&decide->restore, in->t_boot_ms, is_good(in), in->map->circuits,
                     in->map->n_circuits, wanted_bits(plan), &next_ms);
    for (uint32_t i = 0; i < plan->n_circuits; i++) {
        struct circuit_order *order = &plan->circuits[i];

        if (!order->want_on || in->now[i].is_on || allowed & UINT64_C(1) << i ||
            !in->map->circuits[i].has_switch || order->reason == WHY_OVERRIDE)
            continue;
        order->want_on = false;
        order->reason = WHY_RESTORE;
        order->until_ms = next_ms == INT64_MAX ? 0 : next_ms;
    }
    return next_ms;
}

static void take_setpoints(const struct decide_in *in, struct interlock_site *site,
                           struct circuit_plan *plan)
{
    if (!in->setpoints)
        return;
    site->n_setpoints = plan->n_setpoints = in->setpoints->n;
    site->setpoints = in->setpoints->limits;
    memcpy(plan->setpoints, in->setpoints->orders, sizeof plan->setpoints);
}

int64_t decide_step(struct decide *decide, const struct decide_in *in,
                    struct circuit_plan *ret)
{
    struct interlock_site site = {.n_circuits = in->map->n_circuits,
                                  .circuits = in->map->circuits,
                                  .now = in->now,
                                  .demand = in->demand,
                                  .limits = is_alone(in) ? programme_limits(in->map)
                                                         : (struct circuit_limits){0},
                                  .unswitched_w = 0};
    int64_t next_ms, quiet_ms;

    site.is_sync_ok = in->is_sync_ok;
    calm_down(decide, in);
    site.unswitched_w = other_w(decide, in);
    memset(ret, 0, sizeof *ret);
    order(decide, in, ret);
    return_p4(in, ret);
    if (in->demand->state == GRID_OK)
        apply_policy(in, ret);
    next_ms = stage(decide, in, ret);
    ret->ask_sync = in->demand->ask_sync;
    ret->close_tie = in->demand->close_tie;
    take_setpoints(in, &site, ret);
    interlock_apply(&site, in->t_boot_ms, ret, &decide->changes);
    quiet_ms = in->t_boot_ms + (in->demand->state == GRID_OK ? QUIET_MS : LOOK_MS);
    return next_ms < quiet_ms ? next_ms : quiet_ms;
}
