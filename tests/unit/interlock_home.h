/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of interlocks: a site, a plan for it, and what the interlock made of it. */
#ifndef GATEWAYD_TESTS_UNIT_INTERLOCK_HOME_H
#define GATEWAYD_TESTS_UNIT_INTERLOCK_HOME_H

#include <math.h>
#include <string.h>

#include "lib/microgrid/interlock.h"
#include "tests/unit/suite.h"

#define NOW_MS INT64_C(10000000)
#define LONG_AGO_MS INT64_C(1000)

static struct circuit circuits[CIRCUIT_MAX];
static struct circuit_now now[CIRCUIT_MAX];
static struct setpoint setpoints[SETPOINT_MAX];
static struct grid_demand demand;
static struct interlock_site site;
static struct circuit_plan plan;
static struct interlock_changes changes;

static inline void add_circuit(enum circuit_class class, double typical_w, bool is_on)
{
    uint32_t i = site.n_circuits++;

    circuits[i] = (struct circuit){.index = (uint16_t)i,
                                   .class = class,
                                   .typical_w = typical_w,
                                   .min_off_s = 180,
                                   .is_backed = true,
                                   .has_switch = class != CIRCUIT_P0};
    now[i] = (struct circuit_now){.is_on = is_on, .since_ms = LONG_AGO_MS};
    plan.circuits[i] = (struct circuit_order){.index = (uint16_t)i, .want_on = is_on};
    plan.n_circuits = site.n_circuits;
}

/* An islanded home of 3 kW with a circuit of each class on; no load but theirs. */
static inline void begin(void)
{
    memset(&plan, 0, sizeof plan);
    demand = (struct grid_demand){.state = ISLANDED,
                                  .highest_class = CIRCUIT_P4,
                                  .is_islanded = true,
                                  .freeze_exports = true};
    site = (struct interlock_site){.circuits = circuits,
                                   .now = now,
                                   .setpoints = setpoints,
                                   .demand = &demand,
                                   .limits = {.pcs_continuous_w = 3000}};
    add_circuit(CIRCUIT_P0, 100, true);
    add_circuit(CIRCUIT_P1, 200, true);
    add_circuit(CIRCUIT_P2, 300, true);
    add_circuit(CIRCUIT_P3, 400, true);
    add_circuit(CIRCUIT_P4, 500, true);
}

static inline void apply(void)
{
    interlock_apply(&site, NOW_MS, &plan, &changes);
    CU_ASSERT_PTR_NULL(interlock_violation(&site, NOW_MS, &plan));
}

static inline bool on(uint32_t i)
{
    return plan.circuits[i].want_on;
}

#endif
