/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the island (OUTAGE 4): who verifies it, who is told, black start, a home
 * with a PCS alone, a restart in an outage. */
#include "tests/unit/grid_story.h"

/* ---- islands ---- */

static void island_frequency_is_never_the_grids(void)
{
    static const double hz[] = {49.5, 50, 50.5, 52, 53.2};

    for (size_t i = 0; i < sizeof hz / sizeof hz[0]; i++) {
        begin(ISLANDED);
        home.world[SRC_HOME_HZ] = hz[i];
        grid_home_run(&home, 20 * MIN);
        CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
        home.cut = SRC_BIT(SRC_PCS) | SRC_BIT(SRC_SWITCH) | SRC_BIT(SRC_CONTACT);
        grid_home_run(&home, 20 * MIN);
        CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
    }
}

static void a_home_without_switch_and_pcs_verifies_by_its_voltage(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_METER | SRC_BIT(SRC_HOME_V), GRID_OK);
    /* not configured at all, not only silent */
    home.sources[SRC_SWITCH].kind = home.sources[SRC_PCS].kind = EVIDENCE_NEIGHBOUR;
    grid_home_run(&home, 3 * S);
    outage();
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * S));
}

/* Home and grid look alike behind a tie that nothing tells of. */
static void without_switch_and_pcs_a_person_ends_the_outage(void)
{
    a_home_without_switch_and_pcs_verifies_by_its_voltage();
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    CU_ASSERT_FALSE(grid_home_reaches(&home, GRID_OK, 2 * H));
    CU_ASSERT_TRUE(demand()->alarms & ALARM_SYNC_LATE);
    home.input.person = PERSON_GRID_OK;
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 1 * S));
}

/* All of a community's home is on the home's side, so that without a plan nothing tells
 * its island from the grid. */
static void a_home_of_a_silent_community_waits_for_a_person(void)
{
    grid_home_init(&home, ISLAND_COMMUNITY, SRC_BIT(SRC_HOME_V) | SRC_BIT(SRC_HOME_HZ),
                   GRID_OK);
    grid_home_run(&home, 3 * S);
    home.world[SRC_HOME_V] = home.world[SRC_HOME_HZ] = 0;
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 5 * S));
    home.world[SRC_HOME_V] = 101;
    home.world[SRC_HOME_HZ] = 50;
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 8 * S));
    CU_ASSERT_FALSE(grid_home_reaches(&home, GRID_OK, 3 * H));
    home.input.person = PERSON_GRID_OK;
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 200));
    grid_home_run(&home, 1 * H);
    CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
}

static void a_person_is_believed_over_a_contact_that_sticks(void)
{
    grid_home_init(&home, ISLAND_NONE, SRC_BIT(SRC_CONTACT), GRID_OK);
    grid_home_run(&home, 3 * S);
    home.world[SRC_CONTACT] = 0;
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 5 * S));
    home.input.person = PERSON_GRID_OK;
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 200));
    grid_home_run(&home, 1 * H);
    CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
}

static void the_owner_is_told_after_60_s_the_coordinator_at_once(void)
{
    begin(GRID_OK);
    outage();
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 2 * S));
    CU_ASSERT_TRUE(demand()->tell_coordinator);
    grid_home_run(&home, 59 * S);
    CU_ASSERT_FALSE(demand()->tell_owner);
    grid_home_run(&home, 2 * S);
    CU_ASSERT_TRUE(demand()->tell_owner);
}

static void the_owner_is_told_where_there_is_no_island(void)
{
    grid_home_init(&home, ISLAND_NONE, SRC_METER, GRID_OK);
    grid_home_run(&home, 3 * S);
    grid_is(false);
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 2 * S));
    CU_ASSERT_FALSE(demand()->tell_owner);
    grid_home_run(&home, 61 * S);
    CU_ASSERT_TRUE(demand()->tell_owner);
    CU_ASSERT_FALSE(demand()->is_islanded);
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 11 * MIN));
    CU_ASSERT_FALSE(demand()->tell_owner);
    CU_ASSERT_TRUE(demand()->stage_loads);
}

static void outages_before_a_restart_are_remembered(void)
{
    begin(ISLANDED);
    for (int64_t i = 4; i > 0; i--)
        grid_state_add_outage(&home.grid, home.now_ms - i * MIN);
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    CU_ASSERT_EQUAL(grid_state_in_band_ms(&home.grid), 10 * MIN);
}

static void outages_count_also_when_a_restart_finds_the_grid_back(void)
{
    begin(RECONNECTING);
    grid_state_add_outage(&home.grid, home.now_ms - 2 * H); /* older than the hour */
    for (int64_t i = 4; i > 0; i--)
        grid_state_add_outage(&home.grid, home.now_ms - i * MIN);
    CU_ASSERT_EQUAL(grid_state_in_band_ms(&home.grid), 10 * MIN);
}

/* Whatever state a restart finds in the journal, it begins there with clean counters. */
static void a_restart_goes_on_where_it_was(void)
{
    for (int i = 0; i < GRID_STATE_COUNT; i++) {
        enum grid_state_id state = (enum grid_state_id)i;

        grid_home_init(&home, ISLAND_OWN, SRC_ALL, state);
        home.input.is_locked = state == MANUAL;
        grid_home_step(&home); /* nothing was read twice yet */
        CU_ASSERT_EQUAL(home.grid.state, state);
        CU_ASSERT_EQUAL(home.n_log, 0);
    }
}

static void a_black_start_tries_6_min_of_each_daylight_hour(void)
{
    int64_t tried_ms = 0;

    begin(BLACK);
    CU_ASSERT_FALSE(demand()->try_restart);
    home.input.is_pv_seen = home.input.is_daylight = true;
    for (int64_t t = 0; t < 5 * H; t += 100) {
        grid_home_step(&home);
        tried_ms += demand()->try_restart ? 100 : 0;
        CU_ASSERT_EQUAL(demand()->highest_class,
                        demand()->try_restart ? CIRCUIT_P0 : CIRCUIT_NONE);
    }
    CU_ASSERT_TRUE(tried_ms >= 5 * 6 * MIN - 5 * S && tried_ms <= 5 * 6 * MIN + 5 * S);
    CU_ASSERT_EQUAL(home.grid.state, BLACK);
}

static void an_island_lost_with_energy_left_tries_at_night(void)
{
    begin(ISLANDED);
    grid_home_island_is(&home, false); /* an overload, battery at 60 % */
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 8 * S));
    CU_ASSERT_TRUE(demand()->try_restart);
    grid_home_island_is(&home, true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 8 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 21 * MIN));
}

static void unknown_energy_raises_an_alarm_and_changes_nothing(void)
{
    begin(ISLANDED);
    home.cut = SRC_BIT(SRC_BATTERY);
    grid_home_run(&home, 2 * H);
    CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
    CU_ASSERT_TRUE(demand()->alarms & ALARM_USABLE_UNKNOWN);
}

static void a_forecast_keeps_low_reserve_until_it_is_good(void)
{
    begin(ISLANDED);
    home.config.has_forecast = true;
    grid_home_restart(&home, ISLANDED);
    home.input.forecast_below = TRI_YES;
    grid_home_run(&home, 2 * S);
    CU_ASSERT_EQUAL(home.grid.state, LOW_RESERVE);
    home.input.forecast_below = TRI_UNKNOWN; /* silence does not recover it */
    grid_home_run(&home, 30 * MIN);
    CU_ASSERT_EQUAL(home.grid.state, LOW_RESERVE);
    home.input.forecast_below = TRI_NO;
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 11 * MIN));
}

/* ---- a home with a PCS alone ---- */

static void a_home_with_a_pcs_alone_passes_the_whole_table(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_PCS_ONLY, GRID_OK);
    grid_home_run(&home, 3 * S);
    grid_home_pcs_is(&home, PCS_ISLANDED);
    CU_ASSERT_TRUE(grid_home_reaches(&home, OUTAGE_SUSPECTED, 1 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 1 * S)); /* second read */
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 6 * S));
    home.world[SRC_BATTERY] = 300;
    CU_ASSERT_TRUE(grid_home_reaches(&home, LOW_RESERVE, 2 * S));
    home.world[SRC_BATTERY] = 350;
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * MIN + 2 * S));
    home.world[SRC_BATTERY] = 150;
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 2 * S));
    home.world[SRC_BATTERY] = 200;
    CU_ASSERT_TRUE(grid_home_reaches(&home, LOW_RESERVE, 10 * MIN + 2 * S));
    home.world[SRC_BATTERY] = 80;
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 2 * S));
    grid_home_pcs_is(&home, PCS_OFF);
    home.input.is_pv_seen = home.input.is_daylight = true;
    grid_home_run(&home, 59 * MIN);
    grid_home_pcs_is(&home, PCS_ISLANDED);
    home.world[SRC_BATTERY] = 130;
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 2 * MIN));
    grid_home_pcs_is(&home, PCS_ON_GRID);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 3 * S));
    grid_home_run(&home, 2 * MIN);
    grid_home_pcs_is(&home, PCS_ISLANDED); /* lost again */
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 3 * S));
    grid_home_pcs_is(&home, PCS_ON_GRID);
    CU_ASSERT_FALSE(grid_home_reaches(&home, GRID_OK, 6 * MIN));
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 6 * MIN));
}

static void a_pcs_alone_is_believed_on_two_reads_of_one_session(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_PCS_ONLY, GRID_OK);
    grid_home_run(&home, 3 * S);
    for (uint32_t session = 2; session < 30; session++) {
        home.now_ms += 1000;
        home.readings[SRC_PCS] =
            (struct evidence_reading){true, PCS_ISLANDED, home.now_ms, session};
        evidence_step(&home.evidence, home.now_ms, home.readings, false, &home.verdict);
        grid_state_step(&home.grid, home.now_ms, &home.input, &home.evidence, &home.out);
        CU_ASSERT_EQUAL(home.grid.state, OUTAGE_SUSPECTED);
    }
}

static void a_failed_transfer_of_a_pcs_alone_is_black(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_PCS_ONLY, TRANSFERRING);
    grid_home_pcs_is(&home, PCS_OFF);
    CU_ASSERT_FALSE(grid_home_reaches(&home, BLACK, 59 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 3 * S));
    grid_home_init(&home, ISLAND_OWN, SRC_PCS_ONLY, TRANSFERRING);
    home.input.has_pcs_alarm = true; /* independent, but not well */
    CU_ASSERT_FALSE(grid_home_reaches(&home, ISLANDED, 59 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 3 * S));
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(island_frequency_is_never_the_grids),
        TEST(a_home_without_switch_and_pcs_verifies_by_its_voltage),
        TEST(without_switch_and_pcs_a_person_ends_the_outage),
        TEST(a_home_of_a_silent_community_waits_for_a_person),
        TEST(a_person_is_believed_over_a_contact_that_sticks),
        TEST(the_owner_is_told_after_60_s_the_coordinator_at_once),
        TEST(the_owner_is_told_where_there_is_no_island),
        TEST(outages_before_a_restart_are_remembered),
        TEST(outages_count_also_when_a_restart_finds_the_grid_back),
        TEST(a_restart_goes_on_where_it_was),
        TEST(a_black_start_tries_6_min_of_each_daylight_hour),
        TEST(an_island_lost_with_energy_left_tries_at_night),
        TEST(unknown_energy_raises_an_alarm_and_changes_nothing),
        TEST(a_forecast_keeps_low_reserve_until_it_is_good),
        TEST(a_home_with_a_pcs_alone_passes_the_whole_table),
        TEST(a_pcs_alone_is_believed_on_two_reads_of_one_session),
        TEST(a_failed_transfer_of_a_pcs_alone_is_black),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid island", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
