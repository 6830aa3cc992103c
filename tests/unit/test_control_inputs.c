/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what gatewayd/control takes from devices: charges of several batteries, those
 * that fall silent or lie, outputs that do not follow, cars, notices and its own history.
 */
#include <math.h>
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

#define TWO                                                                                  \
    "[{battery: battery, capacity: 3 kWh, max_discharge: 3 kW, cut_off: 10 %}, "             \
    "{battery: shed, capacity: 9 kWh, max_discharge: 3 kW, cut_off: 0 %}]"

/* ---- batteries --------------------------------------------------------------------------- */

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
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", "shed: its charge stays at 60.0 %"), 1);
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
    home_sources = "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}, "
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

/* ---- outputs that do not follow -------------------------------------------------------------- */

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

static CU_TestInfo outputs[] = {
    TEST(a_relay_has_two_seconds_to_follow),
    TEST(a_relay_that_sticks_is_no_fault_of_the_home),
    TEST(what_sticks_is_planned_around_where_no_meter_tells_the_load),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"batteries", NULL, NULL, NULL, NULL, batteries},
        {"outputs",   NULL, NULL, NULL, NULL, outputs  },
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
