/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bound by two passes over the steps: backwards, the least that must be stored so
 * that booked cars leave as promised; forwards, every step serves all it can above that.
 * Serving at once is never worse than later, since all critical Wh count the same.
 */
#include "gatewayctl/simulate/promise_bound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/microgrid/dispatch/split.h"

struct bound_step {
    double sun_wh, want_wh;
    double due_wh, brought_wh; /* leaves and comes with cars, above their reserves */
    double away_wh, away_w;    /* room and power that are not there */
    double need_wh;            /* least that is stored after this step */
};

struct bound_pool {
    double energy_wh, room_wh, power_w, charge_w;
    double eta_charge, eta_discharge;
};

static double reserve_wh(const struct community_storage *storage)
{
    double floor =
        storage->is_ev ? fmax(storage->soc_reserve, storage->soc_min) : storage->soc_min;

    return floor * storage->capacity_wh;
}

static void fill_pool(const struct community *community, const struct scenario *scenario,
                      struct bound_pool *pool)
{
    for (unsigned i = 0; i < community->n_storages; i++) {
        const struct community_storage *storage = &community->storages[i];

        pool->energy_wh += fmax(
            scenario->initial_soc[i] * storage->capacity_wh - reserve_wh(storage), 0);
        pool->room_wh += storage->soc_max * storage->capacity_wh - reserve_wh(storage);
        pool->power_w += storage->max_discharge_w;
        pool->charge_w += storage->max_charge_w;
        pool->eta_charge = fmax(pool->eta_charge, storage->eta_charge);
        pool->eta_discharge = fmax(pool->eta_discharge, storage->eta_discharge);
    }
}

static void fill_steps(const struct community *community, const struct scenario *scenario,
                       struct bound_step *steps)
{
    double hours = scenario->axis.step_s / 3600.0;

    for (unsigned t = 0; t < scenario->axis.n_steps; t++) {
        for (unsigned h = 0; h < community->n_homes; h++) {
            const struct profile_cell *cell = scenario_cell(scenario, community, t, h);

            steps[t].sun_wh += cell->pv_w * hours;
            steps[t].want_wh += cell->circuit_w[CIRCUIT_CRITICAL] * hours;
        }
        steps[t].sun_wh = fmin(steps[t].sun_wh, community->pv_limit_w * hours);
    }
}

static void take_away(const struct community *community, struct bound_step *steps,
                      unsigned storage, unsigned from, unsigned to)
{
    const struct community_storage *ev = &community->storages[storage];

    for (unsigned t = from; t < to; t++) {
        steps[t].away_wh += ev->soc_max * ev->capacity_wh - reserve_wh(ev);
        steps[t].away_w += ev->max_discharge_w;
    }
}

static bool is_replaced(const struct scenario *scenario,
                        const struct sim_booking *booking)
{
    for (unsigned i = 0; i < scenario->n_events; i++) {
        const struct scenario_event *e = &scenario->events[i];

        if (e->kind == EVENT_EV_DEPARTURE && e->storage == booking->storage &&
            e->start_step < booking->return_step && e->end_step > booking->depart_step)
            return true;
    }
    return false;
}

/* Cars that leave unannounced take nothing that is counted here: a bound may be kind. */
static void fill_trips(const struct community *community, const struct scenario *scenario,
                       struct bound_step *steps)
{
    unsigned n = scenario->axis.n_steps;

    for (unsigned i = 0; i < scenario->n_bookings; i++) {
        const struct sim_booking *b = &scenario->bookings[i];
        const struct community_storage *ev = &community->storages[b->storage];
        double due = fmax(ev->soc_depart * ev->capacity_wh - reserve_wh(ev), 0);

        if (b->depart_step == 0 || is_replaced(scenario, b))
            continue;
        if (b->depart_step >= n) { /* nobody knew that the grid would be back by then */
            if ((b->depart_step - n) * (double)scenario->axis.step_s < SPLIT_BOOKED_S)
                steps[n].due_wh += due;
            continue;
        }
        steps[b->depart_step].due_wh += due;
        if (b->return_step < n)
            steps[b->return_step].brought_wh += fmax(due - b->trip_wh, 0);
        take_away(community, steps, b->storage, b->depart_step,
                  b->return_step < n ? b->return_step : n);
    }
}

static void look_back(const struct bound_pool *pool, struct bound_step *steps, unsigned n)
{
    double need_wh = steps[n].due_wh;

    for (unsigned t = n; t-- > 0;) {
        steps[t].need_wh = need_wh;
        need_wh = fmax(need_wh - steps[t].sun_wh * pool->eta_charge, 0);
        need_wh = fmax(need_wh - steps[t].brought_wh, 0) + steps[t].due_wh;
    }
}

/* Serves one step; the Wh served. */
static double serve(struct bound_pool *pool, const struct bound_step *step, double hours)
{
    double room_wh = pool->room_wh - step->away_wh, from_sun, from_store, charged;

    pool->energy_wh =
        fmin(fmax(pool->energy_wh - step->due_wh, 0) + step->brought_wh, room_wh);
    from_sun = fmin(step->want_wh, step->sun_wh);
    /* sun that a booked car needs */
    if (pool->energy_wh + (step->sun_wh - from_sun) * pool->eta_charge < step->need_wh)
        from_sun = fmin(
            fmax(step->sun_wh - (step->need_wh - pool->energy_wh) / pool->eta_charge, 0),
            from_sun);
    charged = fmin(step->sun_wh - from_sun, pool->charge_w * hours) * pool->eta_charge;
    from_store = fmin(step->want_wh - from_sun, (pool->power_w - step->away_w) * hours);
    from_store = fmin(from_store, fmax(pool->energy_wh + charged - step->need_wh, 0) *
                                      pool->eta_discharge);
    pool->energy_wh += charged - from_store / pool->eta_discharge;
    pool->energy_wh = fmin(pool->energy_wh, room_wh);
    return from_sun + from_store;
}

int promise_bound_find(const struct community *community, const struct scenario *scenario,
                       struct promise_bound *ret)
{
    unsigned n = scenario->axis.n_steps, n_held = n;
    struct bound_step *steps = calloc(n + 1u, sizeof *steps);
    struct bound_pool pool = {0};
    double wanted_wh = 0, served_wh = 0, hours = scenario->axis.step_s / 3600.0;

    if (!steps)
        return -ENOMEM;
    fill_pool(community, scenario, &pool);
    fill_steps(community, scenario, steps);
    fill_trips(community, scenario, steps);
    look_back(&pool, steps, n);
    for (unsigned t = 0; t < n; t++) {
        double wh = serve(&pool, &steps[t], hours);

        if (n_held == n && wh < steps[t].want_wh - 1e-6 * (1 + steps[t].want_wh))
            n_held = t;
        served_wh += wh;
        wanted_wh += steps[t].want_wh;
    }
    ret->held_h = n_held * hours;
    ret->critical_percent = wanted_wh > 0 ? 100 * served_wh / wanted_wh : 100;
    free(steps);
    return 0;
}
