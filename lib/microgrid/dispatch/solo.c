/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home's own decision when plans are stale; called by site. See the header.
 */
#include "lib/microgrid/dispatch/solo.h"

#include "lib/microgrid/dispatch/horizon.h"
#include "lib/microgrid/dispatch/ration.h"

#include <math.h>

#define SOLVE_S 1800.0
#define MARGIN_SHARE 0.04
#define EV_EMPTY_PART 0.1
#define POWER_SHARE 0.7
#define PV_SHARE 0.5
#define LEAST_SHARE 0.2 /* of P0: below it nobody is served */
/* Who is served when a share is: changes hands this often. */
#define TURN_S (3 * 3600.0)

void solo_init(struct solo *solo, const struct dispatch_setup *setup, unsigned home)
{
    double all_wp = 0;

    *solo = (struct solo){.setup = setup, .home = home};
    for (unsigned h = 0; h < setup->n_homes; h++)
        all_wp += setup->homes[h].pv_wp;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        forecast_demand_init(&solo->circuits[c], setup->homes[home].mean_w[c]);
    solo->pv_scale = setup->homes[home].pv_wp > 0 ? all_wp / setup->homes[home].pv_wp : 0;
    forecast_pv_init(&solo->pv, setup->homes[home].pv_wp);
    if (setup->homes[home].learns_pv && setup->homes[home].pv_wp <= 0) {
        solo->pv.learns_rated = true;
        solo->pv_scale = 1;
    }
}

void solo_history(struct solo *solo, unsigned slot,
                  const double circuit_w[DISPATCH_CLASSES], double pv_w)
{
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        forecast_demand_history(&solo->circuits[c], slot, circuit_w[c]);
    forecast_pv_history(&solo->pv, slot, pv_w);
}

void solo_measure(struct solo *solo, const struct dispatch_time *time, double step_s,
                  const double circuit_w[DISPATCH_CLASSES], unsigned on_mask, double pv_w)
{
    unsigned slot = dispatch_slot((double)time->local_s + DISPATCH_DAY_S - step_s / 2);

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        if ((on_mask >> c & 1) && c != DISPATCH_P3)
            forecast_demand_measure(&solo->circuits[c], slot, circuit_w[c], step_s);
    forecast_pv_measure(&solo->pv, time, pv_w, step_s);
}

double solo_ev_part(double forming_part)
{
    return fmin(fmax((forming_part - EV_EMPTY_PART) / (1 - EV_EMPTY_PART), 0), 1);
}

double solo_energy_wh(const struct dispatch_setup *setup, double soc, double *ret_room_wh)
{
    double capacity = 0, floor = 0, top = 0, ev = 0, part;

    for (unsigned i = 0; i < setup->n_storages; i++) {
        const struct dispatch_storage *storage = &setup->storages[i];

        if (storage->is_grid_forming) {
            capacity += storage->capacity_wh;
            floor += storage->soc_min * storage->capacity_wh;
            top += storage->soc_max * storage->capacity_wh;
        } else {
            ev += (storage->soc_max - storage->soc_reserve) * storage->capacity_wh;
        }
    }
    if (capacity <= 0 || top <= floor)
        return 0;
    part = fmin(fmax((soc * capacity - floor) / (top - floor), 0), 1);
    *ret_room_wh = top - floor + ev;
    return part * (top - floor) + solo_ev_part(part) * ev;
}

/* Usable energy of the grid-forming storages alone. */
static double forming_left_wh(const struct dispatch_setup *setup, double soc)
{
    double sum = 0;

    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].is_grid_forming)
            sum += fmax(soc - setup->storages[i].soc_min, 0) *
                   setup->storages[i].capacity_wh;
    return sum;
}

/* The community's demand of a class by time of day: its planning mean, shaped half by the
 * home's own smoothed day. */
static double community_w(const struct solo *solo, unsigned class, unsigned slot)
{
    const struct forecast_demand *own = &solo->circuits[class];
    double mean = 0, shape = 0;

    for (unsigned h = 0; h < solo->setup->n_homes; h++)
        mean += solo->setup->homes[h].mean_w[class];
    for (unsigned d = 0; d < 7; d++)
        shape +=
            (double)own->slot_w[(slot + DISPATCH_SLOTS + d - 3) % DISPATCH_SLOTS] / 7;
    if (own->mean_w < 1)
        return mean;
    return mean * (0.5 + 0.5 * fmin(shape / (double)own->mean_w, 2.5));
}

static void solve(struct solo *solo, const struct dispatch_time *time, double room_wh)
{
    struct horizon horizon = {.setup = solo->setup,
                              .time = *time,
                              .pv = &solo->pv,
                              .pv_scale = solo->pv_scale,
                              .room_wh = room_wh,
                              .is_coarse = true};
    struct value_model model;

    horizon.hazard.elapsed_s = time->now_s - solo->since_s;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        horizon.factor[c] = 1;
        for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
            horizon.demand_w[c][s] = community_w(solo, c, s);
        solo->demand_w[c] = horizon.demand_w[c][dispatch_slot(time->local_s)];
        solo->weight[c] = solo->setup->classes[c].weight;
    }
    horizon_build(&horizon, &model);
    value_solve(&model, &solo->value);
    solo->eta_charge = model.eta_charge;
    solo->eta_discharge = model.eta_discharge;
    solo->charge_w = model.charge_w;
    solo->is_solved = true;
    solo->solved_s = time->now_s;
}

/* This home's place in the queue, 0..1: over the turns every home is first equally often.
 */
static double place(const struct solo *solo, double now_s)
{
    double x = (solo->home + 1) * 0.6180339887 + floor(now_s / TURN_S) * 0.3819660113;

    return x - floor(x);
}

void solo_grid(struct solo *solo)
{
    solo->is_island = solo->is_solved = false;
}

/* Cuts shares from P4 up until the grid-forming storages and part of the sun are sure to
 * carry the load of the step: an island that collapses serves nobody. */
static void guard(struct solo *solo, double forming_wh, double pv_w, double step_s)
{
    double load_w = 0, most_w = 0, limit_w;

    for (unsigned i = 0; i < solo->setup->n_storages; i++)
        if (solo->setup->storages[i].is_grid_forming)
            most_w += solo->setup->storages[i].max_discharge_w;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        load_w += solo->demand_w[c] * solo->share[c];
    limit_w =
        POWER_SHARE * fmin(most_w, forming_wh * solo->eta_discharge * 3600 / step_s) +
        PV_SHARE * pv_w;
    limit_w = fmin(limit_w, solo->setup->max_island_w * POWER_SHARE);
    for (unsigned c = DISPATCH_CLASSES; c-- > 0 && load_w > limit_w;) {
        double served_w = solo->demand_w[c] * solo->share[c];
        double cut_w = fmin(served_w, load_w - limit_w);

        if (served_w > 0)
            solo->share[c] *= 1 - cut_w / served_w;
        load_w -= cut_w;
    }
    /* too little for a handful of homes is too little to be shared without a mistake */
    if (limit_w < LEAST_SHARE * solo->demand_w[DISPATCH_P0])
        solo->share[DISPATCH_P0] = 0;
}

double solo_sun_s(const struct solo *solo, const struct dispatch_time *time)
{
    double needed_w = solo->demand_w[DISPATCH_P0] + solo->demand_w[DISPATCH_P1];
    double into_s = fmod(time->local_s, DISPATCH_SLOT_S);

    for (unsigned i = 1; i <= DISPATCH_SLOTS && needed_w > 0; i++) {
        double w[FORECAST_PV_QUANTILES], lead_s = i * (double)DISPATCH_SLOT_S - into_s;

        forecast_pv_at(&solo->pv, time, lead_s, w);
        if (w[1] * solo->pv_scale >= needed_w)
            return time->now_s + lead_s;
    }
    return 0;
}

enum dispatch_class solo_decide(struct solo *solo, const struct dispatch_time *time,
                                double step_s, double soc)
{
    struct value_model model = {0};
    struct ration_in in = {.hours = DISPATCH_SLOT_S / 3600.0};
    double room_wh = 1;
    unsigned last = 0;

    if (!solo->is_island) {
        solo->is_island = true;
        solo->since_s = time->now_s;
    }
    solo->energy_wh = solo_energy_wh(solo->setup, soc, &room_wh);
    if (!solo->is_solved || time->now_s - solo->solved_s >= SOLVE_S)
        solve(solo, time, room_wh * (1 - MARGIN_SHARE));
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        model.weight[c] = solo->weight[c];
        in.demand_w[c] = solo->demand_w[c];
    }
    model.eta_charge = solo->eta_charge;
    model.eta_discharge = solo->eta_discharge;
    model.charge_w = solo->charge_w;
    in.energy_wh = solo->energy_wh - room_wh * MARGIN_SHARE;
    in.pv_w = fmin(forecast_pv_next(&solo->pv, time, step_s) * solo->pv_scale,
                   solo->setup->pv_limit_w);
    solo->price = ration_share(&model, &solo->value, &in, solo->share);
    guard(solo, forming_left_wh(solo->setup, soc),
          forecast_pv_sure(&solo->pv, in.pv_w / fmax(solo->pv_scale, 1e-3)) *
              solo->pv_scale,
          step_s);
    solo->is_empty = place(solo, time->now_s) >= solo->share[DISPATCH_P0];
    while (last + 1 < DISPATCH_CLASSES &&
           place(solo, time->now_s) < solo->share[last + 1])
        last++;
    return (enum dispatch_class)last;
}
