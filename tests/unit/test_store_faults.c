/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store in bad days: killed, damaged, full, without a disk. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatewayd/store/store_thread.h"
#include "gatewayd/store/store_facts.h"
#include "gatewayd/store/writer.h"
#include "lib/sqlite/db.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_log.h"
#include "tests/unit/suite.h"

extern char **environ;

/* ---- killed ---- */

/* The other process: stores for ever and tells each committed seq on stdout. */
static void tell_committed(void *ctx, uint64_t last_seq)
{
    (void)ctx;
    if (write(STDOUT_FILENO, &last_seq, sizeof last_seq) < 0)
        _exit(3);
}

static int store_for_ever(const char *directory)
{
    const struct store_options options = {.directory = directory,
                                          .gateway_id = "home-1",
                                          .max_bytes = 64 << 20,
                                          .commit_interval_ms = 2};
    const struct store_hooks hooks = {.committed = tell_committed};
    struct gw_error error;

    if (store_open(&options, &hooks, &fixture_store, &error) < 0)
        return 4;
    fixture_make_catalog();
    for (uint32_t salt = 1;; salt++)
        if (store_append(fixture_store, fixture_batch(3, salt), salt % 4 == 0) < 0)
            poll(NULL, 0, 1); /* full: the disk is behind */
}

static pid_t spawn_writer(int *ret_fd)
{
    char name[] = "/proc/self/exe", mode[] = "--store-for-ever";
    char *const argv[] = {name, mode, fixture_dir, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2];
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, name, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    *ret_fd = fds[0];
    return pid;
}

/* Reads n reports, kills, reads the rest; the last seq told. */
static uint64_t kill_after(unsigned n)
{
    uint64_t seq, last = 0;
    int fd, status;
    pid_t pid = spawn_writer(&fd);

    for (unsigned i = 0; i < n && read(fd, &seq, sizeof seq) == (ssize_t)sizeof seq; i++)
        last = seq;
    kill(pid, SIGKILL);
    while (read(fd, &seq, sizeof seq) == (ssize_t)sizeof seq)
        last = seq;
    close(fd);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static void what_was_committed_survives_sigkill(void)
{
    uint64_t before = 0;

    fixture_make();
    for (unsigned round = 1; round <= 5; round++) {
        uint64_t told = kill_after(round * 7);
        struct store_log log;

        CU_ASSERT_TRUE(told > before);
        fixture_open();
        log = store_log_read(1);
        CU_ASSERT_EQUAL(log.first, 1);
        CU_ASSERT_TRUE(log.last >= told);
        CU_ASSERT_EQUAL(fixture_store_batch(1, 1), log.last + 1);
        before = log.last + 1;
        fixture_close();
    }
    fixture_remove();
}

/* ---- full ---- */

struct gate {
    int reached_fd, open_fd;
};

static void wait_at_gate(void *arg)
{
    const struct gate *gate = arg;
    char c;

    CU_ASSERT_EQUAL(write(gate->reached_fd, "x", 1), 1);
    CU_ASSERT_EQUAL(read(gate->open_fd, &c, 1), 1);
}

static void a_full_queue_becomes_a_gap_record(void)
{
    struct gate gate;
    struct store_stats stats;
    struct store_log log;
    unsigned refused = 0;
    int reached[2], opened[2];
    char c;

    fixture_make();
    fixture_open_sized(64u << 20, 32768, 20);
    fixture_store_batch(1, 1);
    CU_ASSERT_EQUAL_FATAL(pipe(reached), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(opened), 0);
    gate = (struct gate){reached[1], opened[0]};
    CU_ASSERT_EQUAL(store_post(fixture_store, wait_at_gate, &gate, true), 0);
    CU_ASSERT_EQUAL_FATAL(read(reached[0], &c, 1), 1);
    for (unsigned i = 0; i < 100; i++)
        refused += store_append(fixture_store, fixture_batch(2, i), false) == -ENOBUFS;
    CU_ASSERT_TRUE(refused > 0 && refused < 100);
    CU_ASSERT_EQUAL(write(opened[1], "x", 1), 1);
    CU_ASSERT_EQUAL(
        store_append_event(fixture_store, "", CATEGORY_STATUS, "x", "info", ""), 0);
    fixture_wait_committed(1 + 2 * (100 - refused) + 2);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.n_gaps, 1);
    CU_ASSERT_EQUAL(log.n_lost, 2 * refused);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_EQUAL(stats.n_dropped, 2 * refused);
    for (int i = 0; i < 2; i++) {
        close(reached[i]);
        close(opened[i]);
    }
    fixture_close();
    fixture_remove();
}

static void fill(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        fixture_store_batch(160, i * 7919);
}

static void at_the_bound_delivered_records_go_without_a_gap(void)
{
    struct store_stats stats;
    struct store_log log;

    fixture_make();
    fixture_open_sized(256 << 10, 0, 60000);
    fill(150);
    CU_ASSERT_TRUE(fixture_wait_event("store-at-bound"));
    log = store_log_read(1);
    CU_ASSERT_TRUE(log.first > 1);
    CU_ASSERT_TRUE(log.last >= 150 * 160);
    CU_ASSERT_EQUAL(log.n_gaps, 0);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_TRUE(stats.on_disk);
    CU_ASSERT_TRUE(stats.size_bytes <= 256 << 10);
    CU_ASSERT_EQUAL(stats.first_seq, log.first);
    fixture_close();
    fixture_remove();
}

static void a_batch_larger_than_the_store_does_not_stop_it(void)
{
    struct record_batch *batch;

    fixture_make();
    fixture_open_sized(192 << 10, 0, 60000);
    fixture_store_batch(1, 1);
    batch = fixture_batch(30000, 1);
    CU_ASSERT_EQUAL(store_append(fixture_store, batch, true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-disk-full") ||
                   fixture_wait_event("store-failed"));
    fixture_store_batch(1, 2);
    fixture_close();
    fixture_remove();
}

/* ---- no disk, wrong disk ---- */

static void without_a_directory_the_store_goes_on_in_ram(void)
{
    struct store_stats stats;
    struct store_log log;
    char path[300];
    FILE *file;

    fixture_make();
    snprintf(path, sizeof path, "%s/file", fixture_dir);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    fixture_open_in(path);
    CU_ASSERT_TRUE(fixture_wait_event("store-read-only"));
    fixture_store_batch(10, 3);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.n, 11);
    CU_ASSERT_EQUAL(log.n_events, 1);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_FALSE(stats.on_disk);
    CU_ASSERT_EQUAL(store_events_count(), 1);
    fixture_close();
    fixture_remove();
}

static void put_fact(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_fact_put(fixture_store, "owned.heater", "1"), 0);
}

static void check_fact(void *arg)
{
    char *value = store_fact_get(fixture_store, "owned.heater");

    (void)arg;
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_STRING_EQUAL(value, "1");
    free(value);
}

/* A file size limit makes the WAL's next write fail as a broken disk does. */
static void a_disk_that_fails_later_sends_the_store_to_ram(void)
{
    struct rlimit before, small;
    struct store_stats disk, ram;
    struct store_log log;

    fixture_make();
    fixture_open();
    fixture_run(put_fact, NULL);
    fixture_store_batch(10, 1);
    store_get_stats(fixture_store, &disk);
    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 16 << 10;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3000, 2), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-disk-failed"));
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    store_get_stats(fixture_store, &ram);
    CU_ASSERT_FALSE(ram.on_disk);
    CU_ASSERT_STRING_NOT_EQUAL(ram.epoch, disk.epoch);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.first, 1);
    CU_ASSERT_TRUE(log.last >= 3000);
    fixture_run(check_fact, NULL);
    fixture_close();
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    fixture_open();
    store_get_stats(fixture_store, &ram);
    CU_ASSERT_STRING_EQUAL(ram.epoch, disk.epoch);
    CU_ASSERT_EQUAL(store_log_read(1).n, 10);
    fixture_close();
    fixture_remove();
}

static void scribble(const char *name, off_t offset, size_t size)
{
    char path[300], *garbage = malloc(size);
    int fd;

    snprintf(path, sizeof path, "%s/%s", fixture_dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    memset(garbage, 0xa5, size);
    CU_ASSERT_EQUAL(pwrite(fd, garbage, size, offset), (ssize_t)size);
    close(fd);
    free(garbage);
}

/* A trigger makes each insert fail with an error that is no bad disk's. */
static void an_error_that_does_not_pass_sends_the_store_to_ram(void)
{
    struct db_options options = {.mode = DB_WRITER};
    struct store_stats disk, ram;
    char path[300];
    struct db *db;

    fixture_make();
    fixture_open_sized(512u << 20, 0, 20);
    fixture_store_batch(10, 1);
    store_get_stats(fixture_store, &disk);
    snprintf(path, sizeof path, "%s/store.db", fixture_dir);
    options.path = path;
    CU_ASSERT_EQUAL_FATAL(db_open(&options, &db, NULL), 0);
    CU_ASSERT_EQUAL(db_exec(db, "CREATE TRIGGER refuse BEFORE INSERT ON log BEGIN "
                                "INSERT INTO nowhere VALUES(1); END"),
                    0);
    db_close(db);
    CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(30, 2), true), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-disk-failed"));
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    fixture_wait_committed(30);
    store_get_stats(fixture_store, &ram);
    CU_ASSERT_FALSE(ram.on_disk);
    CU_ASSERT_STRING_NOT_EQUAL(ram.epoch, disk.epoch);
    CU_ASSERT_EQUAL(ram.n_dropped, 0);
    CU_ASSERT_TRUE(store_log_read(1).n >= 30);
    fixture_close();
    fixture_remove();
}

static void look_at_nothing(void *arg)
{
    (void)arg;
}

static void refuse_in_ram(void *arg)
{
    CU_ASSERT_EQUAL(db_exec(store_writer(fixture_store)->db, arg), 0);
}

/* Where even RAM takes nothing, each record is counted once and told as one gap later. */
static void what_nothing_takes_is_counted_once(void)
{
    static char refuse[] = "CREATE TRIGGER refuse BEFORE INSERT ON log BEGIN "
                           "INSERT INTO nowhere VALUES(1); END",
                allow[] = "DROP TRIGGER refuse";
    struct store_stats stats;
    struct store_log log;
    char path[300];

    fixture_make();
    snprintf(path, sizeof path, "%s/none/none", fixture_dir);
    scribble("none", 0, 1);
    fixture_open_in(path);
    fixture_store_batch(1, 1);
    fixture_run(refuse_in_ram, refuse);
    for (uint32_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(store_append(fixture_store, fixture_batch(3, i), true), 0);
        fixture_run(look_at_nothing, NULL);
    }
    CU_ASSERT_TRUE(fixture_wait_event("store-failed"));
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_TRUE(stats.n_dropped >= 57 && stats.n_dropped <= 62);
    CU_ASSERT_EQUAL(fixture_count_events("store-failed"), 1);
    fixture_run(refuse_in_ram, allow);
    fixture_store_batch(1, 9);
    log = store_log_read(1);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_EQUAL(log.n_lost, stats.n_dropped);
    CU_ASSERT_EQUAL(log.n_gaps, 1);
    fixture_close();
    fixture_remove();
}

static int files_like(const char *pattern)
{
    char path[300];
    glob_t found;
    int n;

    snprintf(path, sizeof path, "%s/%s", fixture_dir, pattern);
    n = glob(path, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return n;
}

static void a_file_that_is_no_database_is_set_aside(void)
{
    struct store_stats stats;

    fixture_make();
    scribble("store.db", 0, 5000);
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-damaged"));
    CU_ASSERT_EQUAL(files_like("store.db.damaged-*"), 1);
    fixture_store_batch(10, 3);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_TRUE(stats.on_disk);
    fixture_close();
    fixture_remove();
}

static void put_consent(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(store_consent_append(fixture_store, "sign-1", "withdraw", "", ""), 0);
}

static void a_damaged_log_is_set_aside_and_consent_saved(void)
{
    char epoch[33];
    struct store_stats stats;

    fixture_make();
    fixture_open();
    fixture_run(put_consent, NULL);
    fill(50);
    store_get_stats(fixture_store, &stats);
    snprintf(epoch, sizeof epoch, "%s", stats.epoch);
    fixture_close();
    scribble("store.db", 24 * 1024, 8 * 1024);
    scribble("store.db-wal", 0, 1); /* as if it had not been stopped cleanly */
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-damaged"));
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_STRING_NOT_EQUAL(stats.epoch, epoch);
    CU_ASSERT_EQUAL(store_consent_count(), 1);
    fixture_close();
    fixture_remove();
}

static void see_route(void *arg)
{
    struct store_cursor cursor;

    (void)arg;
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "slow", &cursor), 0);
}

struct salvaged {
    struct store_epoch epoch;
    int n;
};

static void list_salvaged(void *arg)
{
    struct salvaged *salvaged = arg;

    salvaged->n = store_epochs_pending(fixture_store, "slow", &salvaged->epoch, 1);
}

struct count {
    const char *epoch;
    uint64_t n, last, n_missing;
};

static void count_epoch(void *arg)
{
    struct count *count = arg;
    struct store_reader *reader;
    struct stored_record record;
    int rc = store_reader_open_epoch(fixture_store, count->epoch, 1, &reader);

    CU_ASSERT_EQUAL_FATAL(rc, 0);
    while ((rc = store_reader_next(reader, &record)) > 0) {
        count->n++;
        count->last = record.seq;
    }
    CU_ASSERT_EQUAL(rc, 0);
    store_reader_close(reader);
}

static void count_missing(void *arg)
{
    struct count *count = arg;
    struct store_reader *reader;
    struct stored_record record;

    CU_ASSERT_EQUAL_FATAL(store_reader_open(fixture_store, 1, &reader), 0);
    while (store_reader_next(reader, &record) > 0)
        if (record.kind == STORED_GAP) {
            CU_ASSERT_STRING_EQUAL(record.text, "salvage");
            CU_ASSERT_STRING_EQUAL(record.of_epoch, count->epoch);
            count->n_missing += record.count;
        }
    store_reader_close(reader);
}

static void what_a_damaged_database_still_holds_is_salvaged(void)
{
    struct salvaged salvaged = {.n = 0};
    struct count count = {.n = 0};
    struct store_stats stats;
    char epoch[33];

    fixture_make();
    fixture_open();
    fixture_run(see_route, NULL);
    fill(50);
    store_get_stats(fixture_store, &stats);
    snprintf(epoch, sizeof epoch, "%s", stats.epoch);
    fixture_close();
    scribble("store.db", 48 * 1024, 8 * 1024);
    scribble("store.db-wal", 0, 1); /* as if it had not been stopped cleanly */
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-damaged"));
    CU_ASSERT_TRUE(fixture_wait_event("store-salvaged"));
    fixture_run(list_salvaged, &salvaged);
    CU_ASSERT_EQUAL_FATAL(salvaged.n, 1);
    CU_ASSERT_STRING_EQUAL(salvaged.epoch.hex, epoch);
    CU_ASSERT_EQUAL(salvaged.epoch.last_seq, stats.last_seq);
    count.epoch = epoch;
    fixture_run(count_epoch, &count);
    fixture_run(count_missing, &count);
    CU_ASSERT_TRUE(count.n > stats.last_seq / 2);
    CU_ASSERT_TRUE(count.n_missing > 0);
    CU_ASSERT_EQUAL(count.n + count.n_missing, stats.last_seq);
    fixture_close();
    fixture_open();
    count.n = 0;
    fixture_run(count_epoch, &count);
    CU_ASSERT_TRUE(count.n > stats.last_seq / 2);
    fixture_close();
    fixture_remove();
}

static void a_newer_store_is_left_untouched(void)
{
    struct db_options options = {.mode = DB_WRITER};
    struct store_stats stats;
    struct stat before, after;
    char path[300];
    struct db *db;

    fixture_make();
    snprintf(path, sizeof path, "%s/store.db", fixture_dir);
    options.path = path;
    CU_ASSERT_EQUAL_FATAL(db_open(&options, &db, NULL), 0);
    CU_ASSERT_EQUAL(db_exec(db, "CREATE TABLE future(x); PRAGMA user_version=99"), 0);
    db_close(db);
    CU_ASSERT_EQUAL(stat(path, &before), 0);
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-newer"));
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_FALSE(stats.on_disk);
    fixture_close();
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_EQUAL(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    fixture_remove();
}

static void another_gateway_id_begins_a_new_epoch(void)
{
    struct store_stats stats;
    struct store_log log;

    fixture_make();
    fixture_open();
    fixture_store_batch(5, 1);
    fixture_close();
    fixture_gateway_id = "home-2";
    fixture_open();
    fixture_gateway_id = "home-1";
    CU_ASSERT_TRUE(fixture_wait_event("store-new-epoch"));
    fixture_store_batch(5, 1);
    store_get_stats(fixture_store, &stats);
    log = store_log_read(1);
    CU_ASSERT_EQUAL(log.first, 6);
    CU_ASSERT_EQUAL(log.n, 6);
    CU_ASSERT_STRING_EQUAL(log.epoch, stats.epoch);
    fixture_close();
    fixture_remove();
}

int main(int argc, char **argv)
{
    CU_TestInfo tests[] = {
        TEST(what_was_committed_survives_sigkill),
        TEST(a_full_queue_becomes_a_gap_record),
        TEST(at_the_bound_delivered_records_go_without_a_gap),
        TEST(a_batch_larger_than_the_store_does_not_stop_it),
        TEST(without_a_directory_the_store_goes_on_in_ram),
        TEST(a_disk_that_fails_later_sends_the_store_to_ram),
        TEST(an_error_that_does_not_pass_sends_the_store_to_ram),
        TEST(what_nothing_takes_is_counted_once),
        TEST(a_file_that_is_no_database_is_set_aside),
        TEST(a_damaged_log_is_set_aside_and_consent_saved),
        TEST(what_a_damaged_database_still_holds_is_salvaged),
        TEST(a_newer_store_is_left_untouched),
        TEST(another_gateway_id_begins_a_new_epoch),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store faults", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    if (argc == 3 && strcmp(argv[1], "--store-for-ever") == 0)
        return store_for_ever(argv[2]);
    return suite_run(suites);
}
