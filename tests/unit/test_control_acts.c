/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what gatewayd/control moves beside circuits: PV limits, cars, restarts, a
 * generator; and of what it tells people.
 */
#include <math.h>
#include <string.h>

#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

#define WITH_CAR                                                                         \
    "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}, "        \
    "{battery: car, capacity: 40 kWh, max_discharge: 3 kW, cut_off: 10 %, "              \
    "departure_floor: 40 %}]"
#define CAR "car.power_setpoint_w"
#define LIMIT "roof.power_limit_w"

static bool is_asked(enum home_point point)
{
    return home.points[point].value > 0.5;
}

/* Islanded: the battery gives (+) or takes (-) what sun and load leave. */
static void islanded(double soc_permille, double pv_w, double load_w)
{
    home_set(HOME_SOC, soc_permille);
    home_grid(false);
    home_set(HOME_GRID_W, 0);
    home_set(HOME_PV_W, pv_w);
    home_set(HOME_BATTERY_W, load_w - pv_w);
    home_pass(10000);
}

static bool document_has(const char *text)
{
    struct strbuf buf;
    bool has;

    strbuf_init(&buf);
    control_put_grid(home.control, &buf);
    has = strstr(buf.data, text) != NULL;
    strbuf_done(&buf);
    return has;
}

/* ---- PV ---- */

static void a_full_battery_limits_pv_to_what_is_used(void)
{
    home_begin(NULL);
    islanded(900, 3000, 600);
    CU_ASSERT_PTR_NULL(home_last_write(LIMIT));
    home_set(HOME_SOC, 1000);
    home_pass(1000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(home_last_write(LIMIT));
    CU_ASSERT_DOUBLE_EQUAL(home_last_write(LIMIT)->value, 600, 1);
    CU_ASSERT_FALSE(
        home_last_write(LIMIT)->at_once); /* a forced mode: journalled first */
    CU_ASSERT_EQUAL(home_count_events("control-mode", "the battery is full"), 1);
    CU_ASSERT_TRUE(
        document_has("\"name\":\"pv-limit\",\"point\":\"roof.power_limit_w\""));
    home_set(HOME_SOC, 900);
    home_pass(1000);
    CU_ASSERT_TRUE(home_last_write(LIMIT)->is_release);
    CU_ASSERT_EQUAL(home_count_events("control-mode", "left to itself again"), 1);
    home_end();
}

static void a_limit_follows_the_load_and_ends_with_the_island(void)
{
    home_begin(NULL);
    islanded(1000, 3000, 600);
    home_set(HOME_PV_W, 600);
    home_set(HOME_BATTERY_W, 500);
    home_pass(6000);
    CU_ASSERT_DOUBLE_EQUAL(home_last_write(LIMIT)->value, 1100, 1);
    home_set(HOME_BATTERY_W, 0);
    home_grid(true);
    home_pass(120000);
    CU_ASSERT_STRING_EQUAL(home_state(), "GRID_OK");
    CU_ASSERT_TRUE(home_last_write(LIMIT)->is_release);
    home_end();
}

static void nothing_is_exported_while_the_grid_is_in_doubt(void)
{
    home_begin(NULL);
    home_set(HOME_PV_W, 2500);
    home_set(HOME_GRID_W, -1500);
    home_pass(2000);
    CU_ASSERT_PTR_NULL(home_last_write(LIMIT));
    home_set(HOME_VOLTAGE, 0);
    home_pass(500);
    CU_ASSERT_STRING_EQUAL(home_state(), "OUTAGE_SUSPECTED");
    CU_ASSERT_PTR_NOT_NULL_FATAL(home_last_write(LIMIT));
    CU_ASSERT_DOUBLE_EQUAL(home_last_write(LIMIT)->value, 1000, 1);
    home_end();
}

static void without_a_journal_nothing_is_set(void)
{
    home_sources = WITH_CAR;
    home_begin(NULL);
    home.is_on_disk = false;
    islanded(1000, 3000, 600);
    home_set(HOME_SOC, 330);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_TRUE(document_has("; not done: there is no journal on disk"));
    CU_ASSERT_PTR_NULL(home_last_write(LIMIT));
    CU_ASSERT_PTR_NULL(home_last_write(CAR));
    home_end();
    home_sources = NULL;
}

/* ---- cars ---- */

static void begin_with_car(const char *more, double car_permille)
{
    home_sources = WITH_CAR;
    home_begin(more);
    home_set(HOME_CAR_SOC, car_permille);
}

static void end_with_car(void)
{
    home_end();
    home_sources = NULL;
}

static void a_car_stops_at_the_first_sign_of_a_loss(void)
{
    begin_with_car(NULL, 700);
    CU_ASSERT_PTR_NULL(home_last_write(CAR));
    home_set(HOME_CONTACT, 0);
    home_poll();
    CU_ASSERT_PTR_NOT_NULL_FATAL(home_last_write(CAR));
    CU_ASSERT_EQUAL(home_last_write(CAR)->value, 0);
    CU_ASSERT_TRUE(home_last_write(CAR)->at_once);
    end_with_car();
}

static void a_car_feeds_the_home_once_the_reserve_is_low_until_the_grid_returns(void)
{
    begin_with_car(NULL, 980);
    islanded(800, 0, 1000);
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    home_set(HOME_SOC, 330);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_DOUBLE_EQUAL(home.points[HOME_CAR_SETPOINT].value, 850, 1);
    CU_ASSERT_FALSE(home_last_write(CAR)->at_once);
    CU_ASSERT_TRUE(document_has("the car feeds the home"));
    home_grid(true);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "RECONNECTING");
    CU_ASSERT_TRUE(home_last_write(CAR)->is_release);
    end_with_car();
}

static void a_car_keeps_what_its_owner_keeps(void)
{
    begin_with_car(NULL, 400);
    islanded(330, 0, 1000);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    end_with_car();
}

/* It is noon in the test, or evening in Japan. */
static void a_car_keeps_what_its_next_departure_needs(void)
{
    begin_with_car("  departures: [{ev: car, at: \"23:00\", soc: 75 %, by: Aki}]\n", 700);
    islanded(330, 0, 1000);
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    home_reload("  departures: [{ev: car, at: \"23:00\", soc: 50 %, by: Aki}]\n");
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.points[HOME_CAR_SETPOINT].value, 850, 1);
    end_with_car();
}

static void a_car_that_is_away_is_left_alone(void)
{
    begin_with_car(NULL, 700);
    home_set(HOME_PLUGGED, 0);
    islanded(330, 0, 1000);
    CU_ASSERT_PTR_NULL(home_last_write(CAR));
    end_with_car();
}

static void a_car_takes_what_the_full_battery_leaves(void)
{
    begin_with_car(NULL, 700);
    islanded(900, 3000, 600);
    /* the battery comes first */
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    home_set(HOME_SOC, 1000);
    home_pass(2000);
    CU_ASSERT_DOUBLE_EQUAL(home.points[HOME_CAR_SETPOINT].value, -2040, 1);
    home_set(HOME_CAR_W, -2000); /* and PV gives what it takes, and some more */
    home_set(HOME_PV_W, 2600);
    home_set(HOME_BATTERY_W, 0);
    home_pass(10000);
    CU_ASSERT_DOUBLE_EQUAL(home.points[HOME_PV_LIMIT].value, 3100, 1);
    end_with_car();
}

/* It is 20:24 in Tokyo; 4 kWh are missing, which take two hours. */
static void a_car_that_must_leave_soon_is_charged_before_the_battery(void)
{
    begin_with_car("  departures: [{ev: car, at: \"21:30\", soc: 80 %, by: Aki}]\n", 700);
    islanded(800, 0, 600);
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, -3000);
    end_with_car();
    begin_with_car("  departures: [{ev: car, at: \"06:00\", soc: 80 %, by: Aki}]\n", 700);
    islanded(800, 0, 600);
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    end_with_car();
}

static void a_hold_ends_every_forced_mode(void)
{
    char text[200];

    begin_with_car(NULL, 700);
    islanded(330, 0, 1000);
    CU_ASSERT_TRUE(home.points[HOME_CAR_SETPOINT].value > 0);
    control_hold(home.control, true, text, sizeof text);
    home_pass(1000);
    CU_ASSERT_EQUAL(home.points[HOME_CAR_SETPOINT].value, 0);
    end_with_car();
}

/* ---- requests ---- */

static void a_dark_home_asks_for_a_restart_now_and_then(void)
{
    unsigned n_on = 0, n_off = 0;

    home_begin("  restart: panel.restart\n");
    islanded(120, 0, 600);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    home_set(HOME_PCS, 3);
    home_set(HOME_BATTERY_W, 0);
    home_pass(60000);
    CU_ASSERT_FALSE(is_asked(HOME_RESTART)); /* no sun, no energy */
    home_set(HOME_PV_W, 200);
    for (int i = 0; i < 80; i++) {
        home_pass(1000);
        n_on += is_asked(HOME_RESTART);
        n_off += !is_asked(HOME_RESTART);
    }
    CU_ASSERT_TRUE(n_on >= 4 && n_off > n_on);
    CU_ASSERT_FALSE(home_is_on("fridge")); /* P0 alone */
    home_end();
}

static void what_no_device_can_do_is_said(void)
{
    home_begin(NULL);
    islanded(120, 200, 600);
    home_set(HOME_PCS, 3);
    for (int i = 0; i < 40 && !document_has("outage.restart"); i++)
        home_pass(1000);
    CU_ASSERT_TRUE(document_has("nothing is configured that can: outage.restart"));
    home_end();
}

static void a_generator_runs_from_a_low_reserve_until_it_is_filled(void)
{
    home_begin("  generator: {switch: panel.generator, start_after: 5 s, min_run: 20 s, "
               "min_rest: 20 s}\n");
    islanded(820, 0, 600);
    home_set(HOME_SOC, 330);
    home_pass(3000);
    CU_ASSERT_STRING_EQUAL(home_state(), "LOW_RESERVE");
    CU_ASSERT_FALSE(is_asked(HOME_GENERATOR));
    home_pass(4000);
    CU_ASSERT_TRUE(is_asked(HOME_GENERATOR));
    home_set(HOME_SOC, 550);
    home_pass(60000);
    CU_ASSERT_STRING_EQUAL(home_state(), "ISLANDED");
    CU_ASSERT_TRUE(is_asked(HOME_GENERATOR));
    home_set(HOME_SOC, 700);
    home_pass(1000);
    CU_ASSERT_FALSE(is_asked(HOME_GENERATOR));
    home_set(HOME_SOC, 330); /* again: it rests first */
    home_pass(10000);
    CU_ASSERT_FALSE(is_asked(HOME_GENERATOR));
    home_pass(15000);
    CU_ASSERT_TRUE(is_asked(HOME_GENERATOR));
    home_grid(true);
    home_pass(1000);
    CU_ASSERT_FALSE(is_asked(HOME_GENERATOR));
    home_end();
}

static void what_control_asks_is_nobody_elses_to_write(void)
{
    uint32_t device = 0, point = 0;
    char text[200];

    home_begin("  restart: panel.restart\n");
    CU_ASSERT_TRUE_FATAL(catalog_find(home.catalog, "panel.restart", &device, &point));
    CU_ASSERT_TRUE(control_owns(home.control, device, point, text, sizeof text));
    CU_ASSERT_TRUE_FATAL(catalog_find(home.catalog, "panel.generator", &device, &point));
    CU_ASSERT_FALSE(control_owns(home.control, device, point, text, sizeof text));
    home_end();
}

/* ---- the first relays ---- */

static void what_a_loss_drops_is_known_before_it_comes(void)
{
    home_begin(NULL);
    home_pass(11000);
    CU_ASSERT_TRUE(document_has("\"if_lost\":[\"heater\"]"));
    home_set(HOME_GRID_W, 5000); /* more than the island could bear */
    home_pass(20000);
    CU_ASSERT_TRUE(document_has("\"if_lost\":[\"heater\",\"washer\""));
    home_grid(false);
    home_pass(10000);
    CU_ASSERT_TRUE(document_has("\"if_lost\":null"));
    home_end();
}

/* The table is told to drop more than the plan would, and is obeyed before it. */
static void the_first_relays_wait_for_no_plan(void)
{
    unsigned n;

    home_begin(NULL);
    home_pass(11000);
    n = home.n_writes;
    home.control->shed_table.at_sign |= 2; /* the washer */
    home_set(HOME_CONTACT, 0);
    home_poll();
    CU_ASSERT_TRUE_FATAL(home.n_writes >= n + 2);
    CU_ASSERT_STRING_EQUAL(home.writes[n].name, "panel.heater");
    CU_ASSERT_STRING_EQUAL(home.writes[n + 1].name, "panel.washer");
    CU_ASSERT_TRUE(home.writes[n].at_once && home.writes[n].value < 0.5);
    home_end();
}

static void a_circuit_kept_on_by_its_owner_is_in_no_table(void)
{
    char text[200];
    unsigned n;

    home_begin(NULL);
    home_pass(11000);
    CU_ASSERT_EQUAL(control_override(home.control, "heater", "on", 0, text, sizeof text),
                    0);
    n = home_count_writes("panel.heater");
    home_set(HOME_CONTACT, 0);
    home_poll();
    CU_ASSERT_TRUE(home_is_on("heater"));
    CU_ASSERT_EQUAL(home_count_writes("panel.heater"), n); /* not even for a moment */
    home_end();
}

/* ---- the gateway's own end ---- */

static void go_dark(void)
{
    islanded(120, 0, 600);
    home_set(HOME_PCS, 3);
    home_set(HOME_BATTERY_W, 0);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
}

static void a_dark_home_keeps_its_readings(void)
{
    home_begin(NULL);
    home_pass(120000);
    CU_ASSERT_EQUAL(home.n_flushes, 0);
    go_dark();
    CU_ASSERT_EQUAL(home.n_flushes, 1);
    home_pass(120000);
    CU_ASSERT_EQUAL(home.n_flushes, 3);
    home_end();
}

static void a_gateway_that_may_halts_in_the_dark_alone(void)
{
    home_begin("  halt: 10 min\n");
    go_dark();
    home_pass(300000);
    home_set(HOME_PV_W, 50); /* it stays up for the tries */
    home_pass(600000);
    CU_ASSERT_FALSE(home.is_halt_asked);
    home_set(HOME_PV_W, 0);
    home_pass(590000);
    CU_ASSERT_FALSE(home.is_halt_asked);
    home_pass(20000);
    CU_ASSERT_TRUE(home.is_halt_asked);
    CU_ASSERT_EQUAL(home_count_events("halt", "dark for 10 min"), 1);
    home_grid(true);
    home_pass(2000);
    CU_ASSERT_FALSE(home.is_halt_asked);
    home_end();
    home_begin(NULL);
    go_dark();
    home_pass(3600000);
    CU_ASSERT_FALSE(home.is_halt_asked);
    home_end();
}

/* ---- limits ---- */

static void an_inverters_own_limit_counts(void)
{
    static const struct {
        const char *limits;
        bool has_washer;
    } homes[] = {
        {NULL, true},
        {"  limits: {pcs: 1 kW}\n", false}, /* 80 % of it, and 900 W are typical */
        {"  limits: {pcs: 3 kW}\n", true},
        {"  limits: {pcs: 3 kW, l2: 500 W}\n", false}};

    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        home_begin(homes[i].limits);
        islanded(900, 0, 700);
        home_pass(20000);
        CU_ASSERT_EQUAL(home_is_on("washer"), homes[i].has_washer);
        CU_ASSERT_TRUE(i == 3 || home_is_on("fridge"));
        home_end();
    }
}

/* ---- people ---- */

static void the_owner_is_told_of_an_outage_that_lasts(void)
{
    home_begin(NULL);
    home_grid(false);
    home_pass(2000);
    CU_ASSERT_EQUAL(home_count_events("outage", NULL), 0);
    home_pass(10000);
    CU_ASSERT_EQUAL(home_count_events("outage", "off by us: heater"), 1);
    home_grid(true);
    home_pass(120000);
    CU_ASSERT_EQUAL(home_count_events("outage", "on the grid again"), 1);
    CU_ASSERT_EQUAL(home_count_events("outage", NULL), 2);
    home_end();
}

#define MEDICAL "  medical: {typical: 100 W, reserve: 2 h, battery: 30 min}\n"

static void hours_of_the_medical_device_are_told_at_eight_four_two_and_one(void)
{
    home_begin(MEDICAL);
    islanded(820, 0, 600);
    CU_ASSERT_EQUAL(home_count_events("medical-hours", NULL), 0);
    home_set(HOME_SOC, 600); /* 5000 - 720 Wh, 200 of them kept: 2 + 0.5 + some 6.4 h */
    home_pass(1000);
    CU_ASSERT_EQUAL(home_count_events("medical-hours", NULL), 0);
    home_set(HOME_SOC, 520);
    home_pass(1000);
    CU_ASSERT_EQUAL(home_count_events("medical-hours", "about 7."), 1);
    home_set(HOME_SOC, 220);
    home_pass(1000);
    CU_ASSERT_EQUAL(home_count_events("medical-hours", NULL), 2);
    home_set(HOME_PCS, 3);
    home_set(HOME_BATTERY_W, 0);
    home_set(HOME_SOC, 110);
    home_pass(1000);
    CU_ASSERT_STRING_EQUAL(home_state(), "BLACK");
    CU_ASSERT_EQUAL(home_count_events("medical-hours", "on its own battery"), 1);
    CU_ASSERT_DOUBLE_EQUAL(home.control->notices.medical_h, 0.5, 0.02);
    home_pass(600000);
    home_restart(MEDICAL);
    home_pass(1000);
    CU_ASSERT_DOUBLE_EQUAL(home.control->notices.medical_h, 1 / 3.0, 0.02);
    home_grid(true);
    home_pass(120000);
    CU_ASSERT_EQUAL(home_count_events("medical-hours", "has the grid"), 1);
    home_end();
}

static CU_TestInfo sun[] = {
    TEST(a_full_battery_limits_pv_to_what_is_used),
    TEST(a_limit_follows_the_load_and_ends_with_the_island),
    TEST(nothing_is_exported_while_the_grid_is_in_doubt),
    TEST(without_a_journal_nothing_is_set),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo cars[] = {
    TEST(a_car_stops_at_the_first_sign_of_a_loss),
    TEST(a_car_feeds_the_home_once_the_reserve_is_low_until_the_grid_returns),
    TEST(a_car_keeps_what_its_owner_keeps),
    TEST(a_car_keeps_what_its_next_departure_needs),
    TEST(a_car_that_is_away_is_left_alone),
    TEST(a_car_takes_what_the_full_battery_leaves),
    TEST(a_car_that_must_leave_soon_is_charged_before_the_battery),
    TEST(a_hold_ends_every_forced_mode),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo requests[] = {
    TEST(a_dark_home_asks_for_a_restart_now_and_then),
    TEST(what_no_device_can_do_is_said),
    TEST(a_generator_runs_from_a_low_reserve_until_it_is_filled),
    TEST(what_control_asks_is_nobody_elses_to_write),
    TEST(an_inverters_own_limit_counts),
    TEST(a_dark_home_keeps_its_readings),
    TEST(a_gateway_that_may_halts_in_the_dark_alone),
    TEST(what_a_loss_drops_is_known_before_it_comes),
    TEST(the_first_relays_wait_for_no_plan),
    TEST(a_circuit_kept_on_by_its_owner_is_in_no_table),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo people[] = {
    TEST(the_owner_is_told_of_an_outage_that_lasts),
    TEST(hours_of_the_medical_device_are_told_at_eight_four_two_and_one),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"sun",      NULL, NULL, NULL, NULL, sun     },
        {"cars",     NULL, NULL, NULL, NULL, cars    },
        {"requests", NULL, NULL, NULL, NULL, requests},
        {"people",   NULL, NULL, NULL, NULL, people  },
        CU_SUITE_INFO_NULL,
    };

    home_has_roof = true;
    return suite_run(suites);
}
