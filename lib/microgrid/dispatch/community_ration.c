/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored and what is to come, its price, and the shares of the classes that
 * follow it slowly. Part of community.
 */
#include "lib/microgrid/dispatch/community_state.h"

#include "lib/microgrid/dispatch/hazard.h"
#include "lib/microgrid/dispatch/ration.h"
#include "lib/microgrid/dispatch/split.h"

#include <math.h>

/* Kept back of the usable energy: the power of a nearly empty storage is too little. */
#define MARGIN_SHARE 0.003
/* Time constants with which the shares of P0..P4 follow prices. */
static const double share_down_s[DISPATCH_CLASSES] = {1, 420, 600, 1200, 1200};
static const double share_up_s[DISPATCH_CLASSES] = {1, 360, 900, 1200, 1200};

/* Time to the next booked departure of a storage; < 0: none. */
static double departs_in_s(const struct community_planner *planner, unsigned storage,
                           double now_s)
{
    double next = -1;

    for (unsigned i = 0; i < planner->n_trips; i++) {
        double left = planner->trips[i].depart_s - now_s;

        if (planner->trips[i].storage == storage && left >= 0 &&
            (next < 0 || left < next))
            next = left;
    }
    return next;
}

/* Usable energy of what is connected: above the floors of cells and drivers. Room: the
 * same when full and no EV is kept for its driver. */
static void sum_storages(struct community_planner *planner, double now_s,
                         double *ret_room_wh)
{
    double room = 0, energy = 0;

    for (unsigned i = 0; i < planner->setup->n_storages; i++) {
        const struct dispatch_storage *storage = &planner->setup->storages[i];
        const struct community_storage *now = &planner->storages[i];
        double floor = storage->soc_min, least = floor;

        if (!now->is_known)
            continue;
        if (storage->is_ev) {
            floor = split_floor_soc(storage, departs_in_s(planner, i, now_s));
            least = split_floor_soc(storage, -1);
        }
        room += (storage->soc_max - least) * storage->capacity_wh;
        if (now->is_connected)
            energy += (now->soc - floor) * storage->capacity_wh;
    }
    *ret_room_wh = room * (1 - MARGIN_SHARE);
    planner->energy_wh = energy - room * MARGIN_SHARE;
}

static void add_trips(const struct community_planner *planner, struct horizon *horizon)
{
    for (unsigned i = 0; i < planner->n_trips; i++) {
        const struct dispatch_storage *ev =
            &planner->setup->storages[planner->trips[i].storage];
        double least = split_floor_soc(ev, -1) * ev->capacity_wh;
        double due = split_floor_soc(ev, 0) * ev->capacity_wh;
        struct horizon_trip *trip = &horizon->trips[horizon->n_trips];

        if (planner->trips[i].return_s < horizon->time.now_s)
            continue;
        horizon->n_trips++;
        *trip = (struct horizon_trip){
            .hold_s = planner->trips[i].depart_s - SPLIT_BOOKED_S,
            .depart_s = planner->trips[i].depart_s,
            .return_s = planner->trips[i].return_s,
            .held_wh = due - least,
            .brought_wh = fmax(due - planner->trips[i].trip_wh - least, 0),
            .room_wh = ev->soc_max * ev->capacity_wh - least};
    }
}

static void fill_demand(const struct community_planner *planner, struct horizon *horizon,
                        double ret_now_w[DISPATCH_CLASSES])
{
    unsigned slot = dispatch_slot(horizon->time.local_s);

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        ret_now_w[c] = 0;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        for (unsigned h = 0; h < planner->setup->n_homes; h++) {
            const struct community_home *home = &planner->homes[h];
            unsigned to = home->is_stuck[c] ? DISPATCH_P0 : c; /* nobody can shed it */

            ret_now_w[to] += home->expect_w[c];
            for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
                horizon->demand_w[to][s] += forecast_demand_w(&home->circuits[c], s);
        }
    }
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        horizon->factor[c] = 1;
        if (c != DISPATCH_P3 && horizon->demand_w[c][slot] > 0)
            horizon->factor[c] =
                fmin(fmax(ret_now_w[c] / horizon->demand_w[c][slot], 0.5), 2);
    }
}

/* Shares follow the prices slowly, down faster than up: clouds pass, relays wear. What
 * is nearly all or nothing becomes it. */
static void follow(struct community_planner *planner,
                   const double share[DISPATCH_CLASSES], bool is_first)
{
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        double *mine = &planner->target[c];
        double tau = share[c] < *mine ? share_down_s[c] : share_up_s[c];

        if (is_first && c < DISPATCH_P3 && share[c] < *mine) /* P0's last hour */
            tau = planner->step_s;
        *mine += (share[c] - *mine) * fmin(planner->step_s / tau, 1);
        planner->share[c] = *mine;
        if (share[c] >= 1 && *mine > 0.9)
            planner->share[c] = 1;
        if (share[c] <= 0 && *mine < 0.1)
            planner->share[c] = 0;
    }
}

/* Prices what is stored and sets the shares of this step. */
void community_ration(struct community_planner *planner, const struct dispatch_time *time)
{
    struct horizon horizon = {
        .setup = planner->setup, .time = *time, .pv = &planner->pv, .pv_scale = 1};
    struct ration_in in = {0};
    double share[DISPATCH_CLASSES];

    sum_storages(planner, time->now_s, &horizon.room_wh);
    add_trips(planner, &horizon);
    fill_demand(planner, &horizon, in.demand_w);
    horizon.hazard =
        (struct hazard){.elapsed_s = time->now_s - planner->outage_since_s,
                        .has_announcement = planner->has_announcement &&
                                            planner->issued_s >=
                                                planner->outage_since_s - planner->step_s,
                        .n_broken = planner->n_broken,
                        .announced_in_s = planner->end_s - time->now_s,
                        .announced_span_s = planner->end_s - planner->issued_s};
    horizon_build(&horizon, &planner->model);
    value_solve(&planner->model, &planner->value);
    in.energy_wh = planner->energy_wh;
    in.hours = planner->model.stages[0].hours;
    in.pv_w = planner->pv_next_w = forecast_pv_next(&planner->pv, time, planner->step_s);
    planner->price = ration_share(&planner->model, &planner->value, &in, share);
    follow(planner, share, planner->is_first_step);
}
