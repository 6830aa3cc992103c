/* SPDX-License-Identifier: Apache-2.0 */
/* What each state demands (the column "do" of OUTAGE 4), and that the interlock lets the
 * set-points of a stable island pass. */
#include "lib/microgrid/interlock.h"
#include "tests/unit/grid_story.h"

struct demanded {
    enum grid_state_id state;
    enum circuit_class highest;
    bool freeze_exports, freeze_forced, shed, open_all, stage, islanded, helpers, save,
        flush, hold, tell;
};

static const struct demanded table[] = {
    {GRID_OK,          CIRCUIT_P4,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {OUTAGE_SUSPECTED, CIRCUIT_P4,   1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {TRANSFERRING,     CIRCUIT_P3,   1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1},
    {ISLANDED,         CIRCUIT_P4,   1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1},
    {LOW_RESERVE,      CIRCUIT_P2,   1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 1},
    {CRITICAL,         CIRCUIT_P1,   1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1},
    {BLACK,            CIRCUIT_NONE, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1},
    {RECONNECTING,     CIRCUIT_NONE, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1},
    {MANUAL,           CIRCUIT_P4,   1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0},
    {FAULT,            CIRCUIT_P4,   1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0},
};

static void check(const struct demanded *row)
{
    grid_home_init(&home, ISLAND_OWN, SRC_ALL, row->state);
    home.input.is_locked = row->state == MANUAL;
    grid_home_step(&home);
    CU_ASSERT_EQUAL_FATAL(home.grid.state, row->state);
    CU_ASSERT_EQUAL(demand()->highest_class, row->highest);
    CU_ASSERT_EQUAL(demand()->freeze_exports, row->freeze_exports);
    CU_ASSERT_EQUAL(demand()->freeze_forced, row->freeze_forced);
    CU_ASSERT_EQUAL(demand()->shed_to_budget, row->shed);
    CU_ASSERT_EQUAL(demand()->open_all_first, row->open_all);
    CU_ASSERT_EQUAL(demand()->stage_loads, row->stage);
    CU_ASSERT_EQUAL(demand()->is_islanded, row->islanded);
    CU_ASSERT_EQUAL(demand()->may_start_v2h, row->helpers);
    CU_ASSERT_EQUAL(demand()->may_start_generator, row->helpers);
    CU_ASSERT_EQUAL(demand()->save_power, row->save);
    CU_ASSERT_EQUAL(demand()->flush_store, row->flush);
    CU_ASSERT_EQUAL(demand()->no_switching, row->hold);
    CU_ASSERT_EQUAL(demand()->tell_coordinator, row->tell);
}

static void each_state_demands_what_the_table_says(void)
{
    CU_ASSERT_EQUAL(sizeof table / sizeof table[0], GRID_STATE_COUNT);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        check(&table[i]);
}

static void a_car_and_a_generator_help_until_the_grid_returns(void)
{
    begin(LOW_RESERVE);
    CU_ASSERT_TRUE(demand()->may_start_generator && demand()->may_start_v2h);
    grid_is(true);
    CU_ASSERT_TRUE(grid_home_reaches(&home, RECONNECTING, 2 * S));
    CU_ASSERT_FALSE(demand()->may_start_generator || demand()->may_start_v2h);
}

/* A car starts no island, also not while one is tried. */
static void a_car_never_starts_an_island(void)
{
    begin(BLACK);
    home.input.is_pv_seen = home.input.is_daylight = true;
    for (int64_t t = 0; t < 2 * H; t += 100) {
        grid_home_step(&home);
        CU_ASSERT_FALSE(demand()->may_start_v2h);
    }
    begin(TRANSFERRING);
    CU_ASSERT_FALSE(demand()->may_start_v2h);
}

static bool passes_setpoint(enum grid_state_id state)
{
    static const struct setpoint battery = {
        .kind = SETPOINT_BATTERY, .min_w = -3000, .max_w = 3000};
    static struct circuit_plan plan;
    static struct interlock_changes changes;
    struct interlock_site site = {.setpoints = &battery, .n_setpoints = 1};

    begin(state);
    CU_ASSERT_EQUAL(home.grid.state, state);
    site.demand = demand();
    plan =
        (struct circuit_plan){.n_setpoints = 1, .setpoints = {{0, true, 1200, WHY_FITS}}};
    interlock_apply(&site, home.now_ms, &plan, &changes);
    return plan.setpoints[0].is_wanted && plan.setpoints[0].value_w > 1199;
}

static void set_points_of_a_stable_island_pass(void)
{
    CU_ASSERT_TRUE(passes_setpoint(ISLANDED));
    CU_ASSERT_TRUE(passes_setpoint(LOW_RESERVE));
    CU_ASSERT_TRUE(passes_setpoint(CRITICAL));
    CU_ASSERT_FALSE(passes_setpoint(TRANSFERRING));
    CU_ASSERT_FALSE(passes_setpoint(BLACK));
    CU_ASSERT_FALSE(passes_setpoint(RECONNECTING)); /* it may be anyone's grid */
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(each_state_demands_what_the_table_says),
        TEST(a_car_and_a_generator_help_until_the_grid_returns),
        TEST(a_car_never_starts_an_island),
        TEST(set_points_of_a_stable_island_pass),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid demand", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
