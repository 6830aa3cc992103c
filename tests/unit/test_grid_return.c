/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the grid's return (OUTAGE 4, RECONNECTING): timers, spread, anti-flap. */
#include <stdio.h>

#include "tests/unit/grid_story.h"

/* ---- reconnection ---- */

static void an_excursion_resets_the_in_band_timer(void)
{
    begin(RECONNECTING);
    grid_home_run(&home, 299 * S);
    home.world[SRC_GRID_V] = 94; /* below the supply band, far from any trip limit */
    grid_home_run(&home, 1 * S);
    home.world[SRC_GRID_V] = 101;
    grid_home_run(&home, 299 * S);
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    CU_ASSERT_FALSE(demand()->ask_sync);
}

static void the_switch_is_asked_only_after_timer_and_delay(void)
{
    int64_t wait_ms;

    begin(RECONNECTING);
    wait_ms = 5 * MIN + grid_state_delay_ms(&home.grid);
    for (int64_t t = 0; t < wait_ms - 4 * S; t += 100) {
        grid_home_step(&home);
        CU_ASSERT_FALSE(demand()->ask_sync);
    }
    grid_home_run(&home, 5 * S);
    CU_ASSERT_TRUE(demand()->ask_sync);
    CU_ASSERT_FALSE(demand()->close_tie);
    home.input.is_sync_ok = true;
    grid_home_step(&home);
    CU_ASSERT_TRUE(demand()->close_tie);
    grid_home_run(&home, 61 * S);
    CU_ASSERT_TRUE(demand()->alarms & ALARM_SYNC_LATE);
    CU_ASSERT_TRUE(demand()->ask_sync);
}

static void a_closed_tie_is_watched_for_60_s(void)
{
    begin(RECONNECTING);
    grid_home_run(&home, 11 * MIN);
    home.world[SRC_SWITCH] = 1;
    home.world[SRC_PCS] = PCS_ON_GRID;
    home.world[SRC_HOME_HZ] = 50;
    CU_ASSERT_FALSE(grid_home_reaches(&home, GRID_OK, 60 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 3 * S));
    CU_ASSERT_TRUE(demand()->stage_loads);
    grid_home_run(&home, 2 * H);
    CU_ASSERT_FALSE(demand()->stage_loads);
}

static void a_return_that_nothing_confirms_is_an_alarm(void)
{
    begin(ISLANDED);
    home.input.person = PERSON_GRID_OK;
    grid_home_step(&home);
    home.input.person = PERSON_NONE;
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    grid_home_run(&home, 59 * S);
    CU_ASSERT_FALSE(demand()->alarms & ALARM_UNCONFIRMED);
    grid_home_run(&home, 2 * S);
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    CU_ASSERT_TRUE(demand()->alarms & ALARM_UNCONFIRMED);
    grid_home_grid_is(&home, true);
    grid_home_run(&home, 10 * S);
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    CU_ASSERT_FALSE(demand()->alarms & ALARM_UNCONFIRMED);
}

static void a_confirmed_return_is_no_alarm_for_an_excursion(void)
{
    begin(RECONNECTING);
    grid_home_run(&home, 2 * MIN);
    home.world[SRC_GRID_V] = 94;
    for (int i = 0; i < 50; i++) {
        grid_home_run(&home, 1 * S);
        CU_ASSERT_FALSE(demand()->alarms & ALARM_UNCONFIRMED);
    }
    home.world[SRC_GRID_V] = 101;
    grid_home_run(&home, 2 * MIN);
    CU_ASSERT_FALSE(demand()->alarms & ALARM_UNCONFIRMED);
}

static void ieee_ramps_instead_of_a_random_delay(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_ALL, RECONNECTING);
    home.config.code = *grid_code_find("ieee1547-2018");
    home.sources[SRC_GRID_V].nominal_v = home.sources[SRC_HOME_V].nominal_v = 101;
    grid_home_restart(&home, RECONNECTING);
    home.world[SRC_GRID_HZ] = home.world[SRC_HOME_HZ] = 60;
    CU_ASSERT_EQUAL(grid_state_delay_ms(&home.grid), 0);
    for (int64_t t = 0; t < 7 * MIN && home.grid.state != GRID_OK; t += 100) {
        grid_home_step(&home);
        if (demand()->ask_sync) {
            home.world[SRC_SWITCH] = 1;
            home.world[SRC_PCS] = PCS_ON_GRID;
        }
    }
    CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
    CU_ASSERT_EQUAL(demand()->pv_limit_permille, 0);
    grid_home_run(&home, 150 * S);
    CU_ASSERT_EQUAL(demand()->pv_limit_permille, 500);
    grid_home_run(&home, 151 * S);
    CU_ASSERT_EQUAL(demand()->pv_limit_permille, 1000);
}

static void fifty_one_homes_come_back_spread_in_time(void)
{
    int64_t least = INT64_MAX, most = 0;

    for (int i = 0; i < 51; i++) {
        char id[24];
        int64_t ms;

        snprintf(id, sizeof id, "home-%03d", i);
        begin(RECONNECTING);
        home.grid.config.site_seed = grid_config_seed(id);
        ms = grid_state_delay_ms(&home.grid);
        CU_ASSERT_EQUAL(ms, grid_state_delay_ms(&home.grid));
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    CU_ASSERT_TRUE(least < 30 * S);
    CU_ASSERT_TRUE(most > 270 * S && most <= 300 * S);
}

static void lost_again_returns_to_where_it_came_from(void)
{
    static const enum grid_state_id states[] = {ISLANDED, LOW_RESERVE, CRITICAL, BLACK};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        begin(states[i]);
        grid_is(true);
        CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
        grid_is(false);
        CU_ASSERT_TRUE(grid_home_reaches(&home, states[i], 2 * S));
    }
}

static void an_island_that_drains_while_reconnecting_falls_with_it(void)
{
    begin(ISLANDED);
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    CU_ASSERT_EQUAL(demand()->highest_class, CIRCUIT_P4);
    home.world[SRC_BATTERY] = 140;
    grid_home_run(&home, 2 * S);
    CU_ASSERT_EQUAL(demand()->highest_class, CIRCUIT_P1);
    CU_ASSERT_TRUE(demand()->is_islanded);
    home.world[SRC_BATTERY] = 80;
    grid_home_run(&home, 2 * S);
    CU_ASSERT_TRUE(demand()->open_all_first);
    grid_is(false);
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 3 * S));
}

static void an_island_lost_while_reconnecting_is_black(void)
{
    begin(ISLANDED);
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    grid_home_island_is(&home, false);
    grid_home_run(&home, 8 * S);
    CU_ASSERT_EQUAL(home.grid.came_from, BLACK);
    CU_ASSERT_TRUE(demand()->open_all_first);
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
}

static void outage_of(int64_t ms)
{
    outage();
    grid_home_run(&home, ms);
    grid_is(true);
}

static void the_fourth_outage_in_an_hour_doubles_the_timer(void)
{
    static const uint32_t in_band_ms[] = {5000, 5000, 5000, 10000, 20000, 30000, 30000};

    begin(GRID_OK);
    home.config.code = *grid_code_find("test"); /* 5 s, up to 20 s, 5 s */
    home.config.timing.flap_max_ms = 30000;
    grid_home_restart(&home, GRID_OK);
    grid_home_run(&home, 3 * S);
    for (size_t n = 0; n < sizeof in_band_ms / sizeof in_band_ms[0]; n++) {
        outage_of(20 * S);
        CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
        CU_ASSERT_EQUAL(grid_state_in_band_ms(&home.grid), in_band_ms[n]);
        CU_ASSERT_TRUE(reconnects(in_band_ms[n] + 40 * S));
    }
}

static void the_real_timer_doubles_up_to_30_min(void)
{
    static const uint32_t minutes[] = {5, 10, 20, 30, 30};

    begin(RECONNECTING);
    for (uint32_t shift = 0; shift < sizeof minutes / sizeof minutes[0]; shift++) {
        home.grid.flap_shift = shift;
        CU_ASSERT_EQUAL(grid_state_in_band_ms(&home.grid), minutes[shift] * MIN);
    }
}

static void an_hour_later_the_timer_is_the_usual_one(void)
{
    begin(GRID_OK);
    home.config.code = *grid_code_find("test");
    grid_home_restart(&home, GRID_OK);
    grid_home_run(&home, 3 * S);
    for (int n = 0; n < 4; n++) {
        outage_of(20 * S);
        CU_ASSERT_TRUE(reconnects(60 * S));
    }
    CU_ASSERT_EQUAL(home.grid.flap_shift, 1);
    grid_home_run(&home, 61 * MIN);
    outage_of(20 * S);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    CU_ASSERT_EQUAL(home.grid.flap_shift, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(an_excursion_resets_the_in_band_timer),
        TEST(the_switch_is_asked_only_after_timer_and_delay),
        TEST(a_closed_tie_is_watched_for_60_s),
        TEST(a_return_that_nothing_confirms_is_an_alarm),
        TEST(a_confirmed_return_is_no_alarm_for_an_excursion),
        TEST(ieee_ramps_instead_of_a_random_delay),
        TEST(fifty_one_homes_come_back_spread_in_time),
        TEST(lost_again_returns_to_where_it_came_from),
        TEST(an_island_that_drains_while_reconnecting_falls_with_it),
        TEST(an_island_lost_while_reconnecting_is_black),
        TEST(the_fourth_outage_in_an_hour_doubles_the_timer),
        TEST(the_real_timer_doubles_up_to_30_min),
        TEST(an_hour_later_the_timer_is_the_usual_one),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid return", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
