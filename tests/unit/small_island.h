/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two homes, a battery (or two) and an EV, twelve steps of outage: small enough to
 * reckon by hand. Tests change what they need after small_island_make.
 */
#ifndef GATEWAYD_TESTS_UNIT_SMALL_ISLAND_H
#define GATEWAYD_TESTS_UNIT_SMALL_ISLAND_H

#include "gatewayctl/simulate/plant.h"

#define SMALL_STEPS 12u

struct small_island {
    struct community community;
    struct community_home homes[2];
    struct community_storage storages[3]; /* batteries, then EV1 */
    struct scenario scenario;
    struct scenario_outage outages[2];
    struct sim_estimate estimates[2];
    struct sim_booking bookings[2];
    struct scenario_event events[4];
    double initial_soc[3];
    bool is_grid_up[SMALL_STEPS];
    struct profile_cell profiles[2 * SMALL_STEPS];
    struct sim_history history[2 * SCENARIO_HISTORY_ROWS];
    struct sim_forecast forecasts[4];
    struct plant plant;
    struct plant_commands commands;
};

/* Every home: 100 W critical, 200 essential, 300 comfort, 120 heat need, 0 heavy, no PV.
 * is_central: one battery of 10 kWh and 5 kW at the charge area; else two of 5 kWh
 * and 2.5 kW in the homes. All half full; all is outage. */
void small_island_make(struct small_island *island, bool is_central);
/* (Re)makes the plant after changes; small_island_done frees it. */
void small_island_start(struct small_island *island);
void small_island_done(struct small_island *island);
/* Sets a circuit's demand in all steps. */
void small_island_demand(struct small_island *island, unsigned home,
                         enum sim_circuit circuit, double power_w);
void small_island_pv(struct small_island *island, double each_w);
/* Grid in all steps from `step` on. */
void small_island_grid_from(struct small_island *island, unsigned step);
void small_island_step(struct small_island *island, unsigned step);
double small_island_served(const struct small_island *island, unsigned home,
                           enum sim_circuit circuit);

#endif
