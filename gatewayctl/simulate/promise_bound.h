/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the energy permits in an outage: the critical load that is served by one who knows
 * all sun and demand, feeds nothing else, has all storages as one and keeps for booked
 * drivers what is due to them in the outage or soon after. No controller can
 * do better, few come near: relays, breakers and wrong forecasts do not count here.
 */
#ifndef GATEWAYCTL_SIMULATE_PROMISE_BOUND_H
#define GATEWAYCTL_SIMULATE_PROMISE_BOUND_H

#include "gatewayctl/simulate/scenario.h"

struct promise_bound {
    double held_h; /* until the energy no longer suffices for all */
    double critical_percent;
};

/* Of a scenario that is all outage. 0 or -ENOMEM. */
int promise_bound_find(const struct community *community, const struct scenario *scenario,
                       struct promise_bound *ret);

#endif
