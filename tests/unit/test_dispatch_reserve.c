/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what stands above a plan in one home (the reserve of a medical device, P0 and
 * P1 under a plan's energy) and of a roof whose rating nobody wrote down. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/microgrid/dispatch/forecast_pv.h"
#include "lib/microgrid/dispatch/site.h"
#include "tests/unit/suite.h"

#define CIRCUITS 5
#define MEDICAL_W 100.0
#define MEDICAL_H 8.0
#define KEPT_WH (MEDICAL_W * MEDICAL_H)
#define CAPACITY_WH 10000.0
#define SOC_MIN 0.1
#define ETA 0.95
#define N_CASES 400
#define N_STEPS 60

/* One home with a battery of its own and a circuit of each class. */
static struct {
    struct dispatch_home home;
    struct dispatch_storage storage;
    struct dispatch_setup setup;
    struct circuit circuits[CIRCUITS];
    struct circuit_now now[CIRCUITS];
    struct dispatch_plan plan;
    struct site_config config;
    struct site_in in;
    struct site_out out;
    struct site *site;
} own;

static void make_circuits(void)
{
    static const double watts[CIRCUITS] = {MEDICAL_W, 200, 300, 400, 1000};

    for (unsigned i = 0; i < CIRCUITS; i++) {
        own.circuits[i] = (struct circuit){.index = (uint16_t)i,
                                           .class = (enum circuit_class)i,
                                           .typical_w = watts[i],
                                           .is_backed = true,
                                           .has_switch = true};
        own.now[i] = (struct circuit_now){
            .is_on = true, .has_power = true, .power_w = watts[i]};
        own.home.mean_w[i] = watts[i];
    }
}

static void make_home(void)
{
    static const double weights[DISPATCH_CLASSES] = {100, 10, 3, 1, 1};

    memset(&own, 0, sizeof own);
    own.home.service_limit_w = 6000;
    make_circuits();
    own.storage = (struct dispatch_storage){.is_grid_forming = true,
                                            .capacity_wh = CAPACITY_WH,
                                            .soc_min = SOC_MIN,
                                            .soc_max = 1,
                                            .soc_reserve = SOC_MIN,
                                            .max_charge_w = 3000,
                                            .max_discharge_w = 3000,
                                            .eta_charge = ETA,
                                            .eta_discharge = ETA};
    own.setup = (struct dispatch_setup){.n_homes = 1,
                                        .n_storages = 1,
                                        .homes = &own.home,
                                        .storages = &own.storage,
                                        .import_limit_w = 1e6,
                                        .max_island_w = 1e6,
                                        .pv_limit_w = 1e6,
                                        .frequency_hz = 50,
                                        .frequency_slope_hz = 1};
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        own.setup.classes[c].weight = weights[c];
    own.plan = (struct dispatch_plan){.mode = DISPATCH_ISLAND,
                                      .p_max = DISPATCH_P4,
                                      .power_w = 1e9,
                                      .energy_wh = -1,
                                      .valid_s = 900};
    own.config = (struct site_config){.setup = &own.setup,
                                      .circuits = own.circuits,
                                      .n_circuits = CIRCUITS,
                                      .medical_w = MEDICAL_W,
                                      .medical_h = MEDICAL_H};
    own.in = (struct site_in){.time = {.now_s = 90000, .local_s = 36000},
                              .step_s = 1,
                              .class_max = CIRCUIT_P4,
                              .now = own.now,
                              .n_storages = 1,
                              .plan = &own.plan,
                              .medical_w = (double)NAN};
}

static void begin(void)
{
    own.site = site_new(&own.config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(own.site);
}

/* Usable energy, above the cells' floor. */
static void store(double wh)
{
    own.in.storages[0].soc = SOC_MIN + wh / CAPACITY_WH;
    own.in.frequency_hz = 50 + own.in.storages[0].soc - 0.5;
}

static void step(void)
{
    site_step(own.site, &own.in, &own.out);
    own.in.time.now_s += own.in.step_s;
    own.in.time.local_s =
        (own.in.time.local_s + (unsigned)own.in.step_s) % DISPATCH_DAY_S;
}

static bool only_p0(void)
{
    bool is_so = own.out.plan.circuits[0].want_on;

    for (unsigned i = 1; i < CIRCUITS; i++)
        is_so = is_so && !own.out.plan.circuits[i].want_on;
    return is_so;
}

static void follow(void)
{
    for (unsigned i = 0; i < CIRCUITS; i++) {
        bool on = own.out.plan.circuits[i].want_on;

        if (on != own.now[i].is_on)
            own.now[i].since_ms = (int64_t)(own.in.time.now_s * 1000);
        own.now[i].is_on = on;
        own.now[i].power_w = on ? own.circuits[i].typical_w : 0;
    }
}

/* ---- the medical reserve ----------------------------------------------------------- */

static void above_every_plan_hours_of_the_device_stay_in_the_battery(void)
{
    char text[200];

    make_home();
    begin();
    store(KEPT_WH + 100);
    step();
    CU_ASSERT(own.out.by_plan && own.out.plan.circuits[4].want_on);
    store(KEPT_WH - 1);
    step();
    CU_ASSERT(only_p0() && own.out.last == DISPATCH_P0);
    CU_ASSERT_EQUAL(own.out.plan.circuits[1].reason, WHY_MEDICAL);
    circuit_why(&own.out.plan.circuits[1], NULL, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(
        text, "the battery holds 799 Wh, and 800 Wh are kept for the medical device");
    site_free(own.site);
}

static void a_home_alone_keeps_the_reserve_too(void)
{
    make_home();
    own.in.plan = NULL;
    own.in.pv_w = 5000; /* a bright day tempts */
    begin();
    store(KEPT_WH - 1);
    step();
    CU_ASSERT(only_p0() && !own.out.by_plan);
    site_free(own.site);
}

static void the_own_programme_does_not_plan_with_the_reserve(void)
{
    make_home();
    own.in.plan = NULL;
    own.in.time.local_s = 0; /* a long night */
    begin();
    store(KEPT_WH + 200);
    step();
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].reason, WHY_ENERGY);
    CU_ASSERT_DOUBLE_EQUAL(own.out.plan.circuits[4].value, 200, 1);
    site_free(own.site);
}

static void without_a_device_nothing_is_kept(void)
{
    make_home();
    own.config.medical_w = 0;
    begin();
    store(100);
    step();
    CU_ASSERT(own.out.plan.circuits[4].want_on);
    site_free(own.site);
}

static void no_minimum_time_and_no_latest_return_draws_on_the_reserve(void)
{
    make_home();
    own.circuits[2].min_on_s = 600;
    own.now[2].since_ms = 90000000 - 1000;
    own.circuits[3].latest_return_s = 600;
    own.now[3] = (struct circuit_now){.since_ms = 90000000 - 3600000};
    begin();
    store(KEPT_WH / 2);
    step();
    CU_ASSERT(only_p0());
    site_free(own.site);
}

static void the_owners_word_holds_against_the_reserve(void)
{
    make_home();
    own.circuits[1].override = OVERRIDE_ON;
    own.circuits[1].override_until_ms = INT64_MAX;
    begin();
    store(KEPT_WH / 2);
    step();
    CU_ASSERT(own.out.plan.circuits[1].want_on && !own.out.plan.circuits[2].want_on);
    site_free(own.site);
}

static void a_plan_of_no_power_leaves_the_medical_home_its_own(void)
{
    make_home();
    own.plan.power_w = 0;
    begin();
    store(KEPT_WH * 2);
    step();
    CU_ASSERT(only_p0() && !own.out.is_empty);
    store(0);
    step();
    CU_ASSERT(own.out.is_empty && !own.out.plan.circuits[0].want_on);
    site_free(own.site);
}

static void a_device_that_draws_more_than_configured_keeps_more(void)
{
    make_home();
    own.in.medical_w = 2 * MEDICAL_W;
    own.in.step_s = 60;
    begin();
    store(KEPT_WH * 3);
    for (unsigned i = 0; i < 60; i++)
        step();
    CU_ASSERT(!only_p0());
    store(KEPT_WH * 1.5);
    step();
    CU_ASSERT(only_p0());
    own.in.medical_w = 1; /* it idles: its configured power stays kept */
    for (unsigned i = 0; i < 600; i++)
        step();
    store(KEPT_WH - 1);
    step();
    CU_ASSERT(only_p0());
    site_free(own.site);
}

static void what_was_shed_for_the_reserve_does_not_flap(void)
{
    unsigned n_changes = 0;
    bool was_on = true;

    make_home();
    begin();
    for (unsigned i = 0; i < 100; i++) {
        store(KEPT_WH + (i % 2 ? 5 : -5));
        step();
        n_changes += own.out.plan.circuits[1].want_on != was_on;
        was_on = own.out.plan.circuits[1].want_on;
    }
    CU_ASSERT_EQUAL(n_changes, 1);
    store(KEPT_WH * 1.2);
    step();
    CU_ASSERT(own.out.plan.circuits[1].want_on);
    site_free(own.site);
}

static void random_home(void)
{
    make_home();
    own.in.step_s = 1 + rand() % 300;
    own.in.n_storages = (unsigned)(rand() % 4 > 0); /* else the island's charge tells */
    own.config.medical_h = 1 + rand() % 24;
    for (unsigned i = 1; i < CIRCUITS; i++) {
        own.circuits[i].class = (enum circuit_class)(1 + rand() % 4);
        own.circuits[i].typical_w = 1 + rand() % 1500;
        own.circuits[i].min_on_s = (uint32_t)(rand() % 900);
        own.circuits[i].min_off_s = (uint32_t)(rand() % 300);
        own.circuits[i].latest_return_s = (uint32_t)(rand() % 2 ? 0 : rand() % 3600);
        own.now[i].power_w = own.circuits[i].typical_w;
    }
    begin();
}

static void random_plan(void)
{
    own.in.plan = rand() % 4 ? &own.plan : NULL;
    own.plan.p_max = (enum dispatch_class)(rand() % 5);
    own.plan.power_w = rand() % 5 ? rand() % 6000 : 0;
    own.plan.energy_wh = rand() % 3 ? rand() % 9000 : -1;
    own.plan.until_s = rand() % 43200;
    own.in.pv_w = rand() % 3000; /* promised, but not given */
}

static void no_plan_ever_draws_the_battery_below_the_medical_reserve(void)
{
    unsigned n_below = 0, n_others = 0, n_given = 0;

    for (unsigned n = 0; n < N_CASES; n++) {
        double kept_wh, wh;

        random_home();
        kept_wh = MEDICAL_W * own.config.medical_h;
        wh = kept_wh + rand() % 3000;
        for (unsigned i = 0; i < N_STEPS; i++) {
            double others_w = 0, most_w;

            random_plan();
            store(wh);
            step();
            follow();
            for (unsigned k = 1; k < CIRCUITS; k++)
                others_w += own.now[k].power_w;
            most_w = MEDICAL_W + fmax(wh - kept_wh, 0) * 3600 / own.in.step_s;
            n_given += own.in.n_storages > 0 &&
                       own.out.plan.setpoints[0].value_w > most_w + 1e-6;
            wh -= (others_w + own.now[0].power_w) * own.in.step_s / 3600 / ETA;
            n_others += others_w > 0;
            n_below += others_w > 0 && wh < kept_wh - MEDICAL_W * own.in.step_s / 3600;
            wh = fmax(wh, 0);
        }
        site_free(own.site);
    }
    CU_ASSERT_EQUAL(n_below, 0);
    CU_ASSERT_EQUAL(n_given, 0);
    CU_ASSERT(n_others > N_CASES); /* the property was put to the test */
}

/* ---- a plan's energy --------------------------------------------------------------- */

static void make_budget(double energy_wh, double until_s)
{
    make_home();
    own.config.medical_w = 0;
    own.plan.energy_wh = energy_wh;
    own.plan.until_s = until_s;
    own.plan.valid_s = 86400;
    own.in.step_s = 60;
    begin();
    store(8000);
}

static void budget_step(void)
{
    step();
    follow();
    own.in.plan_age_s += own.in.step_s;
    own.in.span_age_s += own.in.step_s;
}

static void a_plans_energy_is_given_up_from_the_bottom_and_never_p0_or_p1(void)
{
    double off_at[CIRCUITS] = {-1, -1, -1, -1, -1};
    char text[200];

    make_budget(3200, 7200); /* enough for P0..P3 in 2 h, not for all of P4 */
    while (own.in.span_age_s < 7200) {
        budget_step();
        for (unsigned i = 0; i < CIRCUITS; i++)
            if (!own.now[i].is_on && off_at[i] < 0)
                off_at[i] = own.in.span_age_s;
    }
    CU_ASSERT(off_at[4] > 600 && off_at[0] < 0 && off_at[1] < 0);
    CU_ASSERT(off_at[3] < 0 || off_at[3] > off_at[4]);
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].reason, WHY_BUDGET);
    circuit_why(&own.out.plan.circuits[4], NULL, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " of 3200"));
    site_free(own.site);
}

static void an_exhausted_energy_leaves_p1_until_the_span_ends(void)
{
    make_budget(10, 3600);
    budget_step();
    CU_ASSERT(own.now[0].is_on && own.now[1].is_on && !own.now[2].is_on);
    while (own.in.span_age_s < 3600)
        budget_step();
    CU_ASSERT(own.now[1].is_on && !own.now[2].is_on);
    budget_step();
    CU_ASSERT(own.now[2].is_on && own.now[4].is_on);
    site_free(own.site);
}

static void a_repeated_plan_keeps_its_span_and_a_new_one_begins_anew(void)
{
    make_budget(1400, 3600);
    for (unsigned i = 0; i < 30; i++)
        budget_step();
    CU_ASSERT(!own.now[4].is_on);
    own.in.plan_age_s = 0; /* its own message again */
    budget_step();
    CU_ASSERT(!own.now[4].is_on);
    own.plan.energy_wh = 9000;
    own.in.span_age_s = own.in.plan_age_s = 0; /* another plan */
    budget_step();
    CU_ASSERT(own.now[4].is_on);
    site_free(own.site);
}

static void energy_drawn_before_a_restart_is_not_given_twice(void)
{
    make_budget(3600, 7200);
    own.in.span_age_s = own.in.plan_age_s = 5400; /* it has just learnt of an old plan */
    budget_step();
    CU_ASSERT(own.now[4].is_on);
    while (own.in.span_age_s < 7140)
        budget_step();
    CU_ASSERT(!own.now[4].is_on && own.now[1].is_on);
    site_free(own.site);
}

static void a_plan_that_names_no_energy_limits_none(void)
{
    make_budget(-1, 0);
    for (unsigned i = 0; i < 100; i++)
        budget_step();
    CU_ASSERT(own.now[4].is_on);
    own.plan.energy_wh = 0; /* of no span */
    budget_step();
    CU_ASSERT(own.now[4].is_on);
    site_free(own.site);
}

/* ---- a roof of unknown size -------------------------------------------------------- */

static void measure_day(struct forecast_pv *pv, double peak_w)
{
    for (unsigned s = 0; s < DISPATCH_DAY_S; s += 60) {
        const struct dispatch_time time = {.now_s = s, .local_s = s};
        double x = sin((s / 3600.0 - 6) / 12 * 3.14159265);

        forecast_pv_measure(pv, &time, x > 0 ? peak_w * x : 0, 60);
    }
}

static void a_roof_of_unknown_size_is_learnt(void)
{
    const struct dispatch_time midnight = {.now_s = DISPATCH_DAY_S, .local_s = 0};
    double w[FORECAST_PV_QUANTILES];
    struct forecast_pv pv;

    forecast_pv_init(&pv, 0);
    pv.learns_rated = true;
    measure_day(&pv, 4000);
    measure_day(&pv, 4000);
    CU_ASSERT(pv.rated_w >= 4000 && pv.rated_w <= 4000 * 1.25);
    forecast_pv_at(&pv, &midnight, 12 * 3600.0, w);
    CU_ASSERT(w[1] > 2000 && w[1] < 5000);
}

static void one_wild_reading_is_no_roof(void)
{
    const struct dispatch_time noon = {.now_s = 43200, .local_s = 43200};
    struct forecast_pv pv;

    forecast_pv_init(&pv, 0);
    pv.learns_rated = true;
    forecast_pv_measure(&pv, &noon, 1e9, 1);
    CU_ASSERT(pv.rated_w < 500);
    forecast_pv_measure(&pv, &noon, (double)NAN, 1);
    forecast_pv_measure(&pv, &noon, -5, 1);
    CU_ASSERT(pv.rated_w < 500);
    forecast_pv_init(&pv, 3000); /* known: nothing above it is believed */
    measure_day(&pv, 9000);
    CU_ASSERT_EQUAL(pv.rated_w, 3000);
}

static void what_is_shed_for_energy_names_the_sun_that_it_must_last_to(void)
{
    make_home();
    own.config.medical_w = 0;
    own.in.plan = NULL;
    own.in.time.local_s = 2 * 3600 + 600;
    own.home.pv_wp = 4000;
    begin();
    for (unsigned slot = 0; slot < DISPATCH_SLOTS; slot++)
        site_history(own.site, slot, own.home.mean_w,
                     slot >= 14 && slot < 32 ? 3000 : 0); /* 07:00 to 16:00 */
    store(300);
    step();
    CU_ASSERT_FALSE_FATAL(own.out.plan.circuits[4].want_on);
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].reason, WHY_ENERGY);
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].until_ms, (90000 + 4 * 3600 + 3000) * 1000);
    site_free(own.site);
}

static void without_a_sun_it_lasts_to_the_grid(void)
{
    make_home();
    own.config.medical_w = 0;
    own.in.plan = NULL;
    begin();
    store(300);
    step();
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].reason, WHY_ENERGY);
    CU_ASSERT_EQUAL(own.out.plan.circuits[4].until_ms, 0);
    site_free(own.site);
}

static CU_TestInfo tests[] = {
    TEST(what_is_shed_for_energy_names_the_sun_that_it_must_last_to),
    TEST(without_a_sun_it_lasts_to_the_grid),
    TEST(above_every_plan_hours_of_the_device_stay_in_the_battery),
    TEST(a_home_alone_keeps_the_reserve_too),
    TEST(the_own_programme_does_not_plan_with_the_reserve),
    TEST(without_a_device_nothing_is_kept),
    TEST(no_minimum_time_and_no_latest_return_draws_on_the_reserve),
    TEST(the_owners_word_holds_against_the_reserve),
    TEST(a_plan_of_no_power_leaves_the_medical_home_its_own),
    TEST(a_device_that_draws_more_than_configured_keeps_more),
    TEST(what_was_shed_for_the_reserve_does_not_flap),
    TEST(no_plan_ever_draws_the_battery_below_the_medical_reserve),
    TEST(a_plans_energy_is_given_up_from_the_bottom_and_never_p0_or_p1),
    TEST(an_exhausted_energy_leaves_p1_until_the_span_ends),
    TEST(a_repeated_plan_keeps_its_span_and_a_new_one_begins_anew),
    TEST(energy_drawn_before_a_restart_is_not_given_twice),
    TEST(a_plan_that_names_no_energy_limits_none),
    TEST(a_roof_of_unknown_size_is_learnt),
    TEST(one_wild_reading_is_no_roof),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"dispatch reserve", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    srand(20261122);
    return suite_run(suites);
}
