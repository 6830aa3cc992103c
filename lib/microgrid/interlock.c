/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of one circuit as a table, then what circuits share (power, legs, inrush), then
 * set-points and the tie. Every rule only ever switches off, keeps, clips or refuses.
 * Pure.
 */
#include "lib/microgrid/interlock.h"

#include <math.h>

#define HEADROOM_DEFAULT 800
#define WHOLE (-1) /* instead of a leg */

struct look {
    const struct interlock_site *site;
    int64_t now_ms;
    struct circuit_plan *plan;
    struct interlock_changes *changes;
};

/* ---- facts ---- */

static bool is_on(const struct interlock_site *site, uint32_t i)
{
    return site->now[i].has_feedback ? site->now[i].is_on_read : site->now[i].is_on;
}

/* What the island does not feed is dark by itself, from the first sign to the return. */
static bool is_untouched(const struct interlock_site *site, uint32_t i)
{
    enum grid_state_id state = site->demand->state;
    bool is_outage = state >= OUTAGE_SUSPECTED && state <= RECONNECTING;

    return !site->circuits[i].has_switch ||
           ((is_outage || site->demand->is_islanded) && !site->circuits[i].is_backed);
}

static int64_t rests_until_ms(const struct interlock_site *site, uint32_t i)
{
    return site->now[i].since_ms + (int64_t)site->circuits[i].min_off_s * 1000;
}

static bool is_overridden(const struct interlock_site *site, uint32_t i, int64_t now_ms,
                          enum circuit_override override)
{
    return circuit_override_at(&site->circuits[i], now_ms) == override;
}

/* One entry for a circuit, however many rules meet it: the last one decides. */
static void note_circuit(struct interlock_changes *changes, uint32_t i, bool was_on,
                         enum circuit_reason reason)
{
    for (uint32_t k = 0; k < changes->n; k++) {
        if (changes->items[k].index == i) {
            changes->items[k].reason = reason;
            return;
        }
    }
    changes->items[changes->n++] = (struct interlock_change){
        .subject = INTERLOCK_CIRCUIT,
        .index = (uint16_t)i,
        .reason = reason,
        .was_on = was_on,
    };
}

static void change(struct look *look, uint32_t i, bool want_on,
                   const struct circuit_order *why)
{
    struct circuit_order *order = &look->plan->circuits[i];

    if (order->want_on != want_on)
        note_circuit(look->changes, i, order->want_on, why->reason);
    *order = *why;
    order->index = (uint16_t)i;
    order->want_on = want_on;
}

/* ---- rules of one circuit; true: decided, no later rule of the table is asked ---- */

typedef bool rule_fn(struct look *look, uint32_t i);

static bool keep_when_held(struct look *look, uint32_t i)
{
    if (!look->site->demand->no_switching)
        return false;
    change(look, i, is_on(look->site, i), &(struct circuit_order){.reason = WHY_HELD});
    return true;
}

static bool keep_untouched(struct look *look, uint32_t i)
{
    if (!is_untouched(look->site, i))
        return false;
    change(look, i, is_on(look->site, i),
           &(struct circuit_order){.reason = WHY_UNTOUCHED});
    return true;
}

static bool open_all(struct look *look, uint32_t i)
{
    const struct grid_demand *demand = look->site->demand;

    if (!demand->open_all_first ||
        (demand->try_restart && look->site->circuits[i].class == CIRCUIT_P0))
        return false;
    change(look, i, false, &(struct circuit_order){.reason = WHY_BLACK});
    return true;
}

static bool stay_below_class(struct look *look, uint32_t i)
{
    enum circuit_class highest = look->site->demand->highest_class;

    if ((int)look->site->circuits[i].class <= (int)highest ||
        !look->plan->circuits[i].want_on ||
        is_overridden(look->site, i, look->now_ms, OVERRIDE_ON))
        return false;
    change(look, i, false,
           &(struct circuit_order){.reason = WHY_CLASS, .limit = (double)highest});
    return true;
}

static bool respect_owner(struct look *look, uint32_t i)
{
    const struct circuit_order why = {
        .reason = WHY_OVERRIDE, .until_ms = look->site->circuits[i].override_until_ms};
    bool want_on = look->plan->circuits[i].want_on;

    if (want_on && is_overridden(look->site, i, look->now_ms, OVERRIDE_OFF))
        change(look, i, false, &why);
    else if (!want_on && is_on(look->site, i) &&
             is_overridden(look->site, i, look->now_ms, OVERRIDE_ON))
        change(look, i, true, &why);
    return false;
}

static bool rest_for_min_off(struct look *look, uint32_t i)
{
    int64_t until_ms = rests_until_ms(look->site, i);

    if (!look->plan->circuits[i].want_on || is_on(look->site, i) ||
        look->now_ms >= until_ms)
        return false;
    change(look, i, false,
           &(struct circuit_order){.reason = WHY_MIN_OFF, .until_ms = until_ms});
    return true;
}

static rule_fn *const rules[] = {
    keep_when_held,   keep_untouched, open_all,
    stay_below_class, respect_owner,  rest_for_min_off,
};

/* ---- what circuits share ---- */

/* While the grid is unknown, bulk loads come back one by one. */
static void count_p4(struct look *look)
{
    uint32_t allowed = look->site->demand->p4_returned, n = 0;

    if (look->site->demand->state != OUTAGE_SUSPECTED || allowed == 0)
        return;
    for (uint32_t i = 0; i < look->site->n_circuits; i++) {
        if (look->site->circuits[i].class != CIRCUIT_P4 || is_untouched(look->site, i) ||
            !look->plan->circuits[i].want_on ||
            is_overridden(look->site, i, look->now_ms, OVERRIDE_ON))
            continue;
        if (++n > allowed)
            change(look, i, false, &(struct circuit_order){.reason = WHY_SIGN});
    }
}

static bool counts(const struct interlock_site *site, uint32_t i)
{
    return site->circuits[i].is_backed;
}

static double share_of(const struct interlock_site *site, uint32_t i, int leg)
{
    return leg == WHOLE ? 1 : circuit_leg_share(&site->circuits[i], (unsigned)leg);
}

static double load_w(const struct interlock_site *site, const struct circuit_plan *plan,
                     int leg)
{
    /* what is not metered by leg may be on any of them: half of it on each side of a
     * three-wire home is the usual case */
    double w = isfinite(site->unswitched_w) && site->unswitched_w > 0
                   ? site->unswitched_w * (leg == WHOLE ? 1 : 0.5)
                   : 0;

    for (uint32_t i = 0; i < site->n_circuits; i++) {
        if (counts(site, i) && plan->circuits[i].want_on)
            w += circuit_expect_w(&site->circuits[i], &site->now[i]) *
                 share_of(site, i, leg);
    }
    return w;
}

/* Above the steady load, of all that start with this plan. */
static double inrush_w(const struct interlock_site *site, const struct circuit_plan *plan,
                       int leg)
{
    double w = 0;

    for (uint32_t i = 0; i < site->n_circuits; i++) {
        const struct circuit *circuit = &site->circuits[i];

        if (counts(site, i) && plan->circuits[i].want_on && !is_on(site, i) &&
            circuit->inrush_w > circuit->typical_w)
            w += (circuit->inrush_w - circuit->typical_w) * share_of(site, i, leg);
    }
    return w;
}

static double limit_w(const struct interlock_site *site, int leg)
{
    return leg == WHOLE ? circuit_limit_w(&site->limits)
                        : circuit_leg_limit_w(&site->limits, (unsigned)leg);
}

static double peak_limit_w(const struct interlock_site *site, int leg)
{
    uint32_t permille = site->limits.headroom_permille;

    return limit_w(site, leg) * 1000 / (permille ? permille : HEADROOM_DEFAULT);
}

static bool is_over(const struct interlock_site *site, const struct circuit_plan *plan,
                    int leg, double *ret_w)
{
    double limit = limit_w(site, leg);

    *ret_w = load_w(site, plan, leg);
    return limit >= 0 && *ret_w > limit;
}

static bool is_peak_over(const struct interlock_site *site,
                         const struct circuit_plan *plan, int leg)
{
    return limit_w(site, leg) >= 0 &&
           load_w(site, plan, leg) + inrush_w(site, plan, leg) > peak_limit_w(site, leg);
}

/* Higher is shed sooner: new before running, P4 before P1, the owner's wish later, P0
 * last. */
static int shed_rank(const struct look *look, uint32_t i)
{
    const struct interlock_site *site = look->site;
    int rank = (int)site->circuits[i].class;

    if (site->circuits[i].class == CIRCUIT_P0)
        return is_on(site, i) ? 0 : 1;
    if (!is_overridden(site, i, look->now_ms, OVERRIDE_ON))
        rank += 10;
    return is_on(site, i) ? rank + 2 : rank + 100;
}

/* The circuit to give up next on this leg; only_new: of those that would start. */
static int victim(const struct look *look, int leg, bool only_new)
{
    const struct interlock_site *site = look->site;
    double most_w = 0;
    int found = -1, best = 0;

    for (uint32_t i = 0; i < site->n_circuits; i++) {
        double w = circuit_expect_w(&site->circuits[i], &site->now[i]);
        int rank = shed_rank(look, i);

        if (!look->plan->circuits[i].want_on || !counts(site, i) ||
            is_untouched(site, i) || share_of(site, i, leg) <= 0 ||
            (only_new && is_on(site, i)) || (!only_new && w <= 0))
            continue;
        if (found < 0 || rank > best || (rank == best && w > most_w)) {
            found = (int)i;
            best = rank;
            most_w = w;
        }
    }
    return found;
}

static void shed(struct look *look, int leg, double w, bool only_new)
{
    const struct circuit_order why = {
        .reason = leg == WHOLE ? WHY_POWER : WHY_LEG,
        .value = w,
        .limit = limit_w(look->site, leg),
    };
    int i = victim(look, leg, only_new);

    if (i >= 0)
        change(look, (uint32_t)i, false, &why);
}

static void limit_power(struct look *look, int leg)
{
    double w;

    for (uint32_t n = 0; n < look->site->n_circuits; n++) {
        if (!is_over(look->site, look->plan, leg, &w))
            break;
        shed(look, leg, w, false);
    }
    for (uint32_t n = 0; n < look->site->n_circuits; n++) {
        if (!is_peak_over(look->site, look->plan, leg))
            break;
        shed(look, leg, load_w(look->site, look->plan, leg), true);
    }
}

/* ---- set-points and the tie ---- */

static bool may_force(const struct look *look, enum setpoint_kind kind)
{
    const struct grid_demand *demand = look->site->demand;

    if (demand->no_switching)
        return false;
    return kind == SETPOINT_PV_LIMIT || !demand->freeze_forced;
}

/* A car that stops is a bulk load that is dropped. */
static bool is_stop(const struct grid_demand *demand, enum setpoint_kind kind,
                    const struct setpoint_order *order)
{
    return kind == SETPOINT_EV && demand->drop_p4 && !demand->no_switching &&
           order->value_w == 0;
}

static void limit_setpoint(struct look *look, uint32_t i)
{
    const struct setpoint *setpoint = &look->site->setpoints[i];
    struct setpoint_order *order = &look->plan->setpoints[i];
    struct setpoint_order was = *order;

    if (!may_force(look, setpoint->kind) &&
        !is_stop(look->site->demand, setpoint->kind, order))
        order->is_wanted = false;
    if (!isfinite(order->value_w) || !(setpoint->min_w <= setpoint->max_w))
        order->value_w = setpoint->failsafe_w;
    else
        order->value_w = fmin(fmax(order->value_w, setpoint->min_w), setpoint->max_w);
    if (!was.is_wanted || (order->is_wanted && order->value_w == was.value_w))
        return;
    order->reason = order->is_wanted ? WHY_POWER : WHY_HELD;
    look->changes->items[look->changes->n++] = (struct interlock_change){
        .subject = INTERLOCK_SETPOINT,
        .index = (uint16_t)i,
        .reason = order->reason,
        .was_on = was.is_wanted,
        .was_w = was.value_w,
    };
}

static void hold_tie(struct look *look)
{
    const struct grid_demand *demand = look->site->demand;
    bool may_ask = demand->ask_sync && !demand->no_switching;
    bool may_close = may_ask && look->site->is_sync_ok;

    if ((!look->plan->ask_sync || may_ask) && (!look->plan->close_tie || may_close))
        return;
    look->plan->ask_sync = look->plan->ask_sync && may_ask;
    look->plan->close_tie = look->plan->close_tie && may_close;
    look->changes->items[look->changes->n++] = (struct interlock_change){
        .subject = INTERLOCK_TIE, .reason = WHY_HELD, .was_on = true};
}

/* ---- the plan's form ---- */

static void repair(struct look *look)
{
    struct circuit_plan *plan = look->plan;
    const struct interlock_site *site = look->site;

    for (uint32_t i = 0; i < site->n_circuits; i++) {
        if (i < plan->n_circuits && plan->circuits[i].index == i)
            continue;
        plan->circuits[i] = (struct circuit_order){
            .index = (uint16_t)i, .want_on = is_on(site, i), .reason = WHY_HELD};
    }
    for (uint32_t i = 0; i < site->n_setpoints; i++) {
        if (i < plan->n_setpoints && plan->setpoints[i].index == i)
            continue;
        plan->setpoints[i] = (struct setpoint_order){
            .index = (uint16_t)i, .value_w = site->setpoints[i].failsafe_w};
    }
    plan->n_circuits = site->n_circuits;
    plan->n_setpoints = site->n_setpoints;
}

void interlock_apply(const struct interlock_site *site, int64_t t_boot_ms,
                     struct circuit_plan *plan, struct interlock_changes *ret)
{
    struct look look = {site, t_boot_ms, plan, ret};

    ret->n = 0;
    repair(&look);
    for (uint32_t i = 0; i < site->n_circuits; i++) {
        for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
            if (rules[r](&look, i))
                break;
        }
    }
    if (!site->demand->no_switching) {
        count_p4(&look);
        for (int leg = WHOLE; site->demand->is_islanded && leg < CIRCUIT_LEGS; leg++)
            limit_power(&look, leg);
    }
    for (uint32_t i = 0; i < site->n_setpoints; i++)
        limit_setpoint(&look, i);
    hold_tie(&look);
}

/* ---- the same as a question ---- */

static const char *circuit_violation(const struct interlock_site *site, int64_t now_ms,
                                     const struct circuit_order *order, uint32_t i)
{
    const struct circuit *circuit = &site->circuits[i];
    const struct grid_demand *demand = site->demand;
    bool on = is_on(site, i), want_on = order->want_on;
    bool is_wish = is_overridden(site, i, now_ms, OVERRIDE_ON);

    if (order->index != i)
        return "an order of another circuit";
    if ((demand->no_switching || is_untouched(site, i)) && want_on != on)
        return "a circuit that must not be touched is switched";
    if (demand->no_switching || is_untouched(site, i))
        return NULL;
    if (demand->open_all_first && want_on &&
        !(demand->try_restart && circuit->class == CIRCUIT_P0))
        return "a contactor stays closed in BLACK";
    if (want_on && (int)circuit->class > (int)demand->highest_class && !is_wish)
        return "a class above the highest allowed is on";
    if (want_on && is_overridden(site, i, now_ms, OVERRIDE_OFF))
        return "on against the owner's override";
    if (want_on && !on && now_ms < rests_until_ms(site, i))
        return "switched on within its minimum off time";
    return NULL;
}

/* Over the limit is a violation while anything could still be given up. */
static const char *power_violation(const struct interlock_site *site, int64_t now_ms,
                                   const struct circuit_plan *plan)
{
    struct interlock_changes none = {0};
    struct circuit_plan copy = *plan;
    struct look look = {site, now_ms, &copy, &none};
    double w;

    for (int leg = WHOLE; leg < CIRCUIT_LEGS; leg++) {
        if (is_over(site, plan, leg, &w) && victim(&look, leg, false) >= 0)
            return "the load is above the power limit";
        if (is_peak_over(site, plan, leg) && victim(&look, leg, true) >= 0)
            return "the inrush is above the power limit";
    }
    return NULL;
}

static const char *rest_violation(const struct interlock_site *site,
                                  const struct circuit_plan *plan)
{
    const struct grid_demand *demand = site->demand;

    for (uint32_t i = 0; i < site->n_setpoints; i++) {
        const struct setpoint_order *order = &plan->setpoints[i];
        const struct setpoint *setpoint = &site->setpoints[i];

        if (!order->is_wanted)
            continue;
        if (demand->no_switching ||
            (demand->freeze_forced && setpoint->kind != SETPOINT_PV_LIMIT &&
             !is_stop(demand, setpoint->kind, order)))
            return "a set-point is forced while frozen";
        if (order->value_w != setpoint->failsafe_w &&
            !(order->value_w >= setpoint->min_w && order->value_w <= setpoint->max_w))
            return "a set-point is beyond its limits";
    }
    if (plan->ask_sync && (!demand->ask_sync || demand->no_switching))
        return "the tie is asked to close too early";
    if (plan->close_tie &&
        (!demand->ask_sync || !site->is_sync_ok || demand->no_switching))
        return "the tie is closed without sync OK";
    return NULL;
}

const char *interlock_violation(const struct interlock_site *site, int64_t t_boot_ms,
                                const struct circuit_plan *plan)
{
    const char *broken = NULL;

    if (plan->n_circuits != site->n_circuits || plan->n_setpoints != site->n_setpoints)
        return "a plan of another length";
    for (uint32_t i = 0; i < site->n_circuits && !broken; i++)
        broken = circuit_violation(site, t_boot_ms, &plan->circuits[i], i);
    if (!broken && site->demand->is_islanded && !site->demand->no_switching)
        broken = power_violation(site, t_boot_ms, plan);
    return broken ? broken : rest_violation(site, plan);
}
