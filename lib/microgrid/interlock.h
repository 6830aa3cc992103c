/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last look at a plan before it is actuated: a pure function that can only make it
 * safer. It switches off, keeps, clips or refuses; it never switches on what the plan
 * does not, and never closes a tie. Between the dispatch half and the daemon's actuation.
 */
#ifndef GATEWAYD_MICROGRID_INTERLOCK_H
#define GATEWAYD_MICROGRID_INTERLOCK_H

#include "lib/microgrid/circuit.h"
#include "lib/microgrid/grid_state.h"

#define INTERLOCK_CHANGES_MAX (CIRCUIT_MAX + SETPOINT_MAX + 1)

/* Everything the plan is held against; all borrowed for the call. */
struct interlock_site {
    uint32_t n_circuits, n_setpoints;
    const struct circuit *circuits;
    const struct circuit_now *now;
    const struct setpoint *setpoints;
    const struct grid_demand *demand; /* of the state machine, this step */
    /* hold while demand->is_islanded; not known: none */
    struct circuit_limits limits;
    double unswitched_w; /* load of the island that is no circuit of ours; NaN: unknown */
    bool is_sync_ok;     /* the transfer switch's own */
};

enum interlock_subject { INTERLOCK_CIRCUIT, INTERLOCK_SETPOINT, INTERLOCK_TIE };

/* One thing it changed; the plan's order holds the reason afterwards. */
struct interlock_change {
    enum interlock_subject subject;
    uint16_t index;
    enum circuit_reason reason;
    bool was_on;   /* as the plan wanted it */
    double was_w;  /* set-point as the plan wanted it */
};

struct interlock_changes {
    uint32_t n;
    struct interlock_change items[INTERLOCK_CHANGES_MAX];
};

/* Makes plan safe in place, in this order:
 * - a plan of another length, or an order of another index, is replaced by "as it
 * stands";
 * - MANUAL and FAULT keep everything; without a switch, or unbacked in an outage: kept;
 * - open-all, then the highest class of the state (P4 by count while they return);
 * - the owner's override: on is shed only for open-all and the power limit, off is never
 *   switched on;
 * - min-off;
 * - power, whole and by leg, inrush included: new loads go first, then running ones from
 * P4 up, overridden ones after others, P0 (where it has a switch at all) last;
 * - set-points into min..max, not a number: failsafe; none while frozen, but a car is
 * stopped with P4;
 * - the tie only as demanded, a closing command only with the device's own sync OK.
 * Feedback is believed over command. Switching off before min-on ends is the safe
 * side. */
void interlock_apply(const struct interlock_site *site, int64_t t_boot_ms,
                     struct circuit_plan *plan, struct interlock_changes *ret);
/* The same rules as a question, for tests and the simulator: NULL, or the first rule that
 * the plan breaks, in words. */
const char *interlock_violation(const struct interlock_site *site, int64_t t_boot_ms,
                                const struct circuit_plan *plan);

#endif
