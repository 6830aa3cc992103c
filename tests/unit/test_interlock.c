/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of interlocks: every rule by itself; any plan in any home is in
 * test_interlock_any.c. */
#include "tests/unit/interlock_home.h"

static void a_safe_plan_is_left_alone(void)
{
    begin();
    apply();
    CU_ASSERT_EQUAL(changes.n, 0);
    for (uint32_t i = 0; i < site.n_circuits; i++)
        CU_ASSERT_TRUE(on(i));
}

static void nothing_is_switched_on_within_min_off(void)
{
    begin();
    now[2].is_on = false;
    now[2].since_ms = NOW_MS - 179000;
    plan.circuits[2].want_on = true;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "switched on within its minimum off time");
    apply();
    CU_ASSERT_FALSE(on(2));
    CU_ASSERT_EQUAL(plan.circuits[2].reason, WHY_MIN_OFF);
    CU_ASSERT_EQUAL(plan.circuits[2].until_ms, NOW_MS + 1000);
    plan.circuits[2].want_on = true;
    interlock_apply(&site, NOW_MS + 1000, &plan, &changes);
    CU_ASSERT_TRUE(on(2));
}

static void feedback_is_believed_over_command(void)
{
    begin();
    now[2] = (struct circuit_now){.is_on = true,
                                  .has_feedback = true,
                                  .is_on_read = false,
                                  .since_ms = NOW_MS - 1000};
    apply();
    CU_ASSERT_FALSE(on(2)); /* it is off, so "on" would switch it on within min-off */
}

static void the_load_stays_below_80_percent(void)
{
    begin();
    site.limits.bms_max_discharge_w = 1500; /* 1200 W */
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "the load is above the power limit");
    apply();
    CU_ASSERT_FALSE(on(4));
    CU_ASSERT_TRUE(on(3));
    CU_ASSERT_EQUAL(plan.circuits[4].reason, WHY_POWER);
    CU_ASSERT_DOUBLE_EQUAL(plan.circuits[4].value, 1500, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(plan.circuits[4].limit, 1200, 1e-9);
}

static void measured_power_counts_more_than_typical(void)
{
    begin();
    now[1].has_power = true;
    now[1].power_w = 2000;
    apply();
    CU_ASSERT_FALSE(on(4));
    CU_ASSERT_FALSE(on(3));
    CU_ASSERT_TRUE(on(1));
}

static void new_loads_are_given_up_before_running_ones(void)
{
    begin();
    site.limits.pcs_continuous_w = 1500;
    now[1].is_on = false; /* P1 would start, P4 runs */
    apply();
    CU_ASSERT_FALSE(on(1));
    CU_ASSERT_FALSE(on(4)); /* 1300 W of the rest are still above 1200 W */
    CU_ASSERT_TRUE(on(3));
}

static void the_fuller_leg_decides(void)
{
    begin();
    site.limits.leg_w[0] = site.limits.leg_w[1] = 1000;
    circuits[1].legs = circuits[2].legs = circuits[3].legs = LEG_L1;
    circuits[4].legs = LEG_L2;
    circuits[0].legs = LEG_L1 | LEG_L2;
    apply();
    CU_ASSERT_FALSE(on(3)); /* 50 + 200 + 300 + 400 on L1, limit 800 */
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_EQUAL(plan.circuits[3].reason, WHY_LEG);
}

static void inrush_counts_against_the_full_power(void)
{
    begin();
    now[3].is_on = false;
    circuits[3].inrush_w = 2000; /* 1500 steady + 1600 above 3000 */
    apply();
    CU_ASSERT_FALSE(on(3));
    circuits[3].inrush_w = 1900;
    plan.circuits[3].want_on = true;
    apply();
    CU_ASSERT_TRUE(on(3));
}

static void load_that_is_not_ours_is_carried_too(void)
{
    begin();
    site.unswitched_w = 1500;
    apply();
    CU_ASSERT_FALSE(on(4));
    site.unswitched_w = (double)NAN;
    plan.circuits[4].want_on = true;
    apply();
    CU_ASSERT_TRUE(on(4));
}

static void without_a_known_limit_there_is_none(void)
{
    begin();
    site.limits = (struct circuit_limits){.pcs_continuous_w = (double)NAN};
    circuits[4].typical_w = 50000;
    apply();
    CU_ASSERT_TRUE(on(4));
}

static void on_the_grid_the_island_limits_do_not_hold(void)
{
    begin();
    demand = (struct grid_demand){.state = GRID_OK, .highest_class = CIRCUIT_P4};
    circuits[4].typical_w = 50000;
    circuits[3].is_backed = false;
    plan.circuits[3].want_on = false; /* everyday policy may switch what is not backed */
    apply();
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_FALSE(on(3));
}

static void p0_is_never_touched(void)
{
    begin();
    site.limits.pcs_continuous_w = 50;
    plan.circuits[0].want_on = false;
    apply();
    CU_ASSERT_TRUE(on(0));
    for (uint32_t i = 1; i < site.n_circuits; i++)
        CU_ASSERT_FALSE(on(i));
}

/* In the scenarios a P0 circuit has a switch: shed last, never before another. */
static void a_switched_p0_is_shed_last(void)
{
    begin();
    circuits[0].has_switch = true;
    site.limits.pcs_continuous_w = 200;
    apply();
    CU_ASSERT_TRUE(on(0));
    CU_ASSERT_FALSE(on(1));
}

static void what_the_island_does_not_feed_is_never_shed(void)
{
    begin();
    circuits[4].is_backed = false;
    circuits[4].typical_w = 9000;
    demand.highest_class = CIRCUIT_P2;
    plan.circuits[4].want_on = false;
    apply();
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_EQUAL(plan.circuits[4].reason, WHY_UNTOUCHED);
    CU_ASSERT_TRUE(on(2));
    CU_ASSERT_FALSE(on(3));
}

static void what_is_not_backed_is_left_alone_from_the_first_sign(void)
{
    static const enum grid_state_id states[] = {OUTAGE_SUSPECTED, TRANSFERRING, BLACK,
                                                RECONNECTING};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        begin();
        demand = (struct grid_demand){
            .state = states[i], .highest_class = CIRCUIT_NONE, .open_all_first = true};
        circuits[4].is_backed = false;
        plan.circuits[4].want_on = false;
        apply();
        CU_ASSERT_TRUE(on(4));
        CU_ASSERT_FALSE(on(3));
    }
}

static void nothing_moves_in_manual_and_fault(void)
{
    begin();
    demand.no_switching = true;
    demand.highest_class = CIRCUIT_NONE;
    now[1].is_on = false;
    for (uint32_t i = 0; i < site.n_circuits; i++)
        plan.circuits[i].want_on = !now[i].is_on;
    plan.ask_sync = true;
    apply();
    for (uint32_t i = 0; i < site.n_circuits; i++) {
        CU_ASSERT_EQUAL(on(i), now[i].is_on);
        CU_ASSERT_EQUAL(plan.circuits[i].reason, WHY_HELD);
    }
    CU_ASSERT_FALSE(plan.ask_sync);
}

static void the_owners_off_is_kept(void)
{
    begin();
    circuits[2].override = OVERRIDE_OFF;
    circuits[2].override_until_ms = NOW_MS + 1;
    apply();
    CU_ASSERT_FALSE(on(2));
    CU_ASSERT_EQUAL(plan.circuits[2].reason, WHY_OVERRIDE);
    circuits[2].override_until_ms = NOW_MS; /* over */
    plan.circuits[2].want_on = true;
    apply();
    CU_ASSERT_TRUE(on(2));
}

static void the_owners_on_is_kept_against_class_and_plan(void)
{
    begin();
    circuits[4].override = OVERRIDE_ON;
    circuits[4].override_until_ms = NOW_MS + 1;
    demand.highest_class = CIRCUIT_P1;
    plan.circuits[4].want_on = false;
    apply();
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_FALSE(on(3));
}

static void the_owners_on_yields_to_the_power_limit_after_others(void)
{
    begin();
    circuits[4].override = OVERRIDE_ON;
    circuits[4].override_until_ms = NOW_MS + 1;
    site.limits.pcs_continuous_w = 1000; /* 800 W: P0 100, P4 500, P1 200 */
    apply();
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_FALSE(on(3));
    CU_ASSERT_FALSE(on(2));
    site.limits.pcs_continuous_w = 500;
    apply();
    CU_ASSERT_FALSE(on(4));
}

static void the_owners_on_switches_nothing_on(void)
{
    begin();
    circuits[4].override = OVERRIDE_ON;
    circuits[4].override_until_ms = NOW_MS + 1;
    now[4].is_on = false;
    plan.circuits[4].want_on = false;
    apply();
    CU_ASSERT_FALSE(on(4));
}

static void all_contactors_open_in_black(void)
{
    begin();
    demand = (struct grid_demand){.state = BLACK,
                                  .highest_class = CIRCUIT_NONE,
                                  .open_all_first = true,
                                  .freeze_forced = true};
    circuits[4].override = OVERRIDE_ON;
    circuits[4].override_until_ms = NOW_MS + 1;
    circuits[0].has_switch = true;
    apply();
    for (uint32_t i = 0; i < site.n_circuits; i++)
        CU_ASSERT_FALSE(on(i));
    demand.try_restart = true;
    demand.highest_class = CIRCUIT_P0;
    plan.circuits[0].want_on = plan.circuits[1].want_on = true;
    apply();
    CU_ASSERT_TRUE(on(0));
    CU_ASSERT_FALSE(on(1));
}

static void bulk_loads_return_by_count_while_the_grid_is_unknown(void)
{
    begin();
    add_circuit(CIRCUIT_P4, 500, true);
    demand = (struct grid_demand){.state = OUTAGE_SUSPECTED,
                                  .highest_class = CIRCUIT_P4,
                                  .p4_returned = 1,
                                  .freeze_forced = true};
    apply();
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_FALSE(on(5));
    CU_ASSERT_EQUAL(changes.n, 1);
}

static void begin_setpoints(double wanted_w)
{
    begin();
    setpoints[0] = (struct setpoint){0, SETPOINT_BATTERY, -3000, 3000, 0};
    setpoints[1] = (struct setpoint){1, SETPOINT_PV_LIMIT, 0, 5000, 5000};
    site.n_setpoints = plan.n_setpoints = 2;
    plan.setpoints[0] = (struct setpoint_order){0, true, wanted_w, WHY_FITS};
    plan.setpoints[1] = (struct setpoint_order){1, true, 1000, WHY_FITS};
}

static void set_points_stay_within_their_limits(void)
{
    static const double cases[][2] = {
        {-5000,            -3000},
        {5000,             3000 },
        {1234,             1234 },
        {(double)NAN,      0    },
        {(double)INFINITY, 0    }
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_setpoints(cases[i][0]);
        apply();
        CU_ASSERT_DOUBLE_EQUAL(plan.setpoints[0].value_w, cases[i][1], 1e-9);
        CU_ASSERT_EQUAL(changes.n, cases[i][0] == cases[i][1] ? 0 : 1);
    }
}

static void no_forced_mode_while_frozen(void)
{
    begin_setpoints(1000);
    demand.freeze_forced = true;
    apply();
    CU_ASSERT_FALSE(plan.setpoints[0].is_wanted);
    CU_ASSERT_TRUE(plan.setpoints[1].is_wanted);
    begin_setpoints(1000);
    demand.no_switching = true;
    apply();
    CU_ASSERT_FALSE(plan.setpoints[1].is_wanted);
}

static void the_tie_closes_only_with_sync_ok(void)
{
    static const struct {
        bool demanded, sync_ok, held, may_ask, may_close;
    } cases[] = {
        {false, true,  false, false, false},
        {true,  false, false, true,  false},
        {true,  true,  false, true,  true },
        {true,  true,  true,  false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        demand.ask_sync = cases[i].demanded;
        demand.no_switching = cases[i].held;
        site.is_sync_ok = cases[i].sync_ok;
        plan.ask_sync = plan.close_tie = true;
        apply();
        CU_ASSERT_EQUAL(plan.ask_sync, cases[i].may_ask);
        CU_ASSERT_EQUAL(plan.close_tie, cases[i].may_close);
        if (!cases[i].may_close)
            CU_ASSERT_EQUAL(changes.items[changes.n - 1].subject, INTERLOCK_TIE);
    }
}

static void a_plan_of_wrong_form_is_kept_as_it_stands(void)
{
    begin_setpoints(1000);
    now[3].is_on = false;
    plan.n_circuits = 2;
    plan.n_setpoints = 0;
    plan.circuits[1].index = 7;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "a plan of another length");
    apply();
    CU_ASSERT_EQUAL(plan.n_circuits, 5);
    CU_ASSERT_TRUE(on(1));
    CU_ASSERT_FALSE(on(3));
    CU_ASSERT_TRUE(on(4));
    CU_ASSERT_FALSE(plan.setpoints[0].is_wanted);
}

/* Each rule is seen by the question, too: what apply would change is a violation. */
static void the_question_names_each_rule(void)
{
    begin();
    plan.circuits[1].index = 3;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "an order of another circuit");
    begin();
    plan.circuits[0].want_on = false;
    CU_ASSERT_PTR_NOT_NULL(interlock_violation(&site, NOW_MS, &plan));
    begin();
    demand.open_all_first = true;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "a contactor stays closed in BLACK");
    begin();
    demand.highest_class = CIRCUIT_P3;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "a class above the highest allowed is on");
    begin();
    circuits[1].override = OVERRIDE_OFF;
    circuits[1].override_until_ms = NOW_MS + 1;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "on against the owner's override");
    begin();
    now[3].is_on = false;
    circuits[3].inrush_w = 9000;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "the inrush is above the power limit");
    begin_setpoints(4000);
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "a set-point is beyond its limits");
    begin_setpoints(0);
    demand.freeze_forced = true;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "a set-point is forced while frozen");
    begin();
    plan.ask_sync = true;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "the tie is asked to close too early");
    begin();
    plan.ask_sync = plan.close_tie = demand.ask_sync = true;
    CU_ASSERT_STRING_EQUAL(interlock_violation(&site, NOW_MS, &plan),
                           "the tie is closed without sync OK");
}

static void every_reason_makes_a_sentence(void)
{
    char text[160];

    for (int i = 0; i <= WHY_COUNT; i++) {
        struct circuit_order order = {
            .reason = (enum circuit_reason)i, .value = 310, .limit = 2};

        CU_ASSERT_TRUE(strlen(circuit_why(&order, NULL, text, sizeof text)) > 5);
        CU_ASSERT_TRUE(strlen(circuit_reason_name(order.reason)) > 2);
        CU_ASSERT_TRUE(strlen(circuit_why(&order, "06:40", text, sizeof text)) > 5);
    }
    CU_ASSERT_STRING_EQUAL(
        circuit_why(&(struct circuit_order){.reason = WHY_ENERGY, .value = 310}, "06:40",
                    text, sizeof text),
        "reserve 31 % must last to 06:40");
    CU_ASSERT_STRING_EQUAL(circuit_why(&(struct circuit_order){.reason = WHY_RESTORE},
                                       "in 19 min", text, sizeof text),
                           "loads come back one by one, its turn is in 19 min");
    CU_ASSERT_STRING_EQUAL(circuit_why(&(struct circuit_order){.reason = WHY_OVERRIDE},
                                       "in 5 min", text, sizeof text),
                           "the owner's wish for 5 min");
    CU_ASSERT_STRING_EQUAL(circuit_why(&(struct circuit_order){.reason = WHY_OVERRIDE},
                                       "22:10", text, sizeof text),
                           "the owner's wish until 22:10");
    CU_ASSERT_STRING_EQUAL(
        circuit_why(&(struct circuit_order){.reason = WHY_ENERGY, .value = 310},
                    "in 90 min", text, sizeof text),
        "reserve 31 % must last 90 min");
    CU_ASSERT_STRING_EQUAL(circuit_class_name(CIRCUIT_NONE), "none");
    CU_ASSERT_STRING_EQUAL(circuit_class_name(CIRCUIT_P3), "P3");
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_safe_plan_is_left_alone),
        TEST(nothing_is_switched_on_within_min_off),
        TEST(feedback_is_believed_over_command),
        TEST(the_load_stays_below_80_percent),
        TEST(measured_power_counts_more_than_typical),
        TEST(new_loads_are_given_up_before_running_ones),
        TEST(the_fuller_leg_decides),
        TEST(inrush_counts_against_the_full_power),
        TEST(load_that_is_not_ours_is_carried_too),
        TEST(without_a_known_limit_there_is_none),
        TEST(on_the_grid_the_island_limits_do_not_hold),
        TEST(p0_is_never_touched),
        TEST(a_switched_p0_is_shed_last),
        TEST(what_the_island_does_not_feed_is_never_shed),
        TEST(what_is_not_backed_is_left_alone_from_the_first_sign),
        TEST(nothing_moves_in_manual_and_fault),
        TEST(the_owners_off_is_kept),
        TEST(the_owners_on_is_kept_against_class_and_plan),
        TEST(the_owners_on_yields_to_the_power_limit_after_others),
        TEST(the_owners_on_switches_nothing_on),
        TEST(all_contactors_open_in_black),
        TEST(bulk_loads_return_by_count_while_the_grid_is_unknown),
        TEST(set_points_stay_within_their_limits),
        TEST(no_forced_mode_while_frozen),
        TEST(the_tie_closes_only_with_sync_ok),
        TEST(a_plan_of_wrong_form_is_kept_as_it_stands),
        TEST(the_question_names_each_rule),
        TEST(every_reason_makes_a_sentence),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"interlock", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
