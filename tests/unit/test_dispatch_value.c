/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of forecasts, hazard and the value programme of lib/microgrid/dispatch. */
#include <math.h>
#include <stdlib.h>

#include "lib/microgrid/dispatch/forecast_demand.h"
#include "lib/microgrid/dispatch/forecast_pv.h"
#include "lib/microgrid/dispatch/hazard.h"
#include "lib/microgrid/dispatch/ration.h"
#include "tests/unit/suite.h"

static const double weight[DISPATCH_CLASSES] = {100, 10, 3, 1, 1};

/* A day and a half in half hours: sun from stage 24 to 40, the same demand throughout. */
static void make_model(struct value_model *model, double pv_w)
{
    *model = (struct value_model){.eta_charge = 0.95,
                                  .eta_discharge = 0.95,
                                  .charge_w = 1e5,
                                  .end_worth = 0.2,
                                  .horizon_worth = 5,
                                  .night_wh = 5e4,
                                  .noise = 0.05,
                                  .n_stages = 72};
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        model->weight[c] = weight[c];
    for (unsigned k = 0; k < model->n_stages; k++) {
        model->stages[k] = (struct value_stage){
            .hours = 0.5,
            .room_wh = 1.6e5,
            .p_end = 0.01,
            .demand_w = {6000, 10000, 10000, 4000, 10000},
            .is_reveal = k == 24
        };
        for (unsigned r = 0; r < VALUE_REGIMES; r++)
            model->stages[k].pv_w[r] = k >= 24 && k < 40 ? pv_w * (0.5 + 0.5 * r) : 0;
    }
}

/* Prices fall but for the grain of the grid: 1 %. */
static void price_falls_as_storage_fills(void)
{
    struct value_model model;
    struct value value;

    make_model(&model, 40000);
    value_solve(&model, &value);
    for (double e = 0; e < 1.5e5; e += 1000)
        CU_ASSERT(value_price(&value, e + 1000) <= 1.01 * value_price(&value, e));
    CU_ASSERT(value_price(&value, 0) > 50);
    CU_ASSERT(value_price(&value, 1.6e5) < 1);
}

static void price_falls_with_more_sun(void)
{
    struct value_model dull, bright;
    struct value a, b;

    make_model(&dull, 10000);
    make_model(&bright, 60000);
    value_solve(&dull, &a);
    value_solve(&bright, &b);
    for (double e = 0; e < 1.5e5; e += 5000)
        CU_ASSERT(value_price(&b, e) <= 1.01 * value_price(&a, e));
}

static void an_outage_that_may_end_lowers_the_price(void)
{
    struct value_model stays, ends;
    struct value a, b;

    make_model(&stays, 10000);
    make_model(&ends, 10000);
    for (unsigned k = 0; k < ends.n_stages; k++)
        ends.stages[k].p_end = 0.2;
    value_solve(&stays, &a);
    value_solve(&ends, &b);
    CU_ASSERT(value_price(&b, 4e4) < value_price(&a, 4e4));
}

static void a_departure_makes_energy_dearer(void)
{
    struct value_model without, with;
    struct value a, b;

    make_model(&without, 0);
    make_model(&with, 0);
    with.stages[10].taken_wh = 12000;
    value_solve(&without, &a);
    value_solve(&with, &b);
    CU_ASSERT(value_price(&b, 8e4) > value_price(&a, 8e4));
}

static void more_energy_never_serves_less_of_a_class(void)
{
    struct value_model model;
    struct value value;
    struct ration_in in = {
        .hours = 0.5, .demand_w = {6000, 10000, 10000, 4000, 10000}
    };

    for (double pv_w = 0; pv_w < 60000; pv_w += 7000) {
        double last[DISPATCH_CLASSES] = {0};

        make_model(&model, pv_w);
        value_solve(&model, &value);
        in.pv_w = pv_w;
        for (in.energy_wh = 0; in.energy_wh < 1.6e5; in.energy_wh += 2000) {
            double share[DISPATCH_CLASSES];

            ration_share(&model, &value, &in, share);
            for (unsigned c = 0; c < 3; c++) {
                CU_ASSERT(share[c] >= last[c] - 1e-6);
                CU_ASSERT(c == 0 || share[c] <= share[c - 1] + 1e-9);
                last[c] = share[c];
            }
        }
    }
}

static void sun_that_cannot_be_stored_serves_everything(void)
{
    struct value_model model;
    struct value value;
    struct ration_in in = {
        .hours = 0.5,
        .energy_wh = 3e4,
        .pv_w = 60000,
        .demand_w = {6000, 10000, 10000, 4000, 10000}
    };
    double share[DISPATCH_CLASSES];

    make_model(&model, 0);
    model.charge_w = 5000;
    value_solve(&model, &value);
    ration_share(&model, &value, &in, share);
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        CU_ASSERT_DOUBLE_EQUAL(share[c], 1, 1e-9);
}

static void survival_begins_at_one_and_falls(void)
{
    for (int due_h = -6; due_h <= 48; due_h += 3) {
        struct hazard hazard = {.elapsed_s = 7200,
                                .has_announcement = due_h > -6,
                                .announced_in_s = due_h * 3600.0,
                                .announced_span_s = 24 * 3600.0};
        double last = 1;

        CU_ASSERT_DOUBLE_EQUAL(hazard_survival(&hazard, 0), 1, 1e-9);
        for (double lead_s = 600; lead_s < 3e5; lead_s += 600) {
            double s = hazard_survival(&hazard, lead_s);

            CU_ASSERT(s <= last + 1e-9 && s > 0);
            last = s;
        }
    }
}

static void an_announced_end_is_a_hint_and_not_a_date(void)
{
    struct hazard hazard = {.elapsed_s = 3600,
                            .has_announcement = true,
                            .announced_in_s = 12 * 3600.0,
                            .announced_span_s = 13 * 3600.0};

    CU_ASSERT(hazard_survival(&hazard, 6 * 3600.0) > 0.7);
    CU_ASSERT(hazard_survival(&hazard, 18 * 3600.0) > 0.05);
    CU_ASSERT(hazard_survival(&hazard, 18 * 3600.0) < 0.6);
}

static void an_announcement_near_its_end_is_believed_more(void)
{
    struct hazard far = {.elapsed_s = 3600,
                         .has_announcement = true,
                         .announced_in_s = 24 * 3600.0,
                         .announced_span_s = 24 * 3600.0};
    struct hazard near = far;

    near.announced_in_s = 3600;
    CU_ASSERT(hazard_survival(&near, near.announced_in_s + 7200) <
              hazard_survival(&far, far.announced_in_s + 7200));
}

static void a_broken_promise_is_not_believed_again(void)
{
    struct hazard hazard = {.elapsed_s = 7200,
                            .has_announcement = true,
                            .announced_in_s = 7200,
                            .announced_span_s = 7200};
    double trusted = hazard_survival(&hazard, 4 * 3600.0);

    hazard.n_broken = 1;
    CU_ASSERT(hazard_survival(&hazard, 4 * 3600.0) > 2 * trusted);
    CU_ASSERT_DOUBLE_EQUAL(hazard_survival(&hazard, 0), 1, 1e-9);
}

static void a_stuck_meter_stops_teaching(void)
{
    struct forecast_demand forecast;
    double before;

    forecast_demand_init(&forecast, 100);
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
        forecast_demand_history(&forecast, s, 200);
    for (unsigned i = 0; i < 6; i++)
        forecast_demand_measure(&forecast, 10, 900, 300);
    before = forecast_demand_w(&forecast, 10);
    for (unsigned i = 0; i < 100; i++)
        forecast_demand_measure(&forecast, 10, 900, 300);
    CU_ASSERT_DOUBLE_EQUAL(forecast_demand_w(&forecast, 10), before, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(forecast_demand_now(&forecast, 10, true), before, 1e-6);
}

static void nonsense_readings_are_ignored(void)
{
    struct forecast_demand forecast;

    forecast_demand_init(&forecast, 100);
    forecast_demand_measure(&forecast, 3, (double)NAN, 300);
    forecast_demand_measure(&forecast, 3, -5, 300);
    forecast_demand_history(&forecast, 3, (double)INFINITY);
    CU_ASSERT_DOUBLE_EQUAL(forecast_demand_w(&forecast, 3), 100, 1e-6);
    forecast_demand_measure(&forecast, 3, 1e9, 300);
    CU_ASSERT(forecast_demand_now(&forecast, 3, true) < 4000);
}

static void a_circuit_that_is_off_is_expected_as_usual(void)
{
    struct forecast_demand forecast;

    forecast_demand_init(&forecast, 0);
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
        forecast_demand_history(&forecast, s, 250);
    forecast_demand_measure(&forecast, 4, 10, 300);
    CU_ASSERT(forecast_demand_now(&forecast, 4, true) < 120);
    CU_ASSERT(forecast_demand_now(&forecast, 4, false) > 200);
}

static void removing_the_forecast_leaves_the_day_before(void)
{
    struct forecast_pv forecast;
    struct dispatch_time time = {.now_s = 0, .local_s = 6 * 3600};
    struct forecast_pv_point point = {
        .from_s = 6 * 3600, .w = {1000, 2000, 3000}
    };
    double w[FORECAST_PV_QUANTILES];

    forecast_pv_init(&forecast, 5000);
    forecast_pv_history(&forecast, 24, 4000);
    forecast_pv_at(&forecast, &time, 6 * 3600 + 60, w);
    CU_ASSERT_DOUBLE_EQUAL(w[1], 4000, 1);
    CU_ASSERT(w[0] < w[1] && w[2] >= w[1]);
    forecast_pv_begin_issue(&forecast);
    forecast_pv_add(&forecast, &point);
    forecast_pv_at(&forecast, &time, 6 * 3600 + 60, w);
    CU_ASSERT_DOUBLE_EQUAL(w[1], 2000, 1);
    forecast_pv_begin_issue(&forecast);
    forecast_pv_at(&forecast, &time, 6 * 3600 + 60, w);
    CU_ASSERT_DOUBLE_EQUAL(w[1], 4000, 1);
}

static void less_sun_than_forecast_lowers_the_next_hours(void)
{
    struct forecast_pv forecast;
    struct dispatch_time time = {.now_s = 0, .local_s = 10 * 3600};
    double w[FORECAST_PV_QUANTILES], later[FORECAST_PV_QUANTILES];

    forecast_pv_init(&forecast, 5000);
    for (unsigned i = 0; i < 60; i++) {
        struct forecast_pv_point point = {
            .from_s = i * 1800.0, .w = {2000, 3000, 4000}
        };

        forecast_pv_add(&forecast, &point);
    }
    for (unsigned i = 0; i < 24; i++) {
        time.now_s += 300;
        time.local_s += 300;
        forecast_pv_measure(&forecast, &time, 1000, 300);
    }
    forecast_pv_at(&forecast, &time, 1800, w);
    forecast_pv_at(&forecast, &time, 20 * 3600, later);
    CU_ASSERT(w[1] < 2000 && w[0] <= w[1] && w[1] <= w[2]);
    CU_ASSERT(later[1] > 2900);
}

static CU_TestInfo tests[] = {
    TEST(price_falls_as_storage_fills),
    TEST(price_falls_with_more_sun),
    TEST(an_outage_that_may_end_lowers_the_price),
    TEST(a_departure_makes_energy_dearer),
    TEST(more_energy_never_serves_less_of_a_class),
    TEST(sun_that_cannot_be_stored_serves_everything),
    TEST(survival_begins_at_one_and_falls),
    TEST(an_announced_end_is_a_hint_and_not_a_date),
    TEST(an_announcement_near_its_end_is_believed_more),
    TEST(a_broken_promise_is_not_believed_again),
    TEST(a_stuck_meter_stops_teaching),
    TEST(nonsense_readings_are_ignored),
    TEST(a_circuit_that_is_off_is_expected_as_usual),
    TEST(removing_the_forecast_leaves_the_day_before),
    TEST(less_sun_than_forecast_lowers_the_next_hours),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"dispatch value", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
