/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of outages (OUTAGE 7) told to the state machine of a home of its own island:
 * signs, counters, persons. The way back is in test_grid_return.c, life in the island in
 * test_grid_island.c; the rows themselves are in test_grid_table.c, what no story may
 * break in test_grid_props.c. */
#include "tests/unit/grid_story.h"

/* ---- outages from begin to end ---- */

static void an_unplanned_island_from_begin_to_end(void)
{
    begin(GRID_OK);
    outage();
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * S));
    grid_home_run(&home, 3 * H);
    CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
    grid_is(true);
    CU_ASSERT_TRUE(reconnects(12 * MIN));
    CU_ASSERT_EQUAL(home.n_log, 5);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(home.log[0].why, "contact panel.grid_present open since"));
    CU_ASSERT_EQUAL(home.log[0].evidence & SRC_BIT(SRC_CONTACT), SRC_BIT(SRC_CONTACT));
}

static void a_planned_island_ends_when_it_is_no_longer_wanted(void)
{
    begin(GRID_OK);
    home.input.is_island_wanted = true;
    grid_home_step(&home);
    CU_ASSERT_EQUAL(home.grid.state, TRANSFERRING);
    CU_ASSERT_TRUE(demand()->open_tie);
    grid_home_island_is(&home, true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * S));
    CU_ASSERT_FALSE(demand()->open_tie);
    grid_home_run(&home, 10 * MIN);
    CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
    home.input.is_island_wanted = false;
    CU_ASSERT_TRUE(reconnects(12 * MIN));
}

static void a_failed_transfer_ends_black_and_the_grid_brings_it_back(void)
{
    begin(GRID_OK);
    home.world[SRC_BATTERY] = 190;
    grid_is(false);
    grid_home_island_is(&home, false);
    CU_ASSERT_FALSE(grid_home_reaches(&home, BLACK, 60 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 3 * S));
    CU_ASSERT_TRUE(demand()->open_all_first);
    CU_ASSERT_TRUE(demand()->flush_store);
    CU_ASSERT_EQUAL(demand()->highest_class, CIRCUIT_NONE);
    grid_is(true);
    CU_ASSERT_TRUE(reconnects(12 * MIN));
}

static void a_false_alarm_of_one_meter_is_not_believed_again(void)
{
    begin(GRID_OK);
    home.world[SRC_GRID_V] = 0;
    home.world[SRC_GRID_HZ] = 0; /* two kinds: confirmed, though the contact says no */
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 5 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 61 * S));
    grid_home_run(&home, 1 * H);
    CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
    grid_is(true); /* agreed once, counts again */
    grid_home_run(&home, 2 * S);
    home.world[SRC_GRID_V] = 0;
    grid_home_run(&home, 2 * S);
    CU_ASSERT_EQUAL(home.grid.state, OUTAGE_SUSPECTED);
}

static void a_ladder_is_walked_down_in_one_step(void)
{
    begin(ISLANDED);
    home.world[SRC_BATTERY] = 70;
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 2 * S)); /* two reads */
    CU_ASSERT_EQUAL(home.out.n_transitions, 3);
    CU_ASSERT_EQUAL(home.log[0].to, LOW_RESERVE);
    CU_ASSERT_EQUAL(home.log[1].to, CRITICAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(home.log[2].why, "battery battery.usable 7 %"));
}

static void an_outage_below_the_last_floor_is_black_at_once(void)
{
    begin(GRID_OK);
    home.world[SRC_BATTERY] = 80;
    grid_home_run(&home, 2 * S);
    outage();
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 2 * S));
    CU_ASSERT_PTR_NULL(grid_home_find(&home, "confirmed"));
    grid_home_run(&home, 5 * H); /* night: the energy is kept */
    CU_ASSERT_EQUAL(home.grid.state, BLACK);
    CU_ASSERT_FALSE(demand()->try_restart);
}

/* ---- signs ---- */

static void blips_shed_nothing_above_p4(void)
{
    static const enum grid_home_source sources[] = {SRC_CONTACT, SRC_GRID_V, SRC_GRID_HZ,
                                                    SRC_UPS, SRC_HOME_V};

    for (size_t k = 0; k < sizeof sources / sizeof sources[0]; k++) {
        for (int64_t ms = 100; ms <= 900; ms += 100) {
            double was;

            begin(GRID_OK);
            was = home.world[sources[k]];
            home.world[sources[k]] = was == 0 ? 1 : 0;
            for (int64_t t = 0; t < 20 * S; t += 100) {
                if (t == ms)
                    home.world[sources[k]] = was;
                grid_home_step(&home);
                CU_ASSERT_TRUE(demand()->highest_class >= CIRCUIT_P3);
                CU_ASSERT_FALSE(demand()->shed_to_budget);
                CU_ASSERT_TRUE(home.grid.state <= OUTAGE_SUSPECTED);
            }
            CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
        }
    }
}

static void p4_drops_at_once_on_a_contact(void)
{
    begin(GRID_OK);
    home.world[SRC_CONTACT] = 0;
    grid_home_step(&home);
    CU_ASSERT_TRUE(demand()->drop_p4);
    CU_ASSERT_TRUE(demand()->freeze_exports);
    CU_ASSERT_TRUE(demand()->freeze_forced);
    CU_ASSERT_EQUAL(demand()->highest_class, CIRCUIT_P3);
}

static void p4_drops_at_once_on_a_pcs(void)
{
    begin(GRID_OK);
    home.world[SRC_PCS] = PCS_ISLANDED;
    CU_ASSERT_TRUE(grid_home_reaches(&home, OUTAGE_SUSPECTED, 1 * S));
    CU_ASSERT_TRUE(demand()->drop_p4);
}

static void p4_drops_after_2_s_on_voltage(void)
{
    begin(GRID_OK);
    home.world[SRC_GRID_V] = 0;
    CU_ASSERT_TRUE(grid_home_reaches(&home, OUTAGE_SUSPECTED, 1 * S));
    CU_ASSERT_FALSE(demand()->drop_p4);
    CU_ASSERT_EQUAL(demand()->next_ms, home.now_ms + 2 * S);
    grid_home_run(&home, 1900);
    CU_ASSERT_FALSE(demand()->drop_p4);
    grid_home_step(&home);
    CU_ASSERT_TRUE(demand()->drop_p4);
    CU_ASSERT_EQUAL(home.grid.state, OUTAGE_SUSPECTED);
}

static void without_proof_p4_returns_and_exports_stay_frozen(void)
{
    begin(GRID_OK);
    home.world[SRC_GRID_V] = 0;
    grid_home_run(&home, 62 * S);
    CU_ASSERT_TRUE(demand()->alarms & ALARM_GRID_UNKNOWN);
    CU_ASSERT_TRUE(demand()->drop_p4);
    grid_home_run(&home, 10 * MIN);
    CU_ASSERT_FALSE(demand()->drop_p4);
    CU_ASSERT_EQUAL(demand()->p4_returned, 1);
    grid_home_run(&home, 60 * S);
    CU_ASSERT_EQUAL(demand()->p4_returned, 3);
    CU_ASSERT_TRUE(demand()->freeze_exports);
    CU_ASSERT_EQUAL(home.grid.state, OUTAGE_SUSPECTED);
}

static void who_raised_a_suspicion_does_not_end_it_by_silence(void)
{
    grid_home_init(&home, ISLAND_OWN, SRC_BIT(SRC_GRID_V) | SRC_BIT(SRC_UPS), GRID_OK);
    grid_home_run(&home, 3 * S);
    home.world[SRC_UPS] = 1;
    CU_ASSERT_TRUE(grid_home_reaches(&home, OUTAGE_SUSPECTED, 1 * S));
    home.cut = SRC_BIT(SRC_UPS);
    CU_ASSERT_FALSE(grid_home_reaches(&home, GRID_OK, 5 * MIN));
    home.cut = 0;
    home.world[SRC_UPS] = 0;
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 12 * S));
}

static void absent_and_out_of_band_are_told_apart(void)
{
    begin(GRID_OK);
    home.world[SRC_GRID_V] = 75; /* below 160 V of 202 */
    home.world[SRC_GRID_HZ] = 48;
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 5 * S));
    CU_ASSERT_TRUE(demand()->alarms & ALARM_OUT_OF_BAND);
    CU_ASSERT_PTR_NOT_NULL(strstr(home.log[1].why, "75.0 V (out of band)"));
    begin(GRID_OK);
    outage();
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 5 * S));
    CU_ASSERT_FALSE(demand()->alarms & ALARM_OUT_OF_BAND);
}

/* ---- counters ---- */

static void a_second_suspicion_has_its_full_time(void)
{
    begin(GRID_OK);
    home.world[SRC_GRID_V] = 0;
    grid_home_run(&home, 55 * S);
    home.world[SRC_GRID_V] = 101;
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 12 * S));
    home.n_log = 0;
    home.world[SRC_GRID_V] = 0;
    grid_home_run(&home, 55 * S);
    CU_ASSERT_PTR_NULL(grid_home_find(&home, "no proof in 60 s"));
    CU_ASSERT_FALSE(demand()->alarms & ALARM_GRID_UNKNOWN);
}

static void a_second_transfer_has_its_full_time(void)
{
    begin(TRANSFERRING);
    grid_home_island_is(&home, false);
    grid_home_run(&home, 55 * S);
    grid_home_island_is(&home, true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 8 * S));
    grid_is(true);
    CU_ASSERT_TRUE(reconnects(12 * MIN));
    grid_is(false);
    grid_home_island_is(&home, false);
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 5 * S));
    grid_home_run(&home, 55 * S);
    CU_ASSERT_EQUAL(home.grid.state, TRANSFERRING);
}

static void v_f_have_to_be_good_anew_in_each_outage(void)
{
    begin(TRANSFERRING);
    CU_ASSERT_TRUE(home.grid.hold_ms[0] >= home.grid.entered_ms);
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 5 * S));
    for (int i = 0; i < GRID_HOLDS; i++)
        CU_ASSERT_TRUE(home.grid.hold_ms[i] == -1 || home.grid.hold_ms[i] == home.now_ms);
}

static void what_was_not_watched_did_not_hold(void)
{
    begin(RECONNECTING);
    grid_home_run(&home, 4 * MIN);
    CU_ASSERT_FALSE(demand()->ask_sync);
    home.now_ms += 10 * MIN; /* a process that was stopped */
    grid_home_run(&home, 4 * MIN);
    CU_ASSERT_FALSE(demand()->ask_sync);
}

static void the_clock_is_only_what_is_passed_in(void)
{
    static struct grid_home late;

    begin(GRID_OK);
    late = home;
    late.now_ms += 1000 * H;
    grid_home_restart(&late, GRID_OK);
    grid_home_restart(&home, GRID_OK);
    for (int64_t t = 0; t < 30 * MIN; t += 100) {
        grid_home_grid_is(&home, t < MIN || t > 10 * MIN);
        grid_home_grid_is(&late, t < MIN || t > 10 * MIN);
        grid_home_step(&home);
        grid_home_step(&late);
        CU_ASSERT_EQUAL(home.grid.state, late.grid.state);
        CU_ASSERT_EQUAL(late.out.demand.next_ms - home.out.demand.next_ms, 1000 * H);
    }
    CU_ASSERT_TRUE(home.n_log > 3);
    CU_ASSERT_EQUAL(home.n_log, late.n_log);
}

static void time_that_goes_back_stands_still(void)
{
    begin(RECONNECTING);
    grid_home_run(&home, 1 * MIN);
    grid_state_step(&home.grid, home.now_ms - 1 * H, &home.input, NULL, &home.out);
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    CU_ASSERT_EQUAL(home.grid.last_ms, home.now_ms);
}

/* ---- persons and the rest ---- */

static void nothing_is_switched_in_manual_and_fault(void)
{
    begin(ISLANDED);
    home.input.is_locked = true;
    grid_home_step(&home);
    CU_ASSERT_TRUE(demand()->no_switching);
    CU_ASSERT_PTR_NOT_NULL(strstr(home.log[0].why, "a person holds"));
    grid_is(true);
    home.world[SRC_BATTERY] = 10;
    grid_home_run(&home, 1 * H);
    CU_ASSERT_EQUAL(home.grid.state, MANUAL);
    home.input.has_two_masters = true;
    grid_home_step(&home);
    CU_ASSERT_EQUAL(home.grid.state, FAULT);
    CU_ASSERT_TRUE(demand()->alarms & ALARM_TWO_MASTERS);
    home.input.person = PERSON_CLEAR; /* while it lasts */
    grid_home_step(&home);
    CU_ASSERT_EQUAL(home.grid.state, FAULT);
}

static void after_a_hold_an_island_is_still_no_grid(void)
{
    begin(ISLANDED);
    home.input.is_locked = true;
    grid_home_run(&home, 1 * MIN);
    home.input.is_locked = false;
    grid_home_run(&home, 20 * S);
    CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
}

/* The daemon calls on new evidence and at next_ms, never each 100 ms. */
static void calls_at_next_ms_are_enough(void)
{
    static struct grid_home lazy;
    struct evidence_verdict told = {0}, fresh;
    int64_t call_ms = 0;
    int n_calls = 0;

    begin(GRID_OK);
    lazy = home;
    grid_home_restart(&lazy, GRID_OK);
    grid_home_restart(&home, GRID_OK);
    for (int64_t t = 0; t < 40 * MIN; t += 100) {
        if (t == MIN || t == 12 * MIN) {
            grid_home_grid_is(&home, t != MIN);
            grid_home_grid_is(&lazy, t != MIN);
        }
        if (t == MIN + 300) {
            grid_home_island_is(&home, true);
            grid_home_island_is(&lazy, true);
        }
        grid_home_step(&home);
        lazy.now_ms = home.now_ms;
        memcpy(lazy.readings, home.readings, sizeof lazy.readings);
        evidence_step(&lazy.evidence, lazy.now_ms, lazy.readings,
                      grid_state_may_island(&lazy.grid), &lazy.verdict);
        fresh = lazy.verdict;
        fresh.t_ms = 0;
        if (memcmp(&fresh, &told, sizeof told) != 0 || home.now_ms >= call_ms) {
            n_calls++;
            told = fresh;
            grid_state_step(&lazy.grid, lazy.now_ms, &lazy.input, &lazy.evidence,
                            &lazy.out);
            call_ms = lazy.out.demand.next_ms;
        }
        CU_ASSERT_EQUAL(lazy.grid.state, home.grid.state);
    }
    CU_ASSERT_EQUAL(home.grid.state, RECONNECTING);
    CU_ASSERT_TRUE(n_calls < 200);
}

static void states_have_names(void)
{
    for (int i = 0; i < GRID_STATE_COUNT; i++)
        CU_ASSERT_EQUAL(grid_state_from_name(grid_state_name((enum grid_state_id)i)), i);
    CU_ASSERT_EQUAL(grid_state_from_name("DARK"), -1);
    CU_ASSERT_STRING_EQUAL(grid_state_name(GRID_STATE_COUNT), "unknown");
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(an_unplanned_island_from_begin_to_end),
        TEST(a_planned_island_ends_when_it_is_no_longer_wanted),
        TEST(a_failed_transfer_ends_black_and_the_grid_brings_it_back),
        TEST(a_false_alarm_of_one_meter_is_not_believed_again),
        TEST(a_ladder_is_walked_down_in_one_step),
        TEST(an_outage_below_the_last_floor_is_black_at_once),
        TEST(blips_shed_nothing_above_p4),
        TEST(p4_drops_at_once_on_a_contact),
        TEST(p4_drops_at_once_on_a_pcs),
        TEST(p4_drops_after_2_s_on_voltage),
        TEST(without_proof_p4_returns_and_exports_stay_frozen),
        TEST(who_raised_a_suspicion_does_not_end_it_by_silence),
        TEST(absent_and_out_of_band_are_told_apart),
        TEST(a_second_suspicion_has_its_full_time),
        TEST(a_second_transfer_has_its_full_time),
        TEST(v_f_have_to_be_good_anew_in_each_outage),
        TEST(what_was_not_watched_did_not_hold),
        TEST(the_clock_is_only_what_is_passed_in),
        TEST(time_that_goes_back_stands_still),
        TEST(nothing_is_switched_in_manual_and_fault),
        TEST(after_a_hold_an_island_is_still_no_grid),
        TEST(calls_at_next_ms_are_enough),
        TEST(states_have_names),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid state", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
