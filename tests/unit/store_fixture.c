/* SPDX-License-Identifier: Apache-2.0 */
/* See store_fixture.h. Waits on the store's hooks with a deadline, never by sleeping. */
#include "tests/unit/store_fixture.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char fixture_dir[256];
struct store *fixture_store;
struct catalog *fixture_catalog;
const char *fixture_gateway_id = "home-1";
const char *fixture_machine_id, *fixture_witness;
uint32_t fixture_probe_ms;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t committed_seq;
static char events[64][40];
static unsigned n_events;

static void committed(void *ctx, uint64_t last_seq)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    committed_seq = last_seq;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void event(void *ctx, const char *code, const char *severity, const char *text)
{
    (void)ctx;
    (void)severity;
    (void)text;
    pthread_mutex_lock(&lock);
    if (n_events < 64)
        snprintf(events[n_events++], sizeof events[0], "%s", code);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void epoch_changed(void *ctx, const char *epoch)
{
    (void)epoch;
    pthread_mutex_lock(&lock);
    committed_seq = 0;
    pthread_mutex_unlock(&lock);
    event(ctx, "epoch-changed", "", "");
}

static bool wait_change(const struct timespec *deadline)
{
    return pthread_cond_timedwait(&changed, &lock, deadline) == 0;
}

static struct timespec deadline_from_now(void)
{
    return (struct timespec){.tv_sec = time(NULL) + FIXTURE_SECONDS};
}

uint64_t fixture_wait_committed(uint64_t at_least)
{
    struct timespec deadline = deadline_from_now();
    uint64_t seq;

    pthread_mutex_lock(&lock);
    while (committed_seq < at_least && wait_change(&deadline))
        ;
    seq = committed_seq;
    pthread_mutex_unlock(&lock);
    CU_ASSERT_TRUE(seq >= at_least);
    return seq;
}

static bool has_event(const char *code)
{
    for (unsigned i = 0; i < n_events; i++)
        if (strcmp(events[i], code) == 0)
            return true;
    return false;
}

bool fixture_wait_event(const char *code)
{
    struct timespec deadline = deadline_from_now();
    bool found;

    pthread_mutex_lock(&lock);
    while (!(found = has_event(code)) && wait_change(&deadline))
        ;
    pthread_mutex_unlock(&lock);
    return found;
}

unsigned fixture_count_events(const char *code)
{
    unsigned n = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_events; i++)
        n += strcmp(events[i], code) == 0;
    pthread_mutex_unlock(&lock);
    return n;
}

struct run {
    void (*fn)(void *arg);
    void *arg;
    bool is_done;
};

static void run_and_tell(void *arg)
{
    struct run *run = arg;

    run->fn(run->arg);
    pthread_mutex_lock(&lock);
    run->is_done = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void fixture_run(void (*fn)(void *arg), void *arg)
{
    struct timespec deadline = deadline_from_now();
    struct run run = {.fn = fn, .arg = arg};

    CU_ASSERT_EQUAL_FATAL(store_post(fixture_store, run_and_tell, &run, false), 0);
    pthread_mutex_lock(&lock);
    while (!run.is_done && wait_change(&deadline))
        ;
    pthread_mutex_unlock(&lock);
    CU_ASSERT_TRUE_FATAL(run.is_done);
}

void fixture_epoch(char ret_epoch[33])
{
    struct store_stats stats;

    store_get_stats(fixture_store, &stats);
    memcpy(ret_epoch, stats.epoch, 33);
}

void fixture_load_cursor(void *arg)
{
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "community", arg), 0);
}

void fixture_save_cursor(void *arg)
{
    CU_ASSERT_EQUAL(store_cursor_save(fixture_store, "community", arg), 0);
}

static void add_points(struct catalog_device *device, const char *name, uint32_t n)
{
    device->name = strdup(name);
    device->bus = strdup("bus");
    device->n_points = n;
    device->points = calloc(n, sizeof *device->points);
    for (uint32_t i = 0; i < n; i++) {
        char text[16];

        snprintf(text, sizeof text, "p%u", i);
        device->points[i].name = strdup(text);
        device->points[i].unit = strdup(i % 2 ? "W" : "");
    }
}

void fixture_make(void)
{
    snprintf(fixture_dir, sizeof fixture_dir, "%s/gatewayd-store-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fixture_dir));
    fixture_make_catalog();
}

void fixture_make_catalog(void)
{
    fixture_catalog = catalog_new(1, 2);
    fixture_catalog->devices[0].category = CATEGORY_GRID;
    add_points(&fixture_catalog->devices[0], "meter", 8);
    add_points(&fixture_catalog->devices[1], "panel", 3);
    catalog_seal(fixture_catalog);
}

void fixture_remove(void)
{
    DIR *dir = opendir(fixture_dir);
    const struct dirent *entry;
    char path[600];

    chmod(fixture_dir, 0700);
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", fixture_dir, entry->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(fixture_dir);
    catalog_unref(fixture_catalog);
    fixture_catalog = NULL;
}

static void open_store(const char *directory, uint64_t max_bytes, size_t queue_bytes,
                       uint32_t interval_ms)
{
    const struct store_options options = {.directory = directory,
                                          .gateway_id = fixture_gateway_id,
                                          .machine_id = fixture_machine_id,
                                          .max_bytes = max_bytes,
                                          .commit_interval_ms = interval_ms,
                                          .queue_max_bytes = queue_bytes,
                                          .probe_interval_ms = fixture_probe_ms,
                                          .witness = fixture_witness};
    const struct store_hooks hooks = {
        .committed = committed, .event = event, .epoch_changed = epoch_changed};
    struct gw_error error = {.text = ""};

    committed_seq = 0;
    n_events = 0;
    CU_ASSERT_EQUAL_FATAL(store_open(&options, &hooks, &fixture_store, &error), 0);
}

void fixture_open_sized(uint64_t max_bytes, size_t queue_bytes, uint32_t interval_ms)
{
    open_store(fixture_dir, max_bytes, queue_bytes, interval_ms);
}

void fixture_open_in(const char *directory)
{
    open_store(directory, 64u << 20, 0, 60000);
}

void fixture_open(void)
{
    fixture_open_sized(512u << 20, 0, 60000);
}

void fixture_close(void)
{
    store_close(fixture_store);
    fixture_store = NULL;
}

struct record_batch *fixture_batch(uint32_t n, uint32_t salt)
{
    struct record_batch *batch = record_batch_new(fixture_catalog);

    for (uint32_t i = 0; i < n; i++) {
        record_batch_begin(batch, 0, (int64_t)(salt + i) * 1000000);
        for (uint32_t p = 0; p < 8; p++) {
            struct gw_value value = {.type = GW_TYPE_INT,
                                     .v.i = (int64_t)salt * 1000 + i + p};

            record_batch_add(batch, p, GW_GOOD, 0, &value);
        }
    }
    return batch;
}

uint64_t fixture_store_batch(uint32_t n, uint32_t salt)
{
    struct store_stats stats;
    uint64_t before;

    store_get_stats(fixture_store, &stats);
    before = stats.last_seq;
    CU_ASSERT_EQUAL_FATAL(store_append(fixture_store, fixture_batch(n, salt), true), 0);
    return fixture_wait_committed(before + n);
}
