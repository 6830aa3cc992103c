/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stored Wh is worth: a stochastic dynamic programme, backwards in time, over the
 * usable energy of a site or a community. Each stage knows what the sun may give (three
 * days of different weather), what each class wants, and how likely the outage ends in
 * it. The worth is concave in the energy, so a class is served while its weight exceeds
 * the price of what it draws. Fed by plan_horizon; read by community and solo.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_VALUE_H
#define GATEWAYD_MICROGRID_DISPATCH_VALUE_H

#include "lib/microgrid/dispatch/dispatch.h"

#define VALUE_REGIMES 3 /* a dull, a likely and a bright day */
#define VALUE_STAGES_MAX 112
#define VALUE_BINS 96

struct value_stage {
    double hours;
    double pv_w[VALUE_REGIMES];
    double demand_w[DISPATCH_CLASSES];
    double p_end; /* chance that the outage ends within this stage */
    double
        taken_wh;   /* leaves the storage at the start (an EV departs); negative: comes */
    double room_wh; /* usable capacity */
    bool is_reveal; /* only from here on the day's weather is known */
};

struct value_model {
    double weight[DISPATCH_CLASSES];
    double eta_charge, eta_discharge;
    double charge_w;  /* most the storages take; what is above serves or is curtailed */
    double end_worth; /* of a stored Wh when the grid is back */
    double horizon_worth; /* of a stored Wh at the end of the last stage */
    double night_wh;      /* of these, worth as much as P0 */
    double noise;         /* error of a stage's energy, share of its demand */
    unsigned n_stages;
    struct value_stage stages[VALUE_STAGES_MAX];
};

/* The worth of the energy left after the first stage, from empty to full. */
struct value {
    double bin_wh;
    double room_wh; /* of the second stage */
    double worth[VALUE_BINS + 1];
};

/* Solves the model; about 100 us per hour of horizon on a small box. */
void value_solve(const struct value_model *model, struct value *ret);

/* Price of one more stored Wh at this level; never negative. Below 0 the weight of P0. */
double value_price(const struct value *value, double energy_wh);

#endif
