/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a circuit would draw, by time of day, learnt from its own past. A circuit that is
 * off reads 0: that says nothing about its demand and must not be fed. A meter that
 * sticks, or triples, moves the forecast only within bounds. Plain values, no allocation.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_FORECAST_DEMAND_H
#define GATEWAYD_MICROGRID_DISPATCH_FORECAST_DEMAND_H

#include "lib/microgrid/dispatch/dispatch.h"

struct forecast_demand {
    float slot_w[DISPATCH_SLOTS];
    float prior_w;   /* planning figure: before anything is learnt */
    float last_w;    /* the last reading while on */
    float mean_w;    /* of what was learnt; tells a night load from a day load */
    float spread_w;  /* mean distance of single readings from what is expected */
    unsigned n_same; /* readings in a row that did not move at all */
    bool has_history;
};

void forecast_demand_init(struct forecast_demand *forecast, double prior_w);

/* One half hour of the past day; weight 1 replaces what stood there. */
void forecast_demand_history(struct forecast_demand *forecast, unsigned slot, double w);

/* A reading while the circuit was on for the whole step. */
void forecast_demand_measure(struct forecast_demand *forecast, unsigned slot, double w,
                             double step_s);

/* Expected demand in a slot of the day, smoothed over its neighbours. */
double forecast_demand_w(const struct forecast_demand *forecast, unsigned slot);

/* Expected demand now: between what was just read and what the time of day says; the
 * first only while the circuit is on and its meter moves. */
double forecast_demand_now(const struct forecast_demand *forecast, unsigned slot,
                           bool is_on);

#endif
