/* SPDX-License-Identifier: Apache-2.0 */
/* The whole state table of OUTAGE 4, each row by name, for outage.island own, community
 * and none; a row without a case here fails. */
#include <string.h>

#include "lib/microgrid/grid_table.h"
#include "tests/unit/grid_home.h"
#include "tests/unit/suite.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define SETTLE_MS (2 * S)

static struct grid_home home;

/* ---- what happens in a case ---- */

static void nothing(void)
{
}

static void grid_fails(void)
{
    grid_home_grid_is(&home, false);
}

/* Grid gone, and what tells of the tie says nothing new. */
static void grid_fails_at_6_percent(void)
{
    home.world[SRC_BATTERY] = 60;
    grid_home_run(&home, 2 * S); /* two reads */
    grid_home_grid_is(&home, false);
}

static void grid_returns(void)
{
    grid_home_grid_is(&home, true);
}

/* The receiving point's contact and meter, and no plan. */
static void nobody_tells_of_the_grid(void)
{
    home.cut = SRC_METER;
}

static void meter_reads_nothing(void)
{
    home.world[SRC_GRID_V] = 0;
}

static void contactor_sticks(void)
{
    home.input.has_contactor_fault = true;
}

static void two_masters(void)
{
    home.input.has_two_masters = true;
}

static void person_locks(void)
{
    home.input.is_locked = true;
}

static void person_clears(void)
{
    home.input.person = PERSON_CLEAR;
}

static void person_clears_in_the_dark(void)
{
    grid_home_grid_is(&home, false);
    grid_home_run(&home, 3 * S);
    home.input.person = PERSON_CLEAR;
}

/* Locked since before; the lock ends with no grid. */
static void hold_ends_in_the_dark(void)
{
    home.input.is_locked = true;
    grid_home_grid_is(&home, false);
    grid_home_run(&home, 3 * S);
    home.input.is_locked = false;
}

static void person_says_ok(void)
{
    meter_reads_nothing();
    grid_home_run(&home, 1 * S);
    home.input.person = PERSON_GRID_OK;
}

static void person_says_outage(void)
{
    meter_reads_nothing();
    grid_home_run(&home, 1 * S);
    home.input.person = PERSON_OUTAGE;
}

static void usable_60(void)
{
    home.world[SRC_BATTERY] = 60;
}

static void usable_140(void)
{
    home.world[SRC_BATTERY] = 140;
}

static void usable_210(void)
{
    home.world[SRC_BATTERY] = 210;
}

static void usable_290(void)
{
    home.world[SRC_BATTERY] = 290;
}

static void usable_360(void)
{
    home.world[SRC_BATTERY] = 360;
}

static void forecast_falls(void)
{
    home.input.forecast_below = TRI_YES;
}

static void island_fails(void)
{
    grid_home_island_is(&home, false);
}

static void nobody_tells_of_the_island(void)
{
    home.cut = SRC_BIT(SRC_PCS) | SRC_BIT(SRC_SWITCH) | SRC_BIT(SRC_HOME_V) |
               SRC_BIT(SRC_HOME_HZ);
    home.has &= ~home.cut;
    for (int i = 0; i < SRC_COUNT; i++)
        home.readings[i].is_good = home.readings[i].is_good && !(home.cut >> i & 1);
}

/* The tie never opened and the grid is there again. */
static void grid_was_there_all_the_time(void)
{
    grid_home_grid_is(&home, true);
    home.world[SRC_SWITCH] = 1;
    home.world[SRC_PCS] = PCS_OFF;
    home.world[SRC_HOME_HZ] = 50;
}

static void island_starts_with_sun(void)
{
    home.input.is_pv_seen = home.input.is_daylight = true;
    grid_home_island_is(&home, true);
    home.world[SRC_BATTERY] = 140;
}

static void tie_closes(void)
{
    home.world[SRC_SWITCH] = 1;
    home.world[SRC_PCS] = PCS_ON_GRID;
    home.world[SRC_HOME_V] = 101;
    home.world[SRC_HOME_HZ] = 50.01;
}

static void person_says_tie_closed(void)
{
    home.input.person = PERSON_GRID_OK;
}

static void island_is_planned(void)
{
    home.input.is_island_wanted = true;
}

/* ---- community ---- */

static void plan_says(enum grid_state_id state)
{
    home.input.plan =
        (struct grid_plan){.is_valid = true, .t_ms = home.now_ms, .state = state};
}

static void plan_transferring(void)
{
    plan_says(TRANSFERRING);
}

static void plan_suspects(void)
{
    plan_says(OUTAGE_SUSPECTED);
}

static void plan_islanded(void)
{
    plan_says(ISLANDED);
}

static void plan_low(void)
{
    plan_says(LOW_RESERVE);
}

static void plan_critical(void)
{
    plan_says(CRITICAL);
}

static void plan_reconnecting(void)
{
    plan_says(RECONNECTING);
}

static void plan_ok(void)
{
    plan_says(GRID_OK);
}

static void hz_51(void)
{
    home.world[SRC_HOME_HZ] = 50.45;
}

static void only_hz_51(void)
{
    home.has = SRC_BIT(SRC_HOME_HZ);
    home.readings[SRC_CONTACT].is_good = home.readings[SRC_GRID_V].is_good = false;
    hz_51();
}

/* usable 0.28, 0.12, 0.40, 0.22 at 1 Hz from empty to full */
static void hz_low(void)
{
    home.world[SRC_HOME_HZ] = 49.78;
}

static void hz_critical(void)
{
    home.world[SRC_HOME_HZ] = 49.62;
}

static void hz_recovered(void)
{
    home.world[SRC_HOME_HZ] = 49.90;
}

static void hz_above_critical(void)
{
    home.world[SRC_HOME_HZ] = 49.72;
}

static void supply_goes(void)
{
    home.world[SRC_HOME_V] = 0;
    home.world[SRC_HOME_HZ] = 0;
}

static void supply_comes(void)
{
    home.world[SRC_HOME_V] = 101;
    home.world[SRC_HOME_HZ] = 50;
}

static void supply_and_grid_come(void)
{
    supply_comes();
    grid_home_grid_is(&home, true);
}

static void no_supply_reading(void)
{
    home.has &= ~SRC_BIT(SRC_HOME_V);
    home.readings[SRC_HOME_V].is_good = false;
}

/* ---- cases ---- */

struct row_case {
    const char *row;
    enum grid_state_id from, to;
    void (*happens)(void);
    int64_t not_before_ms, by_ms; /* after it happened */
};

#define CASES_OF_PERSONS                                                                  \
    {"a fault stops switching", GRID_OK, FAULT, contactor_sticks, 0, 200},                \
        {"a fault stops switching", RECONNECTING, FAULT, two_masters, 0, 200},            \
        {"a fault stops switching", MANUAL, FAULT, two_masters, 0, 200},                  \
        {"a lock stops switching", OUTAGE_SUSPECTED, MANUAL, person_locks, 0, 200},       \
        {"a lock stops switching", BLACK, MANUAL, person_locks, 0, 200},                  \
        {"a person clears the fault on the grid", FAULT, GRID_OK, person_clears, 0, 200}, \
        {"a person clears the fault", FAULT, OUTAGE_SUSPECTED,                            \
         person_clears_in_the_dark,   0,     200},                                        \
        {"a person unlocks on the grid", MANUAL, GRID_OK, nothing, 0, 200},               \
        {"a person unlocks", MANUAL, OUTAGE_SUSPECTED, hold_ends_in_the_dark, 0, 200},    \
        {"a sign of loss", GRID_OK, OUTAGE_SUSPECTED, grid_fails, 0, 200},                \
        {"a sign of loss", GRID_OK, OUTAGE_SUSPECTED, meter_reads_nothing, 0, 1100},      \
    {                                                                                     \
        "a person says the grid is there", OUTAGE_SUSPECTED, GRID_OK, person_says_ok, 0,  \
            200                                                                           \
    }

#define CASES_OF_DOUBT                                                                   \
    {"clean for 10 s", OUTAGE_SUSPECTED, GRID_OK, nothing, 7 * S, 11 * S},               \
        {"no proof in 60 s",  OUTAGE_SUSPECTED, OUTAGE_SUSPECTED,                        \
         meter_reads_nothing, 57 * S,           60 * S},                                 \
        {"P4 returns one by one", OUTAGE_SUSPECTED,  OUTAGE_SUSPECTED,                   \
         meter_reads_nothing,     10 * MIN + 57 * S, 11 * MIN},                          \
    {                                                                                    \
        "evidence contradicts itself", OUTAGE_SUSPECTED, OUTAGE_SUSPECTED,               \
            meter_reads_nothing, 58 * S, 62 * S                                          \
    }

static const struct row_case own_cases[] = {
    CASES_OF_PERSONS,
    {"planned island", GRID_OK, TRANSFERRING, island_is_planned, 0, 200},
    {"confirmed below the black floor", OUTAGE_SUSPECTED, BLACK, grid_fails_at_6_percent,
     2900, 3200},
    {"confirmed", OUTAGE_SUSPECTED, TRANSFERRING, grid_fails, 900, 1200},
    {"a person says the grid is lost", OUTAGE_SUSPECTED, TRANSFERRING, person_says_outage,
     0, 200},
    CASES_OF_DOUBT,
    {"below the black floor while transferring", TRANSFERRING, BLACK, usable_60, 0, 2100},
    {"V/f good and tie open for 5 s", TRANSFERRING, ISLANDED, nothing, 2 * S, 5 * S},
    {"60 s and the grid is there", TRANSFERRING, GRID_OK, grid_was_there_all_the_time,
     57 * S, 59 * S},
    {"60 s and no island", TRANSFERRING, BLACK, island_fails, 57 * S, 59 * S},
    {"60 s and nothing known", TRANSFERRING, TRANSFERRING, nobody_tells_of_the_island,
     57 * S, 59 * S},
    {"island lost", ISLANDED, BLACK, island_fails, 4 * S, 7 * S},
    {"island lost", LOW_RESERVE, BLACK, island_fails, 4 * S, 7 * S},
    {"PCS off when critical", CRITICAL, BLACK, island_fails, 900, 2100},
    {"a person says the grid is back", ISLANDED, RECONNECTING, person_says_ok, 0, 200},
    {"a person says the grid is back", BLACK, RECONNECTING, person_says_ok, 0, 200},
    {"grid back", ISLANDED, RECONNECTING, grid_returns, 0, 1100},
    {"grid back", LOW_RESERVE, RECONNECTING, grid_returns, 0, 1100},
    {"grid back", CRITICAL, RECONNECTING, grid_returns, 0, 1100},
    {"grid back", BLACK, RECONNECTING, grid_returns, 0, 1100},
    {"low reserve", ISLANDED, LOW_RESERVE, usable_290, 0, 2100},
    {"low reserve", ISLANDED, LOW_RESERVE, forecast_falls, 0, 200},
    {"critical reserve", LOW_RESERVE, CRITICAL, usable_140, 0, 2100},
    {"black floor", CRITICAL, BLACK, usable_60, 0, 2100},
    {"low reserve recovered", LOW_RESERVE, ISLANDED, usable_360, 10 * MIN,
     10 * MIN + 2 * S},
    {"critical reserve recovered", CRITICAL, LOW_RESERVE, usable_210, 10 * MIN,
     10 * MIN + 2 * S},
    {"restarted", BLACK, CRITICAL, island_starts_with_sun, 5 * S, 8 * S},
    {"lost again", RECONNECTING, BLACK, grid_fails, 0, 2200},
    {"tie closed and stable", RECONNECTING, GRID_OK, tie_closes, 6 * MIN - 3 * S,
     11 * MIN},
    {"a person says the tie is closed", RECONNECTING, GRID_OK, person_says_tie_closed, 0,
     200},
    {"the tie stays open", RECONNECTING, RECONNECTING, nothing, 6 * MIN - 3 * S,
     11 * MIN},
};

static const struct row_case community_cases[] = {
    CASES_OF_PERSONS,
    {"plan says outage", GRID_OK, OUTAGE_SUSPECTED, plan_transferring, 0, 200},
    {"plan suspects an outage", GRID_OK, OUTAGE_SUSPECTED, plan_suspects, 0, 200},
    {"frequency of an island", GRID_OK, OUTAGE_SUSPECTED, hz_51, 10 * S, 12 * S},
    {"supply gone", OUTAGE_SUSPECTED, BLACK, supply_goes, 1900, 3200},
    {"supply gone", TRANSFERRING, BLACK, supply_goes, 1900, 3200},
    {"supply gone", ISLANDED, BLACK, supply_goes, 1900, 3200},
    {"supply gone", LOW_RESERVE, BLACK, supply_goes, 1900, 3200},
    {"supply gone", CRITICAL, BLACK, supply_goes, 1900, 3200},
    {"supply gone", RECONNECTING, BLACK, supply_goes, 1900, 3200},
    {"plan says outage, suspected", OUTAGE_SUSPECTED, TRANSFERRING, plan_transferring, 0,
     200},
    {"confirmed", OUTAGE_SUSPECTED, TRANSFERRING, grid_fails, 900, 1200},
    {"frequency confirms", OUTAGE_SUSPECTED, TRANSFERRING, only_hz_51, 10 * S, 12 * S},
    {"a person says the grid is lost", OUTAGE_SUSPECTED, TRANSFERRING, person_says_outage,
     0, 200},
    {"plan says grid", OUTAGE_SUSPECTED, GRID_OK, plan_ok, 0, 200},
    {"plan says grid", TRANSFERRING, GRID_OK, plan_ok, 0, 200},
    CASES_OF_DOUBT,
    {"plan says islanded", TRANSFERRING, ISLANDED, plan_islanded, 0, 200},
    {"supplied for 5 s", TRANSFERRING, ISLANDED, nothing, 2 * S, 5 * S},
    {"60 s and not dark", TRANSFERRING, ISLANDED, no_supply_reading, 57 * S, 59 * S},
    {"a person says the grid is back", CRITICAL, GRID_OK, person_says_tie_closed, 0, 200},
    {"a person says the grid is back", RECONNECTING, GRID_OK, person_says_tie_closed, 0,
     200},
    {"plan says grid is back", CRITICAL, RECONNECTING, plan_reconnecting, 0, 200},
    {"grid back", ISLANDED, RECONNECTING, grid_returns, 0, 1100},
    {"a person is asked", ISLANDED, ISLANDED, nobody_tells_of_the_grid, 30 * MIN,
     30 * MIN + 4 * S},
    {"plan says low reserve", ISLANDED, LOW_RESERVE, plan_low, 0, 200},
    {"low reserve by frequency", ISLANDED, LOW_RESERVE, hz_low, 5 * S, 7 * S},
    {"plan says critical", LOW_RESERVE, CRITICAL, plan_critical, 0, 200},
    {"critical by frequency", LOW_RESERVE, CRITICAL, hz_critical, 5 * S, 7 * S},
    {"plan says recovered", LOW_RESERVE, ISLANDED, plan_islanded, 0, 200},
    {"recovered by frequency", LOW_RESERVE, ISLANDED, hz_recovered, 10 * MIN,
     10 * MIN + 2 * S},
    {"plan says above critical", CRITICAL, LOW_RESERVE, plan_low, 0, 200},
    {"above critical by frequency", CRITICAL, LOW_RESERVE, hz_above_critical, 10 * MIN,
     10 * MIN + 2 * S},
    {"supply back on the grid", BLACK, RECONNECTING, supply_and_grid_come, 5 * S, 7 * S},
    {"supply back on the island", BLACK, CRITICAL, supply_comes, 5 * S, 7 * S},
    {"plan says lost again", RECONNECTING, CRITICAL, plan_islanded, 0, 200},
    {"lost again", RECONNECTING, CRITICAL, grid_fails, 900, 1200},
    {"plan says tie closed", RECONNECTING, GRID_OK, plan_ok, 0, 200},
    {"in band without a plan", RECONNECTING, GRID_OK, nothing, 5 * MIN - 3 * S, 10 * MIN},
};

static const struct row_case none_cases[] = {
    CASES_OF_PERSONS,
    {"confirmed", OUTAGE_SUSPECTED, BLACK, grid_fails, 900, 1200},
    {"a person says the grid is lost", OUTAGE_SUSPECTED, BLACK, person_says_outage, 0,
     200},
    CASES_OF_DOUBT,
    {"a person says the grid is back", BLACK, GRID_OK, person_says_ok, 0, 200},
    {"a person says the grid is back", RECONNECTING, GRID_OK, person_says_ok, 0, 200},
    {"grid back", BLACK, RECONNECTING, grid_returns, 0, 1100},
    {"lost again", RECONNECTING, BLACK, grid_fails, 900, 1200},
    {"in band for long enough", RECONNECTING, GRID_OK, nothing, 5 * MIN - 3 * S,
     10 * MIN},
};

/* ---- the walk ---- */

static bool reaches_row(const struct row_case *c, const struct grid_transition **ret)
{
    int64_t begun_ms = home.now_ms;

    while (home.now_ms - begun_ms < c->by_ms) {
        grid_home_step(&home);
        for (uint32_t i = 0; i < home.n_log; i++) {
            *ret = &home.log[i];
            if (strcmp((*ret)->row, c->row) == 0 && (*ret)->from == c->from)
                return true;
        }
    }
    return false;
}

static void begin_case(enum grid_island island, uint32_t has, const struct row_case *c)
{
    grid_home_init(&home, island, has, c->from);
    home.config.island_slope_hz = 1;
    grid_home_restart(&home, c->from);
    if (island == ISLAND_COMMUNITY) /* half full, so that no ladder moves by itself */
        home.world[SRC_HOME_HZ] = c->from == BLACK         ? 0
                                  : c->from == CRITICAL    ? 49.63
                                  : c->from == LOW_RESERVE ? 49.75
                                                           : 50;
    home.input.is_locked = c->from == MANUAL;
    grid_home_run(&home, SETTLE_MS);
    home.input.is_locked = false;
    home.n_log = 0;
}

static void check_case(enum grid_island island, uint32_t has, const struct row_case *c)
{
    const struct grid_transition *told = NULL;
    int64_t begun_ms;
    bool ok;

    begin_case(island, has, c);
    begun_ms = home.now_ms;
    c->happens();
    ok = reaches_row(c, &told) && told->to == c->to &&
         told->t_ms - begun_ms >= c->not_before_ms && told->why[0] != '\0';
    if (!ok)
        printf("\n      island %d, row '%s' from %s: %s to %s after %lld ms (%s)", island,
               c->row, grid_state_name(c->from), told ? told->row : "nothing",
               told ? grid_state_name(told->to) : "-",
               told ? (long long)(told->t_ms - begun_ms) : -1LL, told ? told->why : "");
    CU_ASSERT_TRUE(ok);
}

struct case_set {
    enum grid_island island;
    uint32_t has, n;
    const struct row_case *cases;
};

#define N(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static const struct case_set sets[] = {
    {ISLAND_OWN, SRC_ALL, N(own_cases), own_cases},
    {ISLAND_COMMUNITY, SRC_COMMUNITY | SRC_BIT(SRC_GRID_V), N(community_cases),
     community_cases},
    {ISLAND_NONE, SRC_METER, N(none_cases), none_cases},
};

static void check_set(const struct case_set *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        check_case(set->island, set->has, &set->cases[i]);
}

static void every_row_of_island_own(void)
{
    check_set(&sets[0]);
}

static void every_row_of_island_community(void)
{
    check_set(&sets[1]);
}

static void every_row_of_island_none(void)
{
    check_set(&sets[2]);
}

static bool has_case(const struct case_set *set, const char *row)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (strcmp(set->cases[i].row, row) == 0)
            return true;
    }
    printf("\n      island %d: no case for row '%s'", set->island, row);
    return false;
}

/* What a person may say is exactly what a row of the state listens to. */
static void a_person_is_heard_where_a_row_listens(void)
{
    static const uint32_t present[] = {
        [ISLAND_OWN] = 1U << OUTAGE_SUSPECTED | 1U << ISLANDED | 1U << LOW_RESERVE |
                       1U << CRITICAL | 1U << BLACK | 1U << RECONNECTING,
        [ISLAND_COMMUNITY] = 1U << OUTAGE_SUSPECTED | 1U << ISLANDED | 1U << LOW_RESERVE |
                             1U << CRITICAL | 1U << RECONNECTING,
        [ISLAND_NONE] = 1U << OUTAGE_SUSPECTED | 1U << BLACK | 1U << RECONNECTING,
    };

    for (int island = ISLAND_OWN; island <= ISLAND_NONE; island++) {
        for (int state = GRID_OK; state < GRID_STATE_COUNT; state++) {
            enum grid_island table = (enum grid_island)island;
            enum grid_state_id in = (enum grid_state_id)state;

            CU_ASSERT_EQUAL(grid_table_asks(table, in, PERSON_GRID_OK),
                            (present[island] >> state & 1) != 0);
            CU_ASSERT_EQUAL(grid_table_asks(table, in, PERSON_OUTAGE),
                            state == OUTAGE_SUSPECTED);
            CU_ASSERT_FALSE(grid_table_asks(table, in, PERSON_NONE));
        }
    }
}

static void no_row_is_without_a_case(void)
{
    for (size_t s = 0; s < N(sets); s++) {
        uint32_t n;
        const struct grid_row *rows = grid_table_rows(sets[s].island, &n);

        for (uint32_t i = 0; i < n; i++)
            CU_ASSERT_TRUE(has_case(&sets[s], rows[i].name));
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(every_row_of_island_own),
        TEST(every_row_of_island_community),
        TEST(every_row_of_island_none),
        TEST(a_person_is_heard_where_a_row_listens),
        TEST(no_row_is_without_a_case),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid table", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
