/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store through its interface: what was committed stays, numbers never
 * return. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "gatewayd/store/store_facts.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_log.h"
#include "tests/unit/suite.h"

static uint64_t sum_of(uint32_t n, uint32_t salt)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        for (uint32_t p = 0; p < 8; p++)
            sum += (uint64_t)salt * 1000 + i + p;
    return sum;
}

static void committed_records_are_read_back(void)
{
    struct store_log seen;

    fixture_make();
    fixture_open();
    CU_ASSERT_EQUAL(fixture_store_batch(20, 7), 20);
    seen = store_log_read(1);
    CU_ASSERT_EQUAL(seen.n, 20);
    CU_ASSERT_EQUAL(seen.first, 1);
    CU_ASSERT_EQUAL(seen.sum, sum_of(20, 7));
    seen = store_log_read(15);
    CU_ASSERT_EQUAL(seen.first, 15);
    CU_ASSERT_EQUAL(seen.n, 6);
    fixture_close();
    fixture_remove();
}

static void numbers_go_on_after_reopening(void)
{
    struct store_log first, second;

    fixture_make();
    fixture_open();
    fixture_store_batch(5, 1);
    first = store_log_read(0);
    fixture_close();
    fixture_open();
    CU_ASSERT_EQUAL(fixture_store_batch(5, 2), 10);
    second = store_log_read(0);
    CU_ASSERT_EQUAL(second.n, 10);
    CU_ASSERT_EQUAL(second.sum, sum_of(5, 1) + sum_of(5, 2));
    CU_ASSERT_STRING_EQUAL(first.epoch, second.epoch);
    CU_ASSERT_EQUAL(strlen(second.epoch), 32);
    fixture_close();
    fixture_remove();
}

static void closing_commits_what_waits(void)
{
    fixture_make();
    fixture_open();
    fixture_store_batch(1, 1);
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(9, 3), false), 0);
    fixture_close();
    fixture_open();
    CU_ASSERT_EQUAL(store_log_read(0).n, 10);
    fixture_close();
    fixture_remove();
}

static void a_group_is_committed_after_the_interval(void)
{
    fixture_make();
    fixture_open_sized(64u << 20, 0, 50);
    fixture_store_batch(1, 1);
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(2, 3), false), 0);
    CU_ASSERT_EQUAL(fixture_wait_committed(3), 3);
    fixture_close();
    fixture_remove();
}

static void a_cursor_is_kept_with_its_ranges(void)
{
    struct store_cursor cursor = {.low = 99}, again;

    fixture_make();
    fixture_open();
    fixture_store_batch(20, 1);
    fixture_run(fixture_load_cursor, &cursor);
    CU_ASSERT_EQUAL(cursor.low, 0);
    CU_ASSERT_EQUAL(cursor.n_ranges, 0);
    cursor.low = 3;
    cursor.n_ranges = 2;
    cursor.ranges[0].first = 5;
    cursor.ranges[0].last = 5;
    cursor.ranges[1].first = 9;
    cursor.ranges[1].last = 17;
    fixture_run(fixture_save_cursor, &cursor);
    fixture_close();
    fixture_open();
    memset(&again, 0xff, sizeof again);
    fixture_run(fixture_load_cursor, &again);
    CU_ASSERT_STRING_EQUAL(again.epoch, cursor.epoch);
    CU_ASSERT_EQUAL(again.low, 3);
    CU_ASSERT_EQUAL_FATAL(again.n_ranges, 2);
    CU_ASSERT_EQUAL(memcmp(again.ranges, cursor.ranges, 2 * sizeof again.ranges[0]), 0);
    fixture_close();
    fixture_remove();
}

static void a_second_gatewayd_is_refused(void)
{
    const struct store_options options = {.directory = fixture_dir,
                                          .gateway_id = "home-1",
                                          .max_bytes = 1 << 20,
                                          .commit_interval_ms = 1000};
    const struct store_hooks hooks = {0};
    struct gw_error error;
    struct store *second;
    char pid[24];

    fixture_make();
    fixture_open();
    CU_ASSERT_EQUAL(store_open(&options, &hooks, &second, &error), -EEXIST);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, pid));
    fixture_close();
    fixture_remove();
}

/* ---- small tables ---- */

static void join(void *ctx, const char *key, const char *value)
{
    strcat(strcat(strcat(strcat(ctx, key), "="), value), ";");
}

static void change_facts(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.b", "2"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", "1"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.c", "3"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owner", "x"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", "one"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.c", NULL), 0);
}

static void check_facts(void *arg)
{
    char all[200] = "", *value = store_fact_get(fixture_store, "owner");

    (void)arg;
    CU_ASSERT_STRING_EQUAL(value, "x");
    CU_ASSERT_PTR_NULL(store_fact_get(fixture_store, "owned.c"));
    CU_ASSERT_EQUAL(store_fact_each(fixture_store, "owned.", join, all), 0);
    CU_ASSERT_STRING_EQUAL(all, "owned.a=one;owned.b=2;");
    free(value);
}

static void facts_are_durable_and_found_by_prefix(void)
{
    fixture_make();
    fixture_open();
    fixture_run(change_facts, NULL);
    fixture_run(check_facts, NULL);
    fixture_close();
    fixture_open();
    fixture_run(check_facts, NULL);
    fixture_close();
    fixture_remove();
}

static void give_command(void *arg)
{
    char *answer = NULL;

    (void)arg;
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "id-1", &answer), 0);
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "id-1", &answer), 1);
    CU_ASSERT_PTR_NULL(answer);
    CU_ASSERT_EQUAL(
        store_command_finish(fixture_store, "id-1", "{\"result\":\"refused\"}"), 0);
}

static void give_command_again(void *arg)
{
    char *answer = NULL;

    (void)arg;
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "id-1", &answer), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_STRING_EQUAL(answer, "{\"result\":\"refused\"}");
    free(answer);
}

static void a_command_seen_before_gets_the_same_answer(void)
{
    fixture_make();
    fixture_open();
    fixture_run(give_command, NULL);
    fixture_close();
    fixture_open();
    fixture_run(give_command_again, NULL);
    fixture_close();
    fixture_remove();
}

static void give_many_commands(void *arg)
{
    char id[32], *answer = NULL;

    (void)arg;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "old-%u", i);
        CU_ASSERT_EQUAL(store_command_begin(fixture_store, id, &answer), 0);
    }
    clock_fake(INT64_C(25) * 3600 * CLOCK_NS_PER_S, 25 * 3600 * 1000, CLOCK_SYNCED);
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "new", &answer), 0);
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "new", &answer), 1);
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "old-7", &answer), 0);
    clock_fake(0, -1, CLOCK_UNSET);
}

static void a_command_is_forgotten_after_a_day(void)
{
    clock_fake(1000, 1000, CLOCK_SYNCED);
    fixture_make();
    fixture_open();
    fixture_run(give_many_commands, NULL);
    fixture_close();
    fixture_remove();
}

static void append_consent(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "b", "grant", "h1", "{}"), 0);
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "a", "grant", "h2", "{}"), 0);
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "b", "withdraw", "", ""), 0);
}

static void join_consent(void *ctx, const char *id, const char *kind, const char *hash,
                         const char *json, int64_t t_wall_ms)
{
    CU_ASSERT_TRUE(t_wall_ms > 0);
    CU_ASSERT_PTR_NOT_NULL(json);
    strcat(strcat(strcat(strcat(ctx, id), kind), hash), ";");
}

static void list_consent(void *arg)
{
    CU_ASSERT_EQUAL(store_consent_each(fixture_store, join_consent, arg), 0);
}

static void consent_is_listed_in_the_order_it_was_given(void)
{
    char all[200] = "";

    fixture_make();
    fixture_open();
    fixture_run(append_consent, NULL);
    fixture_close();
    fixture_open();
    fixture_run(list_consent, all);
    CU_ASSERT_STRING_EQUAL(all, "bgranth1;agranth2;bwithdraw;");
    fixture_close();
    fixture_remove();
}

/* ---- events, gaps, time ---- */

static void join_event(void *ctx, const struct stored_record *record)
{
    CU_ASSERT_EQUAL(record->kind, STORED_EVENT);
    CU_ASSERT_TRUE(record->t_wall_ms > 0);
    strcat(strcat(strcat(strcat(ctx, record->device), "/"), record->code), ";");
}

static void events_are_read_newest_last(void)
{
    char all[200] = "";

    fixture_make();
    fixture_open();
    store_append_event(fixture_store, "", CATEGORY_STATUS, "start", "info", "hello");
    store_append_event(fixture_store, "meter", CATEGORY_GRID, "silent", "alarm",
                       "no reply");
    store_append_event(fixture_store, "meter", CATEGORY_GRID, "back", "info", "");
    fixture_wait_committed(3);
    CU_ASSERT_EQUAL(store_read_events(fixture_store, 0, 2, join_event, all), 0);
    CU_ASSERT_STRING_EQUAL(all, "meter/silent;meter/back;");
    all[0] = '\0';
    CU_ASSERT_EQUAL(store_read_events(fixture_store, INT64_MAX / 2, 9, join_event, all),
                    0);
    CU_ASSERT_STRING_EQUAL(all, "");
    CU_ASSERT_EQUAL(store_log_read(1).n_events, 3);
    fixture_close();
    fixture_remove();
}

static void a_gap_has_a_number_of_its_own(void)
{
    struct store_log log;

    fixture_make();
    fixture_open();
    store_append_gap(fixture_store, "meter", 312, 1000, 2000, "channel-full");
    fixture_store_batch(2, 1);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.n, 3);
    CU_ASSERT_EQUAL(log.n_gaps, 1);
    CU_ASSERT_EQUAL(log.n_lost, 312);
    CU_ASSERT_EQUAL(log.gap_to, 1);
    fixture_close();
    fixture_remove();
}

static void read_first(void *arg)
{
    struct store_reader *reader;
    struct stored_record record;

    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 1, &reader), 0);
    CU_ASSERT_EQUAL(store_reader_next(reader, &record), 1);
    record.values = NULL;
    *(struct stored_record *)arg = record;
    store_reader_close(reader);
}

static void records_get_their_time_when_trust_arrives(void)
{
    struct stored_record record;

    clock_fake(5000000, 10, CLOCK_UNSET);
    fixture_make();
    fixture_open();
    fixture_store_batch(1, 5);
    fixture_run(read_first, &record);
    CU_ASSERT_EQUAL(record.clock, CLOCK_UNSET);
    CU_ASSERT_EQUAL(record.t_wall_ms, 10);
    fixture_close();
    clock_fake(6000000, 1700000000006, CLOCK_SYNCED);
    fixture_open();
    fixture_store_batch(1, 6);
    fixture_run(read_first, &record);
    CU_ASSERT_EQUAL(record.clock, CLOCK_SYNCED);
    CU_ASSERT_EQUAL(record.t_wall_ms, 1700000000005);
    fixture_close();
    clock_fake(0, -1, CLOCK_UNSET);
    fixture_remove();
}

/* ---- reading while appending ---- */

static void *append_many(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < 500; i++)
        store_append(fixture_store, fixture_batch(4, i), i % 16 == 0);
    return NULL;
}

static void a_reader_sees_whole_records_while_others_append(void)
{
    struct store_log log;
    pthread_t thread;

    fixture_make();
    fixture_open_sized(64u << 20, 0, 5);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, append_many, NULL), 0);
    do
        log = store_log_read(1);
    while (log.n < 1000);
    pthread_join(thread, NULL);
    fixture_wait_committed(2000);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.n, 2000);
    fixture_close();
    fixture_remove();
}

static void open_two(void *arg)
{
    struct store_reader *a, *b;
    struct stored_record record;

    (void)arg;
    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 1, &a), 0);
    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 5, &b), 0);
    CU_ASSERT_EQUAL(store_reader_next(a, &record), 1);
    CU_ASSERT_EQUAL(record.seq, 1);
    CU_ASSERT_EQUAL(store_reader_next(b, &record), 1);
    CU_ASSERT_EQUAL(record.seq, 5);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "k", "v"), 0);
    CU_ASSERT_EQUAL(store_reader_next(a, &record), 1);
    CU_ASSERT_EQUAL(record.seq, 2);
    store_reader_close(a);
    store_reader_close(b);
}

static void two_readers_do_not_disturb_each_other(void)
{
    fixture_make();
    fixture_open();
    fixture_store_batch(10, 1);
    fixture_run(open_two, NULL);
    fixture_run(open_two, NULL);
    fixture_close();
    fixture_remove();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(committed_records_are_read_back),
        TEST(numbers_go_on_after_reopening),
        TEST(closing_commits_what_waits),
        TEST(a_group_is_committed_after_the_interval),
        TEST(a_cursor_is_kept_with_its_ranges),
        TEST(a_second_gatewayd_is_refused),
        TEST(facts_are_durable_and_found_by_prefix),
        TEST(a_command_seen_before_gets_the_same_answer),
        TEST(a_command_is_forgotten_after_a_day),
        TEST(consent_is_listed_in_the_order_it_was_given),
        TEST(events_are_read_newest_last),
        TEST(a_gap_has_a_number_of_its_own),
        TEST(records_get_their_time_when_trust_arrives),
        TEST(a_reader_sees_whole_records_while_others_append),
        TEST(two_readers_do_not_disturb_each_other),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
