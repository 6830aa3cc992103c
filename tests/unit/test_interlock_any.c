/* SPDX-License-Identifier: Apache-2.0 */
/* Interlocks under any plan in any home (seeded random): the result breaks no rule and is
 * never less safe than the plan. */
#include "tests/unit/interlock_home.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % n;
}

static bool chance(uint32_t percent)
{
    return random_below(100) < percent;
}

static void random_circuit(uint32_t i)
{
    add_circuit((enum circuit_class)random_below(5), random_below(3000), chance(50));
    circuits[i].legs = (uint8_t)random_below(8);
    circuits[i].inrush_w = chance(30) ? random_below(9000) : 0;
    circuits[i].min_off_s = random_below(600);
    circuits[i].is_backed = chance(80);
    circuits[i].has_switch = chance(90);
    circuits[i].override = (enum circuit_override)random_below(3);
    circuits[i].override_until_ms = NOW_MS - 50 + random_below(100);
    now[i].has_feedback = chance(50);
    now[i].is_on_read = chance(50);
    now[i].has_power = chance(50);
    now[i].power_w = random_below(4000);
    now[i].since_ms = NOW_MS - random_below(600000);
    plan.circuits[i].want_on = chance(60);
    plan.circuits[i].index = chance(2) ? 9 : (uint16_t)i;
}

static void random_home(void)
{
    uint32_t n = random_below(CIRCUIT_MAX + 1);

    memset(&plan, 0, sizeof plan);
    demand = (struct grid_demand){
        .state = (enum grid_state_id)random_below(GRID_STATE_COUNT),
        .highest_class = (enum circuit_class)((int)random_below(6) - 1),
        .is_islanded = chance(70),
        .open_all_first = chance(10),
        .no_switching = chance(10),
        .ask_sync = chance(50),
        .try_restart = chance(30),
        .freeze_forced = chance(30),
        .p4_returned = random_below(3)};
    site = (struct interlock_site){.circuits = circuits,
                                   .now = now,
                                   .setpoints = setpoints,
                                   .demand = &demand,
                                   .is_sync_ok = chance(50),
                                   .unswitched_w = random_below(1000)};
    site.limits.pcs_continuous_w = chance(80) ? (double)random_below(9000) : (double)NAN;
    site.limits.bms_max_discharge_w = chance(50) ? (double)random_below(9000) : -1;
    site.limits.leg_w[0] = chance(50) ? random_below(5000) : 0;
    site.limits.headroom_permille = chance(50) ? 600 : 0;
    for (uint32_t i = 0; i < n; i++)
        random_circuit(i);
    site.n_setpoints = plan.n_setpoints = random_below(SETPOINT_MAX + 1);
    for (uint32_t i = 0; i < site.n_setpoints; i++) {
        setpoints[i] =
            (struct setpoint){(uint16_t)i, (enum setpoint_kind)random_below(3),
                              -(double)random_below(3000), random_below(3000), 0};
        plan.setpoints[i] = (struct setpoint_order){
            (uint16_t)i, chance(80), (double)random_below(9000) - 4500, WHY_FITS};
    }
    plan.ask_sync = chance(50);
    plan.close_tie = chance(50);
}

/* Switched on by the interlock: only what is on already, as a kept state. */
static void check_never_less_safe(const struct circuit_plan *before)
{
    for (uint32_t i = 0; i < site.n_circuits; i++) {
        bool is_on = now[i].has_feedback ? now[i].is_on_read : now[i].is_on;

        CU_ASSERT_FALSE(on(i) && !is_on && !before->circuits[i].want_on);
    }
    CU_ASSERT_FALSE(plan.close_tie && !before->close_tie);
    CU_ASSERT_FALSE(plan.ask_sync && !before->ask_sync);
    CU_ASSERT_TRUE(changes.n <= INTERLOCK_CHANGES_MAX);
}

static void any_plan_becomes_safe(void)
{
    random_state = 4;
    for (int k = 0; k < 20000; k++) {
        struct circuit_plan before;

        random_home();
        before = plan;
        apply();
        check_never_less_safe(&before);
        apply(); /* and stays so on a second look */
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(any_plan_becomes_safe),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"interlock, any plan", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
