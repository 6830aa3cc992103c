/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and committing; see writer.h. What is done when that fails: writer_repair.c. */
#include "gatewayd/store/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"

#define TRIES 4
#define TRIM_ROWS 64 /* undelivered ones go in pieces of minutes, so that gaps stay few  \
                      */
#define TRIM_ROUNDS 8
#define CHECKPOINT_FRAMES                                                                \
    1000 /* 1 MiB of WAL: about each ten minutes of 250 readings/s */
#define PENDING_BYTES_MAX (4u << 20)

static void count_dropped(struct writer *writer, uint64_t n)
{
    pthread_mutex_lock(&writer->stats_lock);
    writer->stats.n_dropped += n;
    pthread_mutex_unlock(&writer->stats_lock);
}

static void take_gap(struct writer *writer, int64_t t_boot_ns, const struct gap *gap)
{
    if (pending_add_gap(&writer->pending, t_boot_ns, belief_now(), gap) < 0)
        count_dropped(writer, gap->count);
}

static void take_batch(struct writer *writer, const struct record_batch *batch)
{
    struct belief belief = belief_now();
    uint64_t n_lost = 0;

    for (uint32_t i = 0; i < batch->n_records; i++)
        if (pending_add_record(&writer->pending, writer->layouts, batch,
                               &batch->records[i], belief) < 0)
            n_lost++;
    if (n_lost) {
        struct gap gap = {.count = n_lost, .reason = "disk-bound"};

        gap.from_ms = gap.to_ms = batch->records[0].t_boot_ns / CLOCK_NS_PER_MS;
        count_dropped(writer, n_lost);
        take_gap(writer, batch->records[0].t_boot_ns, &gap);
    }
}

void writer_add_event(struct writer *writer, const char *device, enum category category,
                      const char *code, const char *severity, const char *text)
{
    if (pending_add_event(&writer->pending, clock_boot_ns(), belief_now(), device,
                          category, code, severity, text) < 0)
        count_dropped(writer, 1);
}

void writer_take(struct writer *writer, const struct queue_item *item)
{
    switch (item->kind) {
    case QUEUE_BATCH:
        take_batch(writer, item->batch);
        break;
    case QUEUE_EVENT:
        if (pending_add_event(&writer->pending, item->t_boot_ns, belief_now(),
                              item->device, item->category, item->code, item->severity,
                              item->text) < 0)
            count_dropped(writer, 1);
        break;
    case QUEUE_GAP:
        take_gap(writer, item->t_boot_ns, &item->gap);
        break;
    case QUEUE_POST:
        break;
    }
}

void writer_take_loss(struct writer *writer, const struct queue_loss *loss)
{
    struct gap gap = {.count = loss->n_records, .reason = "disk-bound"};

    if (loss->n_records == 0)
        return;
    gap.from_ms = loss->from_boot_ns / CLOCK_NS_PER_MS;
    gap.to_ms = loss->to_boot_ns / CLOCK_NS_PER_MS;
    count_dropped(writer, loss->n_records);
    take_gap(writer, clock_boot_ns(), &gap);
}

bool writer_has_work(const struct writer *writer)
{
    return !pending_is_empty(&writer->pending) || writer->cursors.is_dirty;
}

/* ---- committing ---- */

static int64_t used_pages(struct writer *writer)
{
    return db_pragma_i64(writer->db, "page_count") -
           db_pragma_i64(writer->db, "freelist_count");
}

static void tell_bound(struct writer *writer, uint64_t n_lost)
{
    if (!writer->is_full)
        writer_note(
            writer, "store-at-bound", "info",
            "the store has reached its size; the oldest delivered records make room");
    if (n_lost && writer->lost_at_bound == 0)
        writer_note(writer, "store-dropping", "alarm",
                    "the store is full of undelivered records; the oldest are dropped");
    writer->is_full = true;
    writer->lost_at_bound += n_lost;
}

uint64_t writer_delivered_low(const struct writer *writer)
{
    const struct epochs *epochs = &writer->book.epochs;
    uint64_t low = 0;

    for (uint32_t i = 0; i < epochs->n; i++) {
        const struct epoch *epoch = &epochs->items[i];
        bool goes_on = epoch->last_seq == UINT64_MAX;

        if (epoch->is_moved)
            continue;
        low = cursors_delivered_low(&writer->cursors, epoch->hex, goes_on);
        if (low < epoch->last_seq)
            break;
    }
    return low;
}

/* Of what was brought back from RAM, the rows that all routes have. In the transaction. */
static int trim_moved(struct writer *writer, unsigned *ret_rows)
{
    const struct epochs *epochs = &writer->book.epochs;

    *ret_rows = 0;
    for (uint32_t i = 0; i < epochs->n; i++) {
        const struct epoch *epoch = &epochs->items[i];

        if (!epoch->is_moved ||
            cursors_delivered_low(&writer->cursors, epoch->hex, false) < epoch->last_seq)
            continue;
        return logbook_trim_moved(&writer->book, epoch->id, TRIM_ROWS, ret_rows);
    }
    return 0;
}

/* In the transaction. */
static int keep_bound(struct writer *writer)
{
    int64_t max = db_pragma_i64(writer->db, "max_page_count");
    uint64_t low = writer_delivered_low(writer);
    unsigned n_rows = 1;
    int rc = 0;

    if (used_pages(writer) < max / 100 * 90) {
        writer->is_full = false;
        writer->lost_at_bound = 0;
    }
    for (int i = 0; i < TRIM_ROUNDS && rc == 0 && n_rows > 0; i++) {
        uint64_t n_lost;

        if (used_pages(writer) < max - max / 20)
            break;
        n_lost = 0;
        rc = trim_moved(writer, &n_rows);
        if (rc == 0 && n_rows == 0)
            rc = logbook_trim(&writer->book, low, TRIM_ROWS, &n_rows, &n_lost);
        if (n_rows > 0)
            tell_bound(writer, n_lost);
    }
    return rc;
}

static int try_commit(struct writer *writer)
{
    int rc = db_begin(writer->db);

    if (rc == 0)
        rc = logbook_write(&writer->book, &writer->pending);
    if (rc == 0)
        rc = cursors_write(&writer->cursors, writer->db);
    if (rc == 0)
        rc = keep_bound(writer);
    if (rc == 0)
        rc = db_commit(writer->db);
    if (rc < 0) {
        db_rollback(writer->db);
        logbook_rolled_back(&writer->book);
        return rc;
    }
    logbook_committed(&writer->book);
    cursors_committed(&writer->cursors);
    return 0;
}

static void count_rows(struct writer *writer, struct store_stats *stats)
{
    for (const struct pending_row *row = writer->pending.first; row; row = row->next) {
        stats->n_readings += row->n_readings;
        if (row->kind == STORED_READINGS)
            stats->n_records += row->n_records;
        if (row->kind == STORED_EVENT)
            stats->n_events++;
    }
}

static void count_commit(struct writer *writer, int64_t begin_boot_ns)
{
    int64_t page = db_pragma_i64(writer->db, "page_size");
    int64_t pages = db_pragma_i64(writer->db, "page_count"), now = clock_boot_ns();
    struct store_stats *stats = &writer->stats;

    pthread_mutex_lock(&writer->stats_lock);
    count_rows(writer, stats);
    stats->commits++;
    stats->bytes_written = db_bytes_written();
    stats->size_bytes = page > 0 && pages > 0 ? (uint64_t)(page * pages) : 0;
    stats->first_seq = writer->book.first_seq;
    stats->last_seq = writer->book.next_seq - 1;
    stats->commit_boot_ns = now;
    stats->commit_last_us = (uint32_t)((now - begin_boot_ns) / 1000);
    if (stats->commit_last_us > stats->commit_max_us)
        stats->commit_max_us = stats->commit_last_us;
    pthread_mutex_unlock(&writer->stats_lock);
}

/* A row that no database takes would hold up all later ones for ever. */
static void give_up(struct writer *writer, int rc)
{
    uint64_t n = 0;
    struct gap gap = {.reason = "disk-bound"};

    if ((rc == -ENOMEM || rc == -EBUSY) && writer->pending.bytes < PENDING_BYTES_MAX)
        return;
    for (const struct pending_row *row = writer->pending.first; row; row = row->next) {
        if (n == 0)
            gap.from_ms = row->t_first_ns / CLOCK_NS_PER_MS;
        gap.to_ms = row->t_last_ns / CLOCK_NS_PER_MS;
        n += row->n_records;
    }
    pending_clear(&writer->pending);
    count_dropped(writer, n);
    gap.count = n;
    if (n)
        take_gap(writer, clock_boot_ns(), &gap);
    writer_note(writer, "store-failed", "alarm", error_errno_text(rc));
}

void writer_commit(struct writer *writer)
{
    int64_t begin_boot_ns = clock_boot_ns();
    uint64_t before = writer->book.next_seq;
    int rc = pending_close_block(&writer->pending);
    bool has_rows = writer->pending.first != NULL;

    for (int i = 0; rc == 0 && i < TRIES; i++) {
        rc = try_commit(writer);
        if (rc == 0 || !writer_repair(writer, rc))
            break;
        rc = 0;
    }
    if (rc < 0) {
        give_up(writer, rc);
        return;
    }
    count_commit(writer, begin_boot_ns);
    pending_clear(&writer->pending);
    writer->n_repairs = 0;
    writer_tell_epoch(writer);
    if ((has_rows || writer->book.next_seq != before) && writer->hooks.committed)
        writer->hooks.committed(writer->hooks.ctx, writer->book.next_seq - 1);
}

void writer_checkpoint(struct writer *writer)
{
    if (db_wal_frames(writer->db) < CHECKPOINT_FRAMES)
        return;
    (void)db_checkpoint(writer->db);
    if (writer->stats.on_disk)
        disk_make_ballast(
            &writer->disk); /* in case it was used up and there is room again */
}
