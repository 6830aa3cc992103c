/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between gateways and coordinator: they pass, or are lost. One thread. */
#ifndef GATEWAYCTL_SIMULATE_POST_H
#define GATEWAYCTL_SIMULATE_POST_H

#include "gatewayctl/simulate/scenario.h"

struct post {
    unsigned n_actors; /* homes, then the charge area */
    const struct scenario *scenario;
    bool is_silent; /* from start to end */
    uint64_t seed;
    struct sim_message *reports, *plans; /* of this step, as they were sent */
    const struct sim_message **arrived;  /* reports that came through; NULL: none */
    struct sim_message *kept;            /* the last plan each actor received */
    unsigned *kept_step;                 /* when; UINT_MAX: never */
    unsigned n_sent, n_lost;
};

/* 0 or -ENOMEM; post_done in any case. */
int post_init(struct post *post, unsigned n_homes, const struct scenario *scenario);
void post_done(struct post *post);
/* Empties both boxes before a step's messages are written. */
void post_clear(struct post *post);
/* Lets the reports of this step through, into arrived[]. */
void post_collect(struct post *post, unsigned step);
/* Lets the plans of this step through, into kept[]. */
void post_deliver(struct post *post, unsigned step);
/* The plan an actor holds and its age in steps; NULL: it never got one. */
const struct sim_message *post_plan(const struct post *post, unsigned actor,
                                    unsigned step, unsigned *ret_age_steps);

#endif
