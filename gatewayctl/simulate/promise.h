/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "We hold for 15 h": one outage of that length in place of a scenario's own, begun at
 * every whole hour that fits, with the stationary batteries at their reserve. The worst
 * start counts. The runs share out over threads; nothing but the results is written.
 */
#ifndef GATEWAYCTL_SIMULATE_PROMISE_H
#define GATEWAYCTL_SIMULATE_PROMISE_H

#include "gatewayctl/simulate/metrics.h"
#include "gatewayctl/simulate/promise_bound.h"

struct promise_home {
    double held_h; /* until its critical load was lost first */
    double critical_percent;
};

struct promise_start {
    unsigned step;
    double held_h; /* of the home that lost critical load first */
    double critical_percent, least_percent;
    unsigned n_collapses, n_home_trips;
    struct promise_bound bound; /* what the energy permits */
};

struct promise {
    const struct community *community;
    const struct scenario *scenario;
    sim_controller_new *make;
    bool is_coordinator_silent;
    uint64_t seed;
    unsigned n_steps; /* of the outage */
    double reserve;   /* 0..1 of usable */
    unsigned n_starts;
    struct promise_start *starts;
    unsigned worst; /* index in starts */
};

/* Runs every start; the settings above n_starts are filled by the caller. 0; -EINVAL with
 * *reterr when no start fits; -ENOMEM. promise_done in any case. */
int promise_sweep(struct promise *promise, struct gw_error *reterr);
void promise_done(struct promise *promise);

/* How a home fared in a run that was all outage. */
struct promise_home promise_home_of(const struct metrics *metrics, unsigned home,
                                    unsigned step_s);
/* Held in full, in every home, at every start. */
bool promise_is_held(const struct promise *promise);
/* Of the starts: held in full; held if the energy alone decided; not held though it would
 * have been, but for a main breaker that tripped. */
struct promise_count {
    unsigned n_held, n_permitted, n_tripped;
};
struct promise_count promise_count(const struct promise *promise);

#endif
