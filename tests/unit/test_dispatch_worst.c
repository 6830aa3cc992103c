/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what dispatch does when things are worse than planned: cars that charge as the
 * grid goes, relays that stick, forecasts that promise too much. */
#include <math.h>
#include <string.h>

#include "lib/microgrid/dispatch/area.h"
#include "lib/microgrid/dispatch/community.h"
#include "lib/microgrid/dispatch/horizon.h"
#include "lib/microgrid/dispatch/split.h"
#include "tests/unit/suite.h"
#include "tests/unit/ten_homes.h"

static void a_booked_car_takes_sun_but_nothing_that_p0_needs(void)
{
    struct split_ev ev = {.storage = &ten_homes_storages[1],
                          .soc = 0.4,
                          .is_connected = true,
                          .depart_in_s = 1800};
    struct split_island island = {.forming_part = 0.3,
                                  .forming_wh = 7000,
                                  .keep_wh = 8000,
                                  .net_w = 5000,
                                  .step_s = 300};
    double w;

    split_evs(&ev, 1, &island, &w);
    CU_ASSERT_DOUBLE_EQUAL(w, 0, 1e-9);
    island.net_w = -3000;
    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w < 0 && w >= island.net_w);
}

static void no_car_goes_on_charging_when_the_grid_goes(void)
{
    struct area_in in = {
        .time = {.now_s = 0,                         .local_s = 20 * 3600},
        .step_s = 300,
        .grid_w = 17000, /* 10 kW of it into the cars, the rest the homes' */
        .frequency_hz = 50.3,
        .storages = {{.soc = 0.8, .is_connected = true},
                 {.soc = 0.4, .power_w = -10000, .is_connected = true}   }
    };
    struct area area;
    double w[AREA_STORAGES_MAX];

    ten_homes_make();
    area_init(&area, &ten_homes_setup);
    area_step(&area, &in, w);
    CU_ASSERT(w[1] >= 0);
}

/* The price after some steps in which home 3 says that all but P0 is off. */
static double price_with(double heavy_w)
{
    struct community_planner *planner = community_new(&ten_homes_setup);
    struct dispatch_area_report area = {
        .n_storages = 2, .soc = {0.4,  0.3 },
             .is_connected = {true, true}
    };
    double price;

    CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
    for (unsigned t = 0; t < 6; t++) {
        struct dispatch_time time = {.now_s = 300.0 * t, .local_s = 20 * 3600};
        struct dispatch_report report = {
            .circuit_w = {100, 0, 0, 0, heavy_w * (1 + t % 2)},
            .on_mask = 1,
            .stored_soc = -1
        };

        community_area_report(planner, &area);
        for (unsigned h = 0; h < TEN_HOMES_N; h++)
            community_report(planner, h, &report);
        community_plan(planner, &time, 300);
    }
    price = community_price(planner);
    community_free(planner);
    return price;
}

static void what_a_stuck_relay_draws_is_planned_with(void)
{
    ten_homes_make();
    CU_ASSERT(price_with(700) > price_with(0));
}

static void a_lost_report_does_not_stop_the_battery_from_emptying(void)
{
    struct dispatch_area_report area = {
        .n_storages = 2,
        .soc = {0.12, 0.3 },
        .power_w = {3000, 0   },
        .is_connected = {true, true}
    };
    struct community_planner *planner;
    unsigned n_before = 0, n_after = 0;

    ten_homes_make();
    planner = community_new(&ten_homes_setup);
    CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
    for (unsigned t = 0; t < 3; t++) {
        struct dispatch_time time = {.now_s = 300.0 * t, .local_s = 2 * 3600};

        if (t == 0)
            community_area_report(planner, &area);
        community_plan(planner, &time, 300);
        for (unsigned h = 0; h < TEN_HOMES_N; h++) {
            n_before += t == 0 && community_plan_of(planner, h)->power_w > 0;
            n_after += t == 2 && community_plan_of(planner, h)->power_w > 0;
        }
    }
    CU_ASSERT_EQUAL(n_before, TEN_HOMES_N);
    CU_ASSERT_EQUAL(n_after, 0);
    community_free(planner);
}

/* The dull day's sun in the half hour in which it is forecast to rise. */
static double dull_dawn_w(double now_w)
{
    struct forecast_pv pv;
    struct horizon horizon = {.setup = &ten_homes_setup,
                              .time = {.local_s = 4 * 3600},
                              .pv = &pv,
                              .pv_scale = 1,
                              .room_wh = 1e5};
    struct value_model model;

    forecast_pv_init(&pv, 44000);
    forecast_pv_begin_issue(&pv);
    for (unsigned k = 0; k < 24; k++) {
        double w = k < 6 ? 0 : 8000;
        struct forecast_pv_point point = {
            .from_s = 1800.0 * k, .w = {w, w, w}
        };

        forecast_pv_add(&pv, &point);
    }
    pv.last_w = now_w;
    horizon_build(&horizon, &model);
    CU_ASSERT_DOUBLE_EQUAL(model.stages[6].pv_w[1], 8000, 1);
    return model.stages[6].pv_w[0];
}

static void before_dawn_the_sun_may_be_late_and_by_day_it_is_there(void)
{
    ten_homes_make();
    CU_ASSERT_DOUBLE_EQUAL(dull_dawn_w(0), 0, 1);
    CU_ASSERT(dull_dawn_w(20000) > 7000);
}

static CU_TestInfo tests[] = {
    TEST(a_lost_report_does_not_stop_the_battery_from_emptying),
    TEST(before_dawn_the_sun_may_be_late_and_by_day_it_is_there),
    TEST(a_booked_car_takes_sun_but_nothing_that_p0_needs),
    TEST(no_car_goes_on_charging_when_the_grid_goes),
    TEST(what_a_stuck_relay_draws_is_planned_with),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"dispatch at its worst", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
