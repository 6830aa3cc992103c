/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of backup and restore of the store: what comes back, what must not be lost. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayd/store/backup.h"
#include "gatewayd/store/restore.h"
#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "lib/sqlite/db.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_log.h"
#include "tests/unit/suite.h"

struct image {
    uint8_t *data;
    size_t size;
};

static struct image take_image(void)
{
    struct store_backup *backup;
    struct store_backup_info info;
    struct gw_error error;
    struct image image = {.data = NULL};
    ssize_t n = 1;

    CU_ASSERT_EQUAL_FATAL(store_backup_open(fixture_store, &backup, &info, &error), 0);
    image.data = malloc(info.bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image.data);
    while ((n = store_backup_read(backup, image.data + image.size,
                                  info.bytes - image.size < 4000
                                      ? info.bytes - image.size
                                      : 4000)) > 0)
        image.size += (size_t)n;
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(image.size, info.bytes);
    store_backup_close(backup);
    return image;
}

static int send_image(const struct image *image, bool is_forced, struct gw_error *error)
{
    struct restore_request request = {.bytes = image->size, .is_forced = is_forced};
    struct sha256 sum;
    uint32_t id;
    int rc;

    sha256_init(&sum);
    sha256_add(&sum, image->data, image->size);
    sha256_finish(&sum, request.sha256);
    rc = store_restore_begin(fixture_store, &request, &id, error);
    for (size_t at = 0; rc == 0 && at < image->size; at += 60000)
        rc = store_restore_data(fixture_store, id, at, image->data + at,
                                image->size - at < 60000 ? image->size - at : 60000,
                                error);
    return rc == 0 ? store_restore_start(fixture_store, id, error) : rc;
}

/* Its end. */
static struct restore_status restore(const struct image *image, bool is_forced)
{
    int64_t end_ns = clock_boot_ns() + FIXTURE_SECONDS * CLOCK_NS_PER_S;
    struct restore_status status = {.phase = RESTORE_IDLE};
    struct gw_error error = {.text = ""};

    CU_ASSERT_EQUAL_FATAL(send_image(image, is_forced, &error), 0);
    do {
        poll(NULL, 0, 1);
        store_restore_get(fixture_store, &status);
    } while (status.phase != RESTORE_DONE && status.phase != RESTORE_FAILED &&
             clock_boot_ns() < end_ns);
    return status;
}

struct pending_epochs {
    struct store_epoch epochs[8];
    int n;
};

static void list_epochs(void *arg)
{
    struct pending_epochs *list = arg;

    list->n = store_epochs_pending(fixture_store, "community", list->epochs, 8);
}

static void deliver_up_to(uint64_t seq)
{
    struct store_cursor cursor;

    fixture_run(fixture_load_cursor, &cursor);
    cursor.low = seq;
    fixture_run(fixture_save_cursor, &cursor);
}

static void finish(struct image *image)
{
    fixture_close();
    fixture_remove();
    free(image->data);
}

static void a_restore_goes_back_under_a_new_epoch(void)
{
    char before[33], after[33];
    struct image image;
    struct store_log log;

    fixture_make();
    fixture_open();
    fixture_store_batch(20, 1);
    fixture_epoch(before);
    image = take_image();
    fixture_store_batch(30, 2);
    CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    CU_ASSERT_TRUE(fixture_wait_event("store-restored"));
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    fixture_epoch(after);
    CU_ASSERT_STRING_NOT_EQUAL(before, after);
    fixture_store_batch(10, 3);
    log = store_log_read(1);
    CU_ASSERT_STRING_EQUAL(log.epoch, after);
    CU_ASSERT_EQUAL(log.n - log.n_events, 10);
    finish(&image);
}

static void what_is_not_delivered_comes_along_under_its_own_names(void)
{
    char before[33];
    struct pending_epochs list;
    struct store_log all, brought;
    struct store_cursor cursor;
    struct image image;
    uint64_t last;

    fixture_make();
    fixture_open();
    fixture_run(fixture_load_cursor, &cursor);
    fixture_store_batch(20, 1);
    image = take_image();
    last = fixture_store_batch(30, 2);
    fixture_epoch(before);
    deliver_up_to(20);
    fixture_store_batch(40, 3);
    all = store_log_read(21);
    CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    fixture_run(list_epochs, &list);
    CU_ASSERT_EQUAL_FATAL(list.n, 1);
    CU_ASSERT_STRING_EQUAL(list.epochs[0].hex, before);
    CU_ASSERT_TRUE(list.epochs[0].last_seq >= last + 40);
    brought = store_log_read_epoch(before, 21);
    CU_ASSERT_EQUAL(brought.first, 21);
    CU_ASSERT_EQUAL(brought.last, all.last);
    CU_ASSERT_EQUAL(brought.n, all.n);
    CU_ASSERT_EQUAL(brought.sum, all.sum);
    CU_ASSERT_STRING_EQUAL(brought.boot, all.boot);
    finish(&image);
}

static void restoring_twice_from_one_backup_keeps_every_record(void)
{
    struct pending_epochs list;
    struct store_cursor cursor;
    struct image image;
    uint64_t n = 0;

    fixture_make();
    fixture_open();
    fixture_run(fixture_load_cursor, &cursor);
    fixture_store_batch(20, 1);
    image = take_image();
    fixture_store_batch(30, 2);
    CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    fixture_run(fixture_load_cursor, &cursor);
    fixture_store_batch(40, 3);
    CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    fixture_run(list_epochs, &list);
    CU_ASSERT_EQUAL_FATAL(list.n, 2);
    for (int i = 0; i < 2; i++) {
        struct store_log log =
            store_log_read_epoch(list.epochs[i].hex, list.epochs[i].first_seq);

        n += log.n - log.n_events;
    }
    CU_ASSERT_EQUAL(n, 20 + 30 + 40);
    finish(&image);
}

static void grant(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "x", "grant", "h", "{}"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", "1"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "clock.high", "9"), 0);
}

static void withdraw(void *arg)
{
    char *answer;

    (void)arg;
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "x", "withdraw", "", ""), 0);
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "c1", &answer), 0);
    CU_ASSERT_EQUAL(store_command_finish(fixture_store, "c1", "done"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.a", NULL), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.b", "2"), 0);
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "clock.high", "7"), 0);
}

static void look_back(void *arg)
{
    char *answer = NULL, *fact = store_fact_get(fixture_store, "owned.b");

    (void)arg;
    CU_ASSERT_EQUAL(store_command_begin(fixture_store, "c1", &answer), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_STRING_EQUAL(answer, "done");
    free(answer);
    CU_ASSERT_PTR_NULL(store_fact_get(fixture_store, "owned.a"));
    CU_ASSERT_PTR_NOT_NULL(fact);
    free(fact);
    fact = store_fact_get(fixture_store, "clock.high");
    CU_ASSERT_PTR_NOT_NULL_FATAL(fact);
    CU_ASSERT_STRING_EQUAL(fact, "9");
    free(fact);
}

static void what_was_decided_since_stays_decided(void)
{
    struct image image;

    fixture_make();
    fixture_open();
    fixture_run(grant, NULL);
    fixture_store_batch(5, 1);
    image = take_image();
    fixture_run(withdraw, NULL);
    CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    CU_ASSERT_EQUAL(store_consent_count(), 2);
    fixture_run(look_back, NULL);
    finish(&image);
}

static void another_gateways_backup_wants_force_and_brings_no_grant(void)
{
    struct restore_status status;
    struct store_cursor cursor;
    struct pending_epochs list;
    struct image image;

    fixture_make();
    fixture_open();
    fixture_run(grant, NULL);
    fixture_run(fixture_load_cursor, &cursor);
    fixture_store_batch(5, 1);
    image = take_image();
    fixture_close();
    fixture_remove();
    fixture_gateway_id = "home-2";
    fixture_make();
    fixture_open();
    status = restore(&image, false);
    CU_ASSERT_EQUAL(status.phase, RESTORE_FAILED);
    CU_ASSERT_STRING_EQUAL(status.code, "restore-foreign");
    CU_ASSERT_EQUAL(restore(&image, true).phase, RESTORE_DONE);
    CU_ASSERT_EQUAL(store_consent_count(), 0);
    fixture_run(list_epochs, &list);
    CU_ASSERT_EQUAL(list.n, 0);
    fixture_gateway_id = "home-1";
    finish(&image);
}

static void a_damaged_or_newer_backup_leaves_the_store_alone(void)
{
    struct restore_status status;
    char before[33], after[33];
    struct image image;
    uint64_t last;

    fixture_make();
    fixture_open();
    last = fixture_store_batch(2000, 1);
    image = take_image();
    fixture_epoch(before);
    memset(image.data + image.size / 2, 0x5a, 3000);
    status = restore(&image, false);
    CU_ASSERT_EQUAL(status.phase, RESTORE_FAILED);
    CU_ASSERT_STRING_EQUAL(status.code, "restore-damaged");
    memset(image.data + 60, 0x7f, 4); /* user_version */
    status = restore(&image, false);
    CU_ASSERT_STRING_EQUAL(status.code, "restore-newer");
    memset(image.data, 0, 100);
    status = restore(&image, false);
    CU_ASSERT_STRING_EQUAL(status.code, "restore-damaged");
    fixture_epoch(after);
    CU_ASSERT_STRING_EQUAL(before, after);
    CU_ASSERT_EQUAL(store_log_read(1).last, last);
    finish(&image);
}

/* The image after some statements. */
static void change_image(struct image *image, const char *sql)
{
    char path[300];
    const struct db_options options = {.path = path, .mode = DB_WRITER, .cache_kib = 64};
    struct db *db = NULL;
    FILE *file;

    snprintf(path, sizeof path, "%s/changed.db", fixture_dir);
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(image->data, 1, image->size, file), image->size);
    fclose(file);
    CU_ASSERT_EQUAL_FATAL(db_open(&options, &db, NULL), 0);
    CU_ASSERT_EQUAL(db_exec(db, sql), 0);
    db_close(db);
    file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fread(image->data, 1, image->size, file), image->size);
    fclose(file);
    unlink(path);
}

static void a_backup_without_the_tables_of_its_version_is_refused(void)
{
    static const char *const changes[] = {
        "DROP TABLE run", "DROP TABLE log",
        "ALTER TABLE consent RENAME COLUMN kind TO sort", "PRAGMA user_version=1",
        "PRAGMA user_version=3"};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct restore_status status;
        char before[33], after[33];
        struct image image;

        fixture_make();
        fixture_open();
        fixture_store_batch(500, 1);
        image = take_image();
        fixture_epoch(before);
        change_image(&image, changes[i]);
        status = restore(&image, false);
        CU_ASSERT_EQUAL(status.phase, RESTORE_FAILED);
        CU_ASSERT_STRING_EQUAL(status.code, "restore-damaged");
        fixture_epoch(after);
        CU_ASSERT_STRING_EQUAL(before, after);
        fixture_store_batch(10, 2);
        finish(&image);
    }
}

/* As gatewayd wrote it before schema 4, and before schema 3. */
static void a_backup_of_an_earlier_schema_is_brought_up_to_date(void)
{
    static const char *const changes[] = {
        "DROP TABLE run; DROP TABLE slots; DROP TABLE minutes; DROP TABLE device;"
        "ALTER TABLE epoch DROP COLUMN back_seq; PRAGMA user_version=3",
        "DROP TABLE run; DROP TABLE slots; DROP TABLE minutes; DROP TABLE device;"
        "DROP TABLE correction;"
        "ALTER TABLE epoch DROP COLUMN back_seq; PRAGMA user_version=2"};

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct restore_status status;
        struct image image;
        uint64_t last;

        fixture_make();
        fixture_open();
        last = fixture_store_batch(500, 1);
        image = take_image();
        change_image(&image, changes[i]);
        fixture_close();
        fixture_remove();
        fixture_make();
        fixture_open();
        status = restore(&image, false);
        CU_ASSERT_EQUAL(status.phase, RESTORE_DONE);
        CU_ASSERT_TRUE(store_log_read(1).last >= last);
        CU_ASSERT_TRUE(fixture_store_batch(10, 2) > last);
        finish(&image);
    }
}

static bool is_there(const char *name)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", fixture_dir, name);
    return access(path, F_OK) == 0;
}

static void put_file(const char *name)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", fixture_dir, name);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
}

static void of_the_databases_set_aside_the_last_two_are_kept(void)
{
    struct restore_status status;
    struct image image;

    fixture_make();
    put_file("store.db.before-restore-20250101T000000Z");
    put_file("store.db.before-restore-20250101T000000Z-wal");
    put_file("store.db.before-restore-20250101T000000Z.2");
    put_file("store.db.before-restore-20250101T000000Z.10");
    put_file("store.db.damaged-20250101T000000Z");
    fixture_open();
    fixture_store_batch(20, 1);
    image = take_image();
    status = restore(&image, false);
    CU_ASSERT_EQUAL(status.phase, RESTORE_DONE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(status.text, "store.db.before-restore-"));
    CU_ASSERT_TRUE(is_there(strstr(status.text, "store.db.before-restore-")));
    CU_ASSERT_TRUE(is_there("store.db.before-restore-20250101T000000Z.10"));
    CU_ASSERT_FALSE(is_there("store.db.before-restore-20250101T000000Z.2"));
    CU_ASSERT_FALSE(is_there("store.db.before-restore-20250101T000000Z"));
    CU_ASSERT_FALSE(is_there("store.db.before-restore-20250101T000000Z-wal"));
    CU_ASSERT_TRUE(is_there("store.db.damaged-20250101T000000Z"));
    finish(&image);
}

static void an_upload_cut_off_by_the_end_is_gone_after_the_start(void)
{
    fixture_make();
    put_file("restore.db");
    put_file("restore.db-wal");
    fixture_open();
    CU_ASSERT_FALSE(is_there("restore.db"));
    CU_ASSERT_FALSE(is_there("restore.db-wal"));
    fixture_close();
    fixture_remove();
}

static void pieces_must_come_in_order_and_match_the_sum(void)
{
    struct restore_request request = {.bytes = 1000};
    struct gw_error error;
    uint8_t piece[1000] = {1};
    uint32_t id;

    fixture_make();
    fixture_open();
    memset(request.sha256, '0', SHA256_HEX - 1);
    CU_ASSERT_EQUAL(store_restore_begin(fixture_store, &request, &id, &error), 0);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id, 10, piece, 10, &error),
                    -EINVAL);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id + 1, 0, piece, 10, &error),
                    -EINVAL);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id, 0, piece, 999, &error), 0);
    CU_ASSERT_EQUAL(store_restore_start(fixture_store, id, &error), -EINVAL);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id, 999, piece, 2, &error),
                    -EINVAL);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id, 999, piece, 1, &error), 0);
    CU_ASSERT_EQUAL(store_restore_start(fixture_store, id, &error), -EBADMSG);
    CU_ASSERT_EQUAL(store_restore_data(fixture_store, id, 1000, piece, 1, &error),
                    -EINVAL);
    fixture_close();
    fixture_remove();
}

static void the_store_goes_on_while_it_is_backed_up(void)
{
    struct store_backup *backup, *second;
    struct store_backup_info info;
    struct gw_error error;
    uint8_t *first, piece[512];

    fixture_make();
    fixture_open();
    fixture_store_batch(500, 1);
    CU_ASSERT_EQUAL_FATAL(store_backup_open(fixture_store, &backup, &info, &error), 0);
    CU_ASSERT_EQUAL(store_backup_open(fixture_store, &second, &info, &error), -EBUSY);
    first = malloc(info.bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    /* more than makes it checkpoint */
    for (uint32_t i = 0; i < 40; i++)
        fixture_store_batch(2000, i + 2);
    CU_ASSERT_EQUAL(store_backup_read(backup, first, info.bytes), (ssize_t)info.bytes);
    store_backup_close(backup);
    {
        struct image image = {first, info.bytes};

        CU_ASSERT_EQUAL(restore(&image, false).phase, RESTORE_DONE);
    }
    CU_ASSERT_EQUAL(store_backup_open(fixture_store, &backup, &info, &error), 0);
    CU_ASSERT_EQUAL(store_backup_read(backup, piece, sizeof piece),
                    (ssize_t)sizeof piece);
    store_backup_close(backup);
    free(first);
    fixture_close();
    fixture_remove();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_restore_goes_back_under_a_new_epoch),
        TEST(what_is_not_delivered_comes_along_under_its_own_names),
        TEST(restoring_twice_from_one_backup_keeps_every_record),
        TEST(what_was_decided_since_stays_decided),
        TEST(another_gateways_backup_wants_force_and_brings_no_grant),
        TEST(a_damaged_or_newer_backup_leaves_the_store_alone),
        TEST(a_backup_without_the_tables_of_its_version_is_refused),
        TEST(a_backup_of_an_earlier_schema_is_brought_up_to_date),
        TEST(of_the_databases_set_aside_the_last_two_are_kept),
        TEST(an_upload_cut_off_by_the_end_is_gone_after_the_start),
        TEST(pieces_must_come_in_order_and_match_the_sum),
        TEST(the_store_goes_on_while_it_is_backed_up),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {.pName = "store_restore", .pTests = tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
