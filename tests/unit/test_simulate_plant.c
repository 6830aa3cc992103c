/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plant: each rule of docs/scenario-format.md by name. */
#include <string.h>

#include "tests/unit/small_island.h"
#include "tests/unit/suite.h"

#define NEAR 1e-6
#define EV_CENTRAL 1u
#define EV_HOMES 2u
#define RELAY(home, circuit) ((home)*N_CIRCUITS + (circuit))

static struct small_island is;

static void begin(bool is_central)
{
    small_island_done(&is);
    small_island_make(&is, is_central);
    small_island_start(&is);
}

static int end(void)
{
    small_island_done(&is);
    return 0;
}

static void only_critical(void)
{
    for (unsigned i = 0; i < 2 * N_CIRCUITS; i++)
        is.commands.is_on[i] = i % N_CIRCUITS == CIRCUIT_CRITICAL;
}

/* ---- relays ---------------------------------------------------------------------- */

static void on_is_ignored_until_min_off_has_passed(void)
{
    begin(true);
    is.commands.is_on[RELAY(0, CIRCUIT_HEAVY)] = false;
    small_island_step(&is, 0);
    is.commands.is_on[RELAY(0, CIRCUIT_HEAVY)] = true;
    small_island_step(&is, 1); /* off for 300 of 600 s */
    CU_ASSERT_FALSE(is.plant.relays[RELAY(0, CIRCUIT_HEAVY)].is_on);
    CU_ASSERT_EQUAL(is.plant.n_lock_outs, 1);
    small_island_step(&is, 2);
    CU_ASSERT_TRUE(is.plant.relays[RELAY(0, CIRCUIT_HEAVY)].is_on);
    CU_ASSERT_EQUAL(is.plant.n_lock_outs, 1);
    CU_ASSERT_EQUAL(is.plant.relays[RELAY(0, CIRCUIT_HEAVY)].n_changes, 2);
}

static void off_acts_at_once_and_is_counted_when_early(void)
{
    begin(true);
    is.commands.is_on[RELAY(0, CIRCUIT_HEAVY)] = false;
    small_island_step(&is, 0); /* on since long ago: not early */
    CU_ASSERT_EQUAL(is.plant.n_early_offs, 0);
    is.commands.is_on[RELAY(0, CIRCUIT_HEAVY)] = true;
    small_island_step(&is, 2);
    is.commands.is_on[RELAY(0, CIRCUIT_HEAVY)] = false;
    small_island_step(&is, 3);
    CU_ASSERT_FALSE(is.plant.relays[RELAY(0, CIRCUIT_HEAVY)].is_on);
    CU_ASSERT_EQUAL(is.plant.n_early_offs, 1);
}

static void a_stuck_relay_stays_whatever_is_commanded(void)
{
    begin(true);
    is.scenario.n_events = 2;
    is.events[0] = (struct scenario_event){.kind = EVENT_RELAY_STUCK,
                                           .start_step = 1,
                                           .end_step = 3,
                                           .circuit = CIRCUIT_COMFORT,
                                           .is_on = true};
    is.events[1] = (struct scenario_event){
        .kind = EVENT_RELAY_STUCK, .end_step = 2, .home = 1, .circuit = CIRCUIT_COMFORT};
    is.commands.is_on[RELAY(0, CIRCUIT_COMFORT)] = false;
    for (unsigned t = 0; t < 4; t++) {
        small_island_step(&is, t);
        CU_ASSERT_EQUAL(small_island_served(&is, 0, CIRCUIT_COMFORT) > 0,
                        t == 1 || t == 2);
        CU_ASSERT_EQUAL(small_island_served(&is, 1, CIRCUIT_COMFORT) > 0, t >= 2);
    }
}

/* ---- water heater ---------------------------------------------------------------- */

static void the_tank_saves_heat_up_to_its_size(void)
{
    begin(true);
    small_island_demand(&is, 0, CIRCUIT_DEFERRABLE, 6000); /* 500 Wh a step */
    only_critical();
    for (unsigned t = 0; t < 5; t++)
        small_island_step(&is, t);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.tank_debt_wh[0], 1600, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.tank_debt_wh[1], 50, NEAR);
}

static void the_heater_draws_its_rating_until_the_debt_is_paid(void)
{
    begin(true);
    small_island_demand(&is, 0, CIRCUIT_DEFERRABLE, 0);
    is.profiles[0].circuit_w[CIRCUIT_DEFERRABLE] = 600; /* 50 Wh once */
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(small_island_served(&is, 0, CIRCUIT_DEFERRABLE), 400, NEAR);
    small_island_step(&is, 1);
    CU_ASSERT_DOUBLE_EQUAL(small_island_served(&is, 0, CIRCUIT_DEFERRABLE), 200, NEAR);
    small_island_step(&is, 2);
    CU_ASSERT_DOUBLE_EQUAL(small_island_served(&is, 0, CIRCUIT_DEFERRABLE), 0, NEAR);
}

static void a_heater_in_the_dark_keeps_its_debt(void)
{
    begin(true);
    is.initial_soc[0] = 0.1;
    small_island_start(&is);
    small_island_step(&is, 0);
    CU_ASSERT_TRUE(is.plant.has_collapsed);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.tank_debt_wh[0], 10, NEAR);
}

/* ---- storages -------------------------------------------------------------------- */

static void energy_pays_for_losses_both_ways(void)
{
    begin(true);
    only_critical();
    is.commands.storage_w[EV_CENTRAL] = 1140;
    small_island_step(&is, 0); /* 200 W of load: the battery takes 940 W */
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, -940, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].energy_wh, 5000 + 940 * 0.95 / 12, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh, 20000 - 100, NEAR);
}

static void discharge_ends_at_soc_min(void)
{
    begin(true);
    is.initial_soc[EV_CENTRAL] = 0.101; /* 40 Wh above */
    small_island_start(&is);
    only_critical();
    is.commands.storage_w[EV_CENTRAL] = 10000;
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, 40 * 0.95 * 12, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh, 4000, NEAR);
    CU_ASSERT_EQUAL(is.plant.n_below_reserve, 1);
}

static void charge_ends_at_soc_max(void)
{
    begin(true);
    is.initial_soc[EV_CENTRAL] = 0.999; /* 40 Wh below */
    small_island_start(&is);
    is.commands.storage_w[EV_CENTRAL] = -10000;
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, -40 / 0.95 * 12, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh, 40000, NEAR);
}

static void the_frequency_tells_the_charge(void)
{
    begin(false);
    is.initial_soc[0] = 0.9;
    is.initial_soc[1] = 0.5;
    is.initial_soc[EV_HOMES] = 0.3; /* an EV forms no grid */
    small_island_start(&is);
    CU_ASSERT_DOUBLE_EQUAL(plant_frequency_hz(&is.plant), 50.2, NEAR);
}

/* ---- with the grid --------------------------------------------------------------- */

static void surplus_with_grid_curtails_pv_then_discharge(void)
{
    begin(true);
    small_island_grid_from(&is, 0);
    small_island_pv(&is, 400);
    only_critical(); /* 200 W */
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 200, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.grid_w, 0, NEAR);
    is.commands.storage_w[0] = 3000;
    is.commands.storage_w[EV_CENTRAL] = 1000;
    small_island_step(&is, 1);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 0, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, 150, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, 50, NEAR);
}

static void charging_yields_to_the_import_limit(void)
{
    begin(true);
    small_island_grid_from(&is, 0);
    is.community.grid_import_limit_w = 1700;
    only_critical();
    is.commands.storage_w[0] = -2000;
    is.commands.storage_w[EV_CENTRAL] = -1000;
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.grid_w, 1700, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, -1000, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, -500, NEAR);
}

static void with_grid_everything_on_is_served(void)
{
    begin(true);
    small_island_grid_from(&is, 0);
    small_island_demand(&is, 0, CIRCUIT_HEAVY, 9000);
    is.community.grid_import_limit_w = 100;
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(small_island_served(&is, 0, CIRCUIT_HEAVY), 9000, NEAR);
    CU_ASSERT_EQUAL(is.plant.n_tripped, 0);
}

/* ---- the island ------------------------------------------------------------------ */

static void the_central_battery_takes_what_is_needed(void)
{
    begin(true);
    is.commands.storage_w[0] = -5000;
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.load_w, 1440, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, 1440, NEAR);
}

static void home_batteries_share_by_headroom(void)
{
    begin(false);
    is.commands.storage_w[0] = 500; /* headroom 2000 W and 2500 W; 940 W are missing */
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, 500 + 940 * 2000 / 4500.0, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[1].power_w, 940 * 2500 / 4500.0, NEAR);
}

static void home_batteries_take_a_surplus_by_headroom(void)
{
    begin(false);
    only_critical();
    is.commands.storage_w[0] = 1100; /* 900 W too much; room 3600 W and 2500 W */
    small_island_step(&is, 0);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, 1100 - 900 * 3600 / 6100.0,
                           NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[1].power_w, -900 * 2500 / 6100.0, NEAR);
}

static void surplus_charges_then_curtails_then_cuts_the_ev(void)
{
    begin(true);
    only_critical(); /* 200 W */
    small_island_pv(&is, 1500);
    is.commands.storage_w[EV_CENTRAL] = 4000;
    small_island_step(&is,
                      0); /* 6800 W spare, the battery takes 5000, PV gives 1800 up */
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[0].power_w, -5000, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 1200, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, 4000, NEAR);
    is.commands.storage_w[EV_CENTRAL] = 9000;
    small_island_step(&is, 1);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 0, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, 5200, NEAR);
    CU_ASSERT_FALSE(is.plant.has_collapsed);
}

static void pv_obeys_its_limits(void)
{
    begin(true);
    small_island_pv(&is, 6000);
    small_island_step(&is, 0); /* 8000 W: 1440 load, 5000 charge, the rest curtailed */
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 6440, NEAR);
    is.commands.pv_limit_w = 1000;
    small_island_step(&is, 1);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_used_w, 1000, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.pv_available_w, 12000, NEAR);
}

static void a_home_over_its_breaker_is_dark_for_four_steps(void)
{
    begin(true);
    small_island_demand(&is, 0, CIRCUIT_HEAVY, 0);
    is.profiles[2].circuit_w[CIRCUIT_HEAVY] = 5300; /* step 1: 6020 W */
    for (unsigned t = 0; t < 7; t++) {
        small_island_step(&is, t);
        CU_ASSERT_EQUAL(small_island_served(&is, 0, CIRCUIT_CRITICAL) < 1,
                        t >= 1 && t <= 4);
        CU_ASSERT_DOUBLE_EQUAL(small_island_served(&is, 1, CIRCUIT_CRITICAL), 100, NEAR);
        CU_ASSERT_EQUAL(is.plant.n_tripped, t == 1);
    }
}

static void a_deficit_collapses_the_island_for_four_steps(void)
{
    begin(true);
    is.profiles[2].circuit_w[CIRCUIT_HEAVY] = 4000; /* step 1: 5440 of 5000 W */
    for (unsigned t = 0; t < 7; t++) {
        small_island_step(&is, t);
        CU_ASSERT_EQUAL(is.plant.is_dark, t >= 1 && t <= 4);
        CU_ASSERT_EQUAL(is.plant.has_collapsed, t == 1);
        CU_ASSERT_EQUAL(is.plant.load_w > 0, !is.plant.is_dark);
        CU_ASSERT_EQUAL(is.plant.storages[0].power_w > 0, !is.plant.is_dark);
    }
}

static void evs_do_not_help_by_themselves(void)
{
    begin(true);
    is.initial_soc[0] = 0.1;
    small_island_start(&is);
    small_island_step(&is, 0);
    CU_ASSERT_TRUE(is.plant.has_collapsed);
    is.commands.storage_w[EV_CENTRAL] = 3000;
    small_island_step(&is, 4);
    CU_ASSERT_FALSE(is.plant.is_dark);
}

static void load_over_the_islands_limit_collapses_it(void)
{
    begin(true);
    is.community.max_island_load_w = 1439;
    small_island_step(&is, 0);
    CU_ASSERT_TRUE(is.plant.has_collapsed);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.load_w, 0, NEAR);
}

static void the_grid_ends_the_dark(void)
{
    begin(true);
    small_island_grid_from(&is, 2);
    is.initial_soc[0] = 0.1;
    small_island_start(&is);
    small_island_step(&is, 1);
    CU_ASSERT_TRUE(is.plant.is_dark);
    small_island_step(&is, 2);
    CU_ASSERT_FALSE(is.plant.is_dark);
    /* The tanks saved two steps of heat. */
    CU_ASSERT_DOUBLE_EQUAL(is.plant.load_w, 1680, NEAR);
}

/* ---- EVs ------------------------------------------------------------------------- */

static void book(unsigned depart_step, unsigned return_step, double trip_wh)
{
    is.scenario.n_bookings = 1;
    is.bookings[0] = (struct sim_booking){EV_CENTRAL, depart_step, return_step, trip_wh};
    small_island_start(&is);
    is.commands.storage_w[EV_CENTRAL] = 120;
}

static void a_booked_ev_is_judged_leaves_and_returns(void)
{
    begin(true);
    book(1, 3, 5000);
    small_island_step(&is, 0);
    small_island_step(&is, 1);
    CU_ASSERT_FALSE(is.plant.storages[EV_CENTRAL].is_connected);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].power_w, 0, NEAR);
    CU_ASSERT_EQUAL(is.plant.n_departures, 1);
    CU_ASSERT_EQUAL(is.plant.n_let_down, 1); /* 0.5 of the 0.6 that were due */
    small_island_step(&is, 2);
    small_island_step(&is, 3);
    CU_ASSERT_TRUE(is.plant.storages[EV_CENTRAL].is_connected);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh,
                           20000 - 5000 - 2 * 10 / 0.95, NEAR);
}

static void a_trip_leaves_five_percent(void)
{
    begin(true);
    book(0, 1, 50000);
    is.commands.storage_w[EV_CENTRAL] = 0;
    small_island_step(&is, 0);
    small_island_step(&is, 1);
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh, 2000, NEAR);
}

static void an_unannounced_departure_replaces_the_booking(void)
{
    begin(true);
    is.scenario.n_events = 1;
    is.events[0] = (struct scenario_event){.kind = EVENT_EV_DEPARTURE,
                                           .start_step = 2,
                                           .end_step = 4,
                                           .storage = EV_CENTRAL,
                                           .trip_wh = 1000};
    book(1, 3, 5000);
    is.commands.storage_w[EV_CENTRAL] = 0;
    for (unsigned t = 0; t < 5; t++) {
        small_island_step(&is, t);
        CU_ASSERT_EQUAL(is.plant.storages[EV_CENTRAL].is_connected, t < 2 || t > 3);
    }
    CU_ASSERT_DOUBLE_EQUAL(is.plant.storages[EV_CENTRAL].energy_wh, 19000, NEAR);
    CU_ASSERT_EQUAL(is.plant.n_departures, 1);
    CU_ASSERT_EQUAL(is.plant.n_let_down, 0); /* due was the reserve, 0.3 */
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(on_is_ignored_until_min_off_has_passed),
        TEST(off_acts_at_once_and_is_counted_when_early),
        TEST(a_stuck_relay_stays_whatever_is_commanded),
        TEST(the_tank_saves_heat_up_to_its_size),
        TEST(the_heater_draws_its_rating_until_the_debt_is_paid),
        TEST(a_heater_in_the_dark_keeps_its_debt),
        TEST(energy_pays_for_losses_both_ways),
        TEST(discharge_ends_at_soc_min),
        TEST(charge_ends_at_soc_max),
        TEST(the_frequency_tells_the_charge),
        TEST(surplus_with_grid_curtails_pv_then_discharge),
        TEST(charging_yields_to_the_import_limit),
        TEST(with_grid_everything_on_is_served),
        TEST(the_central_battery_takes_what_is_needed),
        TEST(home_batteries_share_by_headroom),
        TEST(home_batteries_take_a_surplus_by_headroom),
        TEST(surplus_charges_then_curtails_then_cuts_the_ev),
        TEST(pv_obeys_its_limits),
        TEST(a_home_over_its_breaker_is_dark_for_four_steps),
        TEST(a_deficit_collapses_the_island_for_four_steps),
        TEST(evs_do_not_help_by_themselves),
        TEST(load_over_the_islands_limit_collapses_it),
        TEST(the_grid_ends_the_dark),
        TEST(a_booked_ev_is_judged_leaves_and_returns),
        TEST(a_trip_leaves_five_percent),
        TEST(an_unannounced_departure_replaces_the_booking),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"simulate plant", NULL, end, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
