/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulation from its first step to its last: controllers or a file of commands on one
 * side, the plant on the other, observers (result, metrics, report) beside. One thread
 * per run; runs share nothing but the read-only community and scenario.
 */
#ifndef GATEWAYCTL_SIMULATE_RUN_H
#define GATEWAYCTL_SIMULATE_RUN_H

#include "gatewayctl/simulate/plant.h"

#define RUN_OBSERVERS_MAX 4

/* Called after every step. */
struct run_observer {
    void *ctx;
    void (*step)(void *ctx, const struct plant *plant, unsigned step,
                 const struct plant_commands *commands);
};

struct run {
    const struct community *community;
    const struct scenario *scenario;
    bool is_coordinator_silent;
    uint64_t seed; /* of what is lost on the way */
    unsigned n_observers;
    struct run_observer observers[RUN_OBSERVERS_MAX];
    /* Once an hour of simulated time; may be NULL. */
    void (*progress)(unsigned step, unsigned n_steps);
};

void run_observe(struct run *run, void *ctx,
                 void (*step)(void *ctx, const struct plant *plant, unsigned step,
                              const struct plant_commands *commands));
/* Controllers and plant in closed loop. 0; -EINVAL with *reterr; -ENOMEM. */
int run_closed_loop(const struct run *run, const struct sim_controller *controller,
                    struct gw_error *reterr);
/* Commands from elsewhere: `next` changes them before each step. */
int run_replay(const struct run *run, void *ctx,
               void (*next)(void *ctx, unsigned step, struct plant_commands *commands));

#endif
