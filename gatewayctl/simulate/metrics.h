/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run is judged by: energy served by class, availability, fairness, switching, EV
 * drivers. An observer of a run; sums run over the outage steps alone unless said
 * otherwise. One thread.
 */
#ifndef GATEWAYCTL_SIMULATE_METRICS_H
#define GATEWAYCTL_SIMULATE_METRICS_H

#include <jansson.h>

#include "gatewayctl/simulate/run.h"

struct metrics_home {
    double served_wh[N_CIRCUITS], demand_wh[N_CIRCUITS];
    unsigned n_critical_steps; /* outage steps with all of the critical load served */
    int first_loss_step;       /* outage step in which critical load was lost; -1: none */
};

/* The best that can be reached, by one who knows everything; kWh. */
struct metrics_bound {
    bool is_known;
    double weighted_kwh, energy_kwh[N_CIRCUITS];
};

struct metrics {
    const struct community *community;
    struct metrics_home *homes;
    struct metrics_bound bound;
    unsigned n_steps, n_outage_steps, n_collapses, n_dark_steps, n_home_trips;
    double grid_demand_wh, grid_unserved_wh; /* non-deferrable, while the grid was up */
    unsigned n_bad_rows;                     /* of a result that was replayed */
    /* by metrics_finish: */
    double energy_kwh[N_CIRCUITS], demand_kwh[N_CIRCUITS], weighted_kwh;
    double fraction, fraction_nc; /* NaN: no bound */
    double critical_percent, critical_time_percent;
    double medical_percent; /* NaN: no medical home */
    double fairness, worst_share;
    unsigned worst_home; /* id; 0: no home had demand */
    double switches_per_day, worst_switches_per_day;
    char worst_circuit[32];
    unsigned n_early_offs, n_lock_outs, n_departures, n_let_down, n_below_reserve;
    double grid_unserved_percent;
    int first_loss_step; /* of any home; -1: none */
    bool is_rankable;
};

/* 0 or -ENOMEM; metrics_done in any case. */
int metrics_init(struct metrics *metrics, const struct community *community);
void metrics_done(struct metrics *metrics);
/* Reads bounds.csv for a scenario; without a file or a row the bound stays unknown. 0, or
 * -EINVAL with *reterr for a row that cannot be read. */
int metrics_read_bound(struct metrics *metrics, const char *path, const char *scenario,
                       struct gw_error *reterr);
/* For run_observe; ctx is the metrics. */
void metrics_step(void *ctx, const struct plant *plant, unsigned step,
                  const struct plant_commands *commands);

/* Outage steps until any home lost critical load; all of them when none did. */
unsigned metrics_held_steps(const struct metrics *metrics,
                            const struct scenario *scenario);
/* How many homes ever lost critical load; the most outage steps one lacked it. */
unsigned metrics_lost_homes(const struct metrics *metrics, unsigned *ret_longest_steps);
/* Does an outage go badly enough to say so by the exit code: collapse, a driver let down,
 * not rankable, critical load below 99.5 %. */
bool metrics_is_bad_news(const struct metrics *metrics);
/* A new reference; NULL: no memory. */
json_t *metrics_to_json(const struct metrics *metrics);

#endif
