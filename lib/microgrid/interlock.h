/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last look at a plan before it is actuated: a pure function that can only make it
 * safer. It switches off, keeps, clips or refuses; it never switches on what the plan does
 * not, and never closes a tie. Between the dispatch half and the daemon's actuation.
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
    struct circuit_limits limits;     /* hold while demand->is_islanded */
    double unswitched_w; /* load of the island that is no circuit of ours; < 0: unknown */
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

/* Makes plan safe in place. In this order: a plan of wrong length is kept as it stands now;
 * MANUAL and FAULT keep everything; P0, unbacked and switchless circuits are kept; the
 * state's open-all and highest class; the owner's override (on: never shed but for open-all
 * and the power limit; off: never switched on); min-off; power and legs, new loads first,
 * then from P4 up; inrush; set-points into min..max, not a number: failsafe; the tie only
 * with the device's sync OK. Feedback is believed over command. A circuit kept on before
 * its min-on ends may still be switched off: that is the safe side. */
void interlock_apply(const struct interlock_site *site, int64_t t_boot_ms,
                     struct circuit_plan *plan, struct interlock_changes *ret);
/* The same rules as a question, for tests and the simulator: NULL, or the first rule that
 * the plan breaks, in words. */
const char *interlock_violation(const struct interlock_site *site, int64_t t_boot_ms,
                                const struct circuit_plan *plan);

#endif
