/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills a store with readings on injected time (tests/unit/home_load.h), for bench/drain
 * and bench/flash; a commit for each --commit-s of them. --plain writes the same readings
 * into a plain SQLite log, a row for each, with the same durability.
 */
#include <getopt.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/store.h"
#include "gatewayd/store/store_read.h"
#include "lib/base/clock.h"
#include "lib/sqlite/db.h"
#include "lib/sqlite/stmt.h"
#include "tests/unit/home_load.h"

#define PLAIN_CHECKPOINT_FRAMES 1000 /* SQLite's own default */

struct load {
    const char *directory;
    uint64_t n_readings, max_mib;
    unsigned commit_s;
    bool is_plain;
    struct home_load home;
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t committed;
    uint64_t last_seq;
};

/* ---- ours -------------------------------------------------------------------------- */

static void on_committed(void *ctx, uint64_t last_seq)
{
    struct load *load = ctx;
    struct store_cursor cursor = {.low = last_seq};
    struct store_stats stats;

    /* a route that keeps up: its cursor is written with the next commit */
    store_get_stats(load->store, &stats);
    snprintf(cursor.epoch, sizeof cursor.epoch, "%s", stats.epoch);
    if (load->max_mib == 0)
        store_cursor_save(load->store, "load", &cursor);
    pthread_mutex_lock(&load->lock);
    load->last_seq = last_seq;
    pthread_cond_signal(&load->committed);
    pthread_mutex_unlock(&load->lock);
}

static void on_event(void *ctx, const char *code, const char *severity, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s %s: %s\n", severity, code, text);
}

static void append(struct load *load, unsigned seconds)
{
    struct record_batch *batch = home_load_batch(&load->home, seconds);
    uint64_t target = load->last_seq + (uint64_t)seconds * HOME_LOAD_DEVICES;

    if (store_append(load->store, batch, true) < 0)
        exit(1);
    pthread_mutex_lock(&load->lock);
    while (load->last_seq < target)
        pthread_cond_wait(&load->committed, &load->lock);
    pthread_mutex_unlock(&load->lock);
}

static uint64_t load_store(struct load *load)
{
    const struct store_options options = {.directory = load->directory,
                                          .gateway_id = "bench",
                                          .max_bytes =
                                              (load->max_mib ? load->max_mib : 512) << 20,
                                          .commit_interval_ms = 60000};
    const struct store_hooks hooks = {
        .ctx = load, .committed = on_committed, .event = on_event};
    struct gw_error error = {.text = ""};

    if (store_open(&options, &hooks, &load->store, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    for (uint64_t n = 0; n < load->n_readings; n += load->commit_s * HOME_LOAD_PER_S)
        append(load, load->commit_s);
    store_close(load->store);
    return db_bytes_written();
}

/* ---- a plain log ------------------------------------------------------------------- */

static void must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "plain log: error %d\n", -rc);
        exit(1);
    }
}

static void insert(struct load *load, struct sqlite3_stmt *stmt, uint32_t point)
{
    struct gw_value value = home_load_value(&load->home, point);

    stmt_bind_i64(stmt, 1, load->home.t_boot_ns / CLOCK_NS_PER_MS);
    stmt_bind_i64(stmt, 2, point);
    if (value.type == GW_TYPE_INT)
        stmt_bind_i64(stmt, 3, value.v.i);
    else
        sqlite3_bind_double(stmt, 3, (double)value.v.f);
    must(stmt_step(stmt));
    stmt_reset(stmt);
}

static uint64_t load_plain(struct load *load)
{
    char path[400];
    struct db_options options = {.path = path, .mode = DB_WRITER, .cache_kib = 2048};
    struct gw_error error = {.text = ""};
    struct sqlite3_stmt *stmt;
    struct db *db;

    snprintf(path, sizeof path, "%s/plain.db", load->directory);
    must(db_open(&options, &db, &error));
    must(db_exec(
        db, "CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, t, point, value)"));
    must(stmt_prepare(db, "INSERT INTO log(t,point,value) VALUES(?1,?2,?3)", &stmt));
    for (uint64_t n = 0; n < load->n_readings;) {
        must(db_begin(db));
        for (unsigned s = 0; s < load->commit_s;
             s++, load->home.t_boot_ns += CLOCK_NS_PER_S)
            for (uint32_t i = 0; i < HOME_LOAD_PER_S; i++, n++)
                insert(load, stmt, i);
        must(db_commit(db));
        if (db_wal_frames(db) >= PLAIN_CHECKPOINT_FRAMES)
            must(db_checkpoint(db));
    }
    stmt_finish(&stmt);
    db_close(db);
    return db_bytes_written();
}

/* ---- */

static uint64_t bytes_to_storage(void)
{
    unsigned long long bytes = 0;
    char line[100];
    FILE *file = fopen("/proc/self/io", "re");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "write_bytes: %llu", &bytes) == 1)
            break;
    if (file)
        fclose(file);
    return bytes;
}

static bool parse(struct load *load, int argc, char **argv)
{
    static const struct option table[] = {
        {"directory", required_argument, NULL, 'd'},
        {"readings", required_argument, NULL, 'n'},
        {"commit-s", required_argument, NULL, 'c'},
        {"backlog-mib", required_argument, NULL, 'b'},
        {"plain", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (c) {
        case 'd': load->directory = optarg; break;
        case 'n': load->n_readings = strtoull(optarg, NULL, 10); break;
        case 'c': load->commit_s = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': load->max_mib = strtoull(optarg, NULL, 10); break;
        case 'p': load->is_plain = true; break;
        default: return false;
        }
    }
    return load->directory && load->n_readings && load->commit_s;
}

int main(int argc, char **argv)
{
    struct load load = {.commit_s = 5,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .committed = PTHREAD_COND_INITIALIZER};
    int64_t begin_ns;
    uint64_t bytes;

    if (!parse(&load, argc, argv)) {
        fputs("Usage: store_load --directory DIR --readings N [--commit-s 5]\n"
              "       [--backlog-mib MAX (nothing is delivered)] [--plain]\n", stderr);
        return 2;
    }
    begin_ns = clock_boot_ns();
    home_load_init(&load.home, begin_ns);
    bytes = load.is_plain ? load_plain(&load) : load_store(&load);
    printf("{\"readings\":%llu,\"bytes_written\":%llu,\"bytes_to_storage\":%llu,"
           "\"seconds\":%.2f}\n",
           (unsigned long long)load.n_readings, (unsigned long long)bytes,
           (unsigned long long)bytes_to_storage(),
           (double)(clock_boot_ns() - begin_ns) / (double)CLOCK_NS_PER_S);
    home_load_done(&load.home);
    return 0;
}
