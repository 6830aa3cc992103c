/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of forward: means instead of raw readings, and any schedule of losses, receipts
 * and restarts: everything arrives, the cursor is never ahead of what was confirmed. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/fake_home.h"
#include "tests/unit/suite.h"

/* ---- means
 * -------------------------------------------------------------------------------- */

/* One second of a home: two energy devices, now and then an event. */
static void second_of_home(void)
{
    home_set_time(home_now_s + 1);
    fake_append(fake, "meter", CATEGORY_ENERGY, (double)(rand() % 10000) / 8);
    fake_append(fake, "pv", CATEGORY_ENERGY, (double)(rand() % 10000) / 8);
    if (rand() % 20 == 0)
        fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    if (rand() % 3 == 0)
        fake_append(fake, "grid", CATEGORY_GRID, 1);
    forward_committed(forward, fake->n);
    forward_tick(forward);
}

/* Every period of the device against a brute force over the whole log. */
static void check_means(const char *device, int64_t period_ms, int64_t until_ms)
{
    for (int64_t t = FAKE_WALL_MS - FAKE_WALL_MS % period_ms; t + period_ms <= until_ms;
         t += period_ms) {
        double total = 0, got;
        uint64_t last = 0;
        int n = 0;
        char key[64];
        json_t *mean;

        for (uint64_t seq = 1; seq <= fake->n; seq++) {
            const struct stored_record *record = &fake->records[seq].record;

            if (record->kind != STORED_READINGS || strcmp(record->device, device) != 0 ||
                record->t_wall_ms < t || record->t_wall_ms >= t + period_ms)
                continue;
            total += fake->records[seq].values[0].value.v.d;
            last = seq;
            n++;
        }
        if (n == 0)
            continue;
        snprintf(key, sizeof key, "%llu/%s/%lld", (unsigned long long)last, device,
                 (long long)period_ms);
        mean = json_object_get(fake->got, key);
        CU_ASSERT_PTR_NOT_NULL(mean);
        if (!mean)
            continue;
        got = json_number_value(
            json_object_get(json_object_get(mean, "values"), "power_w"));
        CU_ASSERT_DOUBLE_EQUAL(got, total / n, 1e-6);
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(mean, "t")), t);
    }
}

static void under_a_minute_grant_means_are_sent_and_raw_is_refused(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_1MIN);
    home_start();
    forward_connected(forward, 5);
    srand(3);
    for (int i = 0; i < 400; i++) {
        second_of_home();
        home_deliver_all();
    }
    check_means("meter", 60000, FAKE_WALL_MS + 390000);
    check_means("pv", 60000, FAKE_WALL_MS + 390000);
    CU_ASSERT_FALSE(fake_has(fake, 1, "meter", 0));
    CU_ASSERT(home_stats().n_refused > 1600);
    home_pass(200);
    home_deliver_all();
    check_means("meter", 60000, FAKE_WALL_MS + 600000);
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    CU_ASSERT(home_stats().n_messages < 80);
    home_end();
}

static void the_cursor_waits_for_the_period(void)
{
    uint64_t first;

    home_begin(false, "coordinator");
    home_grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_1MIN);
    home_start();
    forward_connected(forward, 5);
    home_set_time(100); /* 20:41:40 */
    first = fake->n + 1;
    for (int i = 0; i < 30; i++) {
        second_of_home();
        home_deliver_all();
    }
    CU_ASSERT(fake->saved.low < first + 60);
    forward_free(forward);
    home_start();
    forward_connected(forward, 5);
    for (int i = 0; i < 100; i++) {
        second_of_home();
        home_deliver_all();
    }
    home_pass(200);
    home_deliver_all();
    check_means("meter", 60000, FAKE_WALL_MS + 400000);
    CU_ASSERT_TRUE(home_all_covered(1));
    home_end();
}

static void raw_and_means_and_half_hours_go_side_by_side(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_30MIN);
    home_grant("g2", (1u << CATEGORY_GRID), GRANULARITY_RAW);
    home_start();
    forward_connected(forward, 5);
    for (int i = 0; i < 2000; i++) {
        second_of_home();
        home_deliver_all();
    }
    home_pass(1900);
    home_deliver_all();
    check_means("meter", 1800000, FAKE_WALL_MS + 3600000);
    for (uint64_t seq = 1; seq <= fake->n; seq++)
        if (fake->records[seq].record.category == CATEGORY_GRID)
            CU_ASSERT_TRUE(fake_has(fake, seq, "grid", 0));
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    home_end();
}

static void a_grant_that_becomes_raw_ends_the_means(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", (1u << CATEGORY_ENERGY) | (1u << CATEGORY_GRID), GRANULARITY_1MIN);
    home_start();
    forward_connected(forward, 5);
    for (int i = 0; i < 90; i++) {
        second_of_home();
        home_deliver_all();
    }
    home_grant("g2", (1u << CATEGORY_ENERGY) | (1u << CATEGORY_GRID), GRANULARITY_RAW);
    for (int i = 0; i < 200; i++) {
        second_of_home();
        home_deliver_all();
    }
    CU_ASSERT_TRUE(fake_has(fake, fake->n, fake->records[fake->n].device, 0));
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    home_end();
}

/* ---- any schedule
 * -------------------------------------------------------------------------- */

struct schedule {
    bool receiver, strict, means, connected;
    bool confirmed[FAKE_MAX + 1];
};

static void mark_confirmed(struct schedule *s, const char *payload)
{
    const char *covers = strstr(payload, "\"covers\":[");
    char *rest;
    uint64_t a = strtoull(covers + 10, &rest, 10), b = strtoull(rest + 1, NULL, 10);

    for (; a <= b; a++)
        s->confirmed[a] = true;
}

static void check_cursor(const struct schedule *s)
{
    const bool *ok = s->receiver ? fake->covered : s->confirmed;
    bool fine = true;

    for (uint64_t seq = 1; seq <= fake->saved.low; seq++)
        fine &= ok[seq];
    for (uint32_t i = 0; i < fake->saved.n_ranges; i++)
        for (uint64_t q = fake->saved.ranges[i].first; q <= fake->saved.ranges[i].last;
             q++)
            fine &= ok[q];
    CU_ASSERT_TRUE(fine);
}

static void disconnect(struct schedule *s)
{
    bool told = rand() % 3 > 0; /* else the route's process died */

    while (fake->n_flying) {
        uint64_t token = fake_settle(fake, 0, rand() % 2);

        if (told)
            forward_lost(forward, token);
    }
    forward_connected(forward, 0);
    s->connected = false;
}

static void settle_one(struct schedule *s)
{
    unsigned i = (unsigned)rand() % fake->n_flying, fate = (unsigned)rand() % 20;

    if (fate == 0) {
        /* "nobody listens" is an answer about a topic; of events alone: test_forward */
        bool is_readings = strcmp(fake->flying[i].suffix, "readings") == 0;

        forward_done(forward, fake_settle(fake, i, false),
                     is_readings && rand() % 2 ? 0x10 : 0x97);
    } else if (fate == 1) {
        forward_lost(forward, fake_settle(fake, i, rand() % 2));
    } else {
        if (!s->receiver)
            mark_confirmed(s, fake->flying[i].payload);
        /* the broker may lose what it acknowledged: then only receipts help */
        forward_done(forward, fake_settle(fake, i, !s->receiver || rand() % 8 > 0), 0);
    }
}

static void restart(struct schedule *s)
{
    while (fake->n_flying)
        fake_settle(fake, 0, rand() % 2);
    forward_free(forward);
    if (rand() % 2 && fake->durable.epoch[0])
        fake->saved = fake->durable; /* a power cut: the last commit stands */
    s->connected = false;
    home_start();
}

static void commit_some(void)
{
    for (int n = rand() % 12; n > 0 && fake->n < FAKE_MAX - 20; n--) {
        static const char *const devices[] = {"meter", "pv", "bed"};
        int device = rand() % 3;

        if (rand() % 15 == 0)
            fake_append_event(fake, "", CATEGORY_STATUS, "something");
        else
            fake_append(fake, devices[device],
                        device == 2 ? CATEGORY_PRESENCE : CATEGORY_ENERGY,
                        (double)(rand() % 10000) / 8);
    }
    fake->durable = fake->saved;
    forward_committed(forward, fake->n);
}

static void any_step(struct schedule *s)
{
    int what = rand() % 100;

    if (what < 25)
        commit_some();
    else if (what < 70 && fake->n_flying)
        settle_one(s);
    else if (what < 80)
        home_pass(1 + rand() % 6);
    else if (what < 82 && s->connected)
        disconnect(s);
    else if (what < 90 && !s->connected) {
        forward_connected(forward, 6);
        s->connected = true;
    } else if (what < 98 && s->receiver)
        home_give_receipt();
    else if (what == 99)
        restart(s);
    CU_ASSERT(fake->n_flying <= 6);
    check_cursor(s);
}

static void finish(struct schedule *s)
{
    if (!s->connected)
        forward_connected(forward, 6);
    for (int i = 0; i < 600; i++) {
        while (fake->n_flying) {
            if (!s->receiver)
                mark_confirmed(s, fake->flying[0].payload);
            forward_done(forward, fake_settle(fake, 0, true), 0);
        }
        if (s->receiver)
            home_give_receipt();
        home_pass(1);
    }
    check_cursor(s);
    CU_ASSERT_EQUAL(home_stats().backlog, 0);
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 0);
    CU_ASSERT_TRUE(home_all_covered(1));
}

static void check_all_arrived(const struct schedule *s)
{
    unsigned n_missing = 0, n_leaked = 0;

    for (uint64_t seq = 1; seq <= fake->n; seq++) {
        const struct stored_record *record = &fake->records[seq].record;
        bool is_private = record->category == CATEGORY_PRESENCE;
        bool is_mean = s->means && record->kind == STORED_READINGS;
        bool has = fake_has(fake, seq, record->device, 0);

        n_leaked += (is_private || is_mean) && has;
        n_missing += !is_private && !is_mean && !has;
    }
    CU_ASSERT_EQUAL(n_missing, 0);
    CU_ASSERT_EQUAL(n_leaked, 0);
    if (s->means) {
        check_means("meter", 60000, FAKE_WALL_MS + home_now_s * 1000 - 60000);
        check_means("pv", 60000, FAKE_WALL_MS + home_now_s * 1000 - 60000);
    }
}

static void run_schedule(unsigned seed, bool receiver, bool strict, bool means)
{
    static struct schedule s;
    unsigned before = CU_get_number_of_failures();

    memset(&s, 0, sizeof s);
    s.receiver = receiver;
    s.strict = strict;
    s.means = means;
    srand(seed);
    home_begin(receiver, "coordinator");
    home_grant("g1", 1u << CATEGORY_ENERGY, means ? GRANULARITY_1MIN : GRANULARITY_RAW);
    home_route.strict_order = strict;
    home_route.rate_per_s = seed % 3 == 0 ? 100 : 0;
    home_start();
    for (int step = 0; step < 700; step++)
        any_step(&s);
    finish(&s);
    check_all_arrived(&s);
    home_end();
    if (CU_get_number_of_failures() != before)
        fprintf(stderr, "seed %u receiver %d strict %d means %d\n", seed, receiver,
                strict, means);
}

static void any_schedule_to_a_broker_loses_nothing(void)
{
    for (unsigned seed = 1; seed <= 25; seed++)
        run_schedule(seed, false, seed % 2, false);
}

static void any_schedule_to_a_receiver_loses_nothing(void)
{
    for (unsigned seed = 101; seed <= 125; seed++)
        run_schedule(seed, true, seed % 2, false);
}

static void any_schedule_of_means_loses_nothing(void)
{
    for (unsigned seed = 201; seed <= 225; seed++)
        run_schedule(seed, seed % 2, seed % 4 < 2, true);
}

static CU_TestInfo tests[] = {
    TEST(under_a_minute_grant_means_are_sent_and_raw_is_refused),
    TEST(the_cursor_waits_for_the_period),
    TEST(raw_and_means_and_half_hours_go_side_by_side),
    TEST(a_grant_that_becomes_raw_ends_the_means),
    TEST(any_schedule_to_a_broker_loses_nothing),
    TEST(any_schedule_to_a_receiver_loses_nothing),
    TEST(any_schedule_of_means_loses_nothing),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"forward any", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
