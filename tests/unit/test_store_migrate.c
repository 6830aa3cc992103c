/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of migration in place: an older store opens whole, however often the power goes
 * in the middle of it. */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatewayd/store/schema.h"
#include "lib/base/clock.h"
#include "lib/sqlite/db.h"
#include "lib/sqlite/stmt.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_log.h"
#include "tests/unit/suite.h"

#define CURSORS 3000 /* so that copying them takes a while */
#ifdef __SANITIZE_ADDRESS__
#define KILLS 8 /* its processes take a second to die */
#else
#define KILLS 40
#endif

extern char **environ;

static void db_path(char path[300])
{
    snprintf(path, 300, "%.250s/store.db", fixture_dir);
}

static struct db *open_db(void)
{
    char path[300];
    const struct db_options options = {
        .path = path, .mode = DB_WRITER, .page_bytes = 1024, .cache_kib = 64};
    struct db *db = NULL;

    db_path(path);
    CU_ASSERT_EQUAL_FATAL(db_open(&options, &db, NULL), 0);
    return db;
}

/* The store as version 1 left it: an epoch, a boot, a gap record and many cursors. */
static void make_version_1(void)
{
    struct db *db = open_db();
    struct sqlite3_stmt *stmt = NULL;
    char route[32];

    CU_ASSERT_EQUAL(db_migrate(db, SCHEMA_APPLICATION_ID, schema_steps, 1, NULL), 0);
    CU_ASSERT_EQUAL(db_begin(db), 0);
    CU_ASSERT_EQUAL(
        db_exec(db,
                "INSERT INTO meta VALUES('gateway_id','home-1'),('machine_id','m');"
                "INSERT INTO epoch VALUES(1,'00112233445566778899aabbccddeeff',1,0,'x');"
                "INSERT INTO boot VALUES(1,'aa',0,1700000000000,NULL,1);"
                "INSERT INTO log VALUES(1,1,3,0,1,5,5,0,0,x'01000005020478001f00');"
                "INSERT INTO fact VALUES('owned.heater','1')"),
        0);
    CU_ASSERT_EQUAL_FATAL(
        stmt_prepare(db, "INSERT INTO cursor VALUES(?1,'aa',7,x'')", &stmt), 0);
    for (unsigned i = 0; i < CURSORS; i++) {
        snprintf(route, sizeof route, "route-%u", i);
        stmt_bind_text(stmt, 1, route);
        CU_ASSERT_EQUAL(stmt_run(stmt), 0);
    }
    stmt_finish(&stmt);
    CU_ASSERT_EQUAL(db_commit(db), 0);
    db_close(db);
}

static int64_t query(struct db *db, const char *sql)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t value = -1;

    if (stmt_prepare(db, sql, &stmt) == 0 && stmt_step(stmt) > 0)
        value = stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    return value;
}

static void check_whole(void)
{
    struct db *db = open_db();

    CU_ASSERT_EQUAL(db_check(db, 60000), 0);
    CU_ASSERT_EQUAL(db_pragma_i64(db, "user_version"), SCHEMA_VERSION);
    CU_ASSERT_EQUAL(query(db, "SELECT count(*) FROM cursor WHERE low=7 AND epoch='aa'"),
                    CURSORS);
    CU_ASSERT_EQUAL(query(db, "SELECT count(*) FROM fact"), 1);
    CU_ASSERT_TRUE(query(db, "SELECT count(*) FROM log") >= 1);
    CU_ASSERT_EQUAL(query(db, "SELECT count(*) FROM run WHERE id=0"), 1);
    CU_ASSERT_EQUAL(query(db, "SELECT count(back_seq)+count(*) FROM epoch"), 1);
    CU_ASSERT_EQUAL(query(db, "SELECT count(*) FROM sqlite_master WHERE name LIKE "
                              "'cursor_%'"),
                    0);
    db_close(db);
}

/* The other process: opens the store, which migrates it. */
static int open_store(const char *directory)
{
    const struct store_options options = {.directory = directory,
                                          .gateway_id = "home-1",
                                          .machine_id = "m",
                                          .max_bytes = 64 << 20,
                                          .commit_interval_ms = 1000};
    const struct store_hooks hooks = {0};
    struct gw_error error;
    struct store *store;

    if (write(STDOUT_FILENO, "x", 1) != 1 ||
        store_open(&options, &hooks, &store, &error) < 0)
        return 4;
    store_close(store);
    return 0;
}

/* Killed delay_us after it said that it begins; true when it had ended by itself. */
static bool open_and_kill(long delay_us)
{
    char name[] = "/proc/self/exe", mode[] = "--open";
    char *const argv[] = {name, mode, fixture_dir, NULL};
    int64_t end_ns;
    posix_spawn_file_actions_t actions;
    int fds[2], status;
    pid_t pid;
    char c;

    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, name, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    CU_ASSERT_EQUAL(read(fds[0], &c, 1), 1);
    close(fds[0]);
    end_ns = clock_boot_ns() + delay_us * 1000;
    poll(NULL, 0, (int)(delay_us / 1000)); /* no spinning for seconds on a slow disk */
    while (clock_boot_ns() < end_ns)
        ;
    kill(pid, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return !WIFSIGNALED(status);
}

/* How long it takes undisturbed. */
static long measure_us(void)
{
    int64_t begin_ns;

    fixture_make();
    make_version_1();
    fixture_machine_id = "m";
    begin_ns = clock_boot_ns();
    fixture_open();
    begin_ns = clock_boot_ns() - begin_ns;
    fixture_close();
    fixture_machine_id = NULL;
    fixture_remove();
    return (long)(begin_ns / 1000);
}

static void a_migration_survives_being_killed_anywhere(void)
{
    unsigned n_halfway = 0, n_old = 0;
    uint32_t random = 7;
    long whole_us = measure_us();

    for (unsigned i = 0; i < KILLS; i++) {
        struct db *db;
        int64_t version;

        fixture_make();
        make_version_1();
        random = random * 1664525 + 1013904223;
        open_and_kill((long)(random >> 16) % (whole_us * 5 / 4 + 1));
        db = open_db();
        version = db_pragma_i64(db, "user_version");
        n_halfway += version > 1 && version < SCHEMA_VERSION;
        n_old += version == 1;
        CU_ASSERT_EQUAL(db_check(db, 60000), 0);
        db_close(db);
        fixture_machine_id = "m";
        fixture_open();
        fixture_close();
        check_whole();
        fixture_machine_id = NULL;
        fixture_remove();
    }
    CU_ASSERT_TRUE(n_old < KILLS);
    printf("%u of %u killed before, %u between two steps ... ", n_old, KILLS, n_halfway);
}

static void an_older_store_goes_on_under_its_epoch(void)
{
    struct store_log log;

    fixture_make();
    make_version_1();
    fixture_machine_id = "m";
    fixture_open();
    fixture_store_batch(3, 1);
    log = store_log_read(1);
    CU_ASSERT_STRING_EQUAL(log.epoch, "00112233445566778899aabbccddeeff");
    CU_ASSERT_EQUAL(log.n, 4);
    CU_ASSERT_EQUAL(log.n_gaps, 1);
    fixture_close();
    fixture_machine_id = NULL;
    fixture_remove();
}

int main(int argc, char **argv)
{
    CU_TestInfo tests[] = {
        TEST(an_older_store_goes_on_under_its_epoch),
        TEST(a_migration_survives_being_killed_anywhere),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store migration", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    if (argc == 3 && strcmp(argv[1], "--open") == 0)
        return open_store(argv[2]);
    return suite_run(suites);
}
