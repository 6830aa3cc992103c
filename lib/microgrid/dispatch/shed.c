/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shed plan of one site: wishes by class, then the owner, then time rules, then power
 * from the bottom up. Called by site once per step. See the header.
 */
#include "lib/microgrid/dispatch/shed.h"

/* Of the main breaker's power: 5 min means hide what a kettle adds. */
#define BREAKER_SHARE 0.88

void shed_init(struct shed *shed)
{
    shed->over_since_ms = -1;
}

static bool is_ours(const struct circuit *circuit)
{
    return circuit->has_switch && circuit->is_backed;
}

static double expect_w(const struct shed_in *in, unsigned i)
{
    double known = circuit_expect_w(&in->circuits[i], &in->now[i]);

    return in->expect_w && in->expect_w[i] > known ? in->expect_w[i] : known;
}

static void order(struct circuit_order *to, bool want_on, enum circuit_reason reason,
                  double value, double limit)
{
    to->want_on = want_on;
    to->reason = reason;
    to->value = value;
    to->limit = limit;
    to->until_ms = 0;
}

/* What the class asks for, the owner's word above it. */
static void wish(const struct shed_in *in, unsigned i, struct circuit_order *to)
{
    const struct circuit *circuit = &in->circuits[i];
    enum circuit_override override = circuit_override_at(circuit, in->t_boot_ms);
    double off_s = (double)(in->t_boot_ms - in->now[i].since_ms) / 1000;

    to->index = circuit->index;
    if (!is_ours(circuit)) {
        order(to, in->now[i].is_on, WHY_UNTOUCHED, 0, 0);
    } else if (override != OVERRIDE_AUTO) {
        order(to, override == OVERRIDE_ON, WHY_OVERRIDE, 0, 0);
        to->until_ms = circuit->override_until_ms;
    } else if (circuit->kind == CIRCUIT_REFILL && !in->now[i].is_on &&
               in->t_boot_ms < in->refill_from_ms) {
        order(to, false, WHY_RESTORE, 0, 0);
        to->until_ms = in->refill_from_ms;
    } else if (circuit->class <= in->class.max) {
        order(to, true, in->class.reason == WHY_GRID ? WHY_GRID : WHY_FITS, 0, 0);
    } else if (!in->class.is_hard && circuit->latest_return_s > 0 && !in->now[i].is_on &&
               off_s >= circuit->latest_return_s) {
        order(to, true, WHY_LATEST_RETURN, off_s, circuit->latest_return_s);
    } else {
        order(to, false, in->class.reason, in->class.value, in->class.limit);
        to->until_ms = in->class.until_ms;
    }
}

/* Off stays off for min_off; on stays on for min_on, unless power takes it later. */
static void keep_times(const struct shed_in *in, unsigned i, struct circuit_order *to)
{
    const struct circuit *circuit = &in->circuits[i];
    const struct circuit_now *now = &in->now[i];
    int64_t off_until = now->since_ms + (int64_t)circuit->min_off_s * 1000;
    int64_t on_until = now->since_ms + (int64_t)circuit->min_on_s * 1000;

    if (!is_ours(circuit))
        return;
    if (to->want_on && !now->is_on && in->t_boot_ms < off_until) {
        order(to, false, WHY_MIN_OFF, 0, 0);
        to->until_ms = off_until;
    } else if (!to->want_on && now->is_on && in->t_boot_ms < on_until &&
               to->reason != WHY_OVERRIDE && !in->class.is_hard) {
        order(to, true, WHY_MIN_ON, 0, 0);
        to->until_ms = on_until;
    }
}

struct sums {
    double all_w, inrush_w; /* inrush: of the largest that is being switched on */
    double leg_w[CIRCUIT_LEGS];
};

static void add(struct sums *sums, const struct shed_in *in,
                const struct circuit_plan *plan)
{
    *sums = (struct sums){.all_w = in->other_w};
    for (unsigned i = 0; i < in->n; i++) {
        double w = expect_w(in, i), extra = in->circuits[i].inrush_w - w;

        if (!plan->circuits[i].want_on || !in->circuits[i].is_backed)
            continue;
        sums->all_w += w;
        for (unsigned leg = 0; leg < CIRCUIT_LEGS; leg++)
            sums->leg_w[leg] += w * circuit_leg_share(&in->circuits[i], leg);
        if (!in->now[i].is_on && extra > sums->inrush_w)
            sums->inrush_w = extra;
    }
}

/* What is wrong with this plan: the reason, its value and limit, and the leg. */
static bool is_over(const struct shed_in *in, const struct sums *sums,
                    struct circuit_order *ret_why, unsigned *ret_leg)
{
    double own_w = circuit_limit_w(&in->limits);

    *ret_leg = CIRCUIT_LEGS;
    if (own_w >= 0 && sums->all_w + sums->inrush_w > own_w)
        return order(ret_why, false, WHY_POWER, sums->all_w + sums->inrush_w, own_w),
               true;
    if (in->breaker_w > 0 && sums->all_w > in->breaker_w * BREAKER_SHARE)
        return order(ret_why, false, WHY_POWER, sums->all_w,
                     in->breaker_w * BREAKER_SHARE),
               true;
    if (in->budget_w >= 0 && sums->all_w > in->budget_w)
        return order(ret_why, false, WHY_BUDGET, sums->all_w, in->budget_w), true;
    for (unsigned leg = 0; leg < CIRCUIT_LEGS; leg++) {
        double leg_w = circuit_leg_limit_w(&in->limits, leg);

        if (leg_w >= 0 && sums->leg_w[leg] > leg_w) {
            *ret_leg = leg;
            return order(ret_why, false, WHY_LEG, sums->leg_w[leg], leg_w), true;
        }
    }
    return false;
}

/* New loads before those that run, then the lowest class, then the largest. -1: none. */
static int next_to_shed(const struct shed_in *in, const struct circuit_plan *plan,
                        bool only_new, unsigned leg)
{
    int best = -1;

    for (unsigned i = 0; i < in->n; i++) {
        const struct circuit *circuit = &in->circuits[i];

        if (!plan->circuits[i].want_on || !is_ours(circuit) ||
            circuit->class == CIRCUIT_P0 || (only_new && in->now[i].is_on) ||
            (leg < CIRCUIT_LEGS && circuit_leg_share(circuit, leg) <= 0) ||
            expect_w(in, i) <= 0)
            continue;
        if (best < 0 || circuit->class > in->circuits[best].class ||
            (circuit->class == in->circuits[best].class &&
             expect_w(in, i) > expect_w(in, (unsigned)best)))
            best = (int)i;
    }
    return best;
}

static void fit(const struct shed_in *in, bool only_new, struct circuit_plan *plan)
{
    for (unsigned round = 0; round < in->n; round++) {
        struct circuit_order why;
        struct sums sums;
        unsigned leg;
        int i;

        add(&sums, in, plan);
        if (!is_over(in, &sums, &why, &leg))
            return;
        i = next_to_shed(in, plan, only_new, leg);
        if (i < 0)
            return;
        order(&plan->circuits[i], false, why.reason, why.value, why.limit);
    }
}

/* Is what runs now too much, and has it been for longer than a spike? */
static bool is_lasting(struct shed *shed, const struct shed_in *in)
{
    struct circuit_plan running = {0};
    struct circuit_order why;
    struct sums sums;
    unsigned leg;

    for (unsigned i = 0; i < in->n; i++)
        running.circuits[i].want_on = in->now[i].is_on;
    add(&sums, in, &running);
    if (!is_over(in, &sums, &why, &leg)) {
        shed->over_since_ms = -1;
        return in->is_overloaded;
    }
    if (shed->over_since_ms < 0)
        shed->over_since_ms = in->t_boot_ms;
    return in->is_overloaded || in->t_boot_ms - shed->over_since_ms >= SHED_SPIKE_MS;
}

void shed_compute(struct shed *shed, const struct shed_in *in, struct circuit_plan *ret)
{
    bool lasting = is_lasting(shed, in);

    ret->n_circuits = in->n;
    for (unsigned i = 0; i < in->n; i++) {
        wish(in, i, &ret->circuits[i]);
        keep_times(in, i, &ret->circuits[i]);
    }
    fit(in, true, ret);
    if (lasting)
        fit(in, false, ret);
}
