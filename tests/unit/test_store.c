/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store through its interface: what was committed stays, numbers never return. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

/* What a pass over the log saw. */
struct seen {
    uint64_t from, first, last, n, n_events, n_gaps, n_lost, sum;
    char boot[33], epoch[33];
    bool ordered;
    int rc;
};

static void look(struct seen *seen, const struct stored_record *record)
{
    if (seen->n == 0)
        seen->first = record->seq;
    else if (record->seq != seen->last + 1)
        seen->ordered = false;
    seen->last = record->seq;
    seen->n++;
    seen->n_events += record->kind == STORED_EVENT;
    if (record->kind == STORED_GAP) {
        seen->n_gaps++;
        seen->n_lost += record->count;
    }
    for (uint32_t i = 0; i < record->n_values; i++)
        seen->sum += (uint64_t)record->values[i].value.v.i;
    snprintf(seen->boot, sizeof seen->boot, "%s", record->boot);
    snprintf(seen->epoch, sizeof seen->epoch, "%s", record->epoch);
}

static void read_all(void *arg)
{
    struct seen *seen = arg;
    struct store_reader *reader;
    struct stored_record record;

    seen->ordered = true;
    seen->rc = store_reader_open(fixture_store, seen->from, &reader);
    if (seen->rc < 0)
        return;
    while ((seen->rc = store_reader_next(reader, &record)) > 0)
        look(seen, &record);
    store_reader_close(reader);
}

static struct seen read_from(uint64_t from)
{
    struct seen seen = {.from = from};

    fixture_run(read_all, &seen);
    CU_ASSERT_EQUAL(seen.rc, 0);
    CU_ASSERT_TRUE(seen.ordered);
    return seen;
}

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
    struct seen seen;

    fixture_make();
    fixture_open();
    CU_ASSERT_EQUAL(fixture_store_batch(20, 7), 20);
    seen = read_from(1);
    CU_ASSERT_EQUAL(seen.n, 20);
    CU_ASSERT_EQUAL(seen.first, 1);
    CU_ASSERT_EQUAL(seen.sum, sum_of(20, 7));
    seen = read_from(15);
    CU_ASSERT_EQUAL(seen.first, 15);
    CU_ASSERT_EQUAL(seen.n, 6);
    fixture_close();
    fixture_remove();
}

static void numbers_go_on_after_reopening(void)
{
    struct seen first, second;

    fixture_make();
    fixture_open();
    fixture_store_batch(5, 1);
    first = read_from(0);
    fixture_close();
    fixture_open();
    CU_ASSERT_EQUAL(fixture_store_batch(5, 2), 10);
    second = read_from(0);
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
    CU_ASSERT_EQUAL(read_from(0).n, 10);
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

static void save_cursor(void *arg)
{
    CU_ASSERT_EQUAL(store_cursor_save(fixture_store, "community", arg), 0);
}

static void load_cursor(void *arg)
{
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "community", arg), 0);
}

static void a_cursor_is_kept_with_its_ranges(void)
{
    struct store_cursor cursor = {.low = 99}, again;

    fixture_make();
    fixture_open();
    fixture_store_batch(20, 1);
    fixture_run(load_cursor, &cursor);
    CU_ASSERT_EQUAL(cursor.low, 0);
    CU_ASSERT_EQUAL(cursor.n_ranges, 0);
    cursor.low = 3;
    cursor.n_ranges = 2;
    cursor.ranges[0].first = 5;
    cursor.ranges[0].last = 5;
    cursor.ranges[1].first = 9;
    cursor.ranges[1].last = 17;
    fixture_run(save_cursor, &cursor);
    fixture_close();
    fixture_open();
    memset(&again, 0xff, sizeof again);
    fixture_run(load_cursor, &again);
    CU_ASSERT_STRING_EQUAL(again.epoch, cursor.epoch);
    CU_ASSERT_EQUAL(again.low, 3);
    CU_ASSERT_EQUAL_FATAL(again.n_ranges, 2);
    CU_ASSERT_EQUAL(memcmp(again.ranges, cursor.ranges, 2 * sizeof again.ranges[0]), 0);
    fixture_close();
    fixture_remove();
}

static void a_second_gatewayd_is_refused(void)
{
    const struct store_options options = {.directory = fixture_dir, .gateway_id = "home-1",
                                          .max_bytes = 1 << 20, .commit_interval_ms = 1000};
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

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(committed_records_are_read_back),
        TEST(numbers_go_on_after_reopening),
        TEST(closing_commits_what_waits),
        TEST(a_group_is_committed_after_the_interval),
        TEST(a_cursor_is_kept_with_its_ranges),
        TEST(a_second_gatewayd_is_refused),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"store", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
