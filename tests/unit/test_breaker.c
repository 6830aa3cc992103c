/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the pure parts of the schedule: breaker, grid of due times, leases. */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/host/breaker.h"
#include "lib/host/lease.h"
#include "lib/host/plan.h"
#include "tests/unit/suite.h"

#define S CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

/* ---- breaker ----------------------------------------------------------------------- */

/* On a line whose other units wait 600 ms for every probe. */
static bool end(struct breaker *breaker, enum gw_result result, int64_t now_ns)
{
    return breaker_end(breaker, result, now_ns, breaker_longest_ns(10, 600 * MS));
}

static void it_opens_after_two_silent_polls_in_a_row(void)
{
    struct breaker breaker = {0};

    CU_ASSERT_FALSE(end(&breaker, GW_ERR_TIMEOUT, 1 * S));
    CU_ASSERT_FALSE(end(&breaker, GW_OK, 2 * S));
    CU_ASSERT_FALSE(end(&breaker, GW_ERR_PROTOCOL, 3 * S));
    CU_ASSERT_TRUE(breaker_allows(&breaker, 3 * S));
    CU_ASSERT_TRUE(end(&breaker, GW_ERR_TIMEOUT, 4 * S));
    CU_ASSERT_EQUAL(breaker.state, BREAKER_OPEN);
    CU_ASSERT_FALSE(breaker_allows(&breaker, 6 * S - 1));
    CU_ASSERT_TRUE(breaker_allows(&breaker, 6 * S));
}

static void an_error_of_a_living_device_does_not_open_it(void)
{
    static const enum gw_result answers[] = {GW_ERR_DEVICE, GW_ERR_BUSY,
                                             GW_ERR_UNSUPPORTED, GW_ERR_LINK};
    struct breaker breaker = {0};

    for (int i = 0; i < 20; i++)
        CU_ASSERT_FALSE(end(&breaker, answers[i % 4], i * S));
    CU_ASSERT_EQUAL(breaker.state, BREAKER_CLOSED);
}

static void waits_are(const int expected_s[8], int64_t longest_ns)
{
    struct breaker breaker = {0};
    int64_t now_ns = 0;

    breaker_end(&breaker, GW_ERR_TIMEOUT, now_ns, longest_ns);
    breaker_end(&breaker, GW_ERR_TIMEOUT, now_ns, longest_ns);
    for (int i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(breaker.next_try_boot_ns - now_ns, expected_s[i] * S);
        now_ns = breaker.next_try_boot_ns;
        breaker_begin(&breaker);
        CU_ASSERT_EQUAL(breaker.state, BREAKER_PROBING);
        CU_ASSERT_FALSE(breaker_end(&breaker, GW_ERR_TIMEOUT, now_ns, longest_ns));
    }
}

static void probes_back_off_by_what_they_cost_others(void)
{
    static const int slow_s[] = {2, 4, 8, 16, 32, 60, 60, 60},
                     usual_s[] = {2, 4, 8, 16, 30, 30, 30, 30},
                     quick_s[] = {2, 4, 5, 5, 5, 5, 5, 5};

    waits_are(slow_s, breaker_longest_ns(2, 3 * S));
    waits_are(usual_s, breaker_longest_ns(10, 600 * MS));
    waits_are(quick_s, breaker_longest_ns(10, 20 * MS));
}

static void a_unit_alone_on_its_line_is_asked_every_5_s(void)
{
    static const int alone_s[] = {2, 4, 5, 5, 5, 5, 5, 5};

    waits_are(alone_s, breaker_longest_ns(1, 3 * S));
}

static void one_answer_closes_it(void)
{
    struct breaker breaker = {0};

    end(&breaker, GW_ERR_TIMEOUT, 0);
    end(&breaker, GW_ERR_TIMEOUT, 0);
    breaker_begin(&breaker);
    CU_ASSERT_TRUE(end(&breaker, GW_ERR_DEVICE, 2 * S));
    CU_ASSERT_EQUAL(breaker.state, BREAKER_CLOSED);
    CU_ASSERT_FALSE(end(&breaker, GW_ERR_TIMEOUT, 3 * S));
}

static void a_probe_that_met_a_dead_link_is_owed(void)
{
    struct breaker breaker = {0};

    end(&breaker, GW_ERR_TIMEOUT, 0);
    end(&breaker, GW_ERR_TIMEOUT, 0);
    breaker_begin(&breaker);
    CU_ASSERT_FALSE(end(&breaker, GW_ERR_LINK, 2 * S));
    CU_ASSERT_EQUAL(breaker.state, BREAKER_OPEN);
    CU_ASSERT_TRUE(breaker_allows(&breaker, 2 * S));
}

/* One of ten units at 9600 baud dies; each attempt costs the line its timeout of 500 ms
 * and 100 ms of draining. n requests per second are due to it. */
static int64_t line_time_of_dead_unit_ns(unsigned n_requests)
{
    const int64_t cost_ns = 600 * MS;
    struct breaker breaker = {0};
    int64_t spent_ns = 0;

    for (int64_t now_ns = 0; now_ns < 120 * S; now_ns += S)
        for (unsigned i = 0; i < n_requests; i++) {
            bool was_open = breaker.state != BREAKER_CLOSED;

            if (!breaker_allows(&breaker, now_ns) || (was_open && i > 0))
                break;
            breaker_begin(&breaker);
            spent_ns += cost_ns;
            end(&breaker, GW_ERR_TIMEOUT, now_ns + cost_ns);
        }
    return spent_ns;
}

static void a_dead_unit_takes_at_most_a_twentieth_of_the_line(void)
{
    for (unsigned n = 1; n <= 4; n++)
        CU_ASSERT_TRUE(line_time_of_dead_unit_ns(n) <= 120 * S / 20);
    CU_ASSERT_EQUAL(line_time_of_dead_unit_ns(1), 8 * 600 * MS); /* 4 % */
}

/* ---- the grid ---------------------------------------------------------------------- */

static struct gw_plan plan_of(uint32_t interval_ms)
{
    static const uint32_t points[] = {0};
    struct gw_plan plan = {.n_points = 1};
    struct gw_request request = {.struct_size = sizeof request,
                                 .id = 1,
                                 .interval_ms = interval_ms,
                                 .cost_us = 10,
                                 .n_points = 1,
                                 .points = points,
                                 .text = "x"};

    CU_ASSERT_EQUAL_FATAL(plan_add(&plan, &request), GW_OK);
    return plan;
}

static void the_first_read_is_due_at_once_and_the_next_on_the_grid(void)
{
    struct gw_plan plan = plan_of(1000);

    plan_schedule(&plan, NULL, 7 * S + 300 * MS);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 7 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 7 * S + 300 * MS), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 8 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 8 * S + 90 * MS), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 9 * S); /* lateness does not add up */
    plan_done(&plan);
}

static void skipped_cycles_are_counted(void)
{
    struct gw_plan plan = plan_of(1000);

    plan_schedule(&plan, NULL, 7 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 9 * S + 500 * MS), 2);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 10 * S);
    plan_catch_up(&plan, NULL, 60 * S + 1);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 60 * S + 1), 0);
    plan_done(&plan);
}

static void a_device_that_is_back_is_asked_for_everything_at_once(void)
{
    struct gw_plan plan = plan_of(30000);

    plan_schedule(&plan, NULL, 31 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 31 * S), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 60 * S);
    plan_catch_up(&plan, &plan.requests[0], 40 * S); /* just made */
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 60 * S);
    plan_catch_up(&plan, NULL, 40 * S);
    CU_ASSERT_TRUE(plan.requests[0].due_boot_ns <= 40 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 40 * S), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 60 * S);
    plan_done(&plan);
}

static void a_slower_pace_stretches_intervals_and_ends_at_once(void)
{
    struct gw_plan plan = plan_of(1000);

    plan_schedule(&plan, NULL, 7 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 7 * S), 0);
    plan_set_pace(&plan, 3, 7 * S + 100 * MS);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 8 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 8 * S), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 9 * S); /* the grid of 3 s */
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 9 * S), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 12 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 12 * S), 0);
    plan_set_pace(&plan, 3, 13 * S); /* said again */
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 15 * S);
    plan_set_pace(&plan, 1, 13 * S + 500 * MS);
    CU_ASSERT_TRUE(plan.requests[0].due_boot_ns <= 13 * S + 500 * MS);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 13 * S + 500 * MS), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, 14 * S);
    plan_done(&plan);
}

static void event_driven_requests_are_never_due(void)
{
    struct gw_plan plan = plan_of(0);

    plan_schedule(&plan, NULL, 7 * S);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, INT64_MAX);
    plan_catch_up(&plan, NULL, 60 * S);
    CU_ASSERT_EQUAL(plan_advance(&plan, &plan.requests[0], 60 * S), 0);
    CU_ASSERT_EQUAL(plan.requests[0].due_boot_ns, INT64_MAX);
    CU_ASSERT_PTR_NULL(plan_cheapest(&plan));
    plan_done(&plan);
}

static void a_new_plan_keeps_the_times_of_what_stayed(void)
{
    struct gw_plan old = plan_of(1000), same = plan_of(1000), other = plan_of(500);

    plan_schedule(&old, NULL, 7 * S);
    plan_advance(&old, &old.requests[0], 7 * S);
    plan_schedule(&same, &old, 7 * S + 10 * MS);
    plan_schedule(&other, &old, 7 * S + 10 * MS);
    CU_ASSERT_EQUAL(same.requests[0].due_boot_ns, 8 * S);
    CU_ASSERT_EQUAL(other.requests[0].due_boot_ns, 7 * S);
    plan_done(&old);
    plan_done(&same);
    plan_done(&other);
}

static void wrong_requests_are_refused(void)
{
    static const uint32_t beyond[] = {1};
    struct gw_plan plan = plan_of(1000);
    struct gw_request request = {.struct_size = sizeof request, .id = 1};

    CU_ASSERT_EQUAL(plan_add(&plan, &request), GW_ERR_CONFIG); /* the id is taken */
    request.id = 2;
    request.n_points = 1;
    CU_ASSERT_EQUAL(plan_add(&plan, &request), GW_ERR_CONFIG); /* no list */
    request.points = beyond;
    CU_ASSERT_EQUAL(plan_add(&plan, &request), GW_ERR_CONFIG); /* no such point */
    request.n_points = UINT32_MAX;
    CU_ASSERT_EQUAL(plan_add(&plan, &request), GW_ERR_CONFIG);
    request = (struct gw_request){.struct_size = 8, .id = 3};
    CU_ASSERT_EQUAL(plan_add(&plan, &request), GW_ERR_CONFIG);
    CU_ASSERT_EQUAL(plan.n, 1);
    plan_done(&plan);
}

/* ---- leases ------------------------------------------------------------------------ */

static void leases_end_in_time_and_failures_are_tried_again(void)
{
    struct lease_table table = {0};
    struct lease *lease = lease_get(&table, 1, 2);

    CU_ASSERT_PTR_NOT_NULL_FATAL(lease);
    CU_ASSERT_EQUAL(lease_next_boot_ns(&table), INT64_MAX);
    lease->owned = true;
    lease->end_boot_ns = 10 * S;
    CU_ASSERT_PTR_EQUAL(lease_get(&table, 1, 2), lease);
    CU_ASSERT_PTR_NULL(lease_expired(&table, 10 * S - 1));
    CU_ASSERT_PTR_EQUAL(lease_expired(&table, 10 * S), lease);
    lease_retry(lease, 10 * S);
    CU_ASSERT_EQUAL(lease_next_boot_ns(&table), 11 * S);
    for (int i = 0; i < 5; i++)
        lease_retry(lease, 20 * S);
    CU_ASSERT_EQUAL(lease_next_boot_ns(&table), 28 * S);
    lease->owned = false;
    CU_ASSERT_PTR_NULL(lease_expired(&table, 100 * S));
    lease_table_done(&table);
}

static CU_TestInfo tests[] = {
    TEST(it_opens_after_two_silent_polls_in_a_row),
    TEST(an_error_of_a_living_device_does_not_open_it),
    TEST(probes_back_off_by_what_they_cost_others),
    TEST(a_unit_alone_on_its_line_is_asked_every_5_s),
    TEST(one_answer_closes_it),
    TEST(a_probe_that_met_a_dead_link_is_owed),
    TEST(a_dead_unit_takes_at_most_a_twentieth_of_the_line),
    TEST(the_first_read_is_due_at_once_and_the_next_on_the_grid),
    TEST(skipped_cycles_are_counted),
    TEST(a_device_that_is_back_is_asked_for_everything_at_once),
    TEST(a_slower_pace_stretches_intervals_and_ends_at_once),
    TEST(event_driven_requests_are_never_due),
    TEST(a_new_plan_keeps_the_times_of_what_stayed),
    TEST(wrong_requests_are_refused),
    TEST(leases_end_in_time_and_failures_are_tried_again),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"schedule", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
