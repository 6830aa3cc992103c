/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of staged restoration: shed fast, restore slow. */
#include <string.h>

#include "lib/microgrid/restore.h"
#include "tests/unit/suite.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define BEGIN_MS INT64_C(7000000)
#define N 8

static struct circuit circuits[N];
static struct circuit_now now[N];
static struct restore restore;
static int64_t released_ms[N]; /* since begin; -1: not yet */

/* Loads P3, P1, P2 twice (a group), two thermostatic, two refills. */
static void begin(uint64_t seed)
{
    static const enum circuit_class classes[N] = {CIRCUIT_P3, CIRCUIT_P1, CIRCUIT_P2,
                                                  CIRCUIT_P2, CIRCUIT_P1, CIRCUIT_P3,
                                                  CIRCUIT_P4, CIRCUIT_P4};
    struct restore_timing timing = restore_timing_default(1);

    memset(now, 0, sizeof now);
    for (uint16_t i = 0; i < N; i++) {
        circuits[i] = (struct circuit){.index = i, .class = classes[i]};
        released_ms[i] = -1;
    }
    circuits[2].group = circuits[3].group = 1;
    circuits[4].kind = circuits[5].kind = CIRCUIT_THERMOSTATIC;
    circuits[6].kind = circuits[7].kind = CIRCUIT_REFILL;
    restore_init(&restore, &timing);
    restore_begin(&restore, BEGIN_MS, seed, now, N);
}

/* Asks every second as far as wanted; is_good while not within bad_from..bad_to. */
static void run(int64_t from_ms, int64_t to_ms, int64_t bad_from_ms, int64_t bad_to_ms)
{
    for (int64_t t = from_ms; t <= to_ms; t += S) {
        bool is_good = t < bad_from_ms || t >= bad_to_ms;
        uint64_t may =
            restore_step(&restore, BEGIN_MS + t, is_good, circuits, N, 0xff, NULL);

        for (int i = 0; i < N; i++) {
            if ((may >> i & 1) && released_ms[i] == -1)
                released_ms[i] = t;
        }
    }
}

static void loads_return_one_by_one_in_order_of_class(void)
{
    begin(1);
    run(0, 5 * MIN, 0, 0);
    CU_ASSERT_TRUE(released_ms[1] >= 0);
    CU_ASSERT_TRUE(released_ms[2] - released_ms[1] >= 30 * S);
    CU_ASSERT_EQUAL(released_ms[2], released_ms[3]); /* the group */
    CU_ASSERT_TRUE(released_ms[0] - released_ms[2] >= 30 * S);
    CU_ASSERT_TRUE(released_ms[0] - released_ms[2] <= 31 * S);
}

static void a_step_waits_until_limits_were_good_for_30_s(void)
{
    begin(1);
    run(0, 60 * S, 0, 0);
    CU_ASSERT_TRUE(released_ms[1] >= 0);
    CU_ASSERT_EQUAL(released_ms[0], -1);
    run(61 * S, 10 * MIN, 62 * S, 8 * MIN);
    CU_ASSERT_TRUE(released_ms[2] <= 61 * S || released_ms[2] >= 8 * MIN + 30 * S);
    CU_ASSERT_TRUE(released_ms[0] >= 8 * MIN + 30 * S);
}

static void thermostatic_loads_come_last_over_10_to_30_min(void)
{
    int64_t first_ms;

    begin(2);
    run(0, 80 * MIN, 0, 0);
    first_ms = restore.first_ms - BEGIN_MS;
    CU_ASSERT_TRUE(released_ms[4] > released_ms[0]);
    CU_ASSERT_TRUE(released_ms[4] >= first_ms + 10 * MIN);
    CU_ASSERT_TRUE(released_ms[5] >= first_ms + 20 * MIN);
    CU_ASSERT_TRUE(released_ms[5] <= first_ms + 31 * MIN);
}

static void refills_wait_10_to_60_min_and_ramp(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        begin(seed);
        CU_ASSERT_TRUE(restore.refill_ms - BEGIN_MS >= 10 * MIN);
        CU_ASSERT_TRUE(restore.refill_ms - BEGIN_MS <= 60 * MIN);
    }
    CU_ASSERT_EQUAL(restore_refill_permille(&restore, restore.refill_ms), 0);
    CU_ASSERT_EQUAL(restore_refill_permille(&restore, restore.refill_ms + 5 * MIN), 500);
    CU_ASSERT_EQUAL(restore_refill_permille(&restore, restore.refill_ms + 10 * MIN),
                    1000);
    run(0, 61 * MIN, 0, 0);
    CU_ASSERT_TRUE(released_ms[6] >= restore.refill_ms - BEGIN_MS);
    CU_ASSERT_TRUE(released_ms[7] - released_ms[6] >= 30 * S);
}

static void homes_do_not_move_together(void)
{
    int64_t least = INT64_MAX, most = 0;

    for (uint64_t seed = 0; seed < 51; seed++) {
        begin(seed);
        least = restore.first_ms < least ? restore.first_ms : least;
        most = restore.first_ms > most ? restore.first_ms : most;
    }
    CU_ASSERT_TRUE(most - least > 45 * S);
    CU_ASSERT_TRUE(most - BEGIN_MS <= 60 * S);
}

static void what_is_on_stays_on(void)
{
    begin(3);
    now[5].is_on = now[6].is_on = true;
    restore_begin(&restore, BEGIN_MS, 3, now, N);
    CU_ASSERT_EQUAL(
        restore_step(&restore, BEGIN_MS, true, circuits, N, 0xff, NULL) & 0x60, 0x60);
}

static void it_ends_when_all_is_back(void)
{
    begin(4);
    run(0, 71 * MIN, 0, 0);
    CU_ASSERT_FALSE(restore.is_running);
    CU_ASSERT_EQUAL(
        restore_step(&restore, BEGIN_MS + 80 * MIN, false, circuits, N, 0x3f, NULL),
        0x3f);
    CU_ASSERT_EQUAL(restore_refill_permille(&restore, BEGIN_MS), 1000);
}

static void it_says_when_to_ask_again(void)
{
    int64_t t = BEGIN_MS, next;
    int n_asked = 0;

    begin(5);
    while (restore.is_running && n_asked < 100) {
        uint64_t before = restore.released;

        (void)restore_step(&restore, t, true, circuits, N, 0xff, &next);
        if (n_asked > 0 && next != INT64_MAX)
            CU_ASSERT_TRUE(restore.released != before || next > t);
        CU_ASSERT_TRUE(next > t);
        t = next != INT64_MAX ? next : t + 10 * MIN;
        n_asked++;
    }
    CU_ASSERT_TRUE(n_asked <= 12); /* seven turns, not a poll of each second */
    CU_ASSERT_FALSE(restore.is_running);
}

static void bad_limits_release_nothing(void)
{
    int64_t next;

    begin(6);
    for (int64_t t = 0; t < 2 * 60 * MIN; t += 10 * S)
        CU_ASSERT_EQUAL(
            restore_step(&restore, BEGIN_MS + t, false, circuits, N, 0xff, &next), 0);
    CU_ASSERT_EQUAL(next, INT64_MAX);
}

static void sixty_four_circuits_have_their_turn(void)
{
    static struct circuit many[CIRCUIT_MAX + 1];
    struct restore_timing timing = restore_timing_default(0);
    uint64_t may = 0;

    restore_init(&restore, &timing);
    restore_begin(&restore, BEGIN_MS, 7, now, 0);
    for (int64_t t = 0; t < 120 * MIN; t += S)
        may = restore_step(&restore, BEGIN_MS + t, true, many, CIRCUIT_MAX + 1,
                           UINT64_MAX, NULL);
    CU_ASSERT_EQUAL(may, UINT64_MAX);
}

static void drills_run_faster(void)
{
    struct restore_timing timing = restore_timing_default(10);

    CU_ASSERT_EQUAL(timing.step_ms, 3000);
    CU_ASSERT_EQUAL(timing.refill_max_ms, 360000);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(loads_return_one_by_one_in_order_of_class),
        TEST(a_step_waits_until_limits_were_good_for_30_s),
        TEST(thermostatic_loads_come_last_over_10_to_30_min),
        TEST(refills_wait_10_to_60_min_and_ramp),
        TEST(homes_do_not_move_together),
        TEST(what_is_on_stays_on),
        TEST(it_ends_when_all_is_back),
        TEST(it_says_when_to_ask_again),
        TEST(bad_limits_release_nothing),
        TEST(sixty_four_circuits_have_their_turn),
        TEST(drills_run_faster),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"restore", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
