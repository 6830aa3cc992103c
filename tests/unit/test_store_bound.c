/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store at its bound: what goes first, what stays, and that all of it is
 * told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

#define TRUE_MS INT64_C(1763758800000) /* a whole half hour */
#define SEQS_MAX 600000
#define COUNTER 7

enum fate { LOST, RAW, MINUTE, HALF_HOUR, OTHER, THINNED, DROPPED };

static uint8_t *fates;
static uint64_t n_of[7], last_seq;
static int64_t last_counter;
static unsigned n_wrong, n_events;
static uint32_t noise;

/* 30 records, one a second; p0 is the second's number, p1..p6 noise, the counter
 * counts. */
static void store_half_minute(uint32_t number)
{
    struct record_batch *batch = record_batch_new(fixture_catalog);
    struct store_stats before;

    store_get_stats(fixture_store, &before);
    for (uint32_t i = 0; i < 30; i++) {
        int64_t second = (int64_t)number * 30 + i;

        record_batch_begin(batch, 0, second * CLOCK_NS_PER_S);
        for (uint32_t p = 0; p < 8; p++) {
            struct gw_value value = {.type = GW_TYPE_FLOAT32, .v.f = (float)second};

            noise = noise * 1664525 + 1013904223;
            if (p > 0)
                value.v.f = (float)noise / 77777.0f;
            if (p == COUNTER)
                value = (struct gw_value){.type = GW_TYPE_INT, .v.i = second};
            record_batch_add(batch, p, GW_GOOD, 0, &value);
        }
    }
    clock_fake((int64_t)(number + 1) * 30 * CLOCK_NS_PER_S,
               TRUE_MS + (int64_t)(number + 1) * 30000, CLOCK_SYNCED);
    CU_ASSERT_EQUAL_FATAL(store_append(fixture_store, batch, true), 0);
    fixture_wait_committed(before.last_seq + 30);
}

static void check_mean(const struct stored_record *record)
{
    double first = (double)((record->t_wall_ms - TRUE_MS) / 1000);

    if (record->period_ms == 60000 && record->n_values == 8) {
        double mean = (double)record->values[0].value.v.f;
        int64_t counter = record->values[COUNTER].value.v.i;

        n_wrong += mean < first || mean > first + 59;
        n_wrong += counter < (int64_t)first || counter > (int64_t)first + 59;
        n_wrong += record->t_wall_ms % 60000 != 0;
    }
    if (record->period_ms == 1800000) {
        n_wrong += record->n_values != 1 ||
                   strcmp(record->values[0].point, "energy_wh") != 0;
        n_wrong += record->values[0].value.v.i <= last_counter;
        last_counter = record->values[0].value.v.i;
    }
}

static void set_fate(uint64_t seq, enum fate fate)
{
    CU_ASSERT_TRUE_FATAL(seq < SEQS_MAX);
    if (fates[seq] == LOST || fates[seq] == THINNED)
        fates[seq] = (uint8_t)fate;
}

static void look(const struct stored_record *record)
{
    static const enum fate by_reason[] = {THINNED, DROPPED};

    n_events += record->kind == STORED_EVENT;
    last_seq = record->seq;
    if (record->kind == STORED_GAP) {
        bool dropped = strcmp(record->text, "disk-bound") == 0;

        CU_ASSERT_TRUE(dropped || strcmp(record->text, "thinned") == 0);
        for (uint64_t seq = record->seq_from; seq <= record->seq_to; seq++)
            set_fate(seq, by_reason[dropped]);
        fates[record->seq] = OTHER;
    } else if (record->kind == STORED_READINGS) {
        check_mean(record);
        fates[record->seq] = record->period_ms == 0       ? RAW
                             : record->period_ms == 60000 ? MINUTE
                                                          : HALF_HOUR;
    } else {
        fates[record->seq] = OTHER;
    }
}

static void read_all(void *arg)
{
    struct store_reader *reader;
    struct stored_record record;

    (void)arg;
    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 1, &reader), 0);
    while (store_reader_next(reader, &record) > 0)
        look(&record);
    store_reader_close(reader);
}

/* Every number from 1 on is there, or told as gone. */
static void account(void)
{
    memset(n_of, 0, sizeof n_of);
    memset(fates, 0, SEQS_MAX);
    n_wrong = n_events = 0;
    last_counter = -1;
    fixture_run(read_all, NULL);
    for (uint64_t seq = 1; seq <= last_seq; seq++)
        n_of[fates[seq]]++;
    CU_ASSERT_EQUAL(n_of[LOST], 0);
    CU_ASSERT_EQUAL(n_wrong, 0);
}

static void see_route(void *arg)
{
    struct store_cursor cursor;

    (void)arg;
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "dead", &cursor), 0);
}

static void deliver_all(void *arg)
{
    struct store_cursor cursor;

    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "dead", &cursor), 0);
    cursor.low = *(uint64_t *)arg;
    CU_ASSERT_EQUAL(store_cursor_save(fixture_store, "dead", &cursor), 0);
}

static void begin(uint64_t max_bytes)
{
    fates = calloc(1, SEQS_MAX);
    last_seq = 0;
    fixture_make();
    free(fixture_catalog->devices[0].points[COUNTER].name);
    fixture_catalog->devices[0].points[COUNTER].name = strdup("energy_wh");
    clock_fake(CLOCK_NS_PER_S, TRUE_MS + 1000, CLOCK_SYNCED);
    fixture_open_sized(max_bytes, 0, 60000);
    fixture_run(see_route, NULL);
}

static void finish(void)
{
    fixture_close();
    clock_fake(0, -1, CLOCK_UNSET);
    fixture_remove();
    free(fates);
}

static void undelivered_records_become_means_of_a_minute(void)
{
    struct store_stats stats;

    begin(384 << 10);
    for (uint32_t i = 0; i < 600; i++)
        store_half_minute(i);
    CU_ASSERT_TRUE(fixture_wait_event("store-thinning"));
    account();
    CU_ASSERT_TRUE(n_of[MINUTE] > 100);
    CU_ASSERT_TRUE(n_of[RAW] > 1000);
    CU_ASSERT_TRUE(n_of[THINNED] > 3000);
    CU_ASSERT_EQUAL(n_of[DROPPED], 0);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_TRUE(stats.on_disk);
    CU_ASSERT_TRUE(stats.size_bytes <= 384 << 10);
    finish();
}

static void energy_counters_and_events_are_the_last_to_go(void)
{
    begin(224 << 10);
    store_append_event(fixture_store, "", CATEGORY_STATUS, "first", "info", "");
    for (uint32_t i = 0; i < 6000; i++)
        store_half_minute(i);
    CU_ASSERT_TRUE(fixture_wait_event("store-dropping"));
    account();
    CU_ASSERT_TRUE(n_of[HALF_HOUR] > 10);
    CU_ASSERT_TRUE(n_of[DROPPED] > 0);
    CU_ASSERT_TRUE(n_events >= 2);
    CU_ASSERT_EQUAL(fates[1] == OTHER || fates[2] == OTHER, true);
    finish();
}

static void a_full_store_says_when_it_has_room_again(void)
{
    struct store_stats stats;

    begin(224 << 10);
    for (uint32_t i = 0; i < 6000; i++)
        store_half_minute(i);
    CU_ASSERT_TRUE(fixture_wait_event("store-dropping"));
    store_get_stats(fixture_store, &stats);
    fixture_run(deliver_all, &stats.last_seq);
    store_half_minute(6000);
    CU_ASSERT_TRUE(fixture_wait_event("store-has-room"));
    finish();
}

static void when_nothing_else_is_left_the_oldest_go_and_are_told(void)
{
    char text[400];

    begin(192 << 10);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (uint32_t i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(store_append_event(fixture_store, "", CATEGORY_STATUS, "long",
                                           "info", text),
                        0);
        fixture_wait_committed(i + 1);
    }
    CU_ASSERT_TRUE(fixture_wait_event("store-dropping-all"));
    account();
    CU_ASSERT_TRUE(n_of[DROPPED] > 100);
    finish();
}

static void hours_until_full_come_from_the_measured_growth(void)
{
    struct store_stats stats, later;
    double grown, hours;

    begin(4 << 20);
    for (uint32_t i = 0; i < 60; i++)
        store_half_minute(i);
    store_get_stats(fixture_store, &stats);
    for (uint32_t i = 60; i < 240; i++)
        store_half_minute(i);
    store_get_stats(fixture_store, &later);
    grown = (double)(later.size_bytes - stats.size_bytes);
    hours = ((double)later.max_bytes * 0.95 - (double)later.size_bytes) / grown * 1.5;
    CU_ASSERT_TRUE(fabs(later.full_in_h - hours) < hours * 0.1);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(undelivered_records_become_means_of_a_minute),
        TEST(energy_counters_and_events_are_the_last_to_go),
        TEST(a_full_store_says_when_it_has_room_again),
        TEST(when_nothing_else_is_left_the_oldest_go_and_are_told),
        TEST(hours_until_full_come_from_the_measured_growth),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store at its bound", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
