/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/control with a fake table of readings: what is ordered, when, and
 * what is told, for outages, silences, people, restarts and reloads. Plans:
 * test_control_plans.c.
 */
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

static char text[300];

/* ---- outages ----------------------------------------------------------------------- */

static void on_the_grid_everything_is_on(void)
{
    home_begin(NULL);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("washer"));
    home_end();
}

static void a_contact_that_opens_drops_bulk_loads_in_the_same_call(void)
{
    home_begin(NULL);
    home_set(HOME_CONTACT, 0);
    home_pass(250); /* one poll */
    CU_ASSERT_STRING_NOT_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_FALSE(home_is_on("heater"));
    CU_ASSERT_EQUAL(home_last_write("panel.heater")->t_ms, home.t_ms);
    CU_ASSERT_TRUE(home_is_on("washer"));
    home_end();
}

static void loads_are_switched_without_waiting_for_the_journal(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_FALSE(home_is_on("kettle"));
    CU_ASSERT_TRUE(home_last_write("panel.kettle")->at_once);
    home_end();
}

static void the_ladder_sheds_class_by_class_and_says_why(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    home_set(HOME_SOC, 330);
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_TRUE(!home_is_on("washer") && home_is_on("kettle"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("washer"), "off since"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("washer"), "because reserve 26 %"));
    home_set(HOME_SOC, 150);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    CU_ASSERT_FALSE(home_is_on("fridge"));
    CU_ASSERT_EQUAL(home_count_events("grid-state", "BLACK from CRITICAL"), 1);
    home_end();
}

static void the_grids_return_restores_in_stages(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(3000);
    home_grid(true);
    home_set(HOME_SOC, 820);
    home_pass(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_pass(120000);
    CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("washer") && home_is_on("kettle"));
    CU_ASSERT_TRUE(home_last_write("panel.heater")->t_ms >
                   home_last_write("panel.kettle")->t_ms);
    home_end();
}

static bool is_needed(const char *device)
{
    int i = catalog_find_device(home.catalog, device);

    CU_ASSERT_TRUE_FATAL(i >= 0 && i < HOME_DEVICES_MAX);
    return home.needed[i];
}

static bool grid_says_saving(void)
{
    struct strbuf buf;
    bool is_saving;

    strbuf_init(&buf);
    control_put_grid(home.control, &buf);
    is_saving = strstr(buf.data, "\"saving\":true") != NULL;
    strbuf_done(&buf);
    return is_saving;
}

static void energy_is_saved_in_critical_and_where_control_does_not_look(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 330);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_EQUAL(home.n_saves, 0);
    CU_ASSERT_FALSE(grid_says_saving());
    home_set(HOME_SOC, 220);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_TRUE(home.n_saves == 1 && home.is_saving && grid_says_saving());
    CU_ASSERT_TRUE(is_needed("panel") && is_needed("meter") && is_needed("battery"));
    CU_ASSERT_FALSE(is_needed("shed") || is_needed("car")); /* in no `sources` */
    home_set(HOME_SOC, 150);
    home_pass(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    CU_ASSERT_EQUAL(home.n_saves, 1);
    home_grid(true);
    home_pass(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    CU_ASSERT_TRUE(home.n_saves == 2 && !home.is_saving && !grid_says_saving());
    home_end();
}

static void every_device_that_control_uses_is_needed(void)
{
    home_has_roof = true;
    home_sources =
        "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %},"
        " {battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %}]";
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_TRUE(is_needed("roof") && is_needed("car") && !is_needed("shed"));
    home_end();
    home_has_roof = false;
    home_sources = NULL;
}

static void a_reload_while_energy_is_saved_tells_it_again(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(3000);
    CU_ASSERT_EQUAL(home.n_saves, 1);
    home_reload(NULL);
    home_pass(500);
    CU_ASSERT_TRUE(home.n_saves == 2 && home.is_saving && is_needed("panel"));
    home_is_plain = true; /* no outage any more */
    home_reload(NULL);
    home_pass(500);
    CU_ASSERT_TRUE(home.n_saves == 3 && !home.is_saving);
    home_is_plain = false;
    home_end();
}

/* Each source in turn falls silent for long: nothing is lost by silence. */
static void no_silence_advances_a_stage(void)
{
    static const enum home_point sources[] = {HOME_CONTACT, HOME_VOLTAGE, HOME_PCS,
                                              HOME_SOC};

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        home_begin(NULL);
        home_silence(sources[i]);
        home_pass(120000);
        CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
        CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("washer"));
        home_end();
    }
}

static void no_silence_in_an_island_advances_a_stage(void)
{
    static const enum home_point sources[] = {HOME_CONTACT, HOME_VOLTAGE, HOME_PCS,
                                              HOME_SOC};

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        home_begin(NULL);
        home_grid(false);
        home_pass(10000);
        home_silence(sources[i]);
        home_pass(120000);
        CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
        CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle"));
        home_end();
    }
}

/* A counter that reads 0 once has emptied homes' batteries on paper before. */
static void one_wrong_reading_of_the_charge_sheds_nothing(void)
{
    unsigned n;

    home_begin(NULL);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_BATTERY_W, 600);
    home_pass(30000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle") && home_is_on("fridge"));
    n = home_count_writes("panel.washer") + home_count_writes("panel.kettle");
    for (int i = 0; i < 5; i++) {
        home_set(HOME_SOC, i % 2 ? 0 : 100);
        home_pass(250);
        CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle") &&
                       home_is_on("fridge"));
        home_set(HOME_SOC, 820);
        home_pass(2000);
        CU_ASSERT_TRUE(home_is_on("washer") && home_is_on("kettle") &&
                       home_is_on("fridge"));
        CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    }
    CU_ASSERT_TRUE(home_count_writes("panel.washer") + home_count_writes("panel.kettle") <
                   n + 20);
    home_end();
}

static void a_blip_sheds_nothing_above_bulk_loads(void)
{
    home_begin(NULL);
    for (int i = 0; i < 3; i++) {
        home_set(HOME_VOLTAGE, 0);
        home_pass(500);
        home_set(HOME_VOLTAGE, 202);
        home_pass(5000);
    }
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_TRUE(home_count_writes("panel.washer") == 1 || home_is_on("washer"));
    CU_ASSERT_EQUAL(home_count_events("circuit", "washer off"), 0);
    CU_ASSERT_EQUAL(home_count_events("circuit", "kettle off"), 0);
    home_end();
}

/* ---- devices ----------------------------------------------------------------------- */

static void what_is_not_the_failsafe_is_renewed_at_half_its_lease(void)
{
    unsigned n;

    home_begin(NULL);
    n = home_count_writes("panel.heater");
    home_pass(8000);
    CU_ASSERT_EQUAL(home_count_writes("panel.heater"), n);
    home_pass(3000);
    CU_ASSERT_EQUAL(home_count_writes("panel.heater"), n + 1);
    CU_ASSERT_TRUE(home_last_write("panel.kettle")->is_release); /* on is its failsafe */
    n = home_count_writes("panel.kettle");
    home_pass(60000);
    CU_ASSERT_EQUAL(home_count_writes("panel.kettle"), n);
    home_end();
}

static void a_relay_that_sticks_is_told_within_three_seconds_and_tried_on(void)
{
    unsigned n;

    home_begin(NULL);
    home.points[HOME_HEATER].is_frozen = true; /* stays on */
    home_set(HOME_CONTACT, 0);
    home_poll();
    home_pass(3000);
    CU_ASSERT_EQUAL(home_count_events("control-output", "panel.heater does not follow"),
                    1);
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("heater"), "\"follows\":false"));
    n = home_count_writes("panel.heater");
    home_pass(10000);
    CU_ASSERT_TRUE(home_count_writes("panel.heater") > n);
    home.points[HOME_HEATER].is_frozen = false;
    home_pass(20000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    CU_ASSERT_EQUAL(home_count_events("control-output", "follows again"), 1);
    home_end();
}

static void a_bus_that_is_gone_is_tried_until_it_is_back(void)
{
    home_begin(NULL);
    home.refuses = true;
    home_set(HOME_CONTACT, 0);
    home_poll();
    home_pass(30000);
    CU_ASSERT_TRUE(home_is_on("heater"));
    CU_ASSERT_EQUAL(
        home_count_events("control-output",
                          "panel.heater does not follow: off was ordered; no reply"),
        1);
    home.refuses = false;
    home_pass(10000);
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static void who_undoes_our_orders_again_and_again_is_another_master(void)
{
    home_begin(NULL);
    for (int i = 0; i < 4; i++) {
        home_pass(5000);
        home_set(HOME_WASHER, 0);
        home_pass(5000);
    }
    CU_ASSERT_STRING_EQUAL(home_state(), "FAULT");
    CU_ASSERT_EQUAL(home_count_events("two-masters", NULL), 1);
    home_end();
}

/* ---- people ------------------------------------------------------------------------ */

static void an_override_holds_over_a_restart_until_its_end(void)
{
    home_begin(NULL);
    CU_ASSERT_EQUAL(
        control_override(home.control, "washer", "off", 60000, text, sizeof text), 0);
    home_pass(1000);
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_restart(NULL);
    home_pass(30000);
    CU_ASSERT_FALSE(home_is_on("washer"));
    CU_ASSERT_PTR_NOT_NULL(strstr(home_why("washer"), "the owner's wish until"));
    home_pass(31000);
    CU_ASSERT_TRUE(home_is_on("washer"));
    CU_ASSERT_EQUAL(home_count_events("override", "has ended"), 1);
    home_end();
}

static void an_override_of_what_is_not_ours_is_refused(void)
{
    home_begin(NULL);
    CU_ASSERT_TRUE(control_override(home.control, "oxygen", "off", 0, text, sizeof text) <
                   0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "no switch"));
    CU_ASSERT_TRUE(control_override(home.control, "sauna", "off", 0, text, sizeof text) <
                   0);
    home_end();
}

static void under_hold_nothing_is_switched(void)
{
    home_begin(NULL);
    control_hold(home.control, true, text, sizeof text);
    home_pass(500);
    CU_ASSERT_STRING_EQUAL(home_state(), "MANUAL");
    home_grid(false);
    home_pass(20000);
    CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("washer"));
    home_restart(NULL);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "MANUAL");
    control_hold(home.control, false, text, sizeof text);
    home_pass(20000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static void a_drill_switches_nothing_and_reports(void)
{
    unsigned n;

    home_begin(NULL);
    CU_ASSERT_EQUAL(control_drill(home.control, 5000, text, sizeof text), 0);
    n = home_count_events("circuit", NULL);
    home_pass(6000);
    CU_ASSERT_TRUE(home_is_on("heater") && home_is_on("washer"));
    CU_ASSERT_EQUAL(home_count_events("circuit", NULL), n);
    CU_ASSERT_EQUAL(home_count_events("drill", "off: heater"), 1);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_end();
}

static void a_drill_does_not_outlast_its_circuits(void)
{
    home_begin(NULL);
    CU_ASSERT_EQUAL(control_drill(home.control, 60000, text, sizeof text), 0);
    home_pass(1000);
    home_reload("  reserve: 50 %\n");
    CU_ASSERT_TRUE(home.control->drill.is_running); /* the same circuits */
    home_circuits = "  - {name: boiler, class: P3}\n";
    home_reload(NULL);
    CU_ASSERT_EQUAL(home_count_events("drill", "the circuits were changed"), 1);
    home_pass(120000);
    CU_ASSERT_EQUAL(home_count_events("drill", "drill of"), 0);
    CU_ASSERT_EQUAL(control_drill(home.control, 1000, text, sizeof text), 0);
    home_pass(2000);
    CU_ASSERT_TRUE(home.control->drill.has_report);
    home_circuits = NULL;
    home_reload(NULL);
    CU_ASSERT_FALSE(home.control->drill.has_report);
    home_end();
}

static void a_person_decides_where_no_evidence_can(void)
{
    home_begin(NULL);
    CU_ASSERT_TRUE(control_confirm(home.control, true, text, sizeof text) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "nobody is asked"));
    home_set(HOME_VOLTAGE, 0);
    home_pass(500);
    CU_ASSERT_STRING_EQUAL(home_state(), "OUTAGE_SUSPECTED");
    CU_ASSERT_EQUAL(control_confirm(home.control, true, text, sizeof text), 0);
    home_pass(500);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_restart(NULL);
    home_pass(2000);
    /* the meter is still known as wrong */
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    home_set(HOME_VOLTAGE, 202);
    home_pass(1000);
    home_set(HOME_VOLTAGE, 0);
    home_pass(500);
    CU_ASSERT_STRING_EQUAL(home_state(), "OUTAGE_SUSPECTED");
    CU_ASSERT_EQUAL(control_confirm(home.control, false, text, sizeof text), 0);
    home_pass(250);
    CU_ASSERT_STRING_EQUAL(home_state(), "TRANSFERRING");
    CU_ASSERT_EQUAL(home_count_events("grid-confirmed", NULL), 2);
    home_end();
}

/* ---- restarts and reloads ---------------------------------------------------------- */

static void a_restart_in_an_outage_goes_on_where_it_was(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    home_set(HOME_SOC, 220);
    home_pass(2000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    home_restart(NULL);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "CRITICAL");
    CU_ASSERT_EQUAL(home_count_events("grid-resumed", "CRITICAL"), 1);
    CU_ASSERT_FALSE(home_is_on("washer"));
    home_end();
}

static void outages_before_a_restart_count_for_the_next_return(void)
{
    uint32_t usual_ms;

    home_begin(NULL);
    usual_ms = grid_state_in_band_ms(&home.control->grid);
    for (int i = 0; i < 5; i++) {
        home_grid(false);
        home_pass(10000);
        CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
        if (i == 2 || i == 4)
            home_restart(NULL);
        home_grid(true);
        home_pass(1000);
        CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
        CU_ASSERT_EQUAL(grid_state_in_band_ms(&home.control->grid),
                        usual_ms << (i < 3 ? 0 : i - 2));
        if (i == 3)
            home_restart(NULL); /* while it waits */
        home_pass(120000);
        CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    }
    home_end();
}

static void a_reload_in_an_outage_keeps_the_state(void)
{
    unsigned n;

    home_begin(NULL);
    home_grid(false);
    home_pass(10000);
    n = home_count_events("grid-state", NULL);
    home_reload("  reserve: 50 %\n");
    home_pass(5000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_EQUAL(home_count_events("grid-state", NULL), n);
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static CU_TestInfo outages[] = {
    TEST(on_the_grid_everything_is_on),
    TEST(a_contact_that_opens_drops_bulk_loads_in_the_same_call),
    TEST(loads_are_switched_without_waiting_for_the_journal),
    TEST(the_ladder_sheds_class_by_class_and_says_why),
    TEST(the_grids_return_restores_in_stages),
    TEST(energy_is_saved_in_critical_and_where_control_does_not_look),
    TEST(every_device_that_control_uses_is_needed),
    TEST(a_reload_while_energy_is_saved_tells_it_again),
    TEST(no_silence_advances_a_stage),
    TEST(no_silence_in_an_island_advances_a_stage),
    TEST(a_blip_sheds_nothing_above_bulk_loads),
    TEST(one_wrong_reading_of_the_charge_sheds_nothing),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo devices[] = {
    TEST(what_is_not_the_failsafe_is_renewed_at_half_its_lease),
    TEST(a_relay_that_sticks_is_told_within_three_seconds_and_tried_on),
    TEST(a_bus_that_is_gone_is_tried_until_it_is_back),
    TEST(who_undoes_our_orders_again_and_again_is_another_master),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo people[] = {
    TEST(an_override_holds_over_a_restart_until_its_end),
    TEST(an_override_of_what_is_not_ours_is_refused),
    TEST(under_hold_nothing_is_switched),
    TEST(a_person_decides_where_no_evidence_can),
    TEST(a_drill_switches_nothing_and_reports),
    TEST(a_drill_does_not_outlast_its_circuits),
    TEST(a_restart_in_an_outage_goes_on_where_it_was),
    TEST(outages_before_a_restart_count_for_the_next_return),
    TEST(a_reload_in_an_outage_keeps_the_state),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"outages", NULL, NULL, NULL, NULL, outages},
        {"devices", NULL, NULL, NULL, NULL, devices},
        {"people",  NULL, NULL, NULL, NULL, people },
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
