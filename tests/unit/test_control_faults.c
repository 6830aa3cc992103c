/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/control at its bounds: as many circuits as fit, readings that no
 * device should give, configurations that change in an outage, clocks that lie.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

#define WITH_CAR                                                                         \
    "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}, "        \
    "{battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %, "              \
    "departure_floor: 40 %}]"

static char text[300];

/* ---- bounds ------------------------------------------------------------------------ */

static void the_last_circuit_of_a_full_site_is_shed_as_any_other(void)
{
    static char yaml[CIRCUIT_MAX * 40];
    size_t len = 0;

    for (int i = 5; i < CIRCUIT_MAX - 1; i++)
        len += (size_t)snprintf(yaml + len, sizeof yaml - len,
                                "  - {name: c%d, class: P2}\n", i);
    snprintf(yaml + len, sizeof yaml - len,
             "  - {name: pool, switch: panel.generator, class: P4, drops_out: no}\n");
    home_circuits = yaml;
    home_begin(NULL);
    home_circuits = NULL;
    home_pass(1000);
    CU_ASSERT_EQUAL(home.control->map.n_circuits, CIRCUIT_MAX);
    CU_ASSERT_TRUE(home_is_on("generator"));
    home_set(HOME_CONTACT, 0);
    home_pass(250);
    CU_ASSERT_FALSE(home_is_on("generator"));
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

/* ---- devices that lie -------------------------------------------------------------- */

static void a_charge_that_none_can_have_is_not_known(void)
{
    static const double wrong[] = {65535, 32768, 2000, -5, -32768};

    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        home_set(HOME_SOC, wrong[i]);
        home_pass(5000);
        CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
        CU_ASSERT_TRUE(isnan(home.control->power.usable_permille));
        CU_ASSERT_EQUAL(home_count_events("soc-unknown", "no battery tells"), i + 1);
        home_set(HOME_SOC, 820);
        home_pass(5000);
        CU_ASSERT_DOUBLE_EQUAL(home.control->power.usable_permille, 800, 1);
    }
    home_set(HOME_SOC, 1020);
    home_pass(5000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->power.usable_permille, 1000, 1);
    home_end();
}

static void a_power_that_no_battery_has_is_not_known(void)
{
    static const double wrong[] = {32767, -32768, 12001, -12001};

    home_begin(NULL);
    home_grid(false);
    home_set(HOME_BATTERY_W, 600);
    home_pass(60000); /* each load is back or stays off */
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bool was_kettle = home_is_on("kettle"), was_heater = home_is_on("heater");

        home_set(HOME_BATTERY_W, wrong[i]);
        home_pass(15000);
        CU_ASSERT_TRUE(isnan(home.control->power.battery_w));
        CU_ASSERT_TRUE(isnan(home.control->power.load_w));
        CU_ASSERT_FALSE(home.control->is_overloaded);
        CU_ASSERT_EQUAL(home_is_on("kettle"), was_kettle);
        CU_ASSERT_EQUAL(home_is_on("heater"), was_heater);
        home_set(HOME_BATTERY_W, 600);
        home_pass(5000);
        CU_ASSERT_EQUAL(home.control->power.battery_w, 600);
    }
    home_end();
}

static void a_power_that_no_car_has_is_nothing_only_while_it_is_away(void)
{
    home_sources = WITH_CAR;
    home_begin(NULL);
    home_set(HOME_BATTERY_W, 600);
    home_set(HOME_CAR_W, -32768);
    home_set(HOME_PLUGGED, 1);
    home_pass(1000);
    CU_ASSERT_TRUE(isnan(home.control->power.battery_w));
    home_set(HOME_PLUGGED, 0);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.control->power.battery_w, 600);
    home_end();
    home_sources = NULL;
}

static void a_power_that_no_roof_has_is_not_known(void)
{
    home_has_roof = true;
    home_begin(NULL);
    home_set(HOME_PV_W, 32767);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.control->power.pv_w, 32767);
    home_set(HOME_PV_RATED, 4000);
    home_pass(1000);
    CU_ASSERT_TRUE(isnan(home.control->power.pv_w));
    home_set(HOME_PV_W, -32768);
    home_pass(1000);
    CU_ASSERT_TRUE(isnan(home.control->power.pv_w));
    home_set(HOME_PV_W, 4400);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.control->power.pv_w, 4400);
    home_end();
    home_has_roof = false;
}

static void a_car_whose_charge_is_not_known_gives_nothing(void)
{
    home_sources = WITH_CAR;
    home_begin(NULL);
    home_set(HOME_CAR_SOC, 65535);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 330);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 600);
    home_pass(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    home_set(HOME_CAR_SOC, 700);
    home_pass(5000);
    CU_ASSERT_TRUE(home.points[HOME_CAR_SETPOINT].value > 100);
    home_end();
    home_sources = NULL;
}

/* ---- people who are wrong ---------------------------------------------------------- */

static void a_grid_that_was_said_to_be_back_and_is_not_is_told(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    CU_ASSERT_EQUAL(control_confirm(home.control, true, text, sizeof text), 0);
    home_pass(4000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    CU_ASSERT_EQUAL(home_count_events("grid-unconfirmed", NULL), 0);
    home_pass(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    CU_ASSERT_EQUAL(home_count_events("grid-unconfirmed", "nothing confirms it"), 1);
    CU_ASSERT_EQUAL(home_count_events("grid-unconfirmed", "is confirmed"), 0);
    home_grid(true);
    home_pass(3000);
    CU_ASSERT_EQUAL(home_count_events("grid-unconfirmed", "is confirmed"), 1);
    home_end();
}

/* ---- configurations that change ---------------------------------------------------- */

static void without_an_outage_to_control_the_documents_are_still_told(void)
{
    struct strbuf buf;

    home_begin(NULL);
    home_is_plain = true;
    home_reload(NULL);
    home_is_plain = false;
    strbuf_init(&buf);
    control_put_grid(home.control, &buf);
    control_put_circuits(home.control, &buf);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf.data, "\"configured\":false"));
    strbuf_done(&buf);
    home_end();
}

static void reload_without_an_outage(void)
{
    home_is_plain = true;
    home_reload(NULL);
    home_is_plain = false;
}

static void what_is_held_is_let_go_with_the_outages_section(void)
{
    home_begin(NULL);
    home_set(HOME_SOC, 500);
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, -2000);
    reload_without_an_outage();
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, 0);
    home_end();
}

static void what_is_on_its_way_is_let_go_once_it_came(void)
{
    home_begin(NULL);
    home_set(HOME_SOC, 500);
    home.slow = "battery.power_setpoint_w";
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, -2000);
    home_sources = "[]";
    home_reload(NULL);
    home_sources = NULL;
    home_pass(1000);
    home_answer();
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, 0);
    home_end();
}

static void alarms_end_with_what_they_tell_of(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(20000);
    CU_ASSERT_EQUAL(home_count_events("outage", "has been gone"), 1);
    home.points[HOME_WASHER].is_frozen = true;
    home_set(HOME_SOC, 330);
    home_pass(5000);
    CU_ASSERT_EQUAL(home_count_events("control-output", "washer does not follow"), 1);
    home_silence(HOME_SOC);
    home_silence(HOME_BATTERY_W);
    home_pass(2000);
    CU_ASSERT_EQUAL(home_count_events("soc-unknown", "no battery tells"), 1);
    reload_without_an_outage();
    home_pass(1000);
    CU_ASSERT_EQUAL(home_count_events("outage", "not controlled"), 1);
    CU_ASSERT_EQUAL(home_count_events("control-output", "not control's"), 1);
    CU_ASSERT_EQUAL(home_count_events("soc-unknown", "again"), 1);
    home_end();
}

static void a_stuck_batterys_alarm_ends_when_it_is_taken_out(void)
{
    home_begin(NULL);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 3000);
    home_pass(20 * 60000);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", "stays at"), 1);
    home_sources =
        "[{battery: shed, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}]";
    home_reload(NULL);
    home_sources = NULL;
    home_pass(1000);
    CU_ASSERT_EQUAL(home_count_events("battery-stuck", NULL), 2);
    home_end();
}

static CU_TestInfo reloads[] = {
    TEST(what_is_held_is_let_go_with_the_outages_section),
    TEST(what_is_on_its_way_is_let_go_once_it_came),
    TEST(alarms_end_with_what_they_tell_of),
    TEST(a_stuck_batterys_alarm_ends_when_it_is_taken_out),
    TEST(without_an_outage_to_control_the_documents_are_still_told),
    CU_TEST_INFO_NULL,
};

/* ---- who else writes --------------------------------------------------------------- */

static void a_set_point_that_was_left_is_anybodys_again(void)
{
    unsigned n_writes;

    home_begin(NULL);
    home_set(HOME_SOC, 500);
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, -2000);
    control_storm(home.control, 0, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, 0);
    n_writes = home_count_writes("battery.power_setpoint_w");
    home_set(HOME_SETPOINT, 1000); /* its owner, by hand */
    home_pass(30000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, 1000);
    CU_ASSERT_EQUAL(home_count_writes("battery.power_setpoint_w"), n_writes);
    CU_ASSERT_EQUAL(home_count_events("control-output", NULL), 0);
    home_end();
}

static void a_set_point_that_does_not_let_go_is_written_on(void)
{
    home_begin(NULL);
    home_set(HOME_SOC, 500);
    control_storm(home.control, 3600000, text, sizeof text);
    home_pass(1000);
    home.points[HOME_SETPOINT].is_frozen = true;
    control_storm(home.control, 0, text, sizeof text);
    home_pass(10000);
    CU_ASSERT_EQUAL(home_count_events("control-output", "does not follow"), 1);
    home.points[HOME_SETPOINT].is_frozen = false;
    home_pass(10000);
    CU_ASSERT_EQUAL(home.points[HOME_SETPOINT].value, 0);
    home_end();
}

static void under_hold_people_switch_by_hand(void)
{
    home_begin(NULL);
    control_hold(home.control, true, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "MANUAL");
    home_set(HOME_WASHER, 0);
    home_pass(30000);
    CU_ASSERT_FALSE(home_is_on("washer"));
    CU_ASSERT_TRUE(home_is_on("heater"));
    CU_ASSERT_EQUAL(home_count_events("control-output", NULL), 0);
    control_hold(home.control, false, text, sizeof text);
    home_pass(15000);
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_end();
}

static void an_order_that_a_hold_overtakes_is_dropped(void)
{
    home_begin(NULL);
    home.refuses = true; /* its bus is down */
    home_grid(false);
    home_pass(1000);
    CU_ASSERT_EQUAL(home_last_write("panel.heater")->value, 0);
    control_hold(home.control, true, text, sizeof text);
    home_pass(250);
    CU_ASSERT_STRING_EQUAL(home_state(), "MANUAL");
    home.refuses = false;
    home_pass(5000);
    CU_ASSERT_TRUE(home_is_on("heater"));
    /* held at what it had taken */
    CU_ASSERT_EQUAL(home_last_write("panel.heater")->value, 1);
    control_hold(home.control, false, text, sizeof text);
    home_pass(3000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static void a_person_ends_the_fault_of_two_masters(void)
{
    unsigned n_writes;

    home_begin(NULL);
    for (int i = 0; i < 4; i++) {
        home_pass(5000);
        home_set(HOME_WASHER, 0);
        home_pass(5000);
    }
    CU_ASSERT_STRING_EQUAL(home_state(), "FAULT");
    home_pass(5000);
    home_set(HOME_WASHER, 0);
    n_writes = home_count_writes("panel.washer");
    home_pass(15000);
    CU_ASSERT_EQUAL(home_count_writes("panel.washer"), n_writes);
    control_hold(home.control, false, text, sizeof text);
    home_pass(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_end();
}

static CU_TestInfo writers[] = {
    TEST(under_hold_people_switch_by_hand),
    TEST(an_order_that_a_hold_overtakes_is_dropped),
    TEST(a_person_ends_the_fault_of_two_masters),
    TEST(a_set_point_that_was_left_is_anybodys_again),
    TEST(a_set_point_that_does_not_let_go_is_written_on),
    CU_TEST_INFO_NULL,
};

/* ---- clocks that lie --------------------------------------------------------------- */

static void a_clock_that_is_behind_gives_a_medical_device_no_hours(void)
{
    static const char medical[] =
        "  medical: {typical: 100 W, reserve: 2 h, battery: 30 min}\n";
    bool is_kept = false;

    home_begin(medical);
    home_grid(false);
    home_set(HOME_PCS, 3);
    home_set(HOME_SOC, 110);
    home_pass(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    for (unsigned i = 0; i < home.n_facts; i++)
        if (strcmp(home.facts[i].key, NOTICES_DARK_KEY) == 0) {
            is_kept = true;
            snprintf(home.facts[i].value, sizeof home.facts[i].value, "another 1000 %lld",
                     (long long)clock_wall_ms() + 86400000);
        }
    CU_ASSERT_TRUE(is_kept);
    home_restart(medical);
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->notices.medical_h, 0.5, 0.02);
    home_end();
}

/* Two hours in the dark, and the clock stood in between. */
static void medical_hours_are_a_bound_until_the_clock_is_set(void)
{
    static const char medical[] =
        "  medical: {typical: 100 W, reserve: 2 h, battery: 7 h}\n";

    home_begin(medical);
    home_grid(false);
    home_set(HOME_PCS, 3);
    home_set(HOME_SOC, 110);
    home_pass(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    clock_fake_boot_id("0123456789abcdef0123456789abcdef");
    home.is_clock_unset = true;
    home_restart(medical);
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->notices.medical_h, 7, 0.02);
    CU_ASSERT_TRUE(notices_is_at_most(&home.control->notices));
    CU_ASSERT_EQUAL(
        home_count_events(NOTICES_MEDICAL_CODE, "runs for at most 7.0 h more"), 1);
    home.wall_step_ms = 2 * 3600000;
    home.is_clock_unset = false;
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->notices.medical_h, 5, 0.02);
    CU_ASSERT_FALSE(notices_is_at_most(&home.control->notices));
    CU_ASSERT_EQUAL(home_count_events(NOTICES_MEDICAL_CODE, "runs for about 5.0 h more"),
                    1);
    clock_fake_boot_id(NULL);
    home_end();
}

static void the_slot_that_a_boot_falls_into_is_counted(void)
{
    static struct site_map map;
    const struct config_outage outage = {.policies = {.peak_limit_w = 2000}};
    const struct sense_power power = {.grid_w = 2000};
    const int64_t boot_wall_ms = 1000 * POLICY_SLOT_MS + 20 * 60000;
    struct policy_out out;
    struct policy policy;

    map.outage = &outage;
    policy_init(&policy);
    for (int64_t t_ms = 1000; t_ms <= 301000; t_ms += 1000) {
        const struct policy_in in = {.t_boot_ms = t_ms,
                                     .t_wall_ms = boot_wall_ms + t_ms,
                                     .is_grid_ok = true,
                                     .is_clock_set = true,
                                     .power = &power};

        policy_step(&policy, &map, &in, &out);
    }
    CU_ASSERT_DOUBLE_EQUAL(policy.slot_wh, 2000 / 12.0, 1);
    CU_ASSERT_EQUAL(out.slot_end_ms, 600000);
}

static void without_a_clock_a_moment_is_told_from_now(void)
{
    struct strbuf buf;

    home_begin(NULL);
    home_set(HOME_CONTACT, 0);
    home_pass(90000);
    clock_fake(home.t_ms * CLOCK_NS_PER_MS, clock_wall_ms(), CLOCK_UNSET);
    strbuf_init(&buf);
    control_put_why(home.control, "heater", &buf);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf.data, "off since 1 min ago"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf.data, "next check in 1 min"));
    strbuf_done(&buf);
    home_end();
}

static CU_TestInfo clocks[] = {
    TEST(without_a_clock_a_moment_is_told_from_now),
    TEST(a_clock_that_is_behind_gives_a_medical_device_no_hours),
    TEST(medical_hours_are_a_bound_until_the_clock_is_set),
    TEST(the_slot_that_a_boot_falls_into_is_counted),
    CU_TEST_INFO_NULL,
};

/* ---- people who are late ----------------------------------------------------------- */

static double car_gives(const char *departure)
{
    home_reload(departure);
    home_pass(1000);
    return home.points[HOME_CAR_SETPOINT].value;
}

/* minutes > 0: ago. */
static const char *departure_of(int minutes, bool is_dated)
{
    static char yaml[120];
    char at[20];
    time_t local_s =
        (time_t)((clock_wall_ms() + home.control->zone_ms) / 1000 - minutes * 60);
    struct tm tm;

    gmtime_r(&local_s, &tm);
    strftime(at, sizeof at, is_dated ? "%Y-%m-%d %H:%M" : "%H:%M", &tm);
    snprintf(yaml, sizeof yaml, "  departures: [{ev: car, at: \"%s\", soc: 75 %%}]\n",
             at);
    return yaml;
}

static void what_was_promised_is_kept_for_a_driver_who_is_late(void)
{
    home_sources = WITH_CAR;
    home_begin(NULL);
    home_set(HOME_SOC, 330);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 1000);
    home_pass(10000);
    CU_ASSERT_TRUE(home.points[HOME_CAR_SETPOINT].value > 100);
    for (int is_dated = 0; is_dated < 2; is_dated++) {
        CU_ASSERT_TRUE(car_gives(departure_of(-60, is_dated)) <= 0);
        CU_ASSERT_TRUE(car_gives(departure_of(20, is_dated)) <= 0);
        CU_ASSERT_TRUE(car_gives(departure_of(40, is_dated)) > 100);
    }
    home_end();
    home_sources = NULL;
}

static CU_TestInfo drivers[] = {
    TEST(what_was_promised_is_kept_for_a_driver_who_is_late),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo lies[] = {
    TEST(a_charge_that_none_can_have_is_not_known),
    TEST(a_power_that_no_battery_has_is_not_known),
    TEST(a_power_that_no_car_has_is_nothing_only_while_it_is_away),
    TEST(a_power_that_no_roof_has_is_not_known),
    TEST(a_car_whose_charge_is_not_known_gives_nothing),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo people[] = {
    TEST(a_grid_that_was_said_to_be_back_and_is_not_is_told),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo bounds[] = {
    TEST(the_last_circuit_of_a_full_site_is_shed_as_any_other),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"bounds",  NULL, NULL, NULL, NULL, bounds },
        {"lies",    NULL, NULL, NULL, NULL, lies   },
        {"people",  NULL, NULL, NULL, NULL, people },
        {"reloads", NULL, NULL, NULL, NULL, reloads},
        {"drivers", NULL, NULL, NULL, NULL, drivers},
        {"clocks",  NULL, NULL, NULL, NULL, clocks },
        {"writers", NULL, NULL, NULL, NULL, writers},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
