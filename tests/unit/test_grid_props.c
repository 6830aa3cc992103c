/* SPDX-License-Identifier: Apache-2.0 */
/* What no story may break: silence never advances a stage, in any state, by any source,
 * at any moment; homes that are fed are not black; transitions are those of the table.
 * Seeded random, many worlds. */
#include <math.h>
#include <string.h>

#include "tests/unit/grid_home.h"
#include "tests/unit/suite.h"

#define S INT64_C(1000)
#define MIN (60 * S)

static struct grid_home home, other;
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % n;
}

static bool chance(uint32_t permille)
{
    return random_below(1000) < permille;
}

/* How deep in an outage a state is; the way back counts as shallow. */
static int depth(enum grid_state_id state)
{
    static const int depths[GRID_STATE_COUNT] = {
        [GRID_OK] = 0,      [OUTAGE_SUSPECTED] = 1, [RECONNECTING] = 1, [ISLANDED] = 2,
        [TRANSFERRING] = 2, [LOW_RESERVE] = 3,      [CRITICAL] = 4,     [BLACK] = 5,
    };

    return depths[state];
}

static const enum grid_state_id steady[] = {GRID_OK,  OUTAGE_SUSPECTED, TRANSFERRING,
                                            ISLANDED, LOW_RESERVE,      CRITICAL,
                                            BLACK,    RECONNECTING};
#define N_STEADY (sizeof steady / sizeof steady[0])

struct site {
    enum grid_island island;
    uint32_t has;
};

static const struct site sites[] = {
    {ISLAND_OWN,       SRC_ALL                                              },
    {ISLAND_OWN,       SRC_PCS_ONLY                                         },
    {ISLAND_OWN,       SRC_PCS_ONLY | SRC_BIT(SRC_CONTACT)                  },
    {ISLAND_OWN,       SRC_PCS_ONLY | SRC_METER                             },
    {ISLAND_COMMUNITY, SRC_COMMUNITY                                        },
    {ISLAND_COMMUNITY, SRC_ALL                                              },
    {ISLAND_NONE,      SRC_METER                                            },
    {ISLAND_NONE,      SRC_METER | SRC_BIT(SRC_UPS) | SRC_BIT(SRC_NEIGHBOUR)},
};
#define N_SITES (sizeof sites / sizeof sites[0])

/* Nothing happens but that sources fall silent, one or all of a set. */
static void check_cut(const struct site *site, enum grid_state_id state, uint32_t cut)
{
    int before;

    grid_home_init(&home, site->island, site->has, state);
    if (state == OUTAGE_SUSPECTED)
        home.world[SRC_GRID_V] = 0;
    grid_home_run(&home, 4500);
    before = depth(home.grid.state);
    home.cut = cut;
    for (int64_t t = 0; t < 15 * MIN; t += 100) {
        grid_home_step(&home);
        if (depth(home.grid.state) > before)
            break;
        before = depth(home.grid.state); /* the way up goes on with what is left */
    }
    if (depth(home.grid.state) > before)
        printf("\n      island %d has %x in %s, cut %x: %s", site->island, site->has,
               grid_state_name(state), cut, home.log[home.n_log - 1].why);
    CU_ASSERT_TRUE(depth(home.grid.state) <= before);
}

static void each_source_cut_in_turn_advances_no_stage(void)
{
    for (size_t k = 0; k < N_SITES; k++) {
        for (size_t i = 0; i < N_STEADY; i++) {
            for (uint32_t source = 0; source < SRC_COUNT; source++) {
                if (sites[k].has >> source & 1)
                    check_cut(&sites[k], steady[i], SRC_BIT(source));
            }
        }
    }
}

static void all_sources_cut_at_once_advance_no_stage(void)
{
    for (size_t k = 0; k < N_SITES; k++) {
        for (size_t i = 0; i < N_STEADY; i++)
            check_cut(&sites[k], steady[i], sites[k].has);
    }
}

static void any_set_of_sources_cut_advances_no_stage(void)
{
    random_state = 11;
    for (int n = 0; n < 100; n++)
        check_cut(&sites[random_below(N_SITES)], steady[random_below(N_STEADY)],
                  random_below(SRC_ALL + 1));
}

/* ---- one reading that is wrong ---- */

/* Outliers as devices show them: nothing, the end of a scale, what is there no more. */
static void outlier(struct grid_home *h, uint32_t sources)
{
    static const double numbers[] = {0, 1, 65535, -32768, 50, 101, 202};
    static const double states[] = {0, 1, 2, 3};
    const uint32_t two_valued = SRC_BIT(SRC_CONTACT) | SRC_BIT(SRC_SWITCH) |
                                SRC_BIT(SRC_UPS) | SRC_BIT(SRC_NEIGHBOUR);

    for (uint32_t i = 0; i < SRC_COUNT; i++) {
        if (!(sources >> i & 1))
            continue;
        if (two_valued >> i & 1)
            h->world[i] = h->world[i] == 0;
        else if (i == SRC_PCS)
            h->world[i] = states[random_below(4)];
        else
            h->world[i] = numbers[random_below(7)];
    }
}

/* Suspicion is what one sign is for; the ladder, darkness and the grid's return are
 * not. */
static bool is_moved(enum grid_state_id from, enum grid_state_id to)
{
    return from != to && !(from == GRID_OK && to == OUTAGE_SUSPECTED) &&
           !(from == OUTAGE_SUSPECTED && to == GRID_OK);
}

/* All of these sources are wrong for exactly one poll. */
static void check_outlier(const struct site *site, enum grid_state_id state,
                          uint32_t sources, uint32_t poll_ms)
{
    /* for longer than an island may take nothing tells of it: what could is silent */
    const uint32_t silent =
        state == TRANSFERRING
            ? SRC_BIT(SRC_HOME_V) | SRC_BIT(SRC_HOME_HZ) | SRC_BIT(SRC_PCS)
            : 0;
    double world[SRC_COUNT];
    uint32_t n_before;

    grid_home_init(&home, site->island, site->has, state);
    home.config.island_slope_hz = 1;
    grid_home_restart(&home, state);
    for (int i = 0; i < SRC_COUNT; i++)
        home.sources[i].poll_ms = poll_ms;
    home.cut = silent;
    grid_home_run(&home, (state == TRANSFERRING ? 80 * S : 0) + 10 * poll_ms -
                             GRID_HOME_STEP_MS);
    home.cut = silent & ~sources;
    memcpy(world, home.world, sizeof world);
    n_before = home.n_log;
    state = home.grid.state;
    outlier(&home, sources);
    grid_home_step(&home); /* the poll */
    home.cut = silent;
    memcpy(home.world, world, sizeof world);
    grid_home_run(&home, 3 * poll_ms);
    for (uint32_t i = n_before; i < home.n_log; i++) {
        const struct grid_transition *told = &home.log[i];

        if (is_moved(told->from, told->to))
            printf("\n      island %d has %x, one wrong poll of %x each %u ms: %s to %s "
                   "(%s)",
                   site->island, site->has, sources, poll_ms, grid_state_name(told->from),
                   grid_state_name(told->to), told->why);
        CU_ASSERT_FALSE(is_moved(told->from, told->to));
    }
}

static void one_wrong_reading_of_each_source_advances_no_stage(void)
{
    static const uint32_t polls_ms[] = {200, 1000, 10000};

    random_state = 3;
    for (size_t p = 0; p < sizeof polls_ms / sizeof polls_ms[0]; p++)
        for (size_t k = 0; k < N_SITES; k++)
            for (size_t i = 0; i < N_STEADY; i++)
                for (uint32_t source = 0; source < SRC_COUNT; source++)
                    for (int n = 0; n < 4; n++)
                        check_outlier(&sites[k], steady[i], SRC_BIT(source), polls_ms[p]);
}

/* A meter's voltage and frequency, a battery's mode and charge, all at once. */
static void one_wrong_poll_of_any_sources_advances_no_stage(void)
{
    static const uint32_t polls_ms[] = {200, 1000, 10000};

    random_state = 4;
    for (int n = 0; n < 2000; n++)
        check_outlier(&sites[random_below(N_SITES)], steady[random_below(N_STEADY)],
                      random_below(SRC_ALL + 1), polls_ms[random_below(3)]);
}

/* ---- a step with and without a source ---- */

/* Any values, also such as contradict each other. */
static void random_world(struct grid_home *h)
{
    uint32_t grid = random_below(3);

    h->world[SRC_CONTACT] = chance(500);
    h->world[SRC_GRID_V] = grid == 0 ? 0 : grid == 1 ? 75 : 101;
    h->world[SRC_GRID_HZ] = chance(300) ? 0 : chance(500) ? 50 : 47;
    h->world[SRC_PCS] = random_below(4);
    h->world[SRC_SWITCH] = chance(500);
    h->world[SRC_UPS] = chance(500);
    h->world[SRC_HOME_V] = chance(300) ? 0 : 101;
    h->world[SRC_HOME_HZ] = chance(300) ? 0 : chance(500) ? 50 : 52;
    h->world[SRC_BATTERY] = random_below(1001);
    h->world[SRC_NEIGHBOUR] = chance(500);
}

static void copy_home(struct grid_home *to, const struct grid_home *from)
{
    *to = *from;
    to->evidence.sources = to->sources;
    to->input.verdict = &to->verdict;
}

/* The deepest state of this step, also one that it only passed. */
static int deepest(const struct grid_home *h)
{
    int most = depth(h->grid.state);

    for (uint32_t i = 0; i < h->n_log; i++)
        most = depth(h->log[i].to) > most ? depth(h->log[i].to) : most;
    return most;
}

/* The same moment, one source taken away: it may not fall deeper than with it. */
static void check_without(enum grid_state_id before)
{
    uint32_t source = random_below(SRC_COUNT);

    copy_home(&other, &home);
    other.cut |= SRC_BIT(source);
    other.readings[source].is_good = false;
    grid_home_step(&home);
    grid_home_step(&other);
    if (before > BLACK || home.grid.state > RECONNECTING ||
        other.grid.state > RECONNECTING)
        return; /* a person's states; the way back is held against consistent worlds */
    if (depth(other.grid.state) > depth(before) &&
        depth(other.grid.state) > deepest(&home)) {
        printf("\n      %s without %s: %s (%s), with it: %s", grid_state_name(before),
               home.sources[source].name, grid_state_name(other.grid.state),
               other.n_log > 0 ? other.log[other.n_log - 1].why : "",
               grid_state_name(home.grid.state));
        CU_ASSERT_TRUE(false);
    }
}

static void removing_a_source_never_advances_a_stage(void)
{
    int n_checked = 0;

    random_state = 5;
    for (int run = 0; run < 400; run++) {
        const struct site *site = &sites[random_below(N_SITES)];

        grid_home_init(&home, site->island, site->has, steady[random_below(N_STEADY)]);
        for (int step = 0; step < 400; step++) {
            if (chance(30))
                random_world(&home);
            if (chance(20))
                home.cut = random_below(SRC_ALL + 1) & random_below(SRC_ALL + 1);
            home.n_log = 0;
            check_without(home.grid.state);
            n_checked++;
        }
    }
    CU_ASSERT_EQUAL(n_checked, 160000);
}

/* ---- worlds that can be: a grid that comes and goes, any sources silent at any time
 * ---- */

static void consistent_world(struct grid_home *h, bool is_grid)
{
    if (h->grid.state == GRID_OK && is_grid) {
        grid_home_grid_is(h, true);
        return;
    }
    grid_home_grid_is(h, is_grid);
    if (h->out.demand.ask_sync && is_grid) {
        h->world[SRC_SWITCH] = 1;
        h->world[SRC_PCS] = PCS_ON_GRID;
        h->world[SRC_HOME_HZ] = h->world[SRC_GRID_HZ];
    } else if (!is_grid) {
        grid_home_island_is(h, true);
    }
}

/* Without silence, a home with its own island is back on the grid; with it, it never says
 * so falsely. */
static void silence_brings_no_grid_that_is_not_there(void)
{
    random_state = 8;
    for (int run = 0; run < 60; run++) {
        grid_home_init(&home, ISLAND_OWN, SRC_ALL, ISLANDED);
        for (int64_t t = 0; t < 20 * MIN; t += 100) {
            consistent_world(&home, false);
            if (chance(3))
                home.cut = random_below(SRC_ALL + 1);
            grid_home_step(&home);
            CU_ASSERT_TRUE(home.grid.state != GRID_OK && home.grid.state != RECONNECTING);
            CU_ASSERT_TRUE(home.grid.state != BLACK);
        }
    }
}

static void silence_brings_no_outage_that_is_not_there(void)
{
    random_state = 9;
    for (int run = 0; run < 60; run++) {
        const struct site *site = &sites[random_below(N_SITES)];

        grid_home_init(&home, site->island, site->has, GRID_OK);
        for (int64_t t = 0; t < 20 * MIN; t += 100) {
            if (chance(3))
                home.cut = random_below(SRC_ALL + 1);
            grid_home_step(&home);
            CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
        }
    }
}

static void a_grid_that_comes_and_goes_ends_on_the_grid(void)
{
    random_state = 10;
    for (int run = 0; run < 40; run++) {
        bool is_grid = true;

        grid_home_init(&home, ISLAND_OWN, SRC_ALL, GRID_OK);
        home.config.code = *grid_code_find("test");
        grid_home_restart(&home, GRID_OK);
        for (int64_t t = 0; t < 30 * MIN; t += 100) {
            is_grid = chance(5) ? !is_grid : is_grid;
            consistent_world(&home, is_grid);
            grid_home_step(&home);
            CU_ASSERT_TRUE(home.grid.state != BLACK);
        }
        for (int64_t t = 0; t < 70 * MIN && home.grid.state != GRID_OK; t += 100) {
            consistent_world(&home, true);
            grid_home_step(&home);
        }
        CU_ASSERT_EQUAL(home.grid.state, GRID_OK);
    }
}

/* ---- communities ---- */

static void random_plan(struct grid_home *h)
{
    h->input.plan =
        (struct grid_plan){.is_valid = chance(800),
                           .t_ms = h->now_ms - random_below(60000),
                           .state = (enum grid_state_id)random_below(GRID_STATE_COUNT)};
}

static void a_home_that_is_fed_is_never_black(void)
{
    random_state = 12;
    for (int run = 0; run < 51; run++) {
        grid_home_init(&home, ISLAND_COMMUNITY, SRC_COMMUNITY, GRID_OK);
        home.config.island_slope_hz = 1;
        grid_home_restart(&home, GRID_OK);
        for (int64_t t = 0; t < 10 * MIN; t += 100) {
            if (chance(10))
                random_plan(&home);
            if (chance(10))
                home.world[SRC_HOME_HZ] = 49.5 + random_below(100) / 100.0;
            if (chance(10))
                home.world[SRC_CONTACT] = chance(500);
            if (chance(5))
                home.cut = random_below(SRC_ALL + 1);
            grid_home_step(&home);
            CU_ASSERT_NOT_EQUAL(home.grid.state, BLACK);
            CU_ASSERT_FALSE(home.out.demand.open_all_first);
            CU_ASSERT_FALSE(home.out.demand.ask_sync);
        }
    }
}

static void a_silent_coordinator_leaves_the_ladder_to_the_frequency(void)
{
    grid_home_init(&home, ISLAND_COMMUNITY, SRC_COMMUNITY, GRID_OK);
    home.config.island_slope_hz = 1;
    grid_home_restart(&home, GRID_OK);
    home.world[SRC_HOME_HZ] = 50.2;
    grid_home_run(&home, 3 * S);
    home.world[SRC_CONTACT] = 0; /* the receiving point's contact */
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 10 * S));
    home.world[SRC_HOME_HZ] = 49.75;
    CU_ASSERT_TRUE(grid_home_reaches(&home, LOW_RESERVE, 10 * S));
    home.world[SRC_HOME_HZ] = 49.60;
    CU_ASSERT_TRUE(grid_home_reaches(&home, CRITICAL, 10 * S));
    home.world[SRC_HOME_HZ] = 49.51;
    grid_home_run(&home, 1 * MIN);
    CU_ASSERT_EQUAL(home.grid.state, CRITICAL);
    home.world[SRC_HOME_HZ] = 50.1;
    CU_ASSERT_TRUE(grid_home_reaches(&home, ISLANDED, 21 * MIN));
    home.world[SRC_CONTACT] = 1;
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 1 * S));
    CU_ASSERT_TRUE(grid_home_reaches(&home, GRID_OK, 11 * MIN));
}

static void an_older_plan_does_not_undo_what_the_home_saw(void)
{
    grid_home_init(&home, ISLAND_COMMUNITY, SRC_COMMUNITY, GRID_OK);
    grid_home_run(&home, 3 * S);
    home.input.plan = (struct grid_plan){true, home.now_ms, GRID_OK};
    home.world[SRC_CONTACT] = 0;
    CU_ASSERT_TRUE(grid_home_reaches(&home, TRANSFERRING, 2 * S));
    grid_home_run(&home, 30 * S);
    CU_ASSERT_EQUAL(home.grid.state,
                    TRANSFERRING); /* the plan is valid, so no news: wait */
    home.input.plan = (struct grid_plan){true, home.now_ms, ISLANDED};
    grid_home_step(&home);
    CU_ASSERT_EQUAL(home.grid.state, ISLANDED);
    home.input.plan = (struct grid_plan){true, home.now_ms, BLACK};
    grid_home_step(&home);
    CU_ASSERT_EQUAL(home.grid.state, CRITICAL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(each_source_cut_in_turn_advances_no_stage),
        TEST(all_sources_cut_at_once_advance_no_stage),
        TEST(any_set_of_sources_cut_advances_no_stage),
        TEST(one_wrong_reading_of_each_source_advances_no_stage),
        TEST(one_wrong_poll_of_any_sources_advances_no_stage),
        TEST(removing_a_source_never_advances_a_stage),
        TEST(silence_brings_no_grid_that_is_not_there),
        TEST(silence_brings_no_outage_that_is_not_there),
        TEST(a_grid_that_comes_and_goes_ends_on_the_grid),
        TEST(a_home_that_is_fed_is_never_black),
        TEST(a_silent_coordinator_leaves_the_ladder_to_the_frequency),
        TEST(an_older_plan_does_not_undo_what_the_home_saw),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid properties", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
