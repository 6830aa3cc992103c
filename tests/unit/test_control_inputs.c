/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what gatewayd/control takes from devices: charges of several batteries, those
 * that fall silent or lie, outputs that do not follow, the tie and planned outages.
 */
#include <math.h>
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

#define TWO                                                                              \
    "[{battery: battery, capacity: 3 kWh, max_discharge: 3 kW, cut_off: 10 %}, "         \
    "{battery: shed, capacity: 9 kWh, max_discharge: 3 kW, cut_off: 0 %}]"

/* ---- batteries --------------------------------------------------------------------- */

/* Islanded on two batteries of which the small one is nearly empty. */
static void begin_on_two(double small_permille, double large_permille)
{
    home_sources = TWO;
    home_begin(NULL);
    home_set(HOME_SOC, small_permille);
    home_set(HOME_SOC_2, large_permille);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_pass(10000);
}

static void end_on_two(void)
{
    home_end();
    home_sources = NULL;
}

static double usable(void)
{
    return home.control->power.usable_permille;
}

static void batteries_count_together_by_their_capacity(void)
{
    begin_on_two(190, 600);
    CU_ASSERT_EQUAL(home.control->map.n_evidence, 4); /* three of the grid, one of both */
    /* 270 of 2700 Wh above the one's cut-off, 5400 of 9000 Wh of the other */
    CU_ASSERT_DOUBLE_EQUAL(usable(), 5670.0 / 11700 * 1000, 0.1);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_set(HOME_SOC_2, 200);
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_EQUAL(home_count_events("grid-state", "battery all 18 %"), 1);
    end_on_two();
}

static void a_battery_that_falls_silent_empties_nothing(void)
{
    begin_on_two(190, 600);
    home_silence(HOME_SOC_2);
    home_silence(HOME_BATTERY_2_W);
    home_pass(120000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_DOUBLE_EQUAL(usable(), 5670.0 / 11700 * 1000, 0.1);
    home_set(HOME_SOC_2, 580); /* and is back */
    home_set(HOME_BATTERY_2_W, 300);
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(usable(), 5490.0 / 11700 * 1000, 0.1);
    home_silence(HOME_SOC);
    home_silence(HOME_SOC_2);
    home_pass(1000);
    CU_ASSERT_TRUE(isnan(usable())); /* nobody tells: not known, not full */
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    end_on_two();
}

static void a_silent_battery_is_reckoned_from_its_power(void)
{
    begin_on_two(550, 600);
    home_silence(HOME_SOC_2);
    home_set(HOME_BATTERY_2_W, 3000);
    home_pass(3600000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->charge.batteries[1].soc_permille, 600 - 333, 2);
    end_on_two();
}

static void a_charge_that_stands_still_while_energy_is_drawn_is_not_believed(void)
{
    begin_on_two(550, 600);
    home_set(HOME_BATTERY_2_W, 3000); /* 450 Wh are 5 % of it: 9 min */
    home_pass(8 * 60000);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", NULL), 0);
    home_pass(2 * 60000);
    CU_ASSERT_EQUAL(
        home_count_events("battery-stuck", "shed: its charge stays at 60.0 %"), 1);
    home_pass(50 * 60000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->charge.batteries[1].soc_permille, 600 - 333, 5);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", NULL), 1);
    home_set(HOME_SOC_2, 280); /* it moves: it is believed */
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->charge.batteries[1].soc_permille, 280, 0.5);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", "moves again"), 1);
    end_on_two();
}

static void a_full_battery_that_takes_a_little_is_not_stuck(void)
{
    home_begin(NULL);
    home_set(HOME_SOC, 1000);
    home_set(HOME_BATTERY_W, -300);
    home_pass(3 * 3600000);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", NULL), 0);
    home_end();
}

static void one_reading_of_an_empty_battery_is_no_empty_battery(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 0);
    home_pass(500);
    home_set(HOME_SOC, 815);
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_set(HOME_SOC, 0); /* it stays so: it is true */
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    home_end();
}

static void a_car_that_drives_off_leaves_the_load_known(void)
{
    home_sources =
        "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}, "
        "{battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %}]";
    home_begin(NULL);
    home_set(HOME_CAR_W, -200);
    home_pass(500);
    CU_ASSERT_EQUAL(home.control->power.load_w, 400);
    home_silence(HOME_CAR_W);
    home_silence(HOME_CAR_SOC);
    home_pass(500);
    CU_ASSERT_EQUAL(home.control->power.load_w, 600);
    end_on_two();
}

/* ---- the tie ----------------------------------------------------------------------- */

#define TIE                                                                              \
    "  tie: {switch: panel.tie, feedback: panel.tie_closed, sync: panel.sync_ok}\n"
/* 2026-11-18 20:25 is 100 s after the home begins. */
#define PLANNED                                                                          \
    TIE "  planned: [{from: \"2026-11-18 20:25\", until: \"2026-11-18 20:27\"}]\n"

static bool is_grid_there, is_tie_welded, is_tie_jammed;

/* The tie's contactor obeys its coil, and the inverter makes an island behind an open
 * one. */
static void live(int64_t ms)
{
    for (int64_t end_ms = home.t_ms + ms; home.t_ms < end_ms;) {
        bool is_closed =
            is_tie_welded || (!is_tie_jammed && home.points[HOME_TIE].value > 0.5);

        home_set(HOME_AUX, is_closed);
        home_set(HOME_CONTACT, is_grid_there);
        home_set(HOME_VOLTAGE, is_grid_there ? 202 : 0);
        home_set(HOME_PCS, is_grid_there && is_closed ? 1 : 2);
        home_pass(250);
    }
}

static void begin_with_tie(const char *more)
{
    is_grid_there = true;
    is_tie_welded = is_tie_jammed = false;
    home_begin(more);
}

static void a_planned_outage_is_met_by_an_island_and_left_when_it_ends(void)
{
    begin_with_tie(PLANNED);
    live(90000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_EQUAL(home_count_writes("panel.tie"), 0);
    live(6500); /* 3 s before it begins: the profile of tests is fast */
    CU_ASSERT_STRING_EQUAL(home_state(), "TRANSFERRING");
    CU_ASSERT_FALSE(home_is_on("tie"));
    live(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    is_grid_there = false;
    live(60000);
    is_grid_there = true; /* earlier than announced: nobody is in a hurry */
    live(30000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    live(30000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    live(60000); /* it waits for the device's word */
    CU_ASSERT_FALSE(home_is_on("tie"));
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    home_set(HOME_SYNC, 1);
    live(60000);
    CU_ASSERT_TRUE(home_is_on("tie"));
    CU_ASSERT_FALSE(home_last_write("panel.tie")->at_once);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_end();
}

static void a_planned_island_is_given_up_before_its_reserve_is(void)
{
    begin_with_tie(PLANNED);
    home_set(HOME_SYNC, 1);
    live(103000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_set(HOME_SOC, 330);
    live(20000); /* the grid is there after all */
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    home_set(HOME_SOC, 820);
    live(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK"); /* and not again */
    home_end();
}

static void no_planned_island_is_begun_with_little_stored(void)
{
    begin_with_tie(PLANNED);
    home_set(HOME_SOC, 400); /* 33 %: above the floor, not by 5 points */
    live(110000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_end();
}

static void a_restart_in_a_planned_island_stays_in_it(void)
{
    begin_with_tie(PLANNED);
    live(110000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_restart(PLANNED);
    live(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_end();
}

static void the_owner_may_leave_the_grid_for_a_while(void)
{
    char text[300];

    begin_with_tie(NULL);
    CU_ASSERT_TRUE(control_island(home.control, 60000, text, sizeof text) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "outage.tie"));
    home_end();
    begin_with_tie(TIE);
    home_set(HOME_SYNC, 1);
    CU_ASSERT_EQUAL(control_island(home.control, 60000, text, sizeof text), 0);
    live(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_restart(TIE);
    live(50000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    live(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_EQUAL(control_island(home.control, 60000, text, sizeof text), 0);
    live(5000);
    CU_ASSERT_EQUAL(control_island(home.control, 0, text, sizeof text), 0);
    live(45000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_end();
}

static void a_tie_that_does_not_open_is_a_fault_and_is_not_moved_again(void)
{
    unsigned n;

    begin_with_tie(PLANNED);
    live(95000);
    is_tie_welded = true;
    live(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "TRANSFERRING");
    live(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "FAULT");
    CU_ASSERT_EQUAL(home_count_events("contactor", NULL), 1);
    n = home_count_writes("panel.tie");
    live(60000);
    CU_ASSERT_EQUAL(home_count_writes("panel.tie"), n);
    CU_ASSERT_STRING_EQUAL(home_state(), "FAULT");
    is_tie_welded = false;
    control_hold(home.control, false, (char[300]){0}, 300); /* a person has been there */
    live(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_end();
}

static void a_tie_that_does_not_close_when_it_may_is_a_fault(void)
{
    unsigned n;

    begin_with_tie(TIE);
    is_grid_there = false;
    live(10000);
    is_grid_there = is_tie_jammed = true;
    live(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    home_set(HOME_SYNC, 1);
    live(1750);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    live(1250);
    CU_ASSERT_STRING_EQUAL(home_state(), "FAULT");
    n = home_count_writes("panel.tie");
    live(60000); /* the device's own failsafe may end it; we do not try on */
    CU_ASSERT_EQUAL(home_count_writes("panel.tie"), n);
    home_end();
}

/* What the inverter opened by itself is no fault of the tie. */
static void an_outage_of_the_ordinary_kind_is_no_fault_of_the_tie(void)
{
    begin_with_tie(TIE);
    is_grid_there = false;
    live(10000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_FALSE(home_is_on("tie"));
    is_grid_there = true;
    home_set(HOME_SYNC, 1);
    live(90000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_TRUE(home_is_on("tie"));
    for (int i = 0; i < 4; i++) { /* held closed, and opened again by the next outages */
        is_grid_there = false;
        live(10000);
        CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
        is_grid_there = true;
        live(180000);
        CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    }
    home_end();
}

static CU_TestInfo ties[] = {
    TEST(a_planned_outage_is_met_by_an_island_and_left_when_it_ends),
    TEST(a_planned_island_is_given_up_before_its_reserve_is),
    TEST(no_planned_island_is_begun_with_little_stored),
    TEST(a_restart_in_a_planned_island_stays_in_it),
    TEST(the_owner_may_leave_the_grid_for_a_while),
    TEST(a_tie_that_does_not_open_is_a_fault_and_is_not_moved_again),
    TEST(a_tie_that_does_not_close_when_it_may_is_a_fault),
    TEST(an_outage_of_the_ordinary_kind_is_no_fault_of_the_tie),
    CU_TEST_INFO_NULL,
};

/* ---- cars, and who may start an island --------------------------------------------- */

#define BATTERY "{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %"
#define CAR "{battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %"

static void begin_with(const char *sources, const char *more)
{
    home_sources = sources;
    home_begin(more);
    home_set(HOME_PLUGGED, 1);
    home_pass(500);
}

/* What the programme counts of it, in % of its capacity. */
static double counted(void)
{
    return (1 - home.control->programme.storages[1].soc_reserve) * 100;
}

static void of_a_car_only_what_is_not_due_and_is_here_counts(void)
{
    begin_with("[" BATTERY "}, " CAR ", departure_floor: 30 %}]", NULL);
    CU_ASSERT_DOUBLE_EQUAL(counted(), 40, 0.1); /* 70 % in it */
    home_set(HOME_PLUGGED, 0);
    home_pass(500);
    CU_ASSERT_EQUAL(counted(), 0);
    home_set(HOME_PLUGGED, 1);
    home_silence(HOME_CAR_SOC);
    home_pass(500);
    CU_ASSERT_EQUAL(counted(), 0);
    end_on_two();
    begin_with("[" BATTERY "}, " CAR ", departure_floor: 30 %}]",
               "  departures: [{ev: car, at: \"07:30\", soc: 60 %}]\n");
    CU_ASSERT_DOUBLE_EQUAL(counted(), 10, 0.1);
    home_set(HOME_CAR_SOC, 500);
    home_pass(1000);
    CU_ASSERT_EQUAL(counted(), 0);
    end_on_two();
}

/* Its charger forms the island; its owner keeps 30 %. */
static void a_home_may_live_on_a_car_alone(void)
{
    begin_with("[" CAR ", departure_floor: 30 %, black_start: yes}]", NULL);
    home_grid(false);
    home_pass(10000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_DOUBLE_EQUAL(usable(), 400.0 / 700 * 1000, 0.5);
    home_set(HOME_CAR_SOC, 400); /* 14 % of what may be used */
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    home_set(HOME_PLUGGED, 0); /* gone: not known, and no reason for anything */
    home_pass(20000);
    CU_ASSERT_TRUE(isnan(usable()));
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    end_on_two();
}

/* The inverter goes off beside a full battery. An hour is 36 s in the profile of
 * tests. */
static bool asks_for_a_restart(const char *sources)
{
    bool asks = false;

    begin_with(sources, NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_PCS, 3);
    home_pass(10000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    for (int i = 0; i < 40; i++) {
        home_pass(1000);
        asks |= home.control->out.demand.try_restart;
    }
    home_set(HOME_PCS, 2); /* started by whomever: it is used */
    home_pass(40000);
    CU_ASSERT_STRING_NOT_EQUAL(home_state(), "BLACK");
    end_on_two();
    return asks;
}

static void no_island_is_started_from_what_cannot_start_one(void)
{
    CU_ASSERT_TRUE(asks_for_a_restart("[" BATTERY "}]"));
    CU_ASSERT_FALSE(asks_for_a_restart("[" BATTERY ", black_start: no}, " CAR "}]"));
    CU_ASSERT_TRUE(asks_for_a_restart("[" BATTERY ", black_start: no}, " CAR
                                      ", black_start: yes}]"));
}

static void a_shelter_values_what_its_guests_live_on(void)
{
    home_begin(NULL);
    CU_ASSERT_EQUAL(home.control->programme.setup.classes[DISPATCH_P2].weight, 3);
    home_end();
    home_begin("  site: shelter\n");
    CU_ASSERT_EQUAL(home.control->programme.setup.classes[DISPATCH_P1].weight, 50);
    CU_ASSERT_EQUAL(home.control->programme.setup.classes[DISPATCH_P2].weight, 20);
    home_end();
}

static CU_TestInfo cars[] = {
    TEST(of_a_car_only_what_is_not_due_and_is_here_counts),
    TEST(a_home_may_live_on_a_car_alone),
    TEST(no_island_is_started_from_what_cannot_start_one),
    TEST(a_shelter_values_what_its_guests_live_on),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo batteries[] = {
    TEST(batteries_count_together_by_their_capacity),
    TEST(a_battery_that_falls_silent_empties_nothing),
    TEST(a_silent_battery_is_reckoned_from_its_power),
    TEST(a_charge_that_stands_still_while_energy_is_drawn_is_not_believed),
    TEST(a_full_battery_that_takes_a_little_is_not_stuck),
    TEST(one_reading_of_an_empty_battery_is_no_empty_battery),
    TEST(a_car_that_drives_off_leaves_the_load_known),
    CU_TEST_INFO_NULL,
};

/* ---- outputs that do not follow ---------------------------------------------------- */

/* The heater ordered off shows the old state for so long. */
static unsigned count_told_after(int64_t ms)
{
    home_begin(NULL);
    home.points[HOME_HEATER].is_frozen = true;
    home_set(HOME_CONTACT, 0);
    home_poll(); /* ordered off in this call */
    home_pass(ms);
    home.points[HOME_HEATER].is_frozen = false;
    home_set(HOME_HEATER, 0);
    home_pass(10000);
    return home_count_events("control-output", "panel.heater does not follow");
}

static void a_relay_has_two_seconds_to_follow(void)
{
    CU_ASSERT_EQUAL(count_told_after(2000), 0); /* seen differing for 1.75 s */
    home_end();
    CU_ASSERT_EQUAL(count_told_after(2500), 1);
    CU_ASSERT_EQUAL(home_count_events("control-output", "follows again"), 1);
    home_end();
}

static void a_relay_that_sticks_is_no_fault_of_the_home(void)
{
    home_begin(NULL);
    home.points[HOME_HEATER].is_frozen = true;
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 2100);
    home_pass(10 * 60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(home_is_on("heater"));
    home_set(HOME_SOC, 330); /* what obeys is still shed */
    home_pass(2000);
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_end();
}

/* A medical home may draw 1800 W; the heater that sticks takes 1200 of them. */
static void what_sticks_is_planned_around_where_no_meter_tells_the_load(void)
{
    home_begin("  medical: {typical: 10 W, reserve: 1 min}\n");
    home_silence(HOME_BATTERY_W);
    home_silence(HOME_GRID_W);
    home.control->decide.calm_load_w = (double)NAN;
    home.points[HOME_HEATER].is_frozen = true;
    home_grid(false);
    home_pass(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("kettle") && home_is_on("fridge"));
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_end();
}

static void a_drill_tells_of_bulk_loads_that_nothing_switches(void)
{
    home_begin(NULL);
    CU_ASSERT_EQUAL(control_drill(home.control, 2000, (char[300]){0}, 300), 0);
    home_pass(3000);
    CU_ASSERT_EQUAL(home_count_events("drill", "without a switch"), 0);
    home.control->map.circuits[0].has_switch = false; /* the heater's */
    CU_ASSERT_EQUAL(control_drill(home.control, 2000, (char[300]){0}, 300), 0);
    home_pass(3000);
    CU_ASSERT_EQUAL(home_count_events("drill", "; bulk loads without a switch: 1;"), 1);
    home_end();
}

static CU_TestInfo outputs[] = {
    TEST(a_relay_has_two_seconds_to_follow),
    TEST(a_relay_that_sticks_is_no_fault_of_the_home),
    TEST(what_sticks_is_planned_around_where_no_meter_tells_the_load),
    TEST(a_drill_tells_of_bulk_loads_that_nothing_switches),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"batteries", NULL, NULL, NULL, NULL, batteries},
        {"outputs",   NULL, NULL, NULL, NULL, outputs  },
        {"tie",       NULL, NULL, NULL, NULL, ties     },
        {"cars",      NULL, NULL, NULL, NULL, cars     },
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
