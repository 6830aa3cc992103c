/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's thread and its interface, see store.h. Producers push into the queue; the
 * thread sleeps until something urgent comes or the commit is due, packs, commits, and
 * tells the hooks, which forward.
 */
#include "gatewayd/store/store.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/events.h"
#include "gatewayd/store/restore.h"
#include "gatewayd/store/salvage.h"
#include "gatewayd/store/store_thread.h"
#include "gatewayd/store/writer.h"
#include "gatewayd/store/writer_back.h"
#include "gatewayd/store/writer_lost.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"
#include "lib/base/thread.h"

#define QUEUE_BYTES (16u << 20)
#define STACK_BYTES (256u * 1024)
#define TICK_NS CLOCK_NS_PER_S
/* of packed rows: commits before the interval ends */
#define PENDING_BYTES (256u * 1024)
#define PROBE_FIRST_MS 30000
#define PROBE_MAX_NS (600 * CLOCK_NS_PER_S)
#define SALVAGE_PAUSE_MS 20
#define NEVER INT64_MAX

struct store {
    struct queue queue;
    struct writer writer;
    pthread_t thread;
    int64_t interval_ns;
    int64_t commit_due_ns, tick_due_ns; /* NEVER: sleep until woken */
    int64_t probe_due_ns, probe_interval_ns, probe_first_ns;
    bool has_committed;
    atomic_bool wants_tick, has_backup;
    struct restore *restore;
};

/* ---- the thread ---- */

static int sleep_ms(const struct store *store)
{
    int64_t due = store->commit_due_ns, now = clock_boot_ns();

    if (store->wants_tick && store->tick_due_ns < due)
        due = store->tick_due_ns;
    if (store->probe_due_ns < due)
        due = store->probe_due_ns;
    if (due == NEVER)
        return -1;
    if (due <= now)
        return 0;
    return (int)((due - now) / CLOCK_NS_PER_MS + 1);
}

static void tick(struct store *store)
{
    const struct store_hooks *hooks = &store->writer.hooks;

    store->tick_due_ns = clock_boot_ns() + TICK_NS;
    if (hooks->tick)
        hooks->tick(hooks->ctx);
}

/* Runs the posts and packs the rest; true when something of it cannot wait. */
static bool handle_items(struct store *store, struct queue_item *items)
{
    bool urgent = false;

    while (items) {
        struct queue_item *item = items;

        items = item->next;
        urgent |= item->urgent;
        if (item->kind == QUEUE_POST)
            item->fn(item->arg);
        else
            writer_take(&store->writer, item);
        queue_item_free(item);
    }
    return urgent;
}

/* The queue's items; arms the commit timer, or stops it when a whole interval was
 * idle. */
static struct queue_item *take_items(struct store *store, bool *ret_stopping)
{
    int64_t now = clock_boot_ns();
    struct queue_loss loss;
    struct queue_item *items = queue_take(&store->queue, true, ret_stopping, &loss);

    if (!items && loss.n_records == 0 && !writer_has_work(&store->writer) &&
        now >= store->commit_due_ns)
        items = queue_take(&store->queue, false, ret_stopping, &loss);
    writer_take_loss(&store->writer, &loss);
    if (items || writer_has_work(&store->writer)) {
        if (store->commit_due_ns == NEVER)
            store->commit_due_ns = now + store->interval_ns;
    } else if (now >= store->commit_due_ns) {
        store->commit_due_ns = NEVER;
    }
    return items;
}

static void commit(struct store *store)
{
    writer_look(&store->writer);
    writer_commit(&store->writer);
    store->has_committed = true;
    store->commit_due_ns = clock_boot_ns() + store->interval_ns;
    tick(store);
    writer_checkpoint(&store->writer);
}

/* In RAM: is the disk back? Looks less and less often. What is pending goes first: it is
 * packed for the database in RAM. */
static void probe(struct store *store)
{
    struct writer *writer = &store->writer;
    int64_t now = clock_boot_ns();

    if (writer->stats.on_disk) {
        store->probe_due_ns = NEVER;
        return;
    }
    if (store->probe_due_ns == NEVER) {
        store->probe_interval_ns = store->probe_first_ns;
        store->probe_due_ns = now + store->probe_interval_ns;
    }
    if (now < store->probe_due_ns)
        return;
    if (writer_has_work(writer))
        commit(store);
    if (!writer_has_work(writer))
        writer_try_disk(writer);
    if (store->probe_interval_ns < PROBE_MAX_NS)
        store->probe_interval_ns *= 2;
    store->probe_due_ns = clock_boot_ns() + store->probe_interval_ns;
}

static bool turn(struct store *store)
{
    struct writer *writer = &store->writer;
    bool stopping, urgent = handle_items(store, take_items(store, &stopping));

    probe(store);
    writer_tell_epoch(writer);
    if (writer->notices) {
        writer_tell_notices(writer);
        urgent = true;
    }
    if (writer_has_work(writer) && (urgent || stopping || !store->has_committed ||
                                    writer->pending.bytes >= PENDING_BYTES ||
                                    clock_boot_ns() >= store->commit_due_ns))
        commit(store);
    else if (store->wants_tick && clock_boot_ns() >= store->tick_due_ns)
        tick(store);
    return !stopping;
}

/* Salvage goes on when there is nothing else to do, so that it delays no commit by
 * much. */
static bool salvage(struct store *store)
{
    return !writer_has_work(&store->writer) &&
           (store->writer.salvage || writer_adopt(&store->writer)) &&
           salvage_step(&store->writer);
}

static void *run(void *arg)
{
    struct store *store = arg;

    while (turn(store)) {
        bool more = salvage(store);
        int timeout_ms = sleep_ms(store);

        if (more && (timeout_ms < 0 || timeout_ms > SALVAGE_PAUSE_MS))
            timeout_ms = SALVAGE_PAUSE_MS;
        queue_wait(&store->queue, store->writer.notices ? 0 : timeout_ms);
    }
    return NULL;
}

int store_open(const struct store_options *options, const struct store_hooks *hooks,
               struct store **ret_store, struct gw_error *reterr)
{
    struct store *store = calloc(1, sizeof *store);
    int rc;

    if (!store)
        return error_set(reterr, -ENOMEM, "no-memory", "no memory for the store");
    store->interval_ns = options->commit_interval_ms * CLOCK_NS_PER_MS;
    store->commit_due_ns = store->probe_due_ns = NEVER;
    store->probe_first_ns =
        (options->probe_interval_ms ? options->probe_interval_ms : PROBE_FIRST_MS) *
        CLOCK_NS_PER_MS;
    (void)clock_boot_id(); /* fills its static text before there are threads */
    rc = queue_init(&store->queue,
                    options->queue_max_bytes ? options->queue_max_bytes : QUEUE_BYTES);
    if (rc < 0) {
        free(store);
        return error_set(reterr, -ENOMEM, "no-memory", "no descriptor for the store");
    }
    rc = writer_open(&store->writer, options, hooks, reterr);
    if (rc == 0) {
        store->restore = restore_new(store);
        rc = store->restore ? thread_start(run, store, STACK_BYTES, &store->thread)
                            : -ENOMEM;
        if (rc == 0) {
            *ret_store = store;
            return 0;
        }
        restore_free(store->restore);
        writer_close(&store->writer);
        rc = error_set(reterr, -ENOMEM, "no-memory", "no thread for the store");
    }
    queue_done(&store->queue);
    free(store);
    return rc;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    restore_free(store->restore); /* its worker may be waiting for the thread */
    queue_stop(&store->queue);
    pthread_join(store->thread, NULL);
    writer_close(&store->writer);
    queue_done(&store->queue);
    free(store);
}

/* ---- any thread ---- */

int store_append(struct store *store, struct record_batch *batch, bool urgent)
{
    struct queue_item *item = queue_item_new(QUEUE_BATCH, NULL);

    if (!item || batch->failed) {
        free(item);
        record_batch_free(batch);
        return -ENOMEM;
    }
    item->batch = batch;
    item->urgent = urgent;
    item->bytes += record_batch_bytes(batch);
    return queue_push(&store->queue, item);
}

int store_append_event(struct store *store, const char *device, enum category category,
                       const char *code, const char *severity, const char *text)
{
    const char *const texts[4] = {device, code, severity, text};
    struct queue_item *item = queue_item_new(QUEUE_EVENT, texts);

    if (!item)
        return -ENOMEM;
    item->category = category;
    item->t_boot_ns = clock_boot_ns();
    item->urgent = true;
    return queue_push(&store->queue, item);
}

int store_append_gap(struct store *store, const char *device, uint64_t count,
                     int64_t from_boot_ns, int64_t to_boot_ns, const char *reason)
{
    struct queue_item *item = queue_item_new(QUEUE_GAP, NULL);

    if (!item)
        return -ENOMEM;
    item->t_boot_ns = to_boot_ns;
    item->gap = (struct gap){.count = count,
                             .from_ms = from_boot_ns / CLOCK_NS_PER_MS,
                             .to_ms = to_boot_ns / CLOCK_NS_PER_MS};
    snprintf(item->gap.reason, sizeof item->gap.reason, "%s", reason);
    snprintf(item->gap.device, sizeof item->gap.device, "%s", device);
    return queue_push(&store->queue, item);
}

int store_post(struct store *store, void (*fn)(void *arg), void *arg, bool urgent)
{
    struct queue_item *item = queue_item_new(QUEUE_POST, NULL);

    if (!item)
        return -ENOMEM;
    item->fn = fn;
    item->arg = arg;
    item->urgent = urgent;
    return queue_push(&store->queue, item) < 0 ? -ENOMEM : 0;
}

struct writer *store_writer(struct store *store)
{
    return &store->writer;
}

atomic_bool *store_backup_flag(struct store *store)
{
    return &store->has_backup;
}

struct restore *store_restore(struct store *store)
{
    return store->restore;
}

struct store_place {
    struct queue_item *item;
};

struct store_place *store_place_new(void)
{
    struct store_place *place = calloc(1, sizeof *place);

    if (!place)
        return NULL;
    place->item = queue_item_new(QUEUE_POST, NULL);
    if (!place->item) {
        free(place);
        return NULL;
    }
    place->item->bytes = 0; /* so it fits into a full queue */
    return place;
}

void store_place_free(struct store_place *place)
{
    if (!place)
        return;
    queue_item_free(place->item);
    free(place);
}

void store_post_in(struct store *store, struct store_place *place, void (*fn)(void *arg),
                   void *arg)
{
    place->item->fn = fn;
    place->item->arg = arg;
    queue_push(&store->queue, place->item);
    free(place);
}

static void probe_now(void *arg)
{
    struct store *store = arg;

    store->probe_due_ns = 0;
    store->probe_interval_ns = store->probe_first_ns;
}

void store_try_disk(struct store *store)
{
    (void)store_post(store, probe_now, store, true); /* else it looks by itself */
}

void store_set_tick(struct store *store, bool on)
{
    if (atomic_exchange(&store->wants_tick, on) != on && on)
        queue_wake(&store->queue);
}

void store_note_off_grid(struct store *store, int64_t slot_ms, int32_t off_grid_s)
{
    off_grid_note(&store->writer.summary.off_grid, slot_ms, off_grid_s);
}

void store_get_stats(struct store *store, struct store_stats *ret_stats)
{
    pthread_mutex_lock(&store->writer.stats_lock);
    *ret_stats = store->writer.stats;
    pthread_mutex_unlock(&store->writer.stats_lock);
}

int store_open_db(struct store *store, struct db **ret_db)
{
    struct store_stats stats;

    store_get_stats(store, &stats);
    return disk_open_reader(&store->writer.disk, stats.on_disk, ret_db);
}

int store_read_events(struct store *store, int64_t from_ms, unsigned limit,
                      void (*fn)(void *ctx, const struct stored_record *record),
                      void *ctx)
{
    struct db *db;
    int rc = store_open_db(store, &db);

    if (rc < 0)
        return rc;
    rc = events_read(db, from_ms, limit, fn, ctx);
    db_close(db);
    return rc;
}
