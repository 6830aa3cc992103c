/* SPDX-License-Identifier: Apache-2.0 */
/* Meters between the plant and the controllers: what they read, faults included. */
#ifndef GATEWAYCTL_SIMULATE_SENSORS_H
#define GATEWAYCTL_SIMULATE_SENSORS_H

#include "gatewayctl/simulate/scenario.h"

struct sensors {
    const struct scenario *scenario;
    double *held; /* by event: where a stuck meter stands; NaN: not stuck yet */
};

/* 0 or -ENOMEM; sensors_done in any case. */
int sensors_init(struct sensors *sensors, const struct scenario *scenario);
void sensors_done(struct sensors *sensors);
/* The reading of a step; home -1: the community's meter; circuit N_CIRCUITS: PV. To be
 * asked for every step, so that a stuck meter sticks at the value of its start. */
double sensors_read(struct sensors *sensors, unsigned step, int home,
                    enum sim_circuit circuit, double truth_w);

#endif
