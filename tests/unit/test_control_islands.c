/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/control for homes that form no island of their own (outage.island
 * community and none): what tells them of the grid, when a person is asked and heard, and
 * when their loads come back, so that they do not move together; and a wall clock that is
 * set.
 */
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

#define COMMUNITY                                                                        \
    "  island: community\n"                                                              \
    "  evidence:\n"                                                                      \
    "    - {point: meter.voltage_v, kind: voltage, supply: own, nominal: 202}\n"

static const char community[] = COMMUNITY;
static const char wired[] = COMMUNITY "    - {point: panel.grid_present, kind: contact, "
                                      "supply: own, side: receiving-point}\n";
static const char none[] =
    "  island: none\n"
    "  evidence:\n"
    "    - {point: panel.grid_present, kind: contact, supply: own}\n"
    "    - {point: meter.voltage_v, kind: voltage, supply: grid, nominal: 202}\n";

static char text[300];

static void begin(const char *island)
{
    home_island = island;
    home_begin(NULL);
}

static void end(void)
{
    home_end();
    home_island = NULL;
}

static void plan(const char *fields)
{
    char payload[300];

    snprintf(payload, sizeof payload, "{\"v\":1,\"valid_s\":5,\"mode\":\"island\",%s}",
             fields);
    control_plan(home.control, payload, strlen(payload), false);
    home_poll();
}

static void is_dark(bool is_dark)
{
    home_set(HOME_VOLTAGE, is_dark ? 0 : 202);
}

static void goes(const char *state, int64_t within_ms)
{
    for (int64_t t = 0; t < within_ms && strcmp(home_state(), state) != 0; t += 250)
        home_pass(250);
    CU_ASSERT_STRING_EQUAL(home_state(), state);
}

static int confirm(bool is_present)
{
    int rc = control_confirm(home.control, is_present, text, sizeof text);

    home_pass(250);
    return rc;
}

/* ---- what tells of the grid -------------------------------------------------------- */

static void one_reading_of_0_v_does_not_darken_a_home_of_a_community(void)
{
    begin(community);
    for (int n = 0; n < 5; n++) {
        is_dark(true);
        home_pass(250);
        is_dark(false);
        home_pass(5000);
        CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
        CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle") &&
                       home_is_on("fridge"));
    }
    CU_ASSERT_EQUAL(home_count_events("grid-state", "BLACK"), 0);
    end();
}

/* Lit is no proof there: what the coordinator says next decides. */
static void while_plans_come_a_suspicion_waits_for_the_next_one(void)
{
    begin(community);
    plan("\"plan\":\"a\",\"state\":\"GRID_OK\"");
    is_dark(true);
    home_pass(250);
    is_dark(false);
    home_pass(4000);
    CU_ASSERT_STRING_EQUAL(home_state(), "OUTAGE_SUSPECTED");
    plan("\"plan\":\"b\",\"state\":\"GRID_OK\"");
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    end();
}

static void a_silent_community_leaves_the_outage_to_a_person_who_is_asked(void)
{
    begin(community);
    is_dark(true);
    goes("BLACK", 5000);
    CU_ASSERT_TRUE(confirm(true) < 0); /* a dark home is not on the grid */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "in BLACK nobody is asked"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "feeds it again"));
    CU_ASSERT_TRUE(confirm(false) < 0);
    is_dark(false);
    goes("CRITICAL", 5000);
    CU_ASSERT_EQUAL(home_count_events("grid-ask", NULL), 0);
    home_pass(600000); /* no timer ends it: half an hour is 9 s here */
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_EQUAL(home_count_events("grid-ask", "grid confirm present"), 1);
    CU_ASSERT_EQUAL(confirm(true), 0);
    goes("GRID_OK", 1000);
    CU_ASSERT_EQUAL(home_count_events("grid-ask", "known again"), 1);
    CU_ASSERT_TRUE(confirm(true) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "in GRID_OK nobody is asked"));
    end();
}

static void a_plan_ends_the_outage_and_asks_nobody(void)
{
    begin(community);
    plan("\"plan\":\"a\",\"state\":\"ISLANDED\"");
    goes("ISLANDED", 1000);
    for (int n = 0; n < 10; n++) {
        char fields[60];

        home_pass(4000);
        snprintf(fields, sizeof fields, "\"plan\":\"b%d\",\"state\":\"CRITICAL\"", n);
        plan(fields);
    }
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_EQUAL(home_count_events("grid-ask", NULL), 0);
    plan("\"plan\":\"c\",\"state\":\"GRID_OK\"");
    goes("GRID_OK", 1000);
    end();
}

static void the_receiving_points_contact_ends_the_outage_of_a_silent_community(void)
{
    begin(wired);
    home_set(HOME_CONTACT, 0);
    goes("ISLANDED", 10000);
    home_pass(600000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    /* it tells: the grid is gone */
    CU_ASSERT_EQUAL(home_count_events("grid-ask", NULL), 0);
    home_set(HOME_CONTACT, 1);
    goes("RECONNECTING", 1000);
    goes("GRID_OK", 26000);
    end();
}

/* The house is lit all the while: by whom it cannot tell. */
static void its_own_voltage_is_never_the_grids(void)
{
    begin(community);
    plan("\"plan\":\"a\",\"state\":\"ISLANDED\"");
    goes("ISLANDED", 1000);
    home_pass(600000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_EQUAL(home_count_events("grid-state", "RECONNECTING"), 0);
    end();
}

static void a_home_without_an_island_is_heard_in_the_dark(void)
{
    begin(none);
    home_set(HOME_CONTACT, 0);
    is_dark(true);
    goes("BLACK", 5000);
    CU_ASSERT_FALSE(home_is_on("fridge"));
    CU_ASSERT_TRUE(confirm(false) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "for lost already"));
    CU_ASSERT_EQUAL(confirm(true), 0);
    goes("GRID_OK", 500);
    end();
}

/* ---- not together ------------------------------------------------------------------ */

static const struct decide *decided(void)
{
    return &home.control->decide;
}

/* What reaches all homes at one moment is an occasion with a delay of its own. */
static void each_state_and_each_plan_is_an_occasion_of_its_own(void)
{
    uint64_t islanded, planned;

    begin(wired);
    home_set(HOME_CONTACT, 0);
    goes("ISLANDED", 10000);
    home_pass(1000);
    islanded = decided()->restore_seed;
    plan("\"plan\":\"a\",\"p_max\":\"P1\"");
    planned = decided()->restore_seed;
    CU_ASSERT_NOT_EQUAL(planned, islanded);
    home_pass(2000);
    plan("\"plan\":\"b\",\"p_max\":\"P1\"");
    CU_ASSERT_EQUAL(decided()->restore_seed, planned); /* it goes on */
    home_pass(6000); /* it ran out */
    CU_ASSERT_EQUAL(decided()->restore_seed, islanded);
    home_set(HOME_CONTACT, 1);
    goes("RECONNECTING", 1000);
    CU_ASSERT_NOT_EQUAL(decided()->restore_seed, islanded);
    end();
}

static void a_home_of_its_own_has_one_occasion_an_outage(void)
{
    uint64_t seed;

    begin(NULL);
    home_grid(false);
    goes("ISLANDED", 10000);
    seed = decided()->restore_seed;
    plan("\"plan\":\"a\",\"p_max\":\"P1\"");
    CU_ASSERT_EQUAL(decided()->restore_seed, seed);
    home_grid(true);
    goes("GRID_OK", 60000);
    CU_ASSERT_EQUAL(decided()->restore_seed, seed);
    home_grid(false);
    goes("ISLANDED", 10000);
    CU_ASSERT_NOT_EQUAL(decided()->restore_seed, seed);
    end();
}

/* The code for tests spreads homes over 20 s, a site of its own over less. */
static void homes_behind_one_receiving_point_wait_for_the_codes_random_time(void)
{
    uint32_t own_ms;

    begin(NULL);
    home_grid(false);
    goes("ISLANDED", 10000);
    own_ms = decided()->restore.timing.site_random_ms;
    CU_ASSERT_EQUAL(own_ms, decided()->site_random_ms);
    CU_ASSERT_TRUE(own_ms < 20000);
    end();
    begin(wired);
    home_set(HOME_CONTACT, 0);
    goes("ISLANDED", 10000);
    CU_ASSERT_EQUAL(decided()->restore.timing.site_random_ms, 20000);
    CU_ASSERT_TRUE(20000 <= restore_timing_default(1).site_random_ms);
    home_set(HOME_CONTACT, 1);
    goes("RECONNECTING", 1000);
    CU_ASSERT_EQUAL(decided()->restore.timing.site_random_ms, 20000);
    end();
}

/* Of the real code: 300 s on the grid again, in an island no longer than any site
 * waits. */
static void an_islands_loads_wait_no_longer_than_those_of_any_site(void)
{
    const uint32_t usual_ms = restore_timing_default(1).site_random_ms;

    begin(wired);
    home.control->map.config.code.random_ms = 300000;
    home.control->grid.config.code.random_ms = 300000;
    home_set(HOME_CONTACT, 0);
    goes("ISLANDED", 10000);
    CU_ASSERT_EQUAL(decided()->restore.timing.site_random_ms, usual_ms);
    CU_ASSERT_TRUE(usual_ms < 300000);
    home_set(HOME_CONTACT, 1);
    goes("RECONNECTING", 1000);
    CU_ASSERT_EQUAL(decided()->restore.timing.site_random_ms, 300000);
    end();
}

/* ---- the wall clock is set --------------------------------------------------------- */

/* A day on and a day back, at any moment: only boot time counts. */
static void set_clock_both_ways(void)
{
    const int64_t day_ms = INT64_C(86400000);
    const int64_t steps_ms[] = {day_ms, -day_ms, -400 * day_ms, 0};

    for (size_t i = 0; i < sizeof steps_ms / sizeof steps_ms[0]; i++) {
        home.wall_step_ms = steps_ms[i];
        home_pass(250);
    }
}

static void a_set_clock_moves_no_state_and_sheds_nothing(void)
{
    static const char *const states[] = {"ISLANDED", "LOW_RESERVE", "CRITICAL", "BLACK"};
    static const double soc[] = {820, 330, 220, 150};

    begin(NULL);
    set_clock_both_ways();
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_grid(false);
    for (int i = 0; i < 4; i++) {
        home_set(HOME_SOC, soc[i]);
        goes(states[i], 10000);
        home_pass(2000);
        set_clock_both_ways();
        CU_ASSERT_STRING_EQUAL(home_state(), states[i]);
        CU_ASSERT_EQUAL(home_is_on("fridge"), i < 3);
        CU_ASSERT_EQUAL(home_is_on("kettle"), i < 2);
        CU_ASSERT_EQUAL(home_is_on("washer"), i < 1);
    }
    end();
}

static void a_set_clock_shortens_and_lengthens_no_timer(void)
{
    int64_t plain_ms = 0, since_ms;

    for (int is_set = 0; is_set < 2; is_set++) {
        begin(NULL);
        home_grid(false);
        goes("ISLANDED", 10000);
        home_grid(true);
        goes("RECONNECTING", 2000);
        since_ms = home.t_ms;
        if (is_set)
            set_clock_both_ways();
        else
            home_pass(1000);
        goes("GRID_OK", 60000);
        if (!is_set)
            plain_ms = home.t_ms - since_ms;
        else
            CU_ASSERT_EQUAL(home.t_ms - since_ms, plain_ms);
        end();
    }
}

static void a_set_clock_ends_no_wish_and_no_plan(void)
{
    begin(community);
    CU_ASSERT_EQUAL(
        control_override(home.control, "kettle", "off", 60000, text, sizeof text), 0);
    plan("\"plan\":\"a\",\"state\":\"ISLANDED\",\"p_max\":\"P2\"");
    set_clock_both_ways();
    CU_ASSERT_FALSE(home_is_on("washer") || home_is_on("kettle"));
    home_pass(40000); /* the plan ended by its own time, the wish has not */
    set_clock_both_ways();
    CU_ASSERT_TRUE(home_is_on("washer"));
    CU_ASSERT_FALSE(home_is_on("kettle"));
    home_pass(60000);
    CU_ASSERT_TRUE(home_is_on("kettle"));
    end();
}

static CU_TestInfo clocks[] = {
    TEST(a_set_clock_moves_no_state_and_sheds_nothing),
    TEST(a_set_clock_shortens_and_lengthens_no_timer),
    TEST(a_set_clock_ends_no_wish_and_no_plan),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo evidence[] = {
    TEST(one_reading_of_0_v_does_not_darken_a_home_of_a_community),
    TEST(while_plans_come_a_suspicion_waits_for_the_next_one),
    TEST(a_silent_community_leaves_the_outage_to_a_person_who_is_asked),
    TEST(a_plan_ends_the_outage_and_asks_nobody),
    TEST(the_receiving_points_contact_ends_the_outage_of_a_silent_community),
    TEST(its_own_voltage_is_never_the_grids),
    TEST(a_home_without_an_island_is_heard_in_the_dark),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo together[] = {
    TEST(each_state_and_each_plan_is_an_occasion_of_its_own),
    TEST(a_home_of_its_own_has_one_occasion_an_outage),
    TEST(homes_behind_one_receiving_point_wait_for_the_codes_random_time),
    TEST(an_islands_loads_wait_no_longer_than_those_of_any_site),
    CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
    {"what tells of the grid", NULL, NULL, NULL, NULL, evidence},
    {"not together", NULL, NULL, NULL, NULL, together},
    {"the wall clock is set", NULL, NULL, NULL, NULL, clocks},
    CU_SUITE_INFO_NULL,
};

int main(void)
{
    return suite_run(suites);
}
