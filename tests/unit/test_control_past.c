/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what gatewayd/control makes of the home's own past: the programme's forecasts,
 * the night ahead; and of overloads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

/* ---- its own past ------------------------------------------------------------------ */

#define SLOT_MS PAST_SLOT_MS

/* A fridge with a meter (P1), a kettle without (P2), a roof, a meter at the grid. */
static struct config_circuit past_circuits[] = {
    {.power = (char[]){"fridge.power_w"}, .typical_w = 100},
    {.power = (char[]){""},               .typical_w = 200},
};
static struct config_outage past_outage = {.circuits = past_circuits, .n_circuits = 2};
static struct site_map past_map;
static struct dispatch_home past_home;
static struct dispatch_setup past_setup = {.n_homes = 1, .homes = &past_home};
static int64_t past_now_ms;

static struct past *begin_past(void)
{
    past_map = (struct site_map){
        .outage = &past_outage, .n_circuits = 2, .n_pv = 1, .n_grid = 1};
    past_map.circuits[0].class = CIRCUIT_P1;
    past_map.circuits[1].class = CIRCUIT_P2;
    past_home = (struct dispatch_home){.learns_pv = true, .mean_w = {0, 30, 60, 0, 0}};
    past_now_ms = INT64_C(20780) * 86400000; /* a midnight of UTC */
    return past_new(&past_map, past_now_ms);
}

static void add_flow(struct past *past, int64_t start_ms, const char *device,
                     enum role role, enum energy_flow flow, double w)
{
    const struct past_row row = {device, role, flow, start_ms, w / 2, true, -1};

    past_add(past, &row);
}

/* A day that ends so many days ago: 80 W of fridge at night, 40 W by day, 600 W of
 * home. */
static void add_day(struct past *past, int days_ago, double peak_w)
{
    int64_t day_ms = past_now_ms - (int64_t)(days_ago + 1) * 86400000;

    for (int s = 0; s < 48; s++) {
        double pv_w = s >= 20 && s < 28 ? peak_w : 0;

        add_flow(past, day_ms + s * SLOT_MS, "roof", ROLE_PV, ENERGY_PRODUCTION, pv_w);
        add_flow(past, day_ms + s * SLOT_MS, "meter", ROLE_GRID, ENERGY_IMPORT,
                 600 - pv_w);
        add_flow(past, day_ms + s * SLOT_MS, "fridge", ROLE_CIRCUIT, ENERGY_CONSUMPTION,
                 s < 16 ? 80 : 40);
    }
}

static struct site *feed(struct past *past, int64_t zone_ms)
{
    const struct site_config config = {.setup = &past_setup};
    struct site *site = site_new(&config);

    CU_ASSERT_PTR_NOT_NULL_FATAL(site);
    past_end(past);
    past_feed(past, zone_ms, site, &past_home);
    free(past);
    return site;
}

static void days_gone_by_tell_the_day_to_come(void)
{
    struct past *past = begin_past();
    struct site *site;

    add_day(past, 25, 4000); /* the brightest day of the month */
    add_day(past, 1, 500);
    add_day(past, 0, 500);
    site = feed(past, 9 * 3600000);
    /* a fifth above the most seen */
    CU_ASSERT_DOUBLE_EQUAL(site_pv_peak_w(site), 4800, 250);
    /* UTC's night is the day in Japan; a quarter is the mean's */
    CU_ASSERT_TRUE(site_demand_w(site, DISPATCH_P1, 24) > 70);
    CU_ASSERT_TRUE(site_demand_w(site, DISPATCH_P1, 4) < 46);
    CU_ASSERT_DOUBLE_EQUAL(past_home.mean_w[DISPATCH_P1], (16 * 80 + 32 * 40) / 48.0,
                           0.1);
    /* 600 W less the fridge and the kettle's usual 60 */
    CU_ASSERT_DOUBLE_EQUAL(past_home.mean_w[DISPATCH_P0], 600 - 160 / 3.0 - 60, 0.1);
    CU_ASSERT_EQUAL(past_home.mean_w[DISPATCH_P2], 60);
    site_free(site);
}

static void without_a_past_the_planning_figures_stand(void)
{
    struct site *site = feed(begin_past(), 0);

    CU_ASSERT_EQUAL(site_pv_peak_w(site), 0);
    CU_ASSERT_EQUAL(past_home.mean_w[DISPATCH_P0], 0);
    CU_ASSERT_EQUAL(past_home.mean_w[DISPATCH_P1], 30);
    site_free(site);
}

/* Hours of which only a part is known, or that were dark, teach nothing. */
static void broken_and_dark_hours_teach_nothing(void)
{
    struct past *past = begin_past();
    struct site *site;

    for (int s = 0; s < 48; s++) {
        const struct past_row row = {"fridge", ROLE_CIRCUIT, ENERGY_CONSUMPTION,
                                     past_now_ms - (48 - s) * SLOT_MS, 1000, s % 2 != 0,
                                     s % 2 ? 1800 : -1};

        past_add(past, &row);
    }
    site = feed(past, 0);
    CU_ASSERT_EQUAL(past_home.mean_w[DISPATCH_P1], 30);
    site_free(site);
}

static void import_for_a_day(struct past *past, double w)
{
    for (int64_t t_ms = past->until_ms - 48 * SLOT_MS; t_ms < past->until_ms;
         t_ms += SLOT_MS)
        add_flow(past, t_ms, "meter", ROLE_GRID, ENERGY_IMPORT, w);
    past_end(past);
}

static void a_programme_is_told_its_past_once_and_again_after_a_reload(void)
{
    struct past *past;

    home_begin(NULL);
    past = home.past;
    home.past = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(past);
    import_for_a_day(past, 1000);
    control_take_past(home.control, past);
    /* less three tenths of 2100 W of circuits without meters */
    CU_ASSERT_DOUBLE_EQUAL(home.control->programme.home.mean_w[0], 1000 - 630, 0.1);
    home_pass(60000);
    CU_ASSERT_PTR_NULL(home.past);
    home_reload("  reserve: 50 %\n");
    home_pass(1000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(home.past);
    past = home.past;
    home.past = NULL;
    home_reload(NULL); /* what was asked for before it is of another site */
    import_for_a_day(past, 1000);
    control_take_past(home.control, past);
    CU_ASSERT_EQUAL(home.control->programme.home.mean_w[0], 0);
    home_end();
}

/* ---- the night ahead, and overloads ------------------------------------------------ */

/* 300 W day and night; the sun from 7 to 17 h of a day of UTC. */
static struct outlook steady_outlook(void)
{
    struct outlook outlook = {.is_known = true};

    for (unsigned s = 0; s < DISPATCH_SLOTS; s++) {
        outlook.load_w[s] = 300;
        outlook.pv_w[s] = s >= 14 && s < 34 ? 2000 : 0;
    }
    return outlook;
}

static void what_is_stored_is_held_against_the_night_ahead(void)
{
    struct outlook outlook = steady_outlook(), unknown = {.is_known = false};
    int64_t evening_ms = INT64_C(20780) * 86400000 + 19 * 3600000;

    /* 12 h of 300 W are 3789 Wh out of the battery */
    CU_ASSERT_EQUAL(outlook_below(&outlook, evening_ms, 3700), TRI_YES);
    CU_ASSERT_EQUAL(outlook_below(&outlook, evening_ms, 3900), TRI_NO);
    CU_ASSERT_EQUAL(outlook_below(&outlook, evening_ms + 6 * 3600000, 2000), TRI_NO);
    CU_ASSERT_EQUAL(outlook_below(&outlook, evening_ms - 6 * 3600000, 10), TRI_NO);
    CU_ASSERT_EQUAL(outlook_below(&outlook, evening_ms, (double)NAN), TRI_UNKNOWN);
    CU_ASSERT_EQUAL(outlook_below(&unknown, evening_ms, 10), TRI_UNKNOWN);
}

static void the_past_tells_the_night_ahead(void)
{
    struct past *past = begin_past();
    struct outlook outlook;

    outlook_learn(&outlook, past, 0);
    CU_ASSERT_FALSE(outlook.is_known);
    add_day(past, 0, 500);
    past_end(past);
    outlook_learn(&outlook, past, 9 * 3600000);
    CU_ASSERT_TRUE(outlook.is_known);
    /* fridge and rest: 0 h is 15 h UTC */
    CU_ASSERT_DOUBLE_EQUAL(outlook.load_w[0], 600, 0.1);
    CU_ASSERT_DOUBLE_EQUAL(outlook.pv_w[38], 500, 0.1);  /* 19 h is 10 h UTC */
    CU_ASSERT_EQUAL(outlook.pv_w[36], 0);
    free(past);
}

static void a_night_that_is_too_long_is_a_low_reserve(void)
{
    home_begin(NULL);
    home.control->outlook = steady_outlook();
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++) {
        home.control->outlook.pv_w[s] = 0;
        home.control->outlook.load_w[s] = 100; /* a day without sun: 2526 Wh */
    }
    home.control->grid.config.has_forecast = true;
    home_grid(false);
    home_pass(10000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_set(HOME_SOC, 500); /* 4000 Wh usable, 2650 above the critical floor */
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_set(HOME_SOC, 480); /* 2450 above it, and far above the low one */
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    home_set(HOME_SOC, 500);
    home_pass(120000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_end();
}

/* 2400 W may be drawn for long; the washer is the first to go. */
static void begin_with_much_drawn(double battery_w)
{
    home_begin(NULL);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 600);
    home_pass(60000);
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_set(HOME_BATTERY_W, battery_w);
    home_pass(1000);
    CU_ASSERT_TRUE(home_is_on("washer"));
}

static void a_spike_is_waited_for_unless_the_inverter_complains(void)
{
    begin_with_much_drawn(2600);
    home_pass(4000);
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_set(HOME_OVERLOAD, 1);
    home_pass(500);
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_end();
}

static void more_than_the_battery_may_give_is_no_spike(void)
{
    begin_with_much_drawn(3200);
    home_pass(2500);
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_end();
}

/* ---- seconds off the grid ---------------------------------------------------------- */

#define ENERGY_SLOT_MS 900000

/* To the middle of the next energy slot. */
static void pass_to_the_middle_of_a_slot(void)
{
    int64_t into_ms = (clock_wall_ms() + ENERGY_SLOT_MS / 2) % ENERGY_SLOT_MS;

    home_pass(ENERGY_SLOT_MS - into_ms);
}

static void each_slot_tells_how_long_the_grid_was_away(void)
{
    home_begin(NULL);
    pass_to_the_middle_of_a_slot();
    CU_ASSERT_EQUAL(home.n_slots, 0); /* the first was not watched from its begin */
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL_FATAL(home.n_slots, 1);
    CU_ASSERT_EQUAL(home.slots[0].slot_ms % ENERGY_SLOT_MS, 0);
    CU_ASSERT_EQUAL(home.slots[0].off_s, 0);
    home_grid(false);
    home_pass(300000);
    home_grid(true);
    home_pass(600000);
    CU_ASSERT_EQUAL_FATAL(home.n_slots, 2);
    CU_ASSERT_TRUE(home.slots[1].off_s >= 298 && home.slots[1].off_s <= 301);
    CU_ASSERT_EQUAL(home.slots[1].slot_ms, home.slots[0].slot_ms + ENERGY_SLOT_MS);
    home_end();
}

static void an_absence_goes_on_over_a_restart(void)
{
    home_begin(NULL);
    pass_to_the_middle_of_a_slot();
    home_grid(false);
    home_pass(2 * ENERGY_SLOT_MS + 60000);
    CU_ASSERT_EQUAL_FATAL(home.n_slots, 2);
    CU_ASSERT_TRUE(home.slots[0].off_s >= 448 && home.slots[0].off_s <= 450);
    CU_ASSERT_EQUAL(home.slots[1].off_s, 900);
    home.t_ms += 30000;
    home_restart(NULL);
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL_FATAL(home.n_slots, 3);
    CU_ASSERT_EQUAL(home.slots[2].off_s, 900);
    home_grid(true);
    home_pass(60000);
    home.t_ms += 30000;
    home_restart(NULL); /* what was before this one is not known */
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL(home.n_slots, 3);
    home_end();
}

static void what_nobody_watched_is_not_told(void)
{
    home_begin(NULL);
    pass_to_the_middle_of_a_slot();
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL(home.n_slots, 1);
    home.t_ms += 120000; /* it slept */
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL(home.n_slots, 1);
    home_pass(ENERGY_SLOT_MS);
    CU_ASSERT_EQUAL(home.n_slots, 2);
    home_end();
}

static CU_TestInfo absences[] = {
    TEST(each_slot_tells_how_long_the_grid_was_away),
    TEST(an_absence_goes_on_over_a_restart),
    TEST(what_nobody_watched_is_not_told),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo nights[] = {
    TEST(what_is_stored_is_held_against_the_night_ahead),
    TEST(the_past_tells_the_night_ahead),
    TEST(a_night_that_is_too_long_is_a_low_reserve),
    TEST(a_spike_is_waited_for_unless_the_inverter_complains),
    TEST(more_than_the_battery_may_give_is_no_spike),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo pasts[] = {
    TEST(days_gone_by_tell_the_day_to_come),
    TEST(without_a_past_the_planning_figures_stand),
    TEST(broken_and_dark_hours_teach_nothing),
    TEST(a_programme_is_told_its_past_once_and_again_after_a_reload),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"past",   NULL, NULL, NULL, NULL, pasts },
        {"nights", NULL, NULL, NULL, NULL, nights},
        {"absences", NULL, NULL, NULL, NULL, absences},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
