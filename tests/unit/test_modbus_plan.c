/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the planner: what it merges, what it never does, and that nothing is cheaper.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/modbus/plan.h"
#include "tests/unit/suite.h"

static const struct ranges no_ranges;

/* 9600 baud, 11 bits a character, 3.5 characters of silence, 5 ms turnaround. */
static struct plan_limits serial_limits(void)
{
    return (struct plan_limits){
        .max_registers = 125,
        .max_bits = 2000,
        .max_gap = -1,
        .never_read = &no_ranges,
        .cost = plan_cost_serial(1145833, 4010416, 5000000),
    };
}

static struct plan_limits tcp_limits(void)
{
    struct plan_limits limits = serial_limits();

    limits.cost = plan_cost_tcp();
    return limits;
}

static struct plan_item item(uint32_t address, uint32_t count)
{
    return (struct plan_item){
        .address = address, .count = count, .interval_ms = 1000, .table = CODEC_HOLDING};
}

static uint64_t plan_cost(const struct plan *plan)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < plan->n_requests; i++)
        sum += plan->requests[i].cost_ns;
    return sum;
}

/* Plans the items and gives the number of requests; spans go to `spans` (NULL: not). */
static uint32_t plan_spans(const struct plan_item *items, uint32_t n,
                           const struct plan_limits *limits, uint32_t (*spans)[2])
{
    struct plan plan;
    uint32_t n_requests;

    CU_ASSERT_EQUAL_FATAL(plan_make(items, n, limits, &plan), 0);
    n_requests = plan.n_requests;
    for (uint32_t i = 0; spans && i < n_requests; i++) {
        spans[i][0] = plan.requests[i].address;
        spans[i][1] = plan.requests[i].count;
    }
    plan_done(&plan);
    return n_requests;
}

static void neighbours_become_one_request(void)
{
    struct plan_item items[] = {item(4, 2), item(0, 2), item(2, 2)};
    struct plan_limits limits = serial_limits();
    uint32_t spans[3][2];

    CU_ASSERT_EQUAL_FATAL(plan_spans(items, 3, &limits, spans), 1);
    CU_ASSERT_EQUAL(spans[0][0], 0);
    CU_ASSERT_EQUAL(spans[0][1], 6);
}

/* Another request costs 13 characters, 7 of silence and 5 ms: 24.4 characters. */
static void a_hole_is_read_through_only_when_that_is_cheaper(void)
{
    struct plan_item near[] = {item(0, 1), item(13, 1)};
    struct plan_item far[] = {item(0, 1), item(14, 1)};
    struct plan_limits limits = serial_limits();

    CU_ASSERT_EQUAL(plan_spans(near, 2, &limits, NULL), 1);
    CU_ASSERT_EQUAL(plan_spans(far, 2, &limits, NULL), 2);
    limits = tcp_limits();
    CU_ASSERT_EQUAL(plan_spans(far, 2, &limits, NULL), 1);
}

static void limits_are_obeyed(void)
{
    struct plan_item items[] = {item(0, 10), item(10, 10), item(25, 10)};
    struct plan_limits limits = tcp_limits();

    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 1);
    limits.max_registers = 34;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 2);
    limits.max_registers = 19;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 3);
    limits.max_registers = 125;
    limits.max_gap = 4;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 2);
    limits.max_gap = 5;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 1);
}

static void nothing_of_never_read_is_read(void)
{
    struct plan_item items[] = {item(0, 2), item(5, 2)};
    struct range forbidden = {4, 4};
    struct ranges never = {1, &forbidden};
    struct plan_limits limits = tcp_limits();

    limits.never_read = &never;
    CU_ASSERT_EQUAL(plan_spans(items, 2, &limits, NULL), 2);
    forbidden = (struct range){7, 9};
    CU_ASSERT_EQUAL(plan_spans(items, 2, &limits, NULL), 1);
}

static void a_boundary_is_not_spanned(void)
{
    struct plan_item items[] = {item(0, 2), item(2, 2), item(4, 2)};
    struct plan_boundary boundary = {CODEC_HOLDING, 2};
    struct plan_limits limits = tcp_limits();
    uint32_t spans[3][2];

    limits.boundaries = &boundary;
    limits.n_boundaries = 1;
    CU_ASSERT_EQUAL_FATAL(plan_spans(items, 3, &limits, spans), 2);
    CU_ASSERT_EQUAL(spans[0][1], 2);
    CU_ASSERT_EQUAL(spans[1][0], 2);
    boundary.table = CODEC_INPUT;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 1);
}

static void a_refused_point_has_its_own_request_and_is_not_read_through(void)
{
    struct plan_item items[] = {item(0, 2), item(2, 1), item(3, 2), item(10, 1)};
    struct plan_limits limits = tcp_limits();
    struct plan plan;

    items[1].alone = true;
    items[1].interval_ms = 600000;
    CU_ASSERT_EQUAL_FATAL(plan_make(items, 4, &limits, &plan), 0);
    CU_ASSERT_EQUAL_FATAL(plan.n_requests, 3);
    CU_ASSERT_EQUAL(plan.requests[0].count, 2);
    CU_ASSERT_EQUAL(plan.requests[1].address, 3);
    CU_ASSERT_EQUAL(plan.requests[1].count, 8);
    CU_ASSERT(plan.requests[2].alone);
    CU_ASSERT_EQUAL(plan.requests[2].interval_ms, 600000);
    plan_done(&plan);
}

static void intervals_and_tables_stay_apart(void)
{
    struct plan_item items[] = {item(0, 1), item(1, 1), item(2, 1)};
    struct plan_limits limits = tcp_limits();

    items[1].interval_ms = 60000;
    items[2].table = CODEC_INPUT;
    CU_ASSERT_EQUAL(plan_spans(items, 3, &limits, NULL), 3);
}

static void two_points_may_share_a_register(void)
{
    struct plan_item items[] = {item(7, 1), item(7, 1), item(6, 4)};
    struct plan_limits limits = serial_limits();
    struct plan plan;

    CU_ASSERT_EQUAL_FATAL(plan_make(items, 3, &limits, &plan), 0);
    CU_ASSERT_EQUAL(plan.n_requests, 1);
    CU_ASSERT_EQUAL(plan.requests[0].count, 4);
    CU_ASSERT_EQUAL(plan.requests[0].n_unused, 0);
    CU_ASSERT_EQUAL(plan.requests[0].n_items, 3);
    plan_done(&plan);
}

static void no_points_make_no_requests(void)
{
    struct plan_limits limits = tcp_limits();

    CU_ASSERT_EQUAL(plan_spans(NULL, 0, &limits, NULL), 0);
}

/* ---- against exhaustive search ----------------------------------------------------- */

#define SMALL_MAX 7

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

/* Cost of reading the items of `mask` in one request; UINT64_MAX: not allowed. The items
 * are sorted by address. */
static uint64_t block_cost(const struct plan_item *items, unsigned mask,
                           const struct plan_limits *limits)
{
    uint32_t start = 0, end = 0;

    for (unsigned i = 0; i < SMALL_MAX; i++) {
        if (!(mask >> i & 1))
            continue;
        if (!end)
            start = end = items[i].address;
        if (items[i].address > end) {
            if (limits->max_gap >= 0 &&
                items[i].address - end > (uint64_t)limits->max_gap)
                return UINT64_MAX;
            if (ranges_touch(limits->never_read, end, items[i].address - 1))
                return UINT64_MAX;
        }
        if (items[i].address + items[i].count > end)
            end = items[i].address + items[i].count;
    }
    return end - start > limits->max_registers
               ? UINT64_MAX
               : plan_request_cost(limits, CODEC_HOLDING, end - start);
}

/* Cheapest way to cover the items of `mask` by any sets of them, runs or not. */
static uint64_t cheapest(const struct plan_item *items, unsigned mask,
                         const struct plan_limits *limits)
{
    unsigned lowest = mask & -mask, rest = mask ^ lowest;
    uint64_t best = UINT64_MAX;

    if (!mask)
        return 0;
    for (unsigned sub = rest;; sub = (sub - 1) & rest) {
        uint64_t cost = block_cost(items, sub | lowest, limits);

        if (cost != UINT64_MAX)
            cost += cheapest(items, rest ^ sub, limits);
        if (cost < best)
            best = cost;
        if (!sub)
            return best;
    }
}

static int by_address(const void *va, const void *vb)
{
    const struct plan_item *a = va, *b = vb;

    return a->address < b->address ? -1 : a->address > b->address;
}

static void try_case(uint32_t seed)
{
    struct plan_item items[SMALL_MAX];
    struct range forbidden;
    struct ranges never = {1, &forbidden};
    struct plan_limits limits = seed & 1 ? tcp_limits() : serial_limits();
    struct plan plan;
    uint64_t best;

    random_state = seed;
    for (int i = 0; i < SMALL_MAX; i++)
        items[i] = item(random_below(70), 1 + random_below(4));
    limits.max_registers = 4 + random_below(60);
    limits.max_gap = (int64_t)random_below(20) - 5;
    forbidden.first = random_below(70);
    forbidden.last = forbidden.first + random_below(3);
    limits.never_read = &never;
    qsort(items, SMALL_MAX, sizeof(*items), by_address);
    best = cheapest(items, (1u << SMALL_MAX) - 1, &limits);
    CU_ASSERT_EQUAL_FATAL(plan_make(items, SMALL_MAX, &limits, &plan), 0);
    if (plan_cost(&plan) != best) {
        fprintf(stderr, "seed %u: %llu, but %llu is possible\n", seed,
                (unsigned long long)plan_cost(&plan), (unsigned long long)best);
        CU_FAIL("not the cheapest plan");
    }
    plan_done(&plan);
}

static void no_plan_is_cheaper_than_ours(void)
{
    for (uint32_t seed = 1; seed <= 3000; seed++)
        try_case(seed);
}

/* 100 values in blocks with holes, as in a real meter; compared with the least number of
 * registers and requests worked out by hand. */
static void a_map_of_100_points_is_read_in_the_fewest_requests(void)
{
    struct plan_item items[100];
    struct plan_limits limits = tcp_limits();
    struct plan plan;
    uint32_t n = 0;

    for (uint32_t block = 0; block < 10; block++)
        for (uint32_t i = 0; i < 10; i++)
            items[n++] = item(block * 40 + i * 2, 2);
    CU_ASSERT_EQUAL_FATAL(plan_make(items, n, &limits, &plan), 0);
    /* 125 registers hold three blocks (100) but not four (140). */
    CU_ASSERT_EQUAL(plan.n_requests, 4);
    CU_ASSERT_EQUAL(plan_cost(&plan), 4 * limits.cost.request_ns +
                                          2 * (200 + 6 * 20) * limits.cost.byte_ns);
    plan_done(&plan);
    /* At 9600 baud a hole of 20 registers costs more than a request: ten of them. */
    limits = serial_limits();
    CU_ASSERT_EQUAL_FATAL(plan_make(items, n, &limits, &plan), 0);
    CU_ASSERT_EQUAL(plan.n_requests, 10);
    plan_done(&plan);
}

static void a_refused_block_is_cut_at_its_widest_hole(void)
{
    struct plan_item items[] = {item(0, 1), item(1, 1),  item(5, 1),
                                item(6, 1), item(20, 2), item(22, 1)};

    CU_ASSERT_EQUAL(plan_split(items, 0, 6), 4);
    CU_ASSERT_EQUAL(plan_split(items, 0, 4), 2);
    CU_ASSERT_EQUAL(plan_split(items, 4, 2), 5);
}

static CU_TestInfo tests[] = {
    TEST(neighbours_become_one_request),
    TEST(a_hole_is_read_through_only_when_that_is_cheaper),
    TEST(limits_are_obeyed),
    TEST(nothing_of_never_read_is_read),
    TEST(a_boundary_is_not_spanned),
    TEST(a_refused_point_has_its_own_request_and_is_not_read_through),
    TEST(intervals_and_tables_stay_apart),
    TEST(two_points_may_share_a_register),
    TEST(no_points_make_no_requests),
    TEST(no_plan_is_cheaper_than_ours),
    TEST(a_map_of_100_points_is_read_in_the_fewest_requests),
    TEST(a_refused_block_is_cut_at_its_widest_hole),
    CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
    {"modbus_plan", NULL, NULL, NULL, NULL, tests},
    CU_SUITE_INFO_NULL,
};

int main(void)
{
    return suite_run(suites);
}
