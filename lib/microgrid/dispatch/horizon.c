/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the model of value.c from what is known now; see the header.
 */
#include "lib/microgrid/dispatch/horizon.h"

#include <math.h>

#define HORIZON_S (60 * 3600.0)
#define FACTOR_FADE_S (4 * 3600.0)
/* At this time of day the weather of the day is taken as known. */
#define REVEAL_S (9 * 3600.0)
/* Fog, snow and a wrong clock: before it is up, a dull day's sun may be so late. */
#define LATE_S 3600.0
#define UP_SHARE 0.02 /* of the rated power: the sun is up */
/* Where nobody told how long it takes, the site's promise of a night counts for more. */
#define P0_UNTOLD 1.5

double horizon_demand_w(const struct horizon *horizon, unsigned class, double lead_s)
{
    unsigned slot = dispatch_slot((double)horizon->time.local_s + lead_s);
    double factor = 1 + (horizon->factor[class] - 1) * exp(-lead_s / FACTOR_FADE_S);

    return horizon->demand_w[class][slot] * factor;
}

/* A heater's demand waits in its tank: half of it where the sun is. */
static double waiting_demand_w(const struct horizon *horizon, double lead_s, double sun_w)
{
    const double *need = horizon->demand_w[DISPATCH_P3];
    double day_w = 0, own = horizon_demand_w(horizon, DISPATCH_P3, lead_s);

    for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
        day_w += need[s] / DISPATCH_SLOTS;
    /* a third of the day has sun enough */
    return 0.4 * own + (sun_w > 3 * day_w ? 0.6 * 3 * day_w : 0);
}

static double stage_length_s(const struct horizon *horizon, double lead_s)
{
    double slot_s = horizon->is_coarse ? 2 * DISPATCH_SLOT_S : DISPATCH_SLOT_S;

    if (lead_s <= 0)
        return DISPATCH_SLOT_S - fmod((double)horizon->time.local_s, DISPATCH_SLOT_S);
    return lead_s < DISPATCH_DAY_S ? slot_s : 2 * slot_s;
}

static void add_trips(const struct horizon *horizon, double lead_s, double length_s,
                      struct value_stage *stage)
{
    double from_s = horizon->time.now_s + lead_s, to_s = from_s + length_s;

    for (unsigned i = 0; i < horizon->n_trips; i++) {
        const struct horizon_trip *trip = &horizon->trips[i];

        if (trip->hold_s >= from_s && trip->hold_s < to_s && lead_s > 0)
            stage->taken_wh += trip->held_wh;
        if (trip->return_s >= from_s && trip->return_s < to_s)
            stage->taken_wh -= trip->brought_wh;
        if (trip->depart_s < to_s && trip->return_s >= to_s)
            stage->room_wh -= trip->room_wh;
        else if (trip->hold_s < to_s && trip->depart_s >= to_s)
            stage->room_wh -= trip->held_wh;
    }
    stage->room_wh = fmax(stage->room_wh, 1);
}

/* The night's reserve must reach to a late sun: no forecast is right to the half hour. */
static void delay_sun(const struct horizon *horizon, double lead_s, double *dull_w)
{
    double late_w[FORECAST_PV_QUANTILES];

    if (horizon->pv->last_w >= UP_SHARE * horizon->pv->rated_w)
        return;
    forecast_pv_at(horizon->pv, &horizon->time, lead_s - LATE_S, late_w);
    *dull_w = fmin(*dull_w, late_w[0]);
}

static void fill_stage(const struct horizon *horizon, double lead_s, double length_s,
                       struct value_stage *stage)
{
    double middle_s = lead_s + length_s / 2, before, after, local_s;

    *stage = (struct value_stage){.hours = length_s / 3600, .room_wh = horizon->room_wh};
    forecast_pv_at(horizon->pv, &horizon->time, middle_s, stage->pv_w);
    delay_sun(horizon, middle_s, &stage->pv_w[0]);
    for (unsigned r = 0; r < VALUE_REGIMES; r++)
        stage->pv_w[r] =
            fmin(stage->pv_w[r] * horizon->pv_scale, horizon->setup->pv_limit_w);
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        stage->demand_w[c] = horizon_demand_w(horizon, c, middle_s);
    stage->demand_w[DISPATCH_P3] = waiting_demand_w(horizon, middle_s, stage->pv_w[1]);
    before = hazard_survival(&horizon->hazard, lead_s);
    after = hazard_survival(&horizon->hazard, lead_s + length_s);
    stage->p_end = before > 1e-6 ? 1 - after / before : 1;
    local_s = fmod((double)horizon->time.local_s + lead_s, DISPATCH_DAY_S);
    stage->is_reveal = local_s >= REVEAL_S && local_s < REVEAL_S + length_s;
    add_trips(horizon, lead_s, length_s, stage);
}

void horizon_build(const struct horizon *horizon, struct value_model *ret)
{
    const struct dispatch_setup *setup = horizon->setup;
    double lead_s = 0;

    *ret = (struct value_model){.eta_charge = 0.95,
                                .eta_discharge = 0.95,
                                .end_worth = 0.2,
                                .horizon_worth = 5,
                                .noise = 0.05};
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        ret->weight[c] = setup->classes[c].weight;
    if (!horizon->hazard.has_announcement && !horizon->is_coarse)
        ret->weight[DISPATCH_P0] *= P0_UNTOLD;
    for (unsigned i = 0; i < setup->n_storages; i++) {
        ret->charge_w += setup->storages[i].max_charge_w;
        if (!setup->storages[i].is_grid_forming)
            continue;
        ret->eta_charge = setup->storages[i].eta_charge;
        ret->eta_discharge = setup->storages[i].eta_discharge;
    }
    while (lead_s < HORIZON_S && ret->n_stages < VALUE_STAGES_MAX) {
        double length_s = stage_length_s(horizon, lead_s);

        fill_stage(horizon, lead_s, length_s, &ret->stages[ret->n_stages++]);
        lead_s += length_s;
    }
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
        ret->night_wh += horizon->demand_w[DISPATCH_P0][s] * 10 / DISPATCH_SLOTS;
}
