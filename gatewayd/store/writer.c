/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and committing; see writer.h. What is done when that fails: writer_repair.c. */
#include "gatewayd/store/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/thin.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"

#define TRIES 6 /* each repair once, then RAM, then what RAM says */
#define FAILURES_MAX 2       /* of commits one after the other; then it is not the rows */
#define FAILURES_BUSY_MAX 12 /* somebody's lock, or memory, may take a minute */
#define TELL_FAILED_S 3600
/* undelivered ones go in pieces of minutes, so that gaps stay few */
#define TRIM_ROWS 64
#define TRIM_ROUNDS 12
#define ROW_BYTES 40 /* of a row beside its block, measured */
#define RUNS_PER_H 4 /* of the history */
#define GROWTH_NS (600 * CLOCK_NS_PER_S)
/* 1 MiB of WAL: about each ten minutes of 250 readings/s */
#define CHECKPOINT_FRAMES 1000
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

    summary_learn(&writer->summary, batch->catalog);
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

/* What is given up at the bound, the least first. Each is told once until there is room
 * again. */
enum bound_step {
    BOUND_DELIVERED,
    BOUND_THIN,
    BOUND_COUNTERS,
    BOUND_EVENTS,
    BOUND_DROP,
    BOUND_STEPS
};

static void tell_bound(struct writer *writer, enum bound_step step)
{
    static const struct {
        const char *code, *severity, *text;
    } table[BOUND_STEPS] = {
        {"store-at-bound", "info",
         "the store has reached its size; the oldest delivered records make room"},
        {"store-thinning", "warning",
         "the store is full of undelivered records; the oldest become 1-minute means"},
        {"store-dropping", "alarm",
         "the store is full of undelivered means; of the oldest only energy counters "
         "stay"},
        {"store-forgets-events", "info",
         "the store is full; its oldest events are no longer listed"},
        {"store-dropping-all", "alarm",
         "the store is full of undelivered counters and events; the oldest are dropped"},
    };

    if (writer->told_bound & (1u << step))
        return;
    writer->told_bound |= 1u << step;
    writer_note(writer, table[step].code, table[step].severity, table[step].text);
}

/* Nothing undelivered is given up any more when half of what is kept has arrived: rows
 * that did make room from then on, while the database stays as large as it is. */
static void forget_drops(struct writer *writer, uint64_t low)
{
    const unsigned drops = 1u << BOUND_THIN | 1u << BOUND_COUNTERS | 1u << BOUND_DROP;
    const unsigned alarms = 1u << BOUND_COUNTERS | 1u << BOUND_DROP;
    uint64_t first = writer->book.first_after, next = writer->book.seq_after;

    if (!(writer->told_bound & drops) || low < first || next - low > low - first)
        return;
    if (writer->told_bound & alarms)
        writer_note(writer, "store-has-room", "info",
                    "records were delivered; the store has room again");
    writer->told_bound &= ~drops;
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

/* Of what was brought back from RAM, the rows that all routes have. In the
 * transaction. */
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

/* The oldest delivered rows, brought back from RAM or of the log. In the transaction. */
static int trim_delivered(struct writer *writer, uint64_t low, unsigned *ret_rows)
{
    uint64_t n_lost;
    int rc = trim_moved(writer, ret_rows);

    if (rc < 0 || *ret_rows > 0 || writer->book.first_after > low)
        return rc;
    return logbook_trim(&writer->book, low, TRIM_ROWS, true, ret_rows, &n_lost);
}

/* What goes is in the local history before. */
static int sum_before(struct writer *writer, enum bound_step step)
{
    uint64_t from = writer->book.first_after;

    if (!writer->stats.on_disk || (step != BOUND_DELIVERED && step != BOUND_THIN &&
                                   step != BOUND_DROP))
        return 0;
    if (step == BOUND_THIN && writer->thin_from[THIN_TO_MINUTES] > from)
        from = writer->thin_from[THIN_TO_MINUTES];
    return summary_before_trim(&writer->summary, from,
                               step == BOUND_THIN ? THIN_ROWS_MAX : TRIM_ROWS);
}

static int take_step(struct writer *writer, enum bound_step step, uint64_t low,
                     unsigned *ret_rows)
{
    struct logbook *book = &writer->book;
    unsigned stage = step == BOUND_THIN ? THIN_TO_MINUTES : THIN_TO_COUNTERS;
    uint64_t n_lost;
    int rc = sum_before(writer, step);

    if (rc < 0)
        return rc;
    switch (step) {
    case BOUND_DELIVERED:
        return trim_delivered(writer, low, ret_rows);
    case BOUND_THIN:
    case BOUND_COUNTERS:
        if (writer->thin_from[stage] <= low)
            writer->thin_from[stage] = low + 1;
        return thin_rows(book, (enum thin_stage)stage, &writer->thin_from[stage],
                         ret_rows);
    case BOUND_EVENTS:
        return logbook_trim_events(book, TRIM_ROWS, ret_rows);
    case BOUND_DROP:
        return logbook_trim(book, low, TRIM_ROWS, false, ret_rows, &n_lost);
    case BOUND_STEPS:
        break;
    }
    return 0;
}

int writer_make_room(struct writer *writer, unsigned *ret_rows)
{
    uint64_t low = writer_delivered_low(writer);
    int rc = 0;

    *ret_rows = 0;
    for (enum bound_step step = BOUND_DELIVERED;
         step < BOUND_STEPS && rc == 0 && *ret_rows == 0; step++) {
        rc = take_step(writer, step, low, ret_rows);
        if (rc == 0 && *ret_rows > 0)
            tell_bound(writer, step);
    }
    return rc;
}

/* In the transaction. */
static int keep_bound(struct writer *writer)
{
    int64_t max = db_pragma_i64(writer->db, "max_page_count");
    uint64_t low = writer_delivered_low(writer);
    enum bound_step step = BOUND_DELIVERED;
    int rc = 0;

    forget_drops(writer, low);
    if (used_pages(writer) < max / 100 * 60)
        writer->told_bound &= 1u << BOUND_COUNTERS | 1u << BOUND_DROP;
    for (int i = 0; i < TRIM_ROUNDS && rc == 0 && step < BOUND_STEPS; i++) {
        unsigned n_rows = 0;

        if (used_pages(writer) < max - max / 20)
            break;
        rc = take_step(writer, step, low, &n_rows);
        if (n_rows > 0)
            tell_bound(writer, step);
        else
            step++;
    }
    return rc;
}

void writer_roll_back(struct writer *writer)
{
    db_rollback(writer->db);
    logbook_rolled_back(&writer->book);
    summary_leave(&writer->summary);
    writer->thin_from[0] = writer->thin_from[1] = 0;
}

static int try_commit(struct writer *writer)
{
    int rc = db_begin(writer->db);

    if (rc == 0)
        rc = summary_prepare(&writer->summary);
    if (rc == 0)
        rc = logbook_write(&writer->book, &writer->pending);
    if (rc == 0)
        rc = cursors_write(&writer->cursors, writer->db);
    if (rc == 0)
        rc = summary_step(&writer->summary, &writer->pending, writer->stats.on_disk);
    if (rc == 0)
        rc = keep_bound(writer);
    if (rc == 0)
        rc = db_commit(writer->db);
    if (rc < 0) {
        writer_roll_back(writer);
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

/* The log's growth over the last ten to twenty minutes. In rows' bytes, and then as the
 * pages they take. */
static double full_in_h(struct writer *writer, int64_t used_bytes, int64_t now_boot_ns)
{
    struct growth *growth = &writer->growth;
    uint64_t low = writer_delivered_low(writer), first = writer->book.first_seq,
             last = writer->book.next_seq - 1;
    double hours, waiting = 1, bytes_per_h;

    for (const struct pending_row *row = writer->pending.first; row; row = row->next)
        growth->bytes += row->len + ROW_BYTES;
    if (growth->t_boot_ns[0] == 0 || now_boot_ns - growth->t_boot_ns[1] > GROWTH_NS) {
        bool is_first = growth->t_boot_ns[0] == 0;

        growth->t_boot_ns[0] = is_first ? now_boot_ns : growth->t_boot_ns[1];
        growth->begin[0] = is_first ? growth->bytes : growth->begin[1];
        growth->t_boot_ns[1] = now_boot_ns;
        growth->begin[1] = growth->bytes;
    }
    hours = (double)(now_boot_ns - growth->t_boot_ns[0]) / 3.6e12;
    if (hours < 1.0 / 60 || growth->bytes == growth->begin[0])
        return -1;
    if (low >= first && last > first)
        waiting = low >= last ? 0 : (double)(last - low) / (double)(last - first + 1);
    bytes_per_h = (double)(growth->bytes - growth->begin[0]) / hours +
                  (double)writer->summary.run_bytes * RUNS_PER_H;
    return ((double)writer->stats.max_bytes * 0.95 - (double)used_bytes * waiting) /
           bytes_per_h;
}

static void count_commit(struct writer *writer, int64_t begin_boot_ns)
{
    int64_t page = db_pragma_i64(writer->db, "page_size");
    int64_t pages = db_pragma_i64(writer->db, "page_count"), now = clock_boot_ns();
    struct store_stats *stats = &writer->stats;
    double left_h = full_in_h(writer, used_pages(writer) * page, now);

    pthread_mutex_lock(&writer->stats_lock);
    stats->full_in_h = left_h;
    stats->is_at_bound = writer->told_bound != 0;
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

/* What is told to be missing was counted when it was lost; it is only told anew. */
static uint64_t add_lost(struct gap *lost, const struct pending_row *row)
{
    struct gap before = {.count = 0};
    bool is_gap =
        row->kind == STORED_GAP && gap_get(row->data, row->len, &before) == 0;
    int64_t from_ms = is_gap ? before.from_ms : row->t_first_ns / CLOCK_NS_PER_MS;
    int64_t to_ms = is_gap ? before.to_ms : row->t_last_ns / CLOCK_NS_PER_MS;

    if (lost->count == 0 || from_ms < lost->from_ms)
        lost->from_ms = from_ms;
    if (lost->count == 0 || to_ms > lost->to_ms)
        lost->to_ms = to_ms;
    lost->count += is_gap ? before.count : row->n_records;
    return is_gap ? 0 : row->n_records;
}

/* A row that no database takes would hold up all later ones for ever. */
static void drop_pending(struct writer *writer, int rc)
{
    struct gap gap = {.reason = "disk-bound"};
    uint64_t n_new = 0, suppressed;

    for (const struct pending_row *row = writer->pending.first; row; row = row->next)
        n_new += add_lost(&gap, row);
    pending_clear(&writer->pending);
    count_dropped(writer, n_new);
    if (gap.count)
        take_gap(writer, clock_boot_ns(), &gap);
    /* it is an event to be stored too: told each time, it would fail for ever at once */
    if (log_limit_pass(&writer->failed_limit, TELL_FAILED_S, &suppressed))
        writer_note(writer, "store-failed", "alarm", error_errno_text(rc));
}

static unsigned failures_max(int rc)
{
    return rc == -ENOMEM || rc == -EBUSY ? FAILURES_BUSY_MAX : FAILURES_MAX;
}

static bool is_full(const struct writer *writer)
{
    return writer->pending.bytes >= PENDING_BYTES_MAX;
}

/* An error that comes again and again is no better than a bad disk. */
static bool give_up_disk(struct writer *writer, int rc)
{
    if (!writer->stats.on_disk ||
        (writer->n_failed + 1 < failures_max(rc) && !is_full(writer)))
        return false;
    return writer_leave_disk(writer, rc);
}

static int commit_somewhere(struct writer *writer)
{
    int rc = 0;

    for (int i = 0; i < TRIES; i++) {
        rc = try_commit(writer);
        if (rc == 0 || !(writer_repair(writer, rc) || give_up_disk(writer, rc)))
            break;
    }
    return rc;
}

/* On disk the rows wait for another try, which ends in RAM. */
static void commit_failed(struct writer *writer, int rc)
{
    bool may_wait = writer->stats.on_disk || rc == -ENOMEM || rc == -EBUSY;

    writer->n_failed++;
    if (is_full(writer) || !may_wait || writer->n_failed >= failures_max(rc))
        drop_pending(writer, rc);
}

void writer_commit(struct writer *writer)
{
    int64_t begin_boot_ns = clock_boot_ns();
    uint64_t before = writer->book.next_seq;
    int rc = pending_close_block(&writer->pending);
    bool has_rows = writer->pending.first != NULL;

    if (rc == 0)
        rc = commit_somewhere(writer);
    if (rc < 0) {
        commit_failed(writer, rc);
        return;
    }
    count_commit(writer, begin_boot_ns);
    pending_clear(&writer->pending);
    writer->n_repairs = writer->n_failed = 0;
    if (writer->stats.on_disk) /* before anything of it leaves the box */
        disk_write_witness(&writer->disk, writer->book.epoch, writer->book.next_seq);
    writer_tell_epoch(writer);
    if ((has_rows || writer->book.next_seq != before) && writer->hooks.committed)
        writer->hooks.committed(writer->hooks.ctx, writer->book.next_seq - 1);
}

void writer_checkpoint(struct writer *writer)
{
    if (db_wal_frames(writer->db) < CHECKPOINT_FRAMES)
        return;
    (void)db_checkpoint(writer->db);
    /* in case it was used up and there is room again */
    if (writer->stats.on_disk && disk_make_ballast(&writer->disk))
        writer_note(writer, "store-reserve-back", "info",
                    "there is room on the disk again; the reserve is kept back again");
}
