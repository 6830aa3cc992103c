/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the way back from RAM to disk: nothing lost, nothing renamed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"
#include "gatewayd/store/store_facts.h"
#include "tests/unit/store_log.h"
#include "tests/unit/suite.h"

static struct rlimit limit_before;

/* A file size limit makes the WAL's next write fail as a broken disk does. */
static void break_disk(void)
{
    struct rlimit small;

    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &limit_before), 0);
    small = limit_before;
    small.rlim_cur = 16 << 10;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void mend_disk(void)
{
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
}

struct pending_epochs {
    const char *route;
    struct store_epoch epochs[4];
    int n;
};

static void list_epochs(void *arg)
{
    struct pending_epochs *list = arg;

    list->n = store_epochs_pending(fixture_store, list->route, list->epochs, 4);
}

static int pending_of(const char *route, struct store_epoch *ret_first)
{
    struct pending_epochs list = {.route = route};

    fixture_run(list_epochs, &list);
    if (list.n > 0)
        *ret_first = list.epochs[0];
    return list.n;
}

struct cursor_call {
    const char *epoch;
    struct store_cursor cursor;
    int rc;
};

static void load_epoch_cursor(void *arg)
{
    struct cursor_call *call = arg;

    call->rc = store_cursor_load_epoch(fixture_store, "community", call->epoch,
                                       &call->cursor);
}

/* Goes to RAM with 10 records on disk, stores 3000 there; the RAM's epoch. */
static void go_to_ram(char disk_epoch[33], char ram_epoch[33])
{
    struct store_cursor cursor;

    fixture_make();
    fixture_probe_ms = 20;
    fixture_open();
    fixture_run(fixture_load_cursor, &cursor);
    fixture_store_batch(10, 1);
    fixture_epoch(disk_epoch);
    break_disk();
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3000, 2), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-disk-failed"));
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    fixture_epoch(ram_epoch);
    fixture_run(fixture_load_cursor, &cursor);
    CU_ASSERT_STRING_EQUAL(cursor.epoch, ram_epoch);
    cursor.low = 100;
    fixture_run(fixture_save_cursor, &cursor);
}

static void finish(void)
{
    fixture_close();
    fixture_probe_ms = 0;
    fixture_remove();
}

static void put_facts(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", NULL), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.b", "2"), 0);
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "x", "withdraw", "", ""), 0);
}

static void put_first_facts(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", "1"), 0);
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "x", "grant", "h", "{}"), 0);
}

static void check_facts(void *arg)
{
    char *b = store_fact_get(fixture_store, "owned.b");

    (void)arg;
    CU_ASSERT_PTR_NULL(store_fact_get(fixture_store, "owned.a"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_STRING_EQUAL(b, "2");
    free(b);
}

static void what_was_stored_in_ram_comes_back_under_its_own_names(void)
{
    char disk_epoch[33], ram_epoch[33], now[33];
    struct store_log before, after;
    struct store_epoch pending = {.hex = ""};

    go_to_ram(disk_epoch, ram_epoch);
    before = store_log_read(1);
    CU_ASSERT_TRUE(before.n >= 3000);
    mend_disk();
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    fixture_epoch(now);
    CU_ASSERT_STRING_EQUAL(now, disk_epoch);
    CU_ASSERT_EQUAL(pending_of("community", &pending), 1);
    CU_ASSERT_STRING_EQUAL(pending.hex, ram_epoch);
    CU_ASSERT_EQUAL(pending.first_seq, 1);
    CU_ASSERT_TRUE(pending.last_seq >= before.last);
    after = store_log_read_epoch(ram_epoch, 1);
    CU_ASSERT_EQUAL(after.last, pending.last_seq);
    CU_ASSERT_EQUAL(after.n, pending.last_seq);
    CU_ASSERT_EQUAL(after.sum, before.sum);
    CU_ASSERT_STRING_EQUAL(after.epoch, ram_epoch);
    CU_ASSERT_STRING_EQUAL(after.boot, before.boot);
    CU_ASSERT_EQUAL(store_log_read(1).first, 1);
    CU_ASSERT_STRING_EQUAL(store_log_read(1).epoch, disk_epoch);
    finish();
}

static void a_closed_epoch_is_drained_by_its_own_cursor(void)
{
    char disk_epoch[33], ram_epoch[33];
    struct cursor_call call = {.epoch = ram_epoch};
    struct store_epoch pending = {.hex = ""};

    go_to_ram(disk_epoch, ram_epoch);
    mend_disk();
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    fixture_close();
    fixture_open();
    fixture_run(load_epoch_cursor, &call);
    CU_ASSERT_EQUAL(call.rc, 0);
    CU_ASSERT_EQUAL(call.cursor.low, 100);
    CU_ASSERT_EQUAL(pending_of("nobody", &pending), 0);
    CU_ASSERT_EQUAL_FATAL(pending_of("community", &pending), 1);
    call.cursor.low = pending.last_seq;
    fixture_run(fixture_save_cursor, &call.cursor);
    CU_ASSERT_EQUAL(pending_of("community", &pending), 0);
    fixture_run(load_epoch_cursor, &call);
    CU_ASSERT_NOT_EQUAL(call.rc, 0);
    finish();
}

static void numbers_of_the_disk_go_on_where_they_stood(void)
{
    char disk_epoch[33], ram_epoch[33];
    struct store_log log;

    go_to_ram(disk_epoch, ram_epoch);
    mend_disk();
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    fixture_store_batch(5, 9);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.first, 1);
    CU_ASSERT_EQUAL(log.n, log.last);
    CU_ASSERT_TRUE(log.last >= 15 && log.last < 30);
    CU_ASSERT_TRUE(store_events_count() >= 2);
    finish();
}

static void agreements_and_facts_follow_the_store(void)
{
    char disk_epoch[33], ram_epoch[33];

    fixture_make();
    fixture_open();
    fixture_run(put_first_facts, NULL);
    fixture_close();
    fixture_probe_ms = 20;
    fixture_open();
    fixture_store_batch(1, 1);
    fixture_epoch(disk_epoch);
    break_disk();
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3000, 2), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    fixture_epoch(ram_epoch);
    CU_ASSERT_STRING_NOT_EQUAL(disk_epoch, ram_epoch);
    fixture_run(put_facts, NULL);
    CU_ASSERT_EQUAL(store_consent_count(), 2);
    mend_disk();
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    fixture_run(check_facts, NULL);
    CU_ASSERT_EQUAL(store_consent_count(), 2);
    fixture_close();
    fixture_open();
    fixture_run(check_facts, NULL);
    finish();
}

/* The dictionary of names began in RAM: its numbers mean other things than the disk's. */
static void a_disk_that_was_missing_at_the_start_is_taken_later(void)
{
    char parent[200], path[220], kept[220], ram_epoch[33];
    struct store_log before, after, disk;
    FILE *file;

    fixture_make();
    snprintf(path, sizeof path, "%.200s/s", fixture_dir);
    snprintf(kept, sizeof kept, "%.200s.kept", fixture_dir);
    snprintf(parent, sizeof parent, "%.199s", fixture_dir);
    fixture_open_in(path);
    store_append_event(fixture_store, "", CATEGORY_STATUS, "hello", "info", "");
    fixture_store_batch(1, 50);
    disk = store_log_read(1);
    fixture_close();
    CU_ASSERT_EQUAL(rename(path, kept), 0);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    fixture_probe_ms = 20;
    free(fixture_catalog->devices[0].points[0].name);
    fixture_catalog->devices[0].points[0].name = strdup("renamed");
    fixture_open_in(path);
    CU_ASSERT_TRUE(fixture_wait_event("store-read-only"));
    fixture_store_batch(7, 60);
    fixture_epoch(ram_epoch);
    before = store_log_read(1);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rename(kept, path), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    after = store_log_read_epoch(ram_epoch, 1);
    CU_ASSERT_TRUE(after.n >= before.n);
    CU_ASSERT_EQUAL(after.sum, before.sum);
    CU_ASSERT_STRING_EQUAL(after.point, "renamed");
    fixture_store_batch(2, 70);
    after = store_log_read(1);
    CU_ASSERT_STRING_EQUAL(after.epoch, disk.epoch);
    CU_ASSERT_TRUE(after.n > disk.n + 2);
    fixture_close();
    fixture_probe_ms = 0;
    snprintf(fixture_dir, sizeof fixture_dir, "%s", path);
    fixture_remove();
    snprintf(fixture_dir, sizeof fixture_dir, "%s", parent);
    fixture_make_catalog();
    fixture_remove();
}

/* ---- deleted, or replaced, in use ---- */

static void delete_all(const char *suffixes[])
{
    char path[300];

    for (; *suffixes; suffixes++) {
        snprintf(path, sizeof path, "%.250s/store.%s", fixture_dir, *suffixes);
        (void)unlink(path);
    }
}

static void delete_directory(void)
{
    const char *all[] = {"db", "db-wal", "db-shm", "lock", "mark", "ballast", NULL};

    delete_all(all);
    CU_ASSERT_EQUAL(rmdir(fixture_dir), 0);
}

static void begin_and_delete(char disk_epoch[33], void (*delete_it)(void))
{
    struct store_cursor cursor;

    fixture_make();
    fixture_probe_ms = 20;
    fixture_open();
    fixture_run(fixture_load_cursor, &cursor);
    fixture_run(put_first_facts, NULL);
    fixture_store_batch(40, 1);
    cursor.low = 5;
    fixture_run(fixture_save_cursor, &cursor);
    fixture_store_batch(1, 2);
    fixture_epoch(disk_epoch);
    delete_it();
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3, 3), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-deleted"));
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
}

static bool is_pending(const char *epoch, struct store_epoch *ret)
{
    struct pending_epochs list = {.route = "community"};

    fixture_run(list_epochs, &list);
    for (int i = 0; i < list.n; i++)
        if (strcmp(list.epochs[i].hex, epoch) == 0) {
            *ret = list.epochs[i];
            return true;
        }
    return false;
}

static void a_store_deleted_in_use_is_salvaged_into_a_new_one(void)
{
    char disk_epoch[33], now[33];
    struct cursor_call call = {.epoch = disk_epoch};
    struct store_epoch pending;
    struct store_log log;

    begin_and_delete(disk_epoch, delete_directory);
    CU_ASSERT_TRUE(fixture_wait_event("store-salvaged"));
    fixture_epoch(now);
    CU_ASSERT_STRING_NOT_EQUAL(now, disk_epoch);
    CU_ASSERT_TRUE_FATAL(is_pending(disk_epoch, &pending));
    CU_ASSERT_TRUE(pending.last_seq >= 41);
    fixture_run(load_epoch_cursor, &call);
    CU_ASSERT_EQUAL(call.cursor.low, 5);
    fixture_close(); /* what came into the new one is in its file */
    fixture_open();
    log = store_log_read_epoch(disk_epoch, 1);
    CU_ASSERT_EQUAL(log.n, pending.last_seq);
    CU_ASSERT_EQUAL(log.n_gaps, 0);
    CU_ASSERT_EQUAL(store_consent_count(), 1);
    finish();
}

static void delete_index_and_wal(void)
{
    const char *parts[] = {"db-wal", "db-shm", NULL};

    delete_all(parts);
}

static void a_deleted_wal_costs_no_record(void)
{
    char disk_epoch[33], now[33];

    begin_and_delete(disk_epoch, delete_index_and_wal);
    fixture_epoch(now);
    CU_ASSERT_STRING_EQUAL(now, disk_epoch);
    CU_ASSERT_TRUE(store_log_read(1).n >= 41);
    fixture_close();
    fixture_open();
    CU_ASSERT_TRUE(store_log_read(1).n >= 41);
    CU_ASSERT_EQUAL(store_log_read(1).first, 1);
    finish();
}

/* An older copy moved over a running store: newer rows, and the copy, are both kept. */
static void replace(void)
{
    char path[300], other[300];
    FILE *file;

    snprintf(path, sizeof path, "%.250s/store.db", fixture_dir);
    snprintf(other, sizeof other, "%.250s/other", fixture_dir);
    file = fopen(other, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(rename(other, path), 0);
}

static void a_file_put_over_the_store_in_use_is_set_aside(void)
{
    char disk_epoch[33];
    struct store_epoch pending;

    begin_and_delete(disk_epoch, replace);
    CU_ASSERT_TRUE(fixture_wait_event("store-foreign"));
    CU_ASSERT_TRUE(fixture_wait_event("store-salvaged"));
    CU_ASSERT_TRUE(is_pending(disk_epoch, &pending));
    finish();
}

static void hide_and_show(void)
{
    char path[300], other[300];

    snprintf(path, sizeof path, "%.250s/store.db", fixture_dir);
    snprintf(other, sizeof other, "%.250s/other", fixture_dir);
    CU_ASSERT_EQUAL(rename(path, other), 0);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0); /* nothing can be made there */
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3, 3), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-deleted"));
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(rename(other, path), 0);
}

static void a_file_that_comes_back_goes_on(void)
{
    char disk_epoch[33], now[33];

    begin_and_delete(disk_epoch, hide_and_show);
    fixture_epoch(now);
    CU_ASSERT_STRING_EQUAL(now, disk_epoch);
    CU_ASSERT_TRUE(store_log_read(1).n >= 41);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(what_was_stored_in_ram_comes_back_under_its_own_names),
        TEST(a_closed_epoch_is_drained_by_its_own_cursor),
        TEST(numbers_of_the_disk_go_on_where_they_stood),
        TEST(agreements_and_facts_follow_the_store),
        TEST(a_disk_that_was_missing_at_the_start_is_taken_later),
        TEST(a_store_deleted_in_use_is_salvaged_into_a_new_one),
        TEST(a_deleted_wal_costs_no_record),
        TEST(a_file_put_over_the_store_in_use_is_set_aside),
        TEST(a_file_that_comes_back_goes_on),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store back on disk", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
