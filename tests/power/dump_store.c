/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store holds after a power cut: opens the directory with the real store, so that
 * its own repair runs, prints every record it kept and where a route's cursor stands,
 * then stores one record more and prints the number that it got. One line each:
 *
 *   R epoch boot seq t_ms period_ms device [point=value | point!quality]...
 *   E epoch boot seq code t_ms text
 *   G epoch boot seq seq_from seq_to count reason
 *   C epoch boot seq            K route epoch low [first-last]...
 *   F key value                 (the facts that control and writes keep)
 *   ! code severity             (what the store told about itself)
 *   N epoch seq disk|ram        (the record stored now, once more as R behind it)
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gatewayd/store/store.h"
#include "gatewayd/store/store_facts.h"
#include "gatewayd/store/store_read.h"
#include "lib/base/clock.h"
#include "lib/model/value.h"

#define LIMIT_S 30

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t committed_seq;
static bool is_read;
static int read_rc;

static struct {
    struct store *store;
    const char *route;
    uint64_t from_seq;
    struct strbuf line;
} dump;

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
    (void)text;
    printf("! %s %s\n", code, severity);
}

static void print_readings(const struct stored_record *record)
{
    strbuf_clear(&dump.line);
    for (uint32_t i = 0; i < record->n_values; i++) {
        const struct stored_value *value = &record->values[i];

        strbuf_putc(&dump.line, ' ');
        strbuf_puts(&dump.line, value->point);
        if (value->quality == GW_GOOD) {
            strbuf_putc(&dump.line, '=');
            value_put_json(&value->value, &dump.line);
        } else {
            strbuf_putc(&dump.line, '!');
            strbuf_puts(&dump.line, quality_name((enum gw_quality)value->quality));
        }
    }
    printf("R %s %s %" PRIu64 " %" PRId64 " %" PRIu32 " %s%.*s\n", record->epoch,
           record->boot, record->seq, record->t_wall_ms, record->period_ms,
           record->device, (int)dump.line.len, dump.line.len ? dump.line.data : "");
}

static void print_record(const struct stored_record *record)
{
    switch (record->kind) {
    case STORED_READINGS:
        print_readings(record);
        break;
    case STORED_EVENT:
        printf("E %s %s %" PRIu64 " %s %" PRId64 " %s\n", record->epoch, record->boot,
               record->seq, record->code, record->t_wall_ms, record->text);
        break;
    case STORED_GAP:
        printf("G %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
               record->epoch, record->boot, record->seq, record->seq_from, record->seq_to,
               record->count, record->text);
        break;
    case STORED_CORRECTION:
        printf("C %s %s %" PRIu64 "\n", record->epoch, record->boot, record->seq);
        break;
    }
}

static void print_cursor(void)
{
    struct store_cursor cursor;

    if (store_cursor_load(dump.store, dump.route, &cursor) < 0)
        return;
    printf("K %s %s %" PRIu64, dump.route, cursor.epoch, cursor.low);
    for (uint32_t i = 0; i < cursor.n_ranges; i++)
        printf(" %" PRIu64 "-%" PRIu64, cursor.ranges[i].first, cursor.ranges[i].last);
    printf("\n");
}

static void print_fact(void *ctx, const char *key, const char *value)
{
    (void)ctx;
    printf("F %s %s\n", key, value);
}

static int print_all(void)
{
    struct stored_record record;
    struct store_reader *reader;
    int rc = store_reader_open(dump.store, dump.from_seq, &reader);

    if (rc < 0)
        return rc;
    while ((rc = store_reader_next(reader, &record)) > 0)
        print_record(&record);
    store_reader_close(reader);
    print_cursor();
    if (rc == 0)
        rc = store_fact_each(dump.store, "owned.", print_fact, NULL);
    if (rc >= 0)
        rc = store_fact_each(dump.store, "control.", print_fact, NULL);
    return rc < 0 ? rc : 0;
}

static void read_all(void *arg)
{
    int rc = print_all();

    (void)arg;
    pthread_mutex_lock(&lock);
    read_rc = rc;
    is_read = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool wait_until(bool (*condition)(uint64_t arg), uint64_t arg)
{
    const struct timespec deadline = {.tv_sec = time(NULL) + LIMIT_S};
    bool is_met;

    pthread_mutex_lock(&lock);
    while (!(is_met = condition(arg)) &&
           pthread_cond_timedwait(&changed, &lock, &deadline) == 0)
        ;
    pthread_mutex_unlock(&lock);
    return is_met;
}

static bool has_read(uint64_t arg)
{
    (void)arg;
    return is_read;
}

static bool has_committed(uint64_t seq)
{
    return committed_seq > seq;
}

static struct record_batch *probe_batch(void)
{
    struct gw_value value = {.type = GW_TYPE_INT, .v.i = 1};
    struct catalog *catalog = catalog_new(1, 1);
    struct catalog_device *device = catalog->devices;
    struct record_batch *batch;

    device->name = strdup("probe");
    device->bus = strdup("probe");
    device->n_points = 1;
    device->points = calloc(1, sizeof *device->points);
    device->points->name = strdup("after");
    device->points->unit = strdup("");
    catalog_seal(catalog);
    batch = record_batch_new(catalog);
    record_batch_begin(batch, 0, clock_boot_ns());
    record_batch_add(batch, 0, GW_GOOD, 0, &value);
    catalog_unref(catalog);
    return batch;
}

static bool read_from(uint64_t seq)
{
    dump.from_seq = seq;
    is_read = false;
    return store_post(dump.store, read_all, NULL, false) == 0 &&
           wait_until(has_read, 0) && read_rc == 0;
}

static int append_one(struct store *store)
{
    struct store_stats stats;

    store_get_stats(store, &stats);
    if (store_append(store, probe_batch(), true) < 0 ||
        !wait_until(has_committed, stats.last_seq))
        return -1;
    store_get_stats(store, &stats);
    printf("N %s %" PRIu64 " %s\n", stats.epoch, stats.last_seq,
           stats.on_disk ? "disk" : "ram");
    return read_from(stats.last_seq) ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct store_hooks hooks = {.committed = committed, .event = event};
    struct store_options options = {.max_bytes = 4u << 20, .commit_interval_ms = 60000};
    struct gw_error error;
    int rc = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: dump_store DIRECTORY GATEWAY-ID ROUTE\n");
        return 2;
    }
    options.directory = argv[1];
    options.gateway_id = argv[2];
    dump.route = argv[3];
    if (store_open(&options, &hooks, &dump.store, &error) < 0) {
        fprintf(stderr, "dump_store: %s\n", error.text);
        return 1;
    }
    if (read_from(0) && append_one(dump.store) == 0)
        rc = 0;
    store_close(dump.store);
    strbuf_done(&dump.line);
    return rc;
}
