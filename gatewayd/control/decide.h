/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decision: what the state machine demands, what the coordinator's plan allows, the
 * power rule, everyday policies and staged restoration become one plan, which the
 * interlocks make safe. Calls lib/microgrid only; time comes in, nothing goes out but the
 * plan.
 */
#ifndef GATEWAYD_CONTROL_DECIDE_H
#define GATEWAYD_CONTROL_DECIDE_H

#include "gatewayd/control/plan_in.h"
#include "gatewayd/control/policy.h"
#include "gatewayd/control/programme.h"
#include "gatewayd/control/setpoints.h"
#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/interlock.h"
#include "lib/microgrid/restore.h"

struct decide {
    /* the load without spikes: those are the inverter's to carry; NaN: not known yet */
    double calm_load_w;
    int64_t above_since_ms; /* the load is above it since; -1: it is not */
    struct restore restore;
    uint64_t restore_seed;
    uint32_t site_random_ms; /* of a site of its own */
    struct interlock_changes changes; /* of the last step */
};

struct decide_in {
    int64_t t_boot_ms;
    const struct site_map *map;
    const struct circuit_now *now;
    const struct grid_demand *demand;
    const struct plan_content *plan; /* NULL: none in force */
    bool is_plan_alive;
    const struct sense_power *power;
    const struct policy_out *policy;
    enum evidence_tri vf_good, tie_closed;
    bool is_overloaded;
    bool is_sync_ok; /* of the switch to the grid */
    const struct setpoints_out *setpoints; /* NULL: none (a drill) */
    struct programme *programme; /* NULL: classes and power alone (a drill) */
    /* wall time of the site; when the plan's last message came */
    int64_t local_ms, plan_ms;
    int64_t plan_first_ms;       /* when its first came */
};

/* is_test: the profile for tests; restoration a hundred times as fast. */
void decide_init(struct decide *decide, bool is_test);
/* Returns the boot time in ms at which it wants to be asked again at the latest. */
int64_t decide_step(struct decide *decide, const struct decide_in *in,
                    struct circuit_plan *ret);

#endif
