/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store's times: whatever the clock said, records end at the right time, at
 * the reader and at a receiver that got them early and was told the corrections. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

#define SEQS_MAX 2000
#define TRUE_MS INT64_C(1763760000000) /* true wall time at boot time 0 of boot 1 */
#define DAY_MS INT64_C(86400000)

/* What a receiver knows of each seq, as it first got it. */
struct got {
    bool is_there;
    int64_t t_ms, boot_ms;
    uint32_t n_corrections;
    uint8_t clock;
    int boot;
};

struct told {
    uint64_t from, to;
    int64_t add_ms, error_ms;
    uint8_t clock;
};

static struct got first_got[SEQS_MAX], now_got[SEQS_MAX];
static struct told told[SEQS_MAX];
static unsigned n_told;
static uint64_t told_upto;
static int boot_number;

static void take(const struct stored_record *record)
{
    struct got got = {.is_there = true,
                      .t_ms = record->t_wall_ms,
                      .boot_ms = record->t_boot_ns / CLOCK_NS_PER_MS,
                      .n_corrections = record->n_corrections,
                      .clock = record->clock,
                      .boot = (int)strtol(record->boot, NULL, 16)};

    CU_ASSERT_TRUE_FATAL(record->seq < SEQS_MAX);
    if (record->kind == STORED_READINGS) {
        now_got[record->seq] = got;
        if (!first_got[record->seq].is_there)
            first_got[record->seq] = got;
    }
    if (record->kind == STORED_CORRECTION && record->seq > told_upto) {
        told[n_told++] = (struct told){record->seq_from, record->seq_to, record->add_ms,
                                       record->error_ms, record->of_clock};
        told_upto = record->seq;
    }
}

static void forward_all(void *arg)
{
    struct store_reader *reader;
    struct stored_record record;

    (void)arg;
    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 1, &reader), 0);
    while (store_reader_next(reader, &record) > 0)
        take(&record);
    store_reader_close(reader);
}

/* The receiver's own sum: all corrections but those it had when it was sent. */
static int64_t received_ms(uint64_t seq)
{
    int64_t t_ms = first_got[seq].t_ms;
    uint32_t n = 0;

    for (unsigned i = 0; i < n_told; i++)
        if (seq >= told[i].from && seq <= told[i].to &&
            n++ >= first_got[seq].n_corrections)
            t_ms += told[i].add_ms;
    return t_ms;
}

static int64_t true_offset_ms(int boot)
{
    return TRUE_MS + (boot - 1) * DAY_MS;
}

/* All records of a boot within error_ms of the truth, at both ends. */
static unsigned check_boot(int boot, int64_t error_ms, uint8_t clock)
{
    unsigned n = 0;

    for (uint64_t seq = 1; seq < SEQS_MAX; seq++) {
        const struct got *got = &now_got[seq];
        int64_t truth = true_offset_ms(boot) + got->boot_ms;

        if (!got->is_there || got->boot != boot)
            continue;
        n++;
        CU_ASSERT_EQUAL(got->clock, clock);
        CU_ASSERT_TRUE(llabs(got->t_ms - truth) <= error_ms);
        CU_ASSERT_TRUE(llabs(received_ms(seq) - truth) <= error_ms);
    }
    return n;
}

static void boot(int number)
{
    static char hex[33];

    boot_number = number;
    snprintf(hex, sizeof hex, "%032x", (unsigned)number);
    if (fixture_store)
        fixture_close();
    clock_fake_boot_id(hex);
    fixture_open();
}

/* A record at this boot time, with a clock that is wrong by wrong_ms. */
static void at(int64_t boot_ms, int64_t wrong_ms, enum clock_trust trust)
{
    clock_fake(boot_ms * CLOCK_NS_PER_MS,
               true_offset_ms(boot_number) + boot_ms + wrong_ms, trust);
    fixture_store_batch(1, (uint32_t)boot_ms);
}

static void begin(void)
{
    memset(first_got, 0, sizeof first_got);
    memset(now_got, 0, sizeof now_got);
    n_told = 0;
    told_upto = 0;
    clock_fake(1000, TRUE_MS, CLOCK_UNSET);
    fixture_make();
    boot(1);
}

static void finish(void)
{
    fixture_close();
    clock_fake_boot_id(NULL);
    clock_fake(0, -1, CLOCK_UNSET);
    fixture_remove();
}

static void a_boot_at_1970_gets_the_right_time(void)
{
    begin();
    at(1000, -TRUE_MS, CLOCK_UNSET);
    at(6000, -TRUE_MS, CLOCK_UNSET);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(first_got[1].clock, CLOCK_UNSET);
    CU_ASSERT_EQUAL(first_got[1].t_ms, 1000);
    at(11000, -TRUE_MS, CLOCK_UNSET); /* not sent before trust comes */
    at(16000, 0, CLOCK_SYNCED);
    at(21000, 3, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(check_boot(1, 25, CLOCK_SYNCED), 5);
    CU_ASSERT_EQUAL(n_told, 1);
    CU_ASSERT_EQUAL(told[0].from, 1);
    CU_ASSERT_EQUAL(told[0].to, 3);
    CU_ASSERT_EQUAL(told[0].add_ms, TRUE_MS);
    CU_ASSERT_TRUE(told[0].error_ms > 0 && told[0].error_ms < 100);
    finish();
}

static void a_clock_that_is_years_off_and_set_by_hand_is_corrected(void)
{
    begin();
    at(1000, -3 * 365 * DAY_MS, CLOCK_UNSET);
    at(6000, -3 * 365 * DAY_MS, CLOCK_UNSET);
    at(11000, 7000, CLOCK_UNSET); /* by hand */
    at(16000, 7000, CLOCK_UNSET);
    fixture_run(forward_all, NULL);
    at(21000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(check_boot(1, 25, CLOCK_SYNCED), 5);
    CU_ASSERT_EQUAL(n_told, 2);
    finish();
}

static void steps_while_synced_correct_what_lies_before_them(void)
{
    begin();
    at(1000, 0, CLOCK_SYNCED);
    at(6000, 3600000, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    at(11000, 3600000, CLOCK_SYNCED);
    at(16000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(check_boot(1, 25, CLOCK_SYNCED), 4);
    at(21000, -2000, CLOCK_SYNCED);
    at(26000, 0, CLOCK_UNSET); /* the sync file is older than the step */
    at(31000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(check_boot(1, 25, CLOCK_SYNCED), 7);
    finish();
}

static void drift_is_followed_without_corrections(void)
{
    begin();
    for (int64_t i = 1; i <= 100; i++)
        at(i * 5000, i * 5, CLOCK_SYNCED); /* 1000 ppm: half a second in the end */
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(n_told, 0);
    CU_ASSERT_EQUAL(now_got[100].t_ms - now_got[1].t_ms, 99 * 5005);
    finish();
}

static void drift_before_trust_keeps_its_distances(void)
{
    begin();
    for (int64_t i = 1; i <= 50; i++)
        at(i * 5000, -TRUE_MS + i * 4, CLOCK_UNSET);
    at(300000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(n_told, 1);
    CU_ASSERT_EQUAL(check_boot(1, 250, CLOCK_SYNCED), 51);
    finish();
}

static void trust_is_known_after_a_restart_of_the_daemon(void)
{
    begin();
    at(1000, -TRUE_MS, CLOCK_UNSET);
    at(6000, 0, CLOCK_SYNCED);
    boot(1);
    at(11000, 0, CLOCK_SYNCED);
    boot(1);
    at(16000, 500, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(n_told, 2);
    CU_ASSERT_EQUAL(told[1].add_ms, 500);
    CU_ASSERT_EQUAL(told[1].from, 1);
    finish();
}

/* Boot 1 ends at its hour 2, boots 2 and 3 run two hours each, boot 4 comes at day 3. */
static void a_boot_without_a_clock_is_placed_between_its_neighbours(void)
{
    begin();
    at(3600000, 0, CLOCK_SYNCED);
    at(7200000, 0, CLOCK_SYNCED);
    boot(2);
    at(1000, -5 * 365 * DAY_MS, CLOCK_UNSET);
    at(7200000, -5 * 365 * DAY_MS, CLOCK_UNSET);
    boot(3);
    at(1000, -TRUE_MS, CLOCK_UNSET);
    at(7200000, -TRUE_MS, CLOCK_UNSET);
    fixture_run(forward_all, NULL);
    boot(4);
    at(1000, -TRUE_MS, CLOCK_UNSET);
    at(60000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(check_boot(1, 25, CLOCK_SYNCED), 2);
    CU_ASSERT_EQUAL(check_boot(4, 25, CLOCK_SYNCED), 2);
    CU_ASSERT_EQUAL_FATAL(n_told, 3);
    CU_ASSERT_EQUAL(told[1].clock, CLOCK_ESTIMATED);
    CU_ASSERT_EQUAL(check_boot(2, told[1].error_ms, CLOCK_ESTIMATED), 2);
    CU_ASSERT_EQUAL(check_boot(3, told[2].error_ms, CLOCK_ESTIMATED), 2);
    CU_ASSERT_TRUE(told[1].error_ms < 3 * DAY_MS);
    /* in order, apart by what passed inside */
    CU_ASSERT_TRUE(now_got[2].t_ms < now_got[3].t_ms);
    CU_ASSERT_TRUE(now_got[4].t_ms < now_got[5].t_ms);
    CU_ASSERT_TRUE(now_got[6].t_ms < now_got[7].t_ms);
    CU_ASSERT_EQUAL(now_got[4].t_ms - now_got[3].t_ms, 7199000);
    finish();
}

static void the_very_first_boot_ends_before_the_next(void)
{
    begin();
    at(1000, -TRUE_MS, CLOCK_UNSET);
    at(7200000, -TRUE_MS, CLOCK_UNSET);
    boot(2);
    at(1000, 0, CLOCK_SYNCED);
    fixture_run(forward_all, NULL);
    CU_ASSERT_EQUAL(now_got[2].clock, CLOCK_ESTIMATED);
    CU_ASSERT_EQUAL(now_got[2].t_ms, true_offset_ms(2));
    CU_ASSERT_TRUE(told[0].error_ms > 365 * DAY_MS);
    finish();
}

static void see_event(void *ctx, const struct stored_record *record)
{
    if (strcmp(record->code, "hello") == 0)
        *(struct stored_record *)ctx = *record;
}

static void events_get_their_time_too(void)
{
    struct stored_record event = {.t_wall_ms = 0};

    begin();
    clock_fake(5000 * CLOCK_NS_PER_MS, 5000, CLOCK_UNSET);
    store_append_event(fixture_store, "", CATEGORY_STATUS, "hello", "info", "");
    fixture_wait_committed(1);
    at(10000, 0, CLOCK_SYNCED);
    CU_ASSERT_EQUAL(store_read_events(fixture_store, TRUE_MS, 10, see_event, &event), 0);
    CU_ASSERT_EQUAL(event.t_wall_ms, TRUE_MS + 5000);
    CU_ASSERT_EQUAL(event.clock, CLOCK_SYNCED);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_boot_at_1970_gets_the_right_time),
        TEST(a_clock_that_is_years_off_and_set_by_hand_is_corrected),
        TEST(steps_while_synced_correct_what_lies_before_them),
        TEST(drift_is_followed_without_corrections),
        TEST(drift_before_trust_keeps_its_distances),
        TEST(trust_is_known_after_a_restart_of_the_daemon),
        TEST(a_boot_without_a_clock_is_placed_between_its_neighbours),
        TEST(the_very_first_boot_ends_before_the_next),
        TEST(events_get_their_time_too),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store clock", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
