/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/control with a fake table of readings: what plans of the coordinator,
 * a medical device and the policies of ordinary days make of it.
 */
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/plan_in.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

static char text[300];

/* ---- plans ------------------------------------------------------------------------- */

static void plan(const char *fields, bool retained)
{
    char payload[500];

    snprintf(payload, sizeof payload, "{\"v\":1,\"mode\":\"island\",%s}", fields);
    control_plan(home.control, payload, strlen(payload), retained);
}

static void a_plan_tightens_until_its_validity_ends(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    plan("\"plan\":\"a\",\"valid_s\":30,\"p_max\":\"P1\"", false);
    home_pass(1000);
    CU_ASSERT_TRUE(!home_is_on("washer") && !home_is_on("kettle") &&
                   home_is_on("fridge"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("kettle"), "only classes up to P1"));
    home_pass(31000);
    home_pass(10000);
    CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle"));
    home_end();
}

static void a_plan_never_loosens(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(2000);
    plan("\"plan\":\"a\",\"valid_s\":30,\"p_max\":\"P4\"", false);
    home_pass(2000);
    CU_ASSERT_TRUE(!home_is_on("heater") && !home_is_on("washer") &&
                   !home_is_on("kettle"));
    home_end();
}

static void wrong_retained_and_old_plans_are_refused(void)
{
    static const char *const wrong[] = {
        "\"plan\":\"a\"",
        "\"plan\":\"\",\"valid_s\":30",
        "\"plan\":\"a\",\"valid_s\":0",
        "\"plan\":\"a\",\"valid_s\":30,\"p_max\":\"P9\"",
        "\"plan\":\"a\",\"valid_s\":30,\"power_w\":-5",
        "\"plan\":\"a\",\"valid_s\":30,\"energy_wh\":100",
        "\"plan\":\"a\",\"valid_s\":30,\"soc_permille\":2000",
        "\"plan\":\"a\",\"valid_s\":30,\"state\":\"SUNNY\"",
        "\"plan\":\"a\",\"valid_s\":30,\"boss\":\"me\"",
    };

    home_begin(NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        plan(wrong[i], false);
    CU_ASSERT_EQUAL(home_count_events("plan-refused", NULL),
                    sizeof wrong / sizeof *wrong);
    plan("\"plan\":\"a\",\"valid_s\":30", true);
    CU_ASSERT_EQUAL(home_count_events("plan-refused", "retained"), 1);
    plan("\"plan\":\"a\",\"valid_s\":30", false);
    plan("\"plan\":\"b\",\"valid_s\":30", false);
    plan("\"plan\":\"a\",\"valid_s\":30", false);
    CU_ASSERT_EQUAL(home_count_events("plan-refused", "older plan"), 1);
    home_end();
}

static void a_budget_needs_a_heartbeat(void)
{
    struct plan_in in = {.is_there = false};
    static const char payload[] =
        "{\"v\":1,\"plan\":\"a\",\"mode\":\"island\",\"valid_s\":900,\"power_w\":500}";
    const struct plan_message message = {payload, sizeof payload - 1, false};

    CU_ASSERT_PTR_NULL(plan_in_take(&in, &message, 1000));
    CU_ASSERT_TRUE(plan_in_is_alive(&in, 1000 + PLAN_IN_HEARTBEAT_MS - 1));
    CU_ASSERT_FALSE(plan_in_is_alive(&in, 1000 + PLAN_IN_HEARTBEAT_MS));
    CU_ASSERT_PTR_NOT_NULL(plan_in_now(&in, 1000 + PLAN_IN_HEARTBEAT_MS));
    CU_ASSERT_PTR_NULL(plan_in_now(&in, 901000));
    /* repeated with its own id: lives on */
    CU_ASSERT_PTR_NULL(plan_in_take(&in, &message, 300000));
    CU_ASSERT_TRUE(plan_in_is_alive(&in, 301000));
}

static void a_plans_energy_sheds_from_the_bottom_and_leaves_p1(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    plan("\"plan\":\"a\",\"valid_s\":100,\"energy_wh\":1,\"until_s\":3600", false);
    home_pass(2000);
    CU_ASSERT_TRUE(!home_is_on("washer") && !home_is_on("kettle") &&
                   home_is_on("fridge"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("kettle"), "the community's budget"));
    home_end();
}

static void hours_of_a_medical_device_are_kept_above_every_plan(void)
{
    home_begin("  medical: {typical: 100 W, reserve: 24 h}\n");
    home_set(HOME_SOC, 600);
    home_grid(false);
    home_pass(10000);
    plan("\"plan\":\"a\",\"valid_s\":100,\"p_max\":\"P4\"", false);
    home_pass(2000);
    CU_ASSERT_TRUE(home_is_on("kettle") && home_is_on("fridge"));
    home_set(HOME_SOC, 400); /* 2280 Wh above the last floor */
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(!home_is_on("washer") && !home_is_on("kettle") &&
                   !home_is_on("fridge"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(home_why("fridge"), "2400 Wh are kept for the medical device"));
    home_end();
}

/* ---- ordinary days ----------------------------------------------------------------- */

static void surplus_goes_into_the_heater(void)
{
    home_begin("policies: {surplus: {from: 300 W, circuits: [heater]}}\n");
    home_pass(2000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_set(HOME_GRID_W, -1500);
    home_pass(62000);
    CU_ASSERT_TRUE(home_is_on("heater"));
    home_set(HOME_GRID_W, 200);
    home_pass(62000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static void the_mean_of_a_slot_is_kept_below_the_limit(void)
{
    home_begin("policies: {peak: {limit: 1 kW}}\n");
    home_set(HOME_GRID_W, 2500);
    home_pass(10 * 60000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("heater"), "a schedule or limit holds until"));
    CU_ASSERT_TRUE(home_is_on("kettle")); /* below P3 nothing is held back for money */
    home_set(HOME_GRID_W, 100);
    home_pass(10 * 60000);
    CU_ASSERT_TRUE(home_is_on("heater"));
    home_end();
}

static void a_storm_charges_the_battery_after_the_journal_has_it(void)
{
    const struct home_write *write;

    home_begin(NULL);
    home_pass(2000);
    CU_ASSERT_PTR_NULL(home_last_write("battery.power_setpoint_w"));
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(2000);
    write = home_last_write("battery.power_setpoint_w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(write);
    CU_ASSERT_EQUAL(write->value, -2000); /* the point's own limit */
    CU_ASSERT_FALSE(write->at_once);
    home_grid(false);
    home_pass(1000);
    write = home_last_write("battery.power_setpoint_w");
    CU_ASSERT_TRUE(write->is_release);
    home_end();
}

static void without_a_journal_on_disk_no_mode_is_forced(void)
{
    home_begin(NULL);
    home.is_on_disk = false;
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(5000);
    CU_ASSERT_PTR_NULL(home_last_write("battery.power_setpoint_w"));
    home_end();
}

static CU_TestInfo plans[] = {
    TEST(a_plan_tightens_until_its_validity_ends),
    TEST(a_plan_never_loosens),
    TEST(wrong_retained_and_old_plans_are_refused),
    TEST(a_budget_needs_a_heartbeat),
    TEST(a_plans_energy_sheds_from_the_bottom_and_leaves_p1),
    TEST(hours_of_a_medical_device_are_kept_above_every_plan),
    TEST(surplus_goes_into_the_heater),
    TEST(the_mean_of_a_slot_is_kept_below_the_limit),
    TEST(a_storm_charges_the_battery_after_the_journal_has_it),
    TEST(without_a_journal_on_disk_no_mode_is_forced),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"plans", NULL, NULL, NULL, NULL, plans},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
