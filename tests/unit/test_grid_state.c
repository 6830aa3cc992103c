/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of outages (OUTAGE 7) told to the state machine of a home of its own island.
 * The rows themselves are in test_grid_table.c, what no story may break in
 * test_grid_props.c. */
#include <string.h>

#include "tests/unit/grid_home.h"
#include "tests/unit/suite.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)

static struct grid_home home;

static const struct grid_demand *demand(void)
{
    return &home.out.demand;
}

static void begin(enum grid_state_id state)
{
    grid_home_init(&home, ISLAND_OWN, SRC_ALL, state);
    grid_home_run(&home, 3 * S);
    home.n_log = 0;
}

static void grid_is(bool is_there)
{
    grid_home_grid_is(&home, is_there);
}

/* The PCS does its part: an island behind an open tie. */
static void outage(void)
{
    grid_is(false);
    grid_home_run(&home, 300);
    grid_home_island_is(&home, true);
}

/* The switch follows its permission. */
static bool reconnects(int64_t ms)
{
    for (int64_t done = 0; done < ms && home.grid.state != GRID_OK; done += 100) {
        grid_home_step(&home);
        if (demand()->ask_sync) {
            home.world[SRC_SWITCH] = 1;
            home.world[SRC_PCS] = PCS_ON_GRID;
            home.world[SRC_UPS] = 0;
            home.world[SRC_HOME_V] = home.world[SRC_GRID_V];
            home.world[SRC_HOME_HZ] = home.world[SRC_GRID_HZ];
        }
    }
    return home.grid.state == GRID_OK;
}

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
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 1 * S));
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
        char id[16];
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
    CU_ASSERT_TRUE(grid_home_reaches(&home, LOW_RESERVE, 1 * S));
    home.world[SRC_BATTERY] = 350;
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * MIN + 2 * S));
    home.world[SRC_BATTERY] = 150;
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 1 * S));
    home.world[SRC_BATTERY] = 200;
    CU_ASSERT_TRUE(grid_home_reaches(&home, LOW_RESERVE, 10 * MIN + 2 * S));
    home.world[SRC_BATTERY] = 80;
    CU_ASSERT_TRUE(grid_home_reaches(&home, BLACK, 1 * S));
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
        TEST(an_excursion_resets_the_in_band_timer),
        TEST(the_switch_is_asked_only_after_timer_and_delay),
        TEST(a_closed_tie_is_watched_for_60_s),
        TEST(ieee_ramps_instead_of_a_random_delay),
        TEST(fifty_one_homes_come_back_spread_in_time),
        TEST(lost_again_returns_to_where_it_came_from),
        TEST(an_island_that_drains_while_reconnecting_falls_with_it),
        TEST(an_island_lost_while_reconnecting_is_black),
        TEST(the_fourth_outage_in_an_hour_doubles_the_timer),
        TEST(the_real_timer_doubles_up_to_30_min),
        TEST(an_hour_later_the_timer_is_the_usual_one),
        TEST(island_frequency_is_never_the_grids),
        TEST(a_home_without_switch_and_pcs_verifies_by_its_voltage),
        TEST(the_owner_is_told_after_60_s_the_coordinator_at_once),
        TEST(the_owner_is_told_where_there_is_no_island),
        TEST(outages_before_a_restart_are_remembered),
        TEST(a_restart_goes_on_where_it_was),
        TEST(a_black_start_tries_6_min_of_each_daylight_hour),
        TEST(an_island_lost_with_energy_left_tries_at_night),
        TEST(unknown_energy_raises_an_alarm_and_changes_nothing),
        TEST(a_forecast_keeps_low_reserve_until_it_is_good),
        TEST(a_home_with_a_pcs_alone_passes_the_whole_table),
        TEST(a_pcs_alone_is_believed_on_two_reads_of_one_session),
        TEST(a_failed_transfer_of_a_pcs_alone_is_black),
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
