/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the closed loop: who sees what and when, what is lost, what files must say. */
#include <string.h>

#include "gatewayctl/simulate/metrics.h"
#include "gatewayctl/simulate/promise_slice.h"
#include "gatewayctl/simulate/run.h"
#include "tests/unit/small_island.h"
#include "tests/unit/suite.h"

#define NEAR 1e-6

/* What all actors saw, step by step. */
struct witness {
    uint64_t hash[SMALL_STEPS];      /* of every view up to and with the step */
    double read_w[SMALL_STEPS];      /* home 0's comfort meter */
    double pv_w[SMALL_STEPS];        /* the community's PV meter */
    unsigned n_reports[SMALL_STEPS]; /* that reached the coordinator */
    int plan_age[SMALL_STEPS];       /* at home 1; -1: none */
    unsigned n_estimates[SMALL_STEPS], n_forecasts[SMALL_STEPS];
    double frequency_hz[SMALL_STEPS];
    bool wants_comfort_off;
    uint64_t sum;
};

static struct small_island is;
static struct witness witness;

static void add(struct witness *w, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    w->sum = (w->sum ^ bits) * UINT64_C(0x100000001b3);
}

static void add_common(struct witness *w, const struct sim_common_view *view)
{
    add(w, view->is_grid_up + 2.0 * view->was_dark + 4.0 * view->has_readings);
    add(w, view->frequency_hz);
    for (unsigned i = 0; i < view->n_storages; i++) {
        add(w, view->storages[i].soc);
        add(w, view->storages[i].power_w + view->storages[i].is_connected);
    }
}

static void report(void *ctx, const struct sim_home_view *view, struct sim_message *ret)
{
    (void)ctx;
    ret->size = 1;
    ret->data[0] = (unsigned char)view->home;
}

static void report_area(void *ctx, const struct sim_area_view *view,
                        struct sim_message *ret)
{
    (void)ctx;
    (void)view;
    ret->size = 1;
}

static void coordinate(void *ctx, const struct sim_coordinator_view *view,
                       struct sim_message *ret_plans)
{
    struct witness *w = ctx;

    w->n_reports[view->step] = 0;
    for (unsigned i = 0; i <= view->community->n_homes; i++) {
        w->n_reports[view->step] += view->reports[i] != NULL;
        ret_plans[i].size = 1;
        ret_plans[i].data[0] = (unsigned char)i;
    }
    w->n_estimates[view->step] = view->n_estimates;
    w->n_forecasts[view->step] = view->n_forecasts;
    add(w, view->n_estimates + 100.0 * view->n_forecasts);
}

static void act(void *ctx, const struct sim_home_view *view,
                struct sim_home_commands *commands)
{
    struct witness *w = ctx;

    add_common(w, &view->common);
    for (unsigned c = 0; c < N_CIRCUITS; c++)
        add(w, view->circuit_w[c]);
    add(w, view->pv_available_w + view->pv_used_w + view->tank_debt_wh);
    if (view->home == 0) {
        w->read_w[view->common.step] = view->circuit_w[CIRCUIT_COMFORT];
        w->frequency_hz[view->common.step] = view->common.frequency_hz;
        commands->is_on[CIRCUIT_COMFORT] = !w->wants_comfort_off;
    } else {
        const struct sim_message *plan = view->common.plan;

        w->plan_age[view->common.step] = plan ? (int)view->common.plan_age_steps : -1;
        CU_ASSERT_TRUE(!plan || (plan->size == 1 && plan->data[0] == 1));
    }
}

static void act_area(void *ctx, const struct sim_area_view *view,
                     struct sim_area_commands *commands)
{
    struct witness *w = ctx;

    (void)commands;
    add_common(w, &view->common);
    add(w, view->pv_available_w + view->pv_used_w + view->grid_w);
    w->pv_w[view->common.step] = view->pv_available_w;
    w->hash[view->common.step] = w->sum;
}

static const struct sim_controller watcher = {.ctx = &witness,
                                              .home_report = report,
                                              .area_report = report_area,
                                              .coordinate = coordinate,
                                              .home_act = act,
                                              .area_act = act_area};

static struct witness watch(bool is_silent)
{
    struct run run = {.community = &is.community,
                      .scenario = &is.scenario,
                      .is_coordinator_silent = is_silent};

    witness.sum = 1;
    CU_ASSERT_EQUAL(run_closed_loop(&run, &watcher, NULL), 0);
    return witness;
}

static void begin(void)
{
    memset(&witness, 0, sizeof witness);
    small_island_make(&is, true);
}

static int end(void)
{
    small_island_done(&is);
    return 0;
}

/* ---- what is seen ---------------------------------------------------------------- */

/* Everything that lies at or behind step 6, but for "grid up" in it. */
static void change_the_future(void)
{
    for (unsigned t = 6; t < SMALL_STEPS; t++)
        for (unsigned h = 0; h < 2; h++)
            is.profiles[2 * t + h] = (struct profile_cell){
                {77, 0, 5, 900, 40},
                1234
            };
    is.outages[0].end_step = 8;
    scenario_mark_grid(&is.scenario);
    is.scenario.n_events = 2;
    is.events[0] = (struct scenario_event){.kind = EVENT_METER_FAULT,
                                           .start_step = 6,
                                           .end_step = 9,
                                           .circuit = CIRCUIT_COMFORT,
                                           .mode = METER_X3};
    is.events[1] = (struct scenario_event){
        .kind = EVENT_EV_DEPARTURE, .start_step = 6, .end_step = 9, .storage = 1};
    is.scenario.n_estimates = 1;
    is.estimates[0] = (struct sim_estimate){7, 9};
    is.scenario.n_forecasts = 1;
    is.forecasts[0] = (struct sim_forecast){7, 7, 1, 2, 3};
}

static void no_view_depends_on_what_is_yet_to_come(void)
{
    struct witness before, after;

    begin();
    small_island_pv(&is, 300);
    before = watch(false);
    change_the_future();
    witness.sum = 0;
    after = watch(false);
    for (unsigned t = 0; t <= 6; t++)
        CU_ASSERT_EQUAL(before.hash[t], after.hash[t]);
    CU_ASSERT_NOT_EQUAL(before.hash[7], after.hash[7]);
}

static void a_circuit_that_is_off_reads_zero(void)
{
    begin();
    CU_ASSERT_DOUBLE_EQUAL(watch(false).read_w[3], 300, NEAR);
    witness.wants_comfort_off = true;
    CU_ASSERT_DOUBLE_EQUAL(watch(false).read_w[3], 0, NEAR);
}

static void fault(int home, enum sim_circuit circuit, enum meter_mode mode)
{
    is.scenario.n_events = 1;
    is.events[0] = (struct scenario_event){.kind = EVENT_METER_FAULT,
                                           .start_step = 2,
                                           .end_step = 5,
                                           .home = home,
                                           .circuit = circuit,
                                           .mode = mode};
    for (unsigned t = 0; t < SMALL_STEPS; t++) {
        is.profiles[2 * t].circuit_w[CIRCUIT_COMFORT] = 100 + t;
        is.profiles[2 * t].pv_w = 10 * t;
    }
}

static void a_stuck_meter_stays_at_the_value_of_its_start(void)
{
    struct witness w;

    begin();
    fault(0, CIRCUIT_COMFORT, METER_STUCK);
    w = watch(false);
    CU_ASSERT_DOUBLE_EQUAL(w.read_w[2], 101, NEAR); /* of step 1, sound */
    CU_ASSERT_DOUBLE_EQUAL(w.read_w[3], 102, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(w.read_w[5], 102, NEAR); /* of step 4, stuck */
    CU_ASSERT_DOUBLE_EQUAL(w.read_w[6], 105, NEAR);
}

static void a_meter_may_read_nothing_or_three_times_the_truth(void)
{
    begin();
    fault(0, CIRCUIT_COMFORT, METER_ZERO);
    CU_ASSERT_DOUBLE_EQUAL(watch(false).read_w[4], 0, NEAR);
    fault(0, CIRCUIT_COMFORT, METER_X3);
    CU_ASSERT_DOUBLE_EQUAL(watch(false).read_w[4], 309, NEAR);
}

static void the_community_has_a_pv_meter_of_its_own(void)
{
    struct witness w;

    begin();
    fault(-1, (enum sim_circuit)N_CIRCUITS, METER_X3);
    w = watch(false);
    CU_ASSERT_DOUBLE_EQUAL(w.pv_w[2], 10, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(w.pv_w[4], 90, NEAR);
}

static void a_dark_island_has_no_frequency(void)
{
    struct witness w;

    begin();
    is.profiles[2].circuit_w[CIRCUIT_HEAVY] = 4500; /* step 1 collapses */
    w = watch(false);
    CU_ASSERT_TRUE(w.frequency_hz[1] > 49.9);
    for (unsigned t = 2; t <= 5; t++)
        CU_ASSERT_DOUBLE_EQUAL(w.frequency_hz[t], 0, NEAR);
    CU_ASSERT_TRUE(w.frequency_hz[6] > 49.9);
}

/* ---- messages -------------------------------------------------------------------- */

static void estimates_and_forecasts_are_seen_once_issued(void)
{
    struct witness w;

    begin();
    is.scenario.n_estimates = is.scenario.n_forecasts = 2;
    is.estimates[1] = (struct sim_estimate){4, 9};
    is.forecasts[1] = (struct sim_forecast){5, 6, 0, 0, 0};
    w = watch(false);
    CU_ASSERT_EQUAL(w.n_estimates[3], 1);
    CU_ASSERT_EQUAL(w.n_estimates[4], 2);
    CU_ASSERT_EQUAL(w.n_forecasts[4], 1);
    CU_ASSERT_EQUAL(w.n_forecasts[5], 2);
}

static void a_plan_arrives_in_the_step_it_was_made(void)
{
    struct witness w;

    begin();
    w = watch(false);
    CU_ASSERT_EQUAL(w.n_reports[0], 3);
    CU_ASSERT_EQUAL(w.plan_age[0], 0);
}

static void nothing_passes_while_the_coordinator_is_down(void)
{
    struct witness w;

    begin();
    is.scenario.n_events = 1;
    is.events[0] = (struct scenario_event){
        .kind = EVENT_COORDINATOR_DOWN, .start_step = 2, .end_step = 5};
    w = watch(false);
    for (unsigned t = 0; t < SMALL_STEPS; t++) {
        bool is_down = t >= 2 && t < 5;

        CU_ASSERT_EQUAL(w.n_reports[t], is_down ? 0 : 3);
        CU_ASSERT_EQUAL(w.plan_age[t], is_down ? (int)t - 1 : 0);
    }
}

static void a_silent_coordinator_is_never_heard(void)
{
    struct witness w;

    begin();
    w = watch(true);
    for (unsigned t = 0; t < SMALL_STEPS; t++) {
        CU_ASSERT_EQUAL(w.n_reports[t], 0);
        CU_ASSERT_EQUAL(w.plan_age[t], -1);
    }
}

static void some_messages_are_lost_and_the_same_ones_again(void)
{
    struct witness w, again;
    unsigned n = 0;

    begin();
    is.scenario.n_events = 1;
    is.events[0] = (struct scenario_event){
        .kind = EVENT_MESSAGES_LOST, .end_step = SMALL_STEPS, .probability = 0.5};
    w = watch(false);
    again = watch(false);
    for (unsigned t = 0; t < SMALL_STEPS; t++)
        n += w.n_reports[t];
    CU_ASSERT_TRUE(n > 6 && n < 30); /* of 36 */
    CU_ASSERT_EQUAL(memcmp(w.n_reports, again.n_reports, sizeof w.n_reports), 0);
    CU_ASSERT_EQUAL(memcmp(w.plan_age, again.plan_age, sizeof w.plan_age), 0);
}

/* ---- promises -------------------------------------------------------------------- */

static struct scenario slice;

/* Five steps from step 6 on, batteries at a quarter of usable. */
static void cut(void)
{
    const struct promise promise = {.community = &is.community,
                                    .scenario = &is.scenario,
                                    .n_steps = 5,
                                    .reserve = 0.25};

    CU_ASSERT_EQUAL_FATAL(promise_slice(&promise, 6, &slice), 0);
}

static void a_slice_is_all_outage_with_batteries_at_their_reserve(void)
{
    begin();
    small_island_grid_from(&is, 2);
    is.initial_soc[1] = 0.8;
    is.scenario.n_estimates = 1;
    cut();
    CU_ASSERT_EQUAL(slice.axis.n_steps, 5);
    CU_ASSERT_EQUAL(slice.axis.start_utc_s, 6 * 300);
    for (unsigned t = 0; t < 5; t++)
        CU_ASSERT_FALSE(slice.is_grid_up[t]);
    CU_ASSERT_DOUBLE_EQUAL(slice.initial_soc[0], 0.1 + 0.25 * 0.9, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(slice.initial_soc[1], 0.8, NEAR);
    CU_ASSERT_EQUAL(slice.n_estimates, 0);
    CU_ASSERT_PTR_EQUAL(slice.profiles, &is.profiles[12]);
    promise_slice_done(&slice);
}

static void a_slice_moves_bookings_events_and_forecasts(void)
{
    begin();
    is.scenario.n_bookings = is.scenario.n_events = 2;
    is.bookings[0] = (struct sim_booking){1, 1, 6, 10};
    is.bookings[1] = (struct sim_booking){1, 8, 10, 10};
    is.events[0] = (struct scenario_event){.start_step = 2, .end_step = 7};
    is.events[1] = (struct scenario_event){.start_step = 0, .end_step = 6};
    is.scenario.n_forecasts = 4;
    is.forecasts[0] = (struct sim_forecast){0, 6, 1, 1, 1};
    is.forecasts[1] = (struct sim_forecast){3, 3, 2, 2, 2};
    is.forecasts[2] = (struct sim_forecast){3, 9, 3, 3, 3};
    is.forecasts[3] = (struct sim_forecast){8, 9, 4, 4, 4};
    cut();
    CU_ASSERT_EQUAL_FATAL(slice.n_bookings, 1);
    CU_ASSERT_EQUAL(slice.bookings[0].depart_step, 2);
    CU_ASSERT_EQUAL(slice.bookings[0].return_step, 4);
    CU_ASSERT_EQUAL_FATAL(slice.n_events, 1);
    CU_ASSERT_TRUE(slice.events[0].start_step == 0 && slice.events[0].end_step == 1);
    CU_ASSERT_EQUAL_FATAL(slice.n_forecasts, 2);
    CU_ASSERT_TRUE(slice.forecasts[0].issue_step == 0 &&
                   slice.forecasts[0].target_step == 3);
    CU_ASSERT_TRUE(slice.forecasts[1].issue_step == 2 &&
                   slice.forecasts[1].target_step == 3);
    promise_slice_done(&slice);
}

static void the_past_of_a_slice_is_what_was_before_it(void)
{
    const struct sim_history *past;

    begin();
    for (unsigned t = 0; t < 6; t++)
        is.profiles[2 * t + 1].pv_w = t; /* mean 2.5 */
    is.history[SCENARIO_HISTORY_ROWS + 47].pv_w = 9;
    cut();
    past = &slice.history[SCENARIO_HISTORY_ROWS];
    CU_ASSERT_DOUBLE_EQUAL(past[47].pv_w, 2.5, NEAR);
    CU_ASSERT_DOUBLE_EQUAL(past[47].circuit_w[CIRCUIT_COMFORT], 300, NEAR);
    CU_ASSERT_EQUAL(past[47].step, -6);
    CU_ASSERT_DOUBLE_EQUAL(past[46].pv_w, 9, NEAR);
    CU_ASSERT_EQUAL(past[46].step, -12);
    promise_slice_done(&slice);
}

/* A tank filled by a debt from before the outage serves no more than fell due in it. */
static void heat_served_is_at_most_what_fell_due(void)
{
    struct metrics metrics;

    begin();
    small_island_start(&is);
    CU_ASSERT_EQUAL_FATAL(metrics_init(&metrics, &is.community), 0);
    is.plant.tank_debt_wh[0] = 1000;
    for (unsigned step = 0; step < SMALL_STEPS; step++) {
        small_island_step(&is, step);
        metrics_step(&metrics, &is.plant, step, &is.commands);
    }
    CU_ASSERT_TRUE(metrics.homes[0].served_wh[CIRCUIT_DEFERRABLE] >
                   metrics.homes[0].demand_wh[CIRCUIT_DEFERRABLE] + 100);
    CU_ASSERT_DOUBLE_EQUAL(metrics.energy_kwh[CIRCUIT_DEFERRABLE],
                           metrics.demand_kwh[CIRCUIT_DEFERRABLE], NEAR);
    metrics_done(&metrics);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(no_view_depends_on_what_is_yet_to_come),
        TEST(a_circuit_that_is_off_reads_zero),
        TEST(a_stuck_meter_stays_at_the_value_of_its_start),
        TEST(a_meter_may_read_nothing_or_three_times_the_truth),
        TEST(the_community_has_a_pv_meter_of_its_own),
        TEST(a_dark_island_has_no_frequency),
        TEST(estimates_and_forecasts_are_seen_once_issued),
        TEST(a_plan_arrives_in_the_step_it_was_made),
        TEST(nothing_passes_while_the_coordinator_is_down),
        TEST(a_silent_coordinator_is_never_heard),
        TEST(some_messages_are_lost_and_the_same_ones_again),
        TEST(a_slice_is_all_outage_with_batteries_at_their_reserve),
        TEST(a_slice_moves_bookings_events_and_forecasts),
        TEST(the_past_of_a_slice_is_what_was_before_it),
        TEST(heat_served_is_at_most_what_fell_due),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"simulate run", NULL, end, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
