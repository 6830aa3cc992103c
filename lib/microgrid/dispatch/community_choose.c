/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From shares to homes: the guard of the grid-forming power first, then each class by
 * rotation, then the plan messages. Part of community.
 */
#include "lib/microgrid/dispatch/community_state.h"

#include <math.h>

/* A home may draw so much more than it is expected to before its plan sheds. */
#define BUDGET_FACTOR 1.5
/* Rotation: nobody is moved before this, and who is on stays until another lacks more. */
#define DWELL_S 900.0
#define STICK_H 2.0
#define ISLAND_SHARE 0.85 /* of the island's load limit */
#define POWER_SHARE 0.7   /* of what the grid-forming storages can give */
#define PV_SHARE 0.5      /* of the next step's sun that is counted on */
#define CHARGES_ON 1.0    /* of what a car drew that it may go on to */
#define SURPRISE 2.0      /* times the root of the sum of squared spreads */
#define HALVINGS 12
#define LEAST_SHARE 0.1 /* of P0: below it nobody is served */
#define VALID_S 900.0

/* What is expected if all are on; what cannot be switched off is not of it. */
static double class_demand_w(const struct community_planner *planner, unsigned c)
{
    double sum = 0;

    for (unsigned h = 0; h < planner->setup->n_homes; h++)
        sum += planner->homes[h].is_stuck[c] ? 0 : planner->homes[h].expect_w[c];
    return sum;
}

/* What relays that stick draw. */
static double stuck_w(const struct community_planner *planner)
{
    double sum = 0;

    for (unsigned h = 0; h < planner->setup->n_homes; h++)
        for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
            sum += planner->homes[h].is_stuck[c] ? planner->homes[h].expect_w[c] : 0;
    return sum;
}

/* Load at these shares, with room for more than expected: the fewer the homes, the less
 * their peaks even out. */
struct guard {
    double limit_w, load_w;
    double square; /* of all spreads, by the same shares */
};

static double class_square(const struct community_planner *planner, unsigned c)
{
    double square = 0;

    for (unsigned h = 0; h < planner->setup->n_homes; h++) {
        double spread_w = (double)planner->homes[h].circuits[c].spread_w;

        square += spread_w * spread_w;
    }
    return square;
}

/* The largest share of a class that still fits, by halving. */
static double fitting_share(const struct guard *rest, double demand_w, double square,
                            double most)
{
    double low = 0, high = most;

    for (unsigned i = 0; i < HALVINGS; i++) {
        double share = i ? (low + high) / 2 : most;
        double load_w = rest->load_w + share * demand_w +
                        SURPRISE * sqrt(rest->square + share * square);

        if (load_w > rest->limit_w)
            high = share;
        else
            low = share;
    }
    return low;
}

/* What the grid-forming storages can give for the coming step; < 0: none is known. */
static double forming_w(const struct community_planner *planner)
{
    double hours = planner->step_s / 3600, sum = 0;
    bool is_known = false;

    for (unsigned i = 0; i < planner->setup->n_storages; i++) {
        const struct dispatch_storage *storage = &planner->setup->storages[i];
        const struct community_storage *now = &planner->storages[i];
        double left_wh = (now->soc - storage->soc_min) * storage->capacity_wh;

        is_known |= storage->is_grid_forming && now->is_known;
        if (storage->is_grid_forming && now->is_known)
            sum += fmin(storage->max_discharge_w,
                        fmax(left_wh, 0) * storage->eta_discharge / hours);
        else if (storage->is_ev && now->is_connected) /* one that charges is a load */
            sum += now->power_w > 0 ? now->power_w * 0.8 : now->power_w * CHARGES_ON;
    }
    return is_known ? fmax(sum, 0) : -1;
}

/* Cuts shares from the last class up until the load is sure to be carried: an island that
 * collapses serves nobody. */
static void guard(struct community_planner *planner)
{
    double demand_w[DISPATCH_CLASSES], square[DISPATCH_CLASSES], limit_w;
    double forming = forming_w(planner);
    struct guard guard = {.load_w = stuck_w(planner)};

    if (forming < 0)
        return;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        demand_w[c] = class_demand_w(planner, c);
        square[c] = class_square(planner, c);
        guard.load_w += demand_w[c] * planner->share[c];
        guard.square += square[c] * planner->share[c];
    }
    limit_w = fmin(planner->setup->max_island_w * ISLAND_SHARE,
                   POWER_SHARE * forming +
                       PV_SHARE * forecast_pv_sure(&planner->pv, planner->pv_next_w));
    guard.limit_w = limit_w;
    for (unsigned c = DISPATCH_CLASSES; c-- > 0;) {
        if (guard.load_w + SURPRISE * sqrt(fmax(guard.square, 0)) <= limit_w)
            break;
        guard.load_w -= demand_w[c] * planner->share[c];
        guard.square = fmax(guard.square - square[c] * planner->share[c], 0);
        planner->share[c] =
            fitting_share(&guard, demand_w[c], square[c], planner->share[c]);
        guard.load_w += demand_w[c] * planner->share[c];
        guard.square += square[c] * planner->share[c];
    }
    /* too little for a handful of homes is too little to be shared without a mistake */
    if (limit_w < LEAST_SHARE * demand_w[DISPATCH_P0])
        planner->share[DISPATCH_P0] = 0;
}

static double lack_h(const struct community_home *home, unsigned c)
{
    double usual_w = (double)home->circuits[c].mean_w + 20;

    if (c == DISPATCH_P1)
        usual_w += (double)home->circuits[DISPATCH_P0].mean_w;
    if (c >= DISPATCH_P3) /* the modest first: a large one may trip its main breaker */
        return -home->expect_w[c] / 500;
    return home->lack_wh[c] / usual_w;
}

/* How long a home went without; of P0 the medical homes are always first. */
static double claim_h(const struct community_planner *planner, unsigned h, unsigned c)
{
    double claim = lack_h(&planner->homes[h], c);

    return c == DISPATCH_P0 && planner->setup->homes[h].is_medical ? claim + 1000 : claim;
}

static void choose_class(struct community_planner *planner, unsigned c)
{
    unsigned n = planner->setup->n_homes;
    double share = planner->share[c];
    struct rotate_rule rule = {
        .fit = c == DISPATCH_P0 ? 1.2 : 0.3, .min_s = DWELL_S, .stick_h = STICK_H};

    for (unsigned h = 0; h < n; h++) {
        const struct community_home *home = &planner->homes[h];

        planner->rotation[h] =
            (struct rotate_home){.expect_w = home->expect_w[c],
                                 .lack_h = claim_h(planner, h, c),
                                 .held_s = home->held_s[c],
                                 .is_on = home->is_on[c],
                                 .may_be_on = c == 0 || home->is_on[c - 1]};
    }
    rule.target_w = share * class_demand_w(planner, c);
    if (share > 0.97)
        rule.target_w = 1e12;
    if (share < 0.03)
        rule.target_w = -1;
    rotate_choose(planner->rotation, n, &rule, planner->order);
    for (unsigned h = 0; h < n; h++) {
        struct community_home *home = &planner->homes[h];

        home->held_s[c] += planner->step_s;
        if (home->is_on[c] != planner->rotation[h].is_chosen)
            home->held_s[c] = 0;
        home->is_on[c] = planner->rotation[h].is_chosen;
    }
}

/* What the classes up to the last are expected to draw. */
static double span_wh(const struct community_home *home, unsigned last,
                      const struct dispatch_time *time, double span_s)
{
    double sum = 0;

    for (unsigned c = 0; c <= last; c++)
        for (double t = 0; t < span_s; t += DISPATCH_SLOT_S)
            sum +=
                forecast_demand_w(&home->circuits[c], dispatch_slot(time->local_s + t)) *
                DISPATCH_SLOT_S / 3600;
    return sum;
}

static void write_plan(struct community_planner *planner, struct community_home *home,
                       const struct dispatch_home *known,
                       const struct dispatch_time *time)
{
    struct dispatch_plan *plan = &home->plan;
    double expect_w = 0;
    unsigned last = 0;

    while (last + 1 < DISPATCH_CLASSES && home->is_on[last + 1])
        last++;
    for (unsigned c = 0; c <= last; c++)
        expect_w += home->expect_w[c];
    plan->mode = DISPATCH_ISLAND;
    plan->soc_permille = (unsigned)lround(
        1000 *
        fmin(fmax(planner->energy_wh / (planner->value.bin_wh * VALUE_BINS), 0), 1));
    plan->p_max = (enum dispatch_class)last;
    plan->power_w = last == DISPATCH_P4
                        ? known->service_limit_w
                        : fmin(known->service_limit_w, 3 * expect_w + 1000);
    if (!home->is_on[DISPATCH_P0]) /* nothing is left for this home, not even P0 */
        plan->power_w = 0;
    plan->until_s = 43200;
    plan->energy_wh = BUDGET_FACTOR * span_wh(home, last, time, plan->until_s);
    plan->valid_s = VALID_S;
}

void community_choose(struct community_planner *planner, const struct dispatch_time *time)
{
    guard(planner);
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        choose_class(planner, c);
    for (unsigned h = 0; h < planner->setup->n_homes; h++)
        write_plan(planner, &planner->homes[h], &planner->setup->homes[h], time);
}
