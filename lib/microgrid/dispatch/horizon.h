/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hours ahead as stages of the value programme: half hours for a day, hours after it;
 * with demand by time of day, sun, the chance that the grid returns, and EVs that leave
 * with their energy. From forecasts, for community (exact) and solo (coarse).
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_HORIZON_H
#define GATEWAYD_MICROGRID_DISPATCH_HORIZON_H

#include "lib/microgrid/dispatch/forecast_pv.h"
#include "lib/microgrid/dispatch/hazard.h"
#include "lib/microgrid/dispatch/value.h"

#define HORIZON_TRIPS_MAX 16

/* An EV that departs: energies above its driver's floor. */
struct horizon_trip {
    double hold_s, depart_s, return_s; /* absolute; from hold_s it keeps what is due */
    double held_wh, brought_wh,
        room_wh; /* due, back from the trip, all above the floor */
};

struct horizon {
    const struct dispatch_setup *setup;
    struct dispatch_time time;
    double demand_w[DISPATCH_CLASSES][DISPATCH_SLOTS];
    double factor[DISPATCH_CLASSES]; /* what is drawn now over what is usual; fades */
    const struct forecast_pv *pv;
    double pv_scale; /* of the forecast, to the whole */
    struct hazard hazard;
    double room_wh; /* usable, of what is connected now */
    unsigned n_trips;
    struct horizon_trip trips[HORIZON_TRIPS_MAX];
    bool is_coarse;
};

/* Stages from now; the first ends with the current half hour. */
void horizon_build(const struct horizon *horizon, struct value_model *ret);

/* Expected demand of a class at this lead time, all circuits on. */
double horizon_demand_w(const struct horizon *horizon, unsigned class, double lead_s);

#endif
