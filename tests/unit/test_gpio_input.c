/* SPDX-License-Identifier: Apache-2.0 */
/* Debouncing, counting and the clock of edges: the pure parts of the gpio plugin. */
#include "plugins/gpio/event_time.h"
#include "plugins/gpio/input.h"
#include "tests/unit/suite.h"

#define MS INT64_C(1000000)

static struct input fresh(int64_t debounce_ms)
{
    struct input input = {.debounce_ns = debounce_ms * MS};

    input_begin(&input, false);
    input_take_gap(&input);
    return input;
}

static void an_edge_is_a_change_at_once(void)
{
    struct input input = fresh(0);

    CU_ASSERT_TRUE(input_edge(&input, true, 0, 1 * MS));
    CU_ASSERT_TRUE(input.is_active);
    CU_ASSERT_EQUAL(input_deadline_ns(&input), INT64_MAX);
    CU_ASSERT_FALSE(input_take_gap(&input));
}

static void a_bounce_is_no_change(void)
{
    struct input input = fresh(20);
    int64_t t_ns;

    for (int i = 0; i < 9; i++)
        CU_ASSERT_FALSE(input_edge(&input, i % 2 == 0, 0, i * MS));
    CU_ASSERT_EQUAL(input_deadline_ns(&input), 28 * MS);
    CU_ASSERT_FALSE(input_settle(&input, true, 27 * MS, &t_ns));
    CU_ASSERT_TRUE(input_settle(&input, true, 28 * MS, &t_ns));
    CU_ASSERT_EQUAL(t_ns, 8 * MS);
    CU_ASSERT_EQUAL(input.n_pulses, 1);
}

static void a_blip_shorter_than_the_debounce_is_nothing(void)
{
    struct input input = fresh(20);
    int64_t t_ns;

    input_edge(&input, true, 0, 1 * MS);
    input_edge(&input, false, 0, 5 * MS);
    CU_ASSERT_FALSE(input_settle(&input, false, 25 * MS, &t_ns));
    CU_ASSERT_EQUAL(input_deadline_ns(&input), INT64_MAX);
    CU_ASSERT_EQUAL(input.n_pulses, 0);
    CU_ASSERT_FALSE(input.is_active);
}

static void a_level_that_contradicts_the_last_edge_settles_anew(void)
{
    struct input input = fresh(20);
    int64_t t_ns;

    input_edge(&input, false, 0, 1 * MS);
    CU_ASSERT_FALSE(input_settle(&input, true, 21 * MS, &t_ns));
    CU_ASSERT_TRUE(input_settle(&input, true, 41 * MS, &t_ns));
    CU_ASSERT_EQUAL(t_ns, 21 * MS);
}

static void pulses_are_counted_at_their_begin(void)
{
    struct input input = fresh(0);

    for (int i = 0; i < 10; i++)
        input_edge(&input, i % 2 == 0, 0, i * MS);
    CU_ASSERT_EQUAL(input.n_pulses, 5);
    CU_ASSERT_FALSE(input_take_gap(&input));
}

/* Lost edges by the state before them and their number; the next edge follows in turn. */
static void numbered_losses_are_counted_exactly(void)
{
    static const struct {
        bool before;
        uint32_t n_lost;
        bool next;
        uint64_t n_pulses;
    } cases[] = {
        {false, 1, false, 1},
        {false, 2, true,  2},
        {false, 3, false, 2},
        {true,  1, true,  1},
        {true,  2, false, 1},
        {true,  3, true,  2}
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct input input = fresh(0);

        input.is_active = cases[i].before;
        input_edge(&input, cases[i].next, cases[i].n_lost, MS);
        CU_ASSERT_EQUAL(input.n_pulses, cases[i].n_pulses);
        CU_ASSERT_EQUAL(input.is_active, cases[i].next);
        CU_ASSERT_TRUE(input_take_gap(&input));
        CU_ASSERT_FALSE(input_take_gap(&input));
    }
}

static void two_edges_of_a_kind_mean_a_lost_one(void)
{
    struct input input = fresh(0);

    input_edge(&input, true, 0, 1 * MS);
    input_edge(&input, true, 0, 2 * MS);
    CU_ASSERT_EQUAL(input.n_pulses, 2);
    CU_ASSERT_EQUAL(input.n_lost, 1);
    CU_ASSERT_TRUE(input_take_gap(&input));
}

static void a_level_without_its_edge_is_taken_and_flagged(void)
{
    struct input input = fresh(0);

    CU_ASSERT_FALSE(input_level(&input, false));
    CU_ASSERT_TRUE(input_level(&input, true));
    CU_ASSERT_TRUE(input.is_active);
    CU_ASSERT_TRUE(input_take_gap(&input));
}

static void a_settling_input_keeps_its_state(void)
{
    struct input input = fresh(20);

    input_edge(&input, true, 0, MS);
    CU_ASSERT_FALSE(input_level(&input, true));
    CU_ASSERT_FALSE(input.is_active);
}

static void the_begin_is_a_gap(void)
{
    struct input input = {0};

    input_begin(&input, true);
    CU_ASSERT_TRUE(input_take_gap(&input));
    CU_ASSERT_EQUAL(input.n_pulses, 0);
}

/* ---- clocks
 * ------------------------------------------------------------------------------ */

static void stamps_of_either_clock_become_boot_time(void)
{
    struct event_time_now now = {.boot_ns = 5000 * MS,
                                 .mono_ns = 2000 * MS,
                                 .real_ns = INT64_C(1800000000000) * MS};

    CU_ASSERT_EQUAL(event_time_boot_ns(1990 * MS, &now), 4990 * MS);
    CU_ASSERT_EQUAL(event_time_boot_ns(now.real_ns - 30 * MS, &now), 4970 * MS);
}

static void a_board_without_clock_does_not_confuse_them(void)
{
    struct event_time_now now = {
        .boot_ns = 9000 * MS, .mono_ns = 9000 * MS, .real_ns = 12 * MS};

    CU_ASSERT_EQUAL(event_time_boot_ns(8990 * MS, &now), 8990 * MS);
    CU_ASSERT_EQUAL(event_time_boot_ns(10 * MS, &now), 9000 * MS - 8990 * MS);
}

static void a_stamp_of_no_clock_is_now(void)
{
    struct event_time_now now = {.boot_ns = 7000 * MS,
                                 .mono_ns = 900000 * MS,
                                 .real_ns = INT64_C(1800000000000) * MS};

    CU_ASSERT_EQUAL(event_time_boot_ns(INT64_C(1700000000000) * MS, &now), 7000 * MS);
    CU_ASSERT_EQUAL(event_time_boot_ns(900000 * MS + 1000, &now), 7000 * MS);
}

static CU_TestInfo tests[] = {
    TEST(an_edge_is_a_change_at_once),
    TEST(a_bounce_is_no_change),
    TEST(a_blip_shorter_than_the_debounce_is_nothing),
    TEST(a_level_that_contradicts_the_last_edge_settles_anew),
    TEST(pulses_are_counted_at_their_begin),
    TEST(numbered_losses_are_counted_exactly),
    TEST(two_edges_of_a_kind_mean_a_lost_one),
    TEST(a_level_without_its_edge_is_taken_and_flagged),
    TEST(a_settling_input_keeps_its_state),
    TEST(the_begin_is_a_gap),
    TEST(stamps_of_either_clock_become_boot_time),
    TEST(a_board_without_clock_does_not_confuse_them),
    TEST(a_stamp_of_no_clock_is_now),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"gpio_input", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
