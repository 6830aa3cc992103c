/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's own shed plan (OUTAGE.md 5): which circuits are on, given the last class that
 * may be, within the power rule, the plan's power budget, legs, inrush, minimum times and
 * the owner's overrides. Every order says why in numbers; circuit_why() makes the
 * sentence. Pure; between site (which class, which budget) and interlock (which only
 * makes safer).
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_SHED_H
#define GATEWAYD_MICROGRID_DISPATCH_SHED_H

#include "lib/microgrid/circuit.h"

/* Why the classes above class_max are off. */
struct shed_class {
    enum circuit_class max;
    enum circuit_reason reason;
    double value, limit;
    int64_t until_ms; /* next look, boot time */
    bool is_hard;     /* no minimum time and no latest return holds anything on */
};

struct shed_in {
    const struct circuit *circuits;
    const struct circuit_now *now;
    const double *expect_w; /* of each circuit if on; NULL: circuit_expect_w */
    unsigned n;
    int64_t t_boot_ms;
    struct shed_class class;
    struct circuit_limits limits; /* of the own inverter; unknown: no such rule */
    double breaker_w;             /* main breaker or service limit; <= 0: none */
    double budget_w;              /* of the community's plan; < 0: none */
    double other_w;               /* load that is no circuit of ours */
    int64_t refill_from_ms;       /* CIRCUIT_REFILL stays off until then */
    bool is_overloaded;           /* the PCS says so: now, not after the spike time */
};

/* How long the load has been above its limit. */
struct shed {
    int64_t over_since_ms; /* -1: it is not */
};

#define SHED_SPIKE_MS 7000 /* shorter ones are the inverter's to carry */

void shed_init(struct shed *shed);
/* One order for each circuit, in order. Never breaks min-off; never sheds what an
 * override holds on, but for the power and breaker rule. */
void shed_compute(struct shed *shed, const struct shed_in *in, struct circuit_plan *ret);

#endif
