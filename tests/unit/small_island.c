/* SPDX-License-Identifier: Apache-2.0 */
/* The island that tests reckon by hand. */
#include "tests/unit/small_island.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct community_class classes[N_CIRCUITS] = {
    {.priority = 1,    .weight = 100   },
    {    .priority = 2, .weight = 10, .min_on_s = 300, .min_off_s = 300},
    {    .priority = 3, .weight = 3, .min_on_s = 300, .min_off_s = 300},
    {    4,             1,                          600, 600, 400, 1600},
    { .priority = 5,          .weight = 1,      .min_on_s = 600, .min_off_s = 600},
};

static void make_community(struct small_island *island, bool is_central)
{
    const struct community_storage half = {.is_grid_forming = true,
                                           .home = -1,
                                           .capacity_wh = is_central ? 10000 : 5000,
                                           .soc_min = 0.1,
                                           .soc_max = 1,
                                           .soc_reserve = 0.1,
                                           .max_charge_w = is_central ? 5000 : 2500,
                                           .max_discharge_w = is_central ? 5000 : 2500,
                                           .eta_charge = 0.95,
                                           .eta_discharge = 0.95};
    unsigned n = is_central ? 1 : 2;

    for (unsigned i = 0; i < n; i++) {
        island->storages[i] = half;
        island->storages[i].home = is_central ? -1 : (int)i;
        snprintf(island->storages[i].id, sizeof island->storages[i].id, "B%u", i + 1);
    }
    island->storages[n] = (struct community_storage){
        "EV1", true, false, -1, 40000, 0.1, 1, 0.3, 0.6, 10000, 10000, 0.95, 0.95};
    for (unsigned h = 0; h < 2; h++)
        island->homes[h] =
            (struct community_home){.id = h + 1, .pv_wp = 4000, .service_limit_w = 6000};
    island->homes[1].is_medical = true;
    island->community = (struct community){.name = "small",
                                           .is_central = is_central,
                                           .grid_import_limit_w = 20000,
                                           .max_island_load_w = 15000,
                                           .pv_limit_w = 8000,
                                           .restart_penalty_s = 900,
                                           .freq_nominal_hz = 50,
                                           .freq_soc_slope_hz = 1,
                                           .step_s = 300,
                                           .n_homes = 2,
                                           .n_storages = n + 1,
                                           .homes = island->homes,
                                           .storages = island->storages};
    memcpy(island->community.classes, classes, sizeof classes);
}

void small_island_make(struct small_island *island, bool is_central)
{
    memset(island, 0, sizeof *island);
    make_community(island, is_central);
    island->scenario = (struct scenario){
        .name = "small",
        .axis = {.step_s = 300, .n_steps = SMALL_STEPS},
        .n_outages = 1,
        .outages = island->outages,
        .estimates = island->estimates,
        .bookings = island->bookings,
        .events = island->events,
        .initial_soc = island->initial_soc,
        .is_grid_up = island->is_grid_up,
        .profiles = island->profiles,
        .history = island->history,
        .forecasts = island->forecasts
    };
    island->outages[0].end_step = SMALL_STEPS;
    for (unsigned i = 0; i < 3; i++)
        island->initial_soc[i] = 0.5;
    for (unsigned i = 0; i < 2 * SMALL_STEPS; i++)
        island->profiles[i] = (struct profile_cell){
            {100, 200, 300, 120, 0},
            0
        };
}

void small_island_start(struct small_island *island)
{
    small_island_done(island);
    if (plant_init(&island->plant, &island->community, &island->scenario) < 0 ||
        plant_commands_init(&island->commands, &island->community) < 0)
        abort();
}

void small_island_done(struct small_island *island)
{
    plant_done(&island->plant);
    plant_commands_done(&island->commands);
}

void small_island_demand(struct small_island *island, unsigned home,
                         enum sim_circuit circuit, double power_w)
{
    for (unsigned t = 0; t < SMALL_STEPS; t++)
        island->profiles[2 * t + home].circuit_w[circuit] = power_w;
}

void small_island_pv(struct small_island *island, double each_w)
{
    for (unsigned i = 0; i < 2 * SMALL_STEPS; i++)
        island->profiles[i].pv_w = each_w;
}

void small_island_grid_from(struct small_island *island, unsigned step)
{
    island->outages[0].end_step = step;
    scenario_mark_grid(&island->scenario);
}

void small_island_step(struct small_island *island, unsigned step)
{
    plant_step(&island->plant, step, &island->commands);
}

double small_island_served(const struct small_island *island, unsigned home,
                           enum sim_circuit circuit)
{
    return island->plant.served_w[home * N_CIRCUITS + circuit];
}
