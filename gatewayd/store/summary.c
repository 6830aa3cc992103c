/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the local history; see summary.h. Called by the writer in its transactions.
 * What a run sums it reads back from the log: nothing is kept in memory from commit to
 * commit but the place. Writing its rows and what goes when it is too old or too much:
 * summary_rows.c.
 */
#include "gatewayd/store/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/summary_rows.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define RUNS_PER_STEP 8
#define READINGS_PER_STEP 200000 /* some 20 ms; a slot is never cut */
#define RUNS_PER_TRIM 64

void summary_init(struct summary *summary, struct logbook *book)
{
    *summary = (struct summary){.book = book};
    strbuf_init(&summary->meters);
    off_grid_init(&summary->off_grid);
}

void summary_leave(struct summary *summary)
{
    if (!summary->is_loaded)
        return;
    log_scan_done(&summary->scan);
    summing_done(&summary->summing);
    summary->is_loaded = false;
}

void summary_done(struct summary *summary)
{
    summary_leave(summary);
    strbuf_done(&summary->meters);
    off_grid_done(&summary->off_grid);
    catalog_unref(summary->catalog);
    summary->catalog = NULL;
}

static int load_place(struct summary *summary)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(summary->book->db,
                          "SELECT id,next_space,next_seq,moved_done,meters,"
                          "minutes_bytes,slots_bytes FROM run ORDER BY id DESC LIMIT 1",
                          &stmt);
    size_t len;

    if (rc == 0)
        rc = stmt_step(stmt);
    strbuf_clear(&summary->meters);
    summary->slot = summary->idle_slot = -1;
    if (rc > 0) {
        const void *data = stmt_blob(stmt, 4, &len);

        summary->run = stmt_i64(stmt, 0);
        summary->space = stmt_i64(stmt, 1);
        summary->seq = (uint64_t)stmt_i64(stmt, 2);
        summary->moved_done = stmt_i64(stmt, 3);
        summary->minutes_bytes = (uint64_t)stmt_i64(stmt, 5);
        summary->slots_bytes = (uint64_t)stmt_i64(stmt, 6);
        strbuf_add(&summary->meters, data, len);
    }
    stmt_finish(&stmt);
    if (rc == 0 || summary->meters.failed)
        return rc == 0 ? -EUCLEAN : -ENOMEM;
    return rc < 0 ? rc : 0;
}

static int load(struct summary *summary)
{
    const struct corrections *corrections = &summary->book->corrections;
    int rc;

    if (summary->is_loaded)
        return 0;
    rc = summing_init(&summary->summing);
    if (rc < 0)
        return rc;
    log_scan_init(&summary->scan, summary->book->db, summary->book->layouts, corrections);
    summary->is_loaded = true;
    summary->correction_key = 0;
    for (uint32_t i = 0; i < corrections->n; i++)
        if (corrections->items[i].key > summary->correction_key &&
            !(corrections->items[i].key >> EPOCH_SHIFT))
            summary->correction_key = corrections->items[i].key;
    rc = summary_names_load(&summary->summing.names, summary->book->db);
    if (rc == 0)
        rc = load_place(summary);
    if (rc == 0 && summary->catalog)
        rc = summary_names_learn(&summary->summing.names, summary->catalog);
    if (rc < 0)
        summary_leave(summary);
    return rc;
}

void summary_learn(struct summary *summary, struct catalog *catalog)
{
    if (summary->catalog == catalog)
        return;
    catalog_unref(summary->catalog);
    summary->catalog = catalog_ref(catalog);
    if (summary->is_loaded &&
        summary_names_learn(&summary->summing.names, catalog) < 0)
        summary_leave(summary);
}

/* ---- one run ---- */

static int sum_record(struct summary *summary, struct summary_pass *pass,
                      const struct log_scan_record *record)
{
    int64_t slot = summing_slot(record->t_wall_ms);
    struct summing_part *part;

    if (pass->n_records == 0) {
        pass->parts[0].slot = slot;
        pass->parts[1].slot = slot - 1;
        pass->parts[0].clock = pass->parts[1].clock = CLOCK_SYNCED;
        pass->t_first_ms = pass->t_last_ms = record->t_wall_ms;
    }
    part = slot == pass->parts[0].slot   ? &pass->parts[0]
           : slot == pass->parts[1].slot ? &pass->parts[1]
                                         : NULL;
    if (!part) {
        pass->next_slot = slot;
        return 1;
    }
    pass->n_records++;
    pass->n_readings += record->layout->n_points;
    if (record->t_wall_ms < pass->t_first_ms)
        pass->t_first_ms = record->t_wall_ms;
    if (record->t_wall_ms > pass->t_last_ms)
        pass->t_last_ms = record->t_wall_ms;
    pass->seq_to = record->seq + 1;
    return summing_add(&summary->summing, record, part);
}

/* Where the space to read ends, and what comes then. */
static int find_end(struct summary *summary, uint64_t *ret_last,
                    struct summary_place *then)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        summary->book->db,
        summary->space
            /* without it, when its rows are gone: the log goes on where it was left */
            ? "SELECT id,back_seq,first_seq,moved_last_seq FROM epoch WHERE id=?1 UNION"
              " ALL SELECT ?1,max(seq_to),0,0 FROM run WHERE space=0 LIMIT 1"
            : "SELECT id,back_seq,first_seq,moved_last_seq FROM epoch WHERE id>?1 AND"
              " back_seq IS NOT NULL AND moved_last_seq IS NOT NULL ORDER BY id LIMIT 1",
        &stmt);

    *then = (struct summary_place){.space = -1};
    *ret_last = summary->book->seq_after - 1;
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, summary->space ? summary->space : summary->moved_done);
    rc = stmt_step(stmt);
    if (summary->space) {
        *then = (struct summary_place){.moved_done = summary->space};
        then->seq = (uint64_t)stmt_i64(stmt, 1);
        *ret_last = (uint64_t)stmt_i64(stmt, 3);
    } else if (rc > 0) {
        *then = (struct summary_place){.space = stmt_i64(stmt, 0),
                                       .seq = (uint64_t)stmt_i64(stmt, 2),
                                       .moved_done = summary->moved_done};
        *ret_last = (uint64_t)stmt_i64(stmt, 1) - 1;
    }
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}

static int sum_slot(struct summary *summary, struct summary_pass *pass, uint64_t last)
{
    struct log_scan_record record;
    int rc = summing_load_flows(&summary->summing, summary->meters.data,
                                summary->meters.len);

    if (rc == 0)
        rc = log_scan_begin(&summary->scan, summary->space, summary->seq, last);
    while (rc == 0 && (rc = log_scan_next(&summary->scan, &record)) > 0) {
        rc = sum_record(summary, pass, &record);
        if (rc > 0) {
            pass->is_over = true;
            pass->next.seq = record.seq;
            rc = 0;
            break;
        }
    }
    log_scan_end(&summary->scan);
    return rc;
}

/* Sums one slot, or, forced, up to the end. *ret_done: it was written. */
static int run(struct summary *summary, bool is_forced, bool *ret_done,
               uint64_t *n_readings)
{
    struct summary_pass pass = {.seq_from = summary->seq,
                                .seq_to = summary->seq,
                                .next_slot = -1,
                                .next = {summary->space, 0, summary->moved_done}};
    struct summary_place then;
    uint64_t last;
    int rc = find_end(summary, &last, &then);

    *ret_done = false;
    if (rc == 0)
        rc = sum_slot(summary, &pass, last);
    if (rc == 0 && !pass.is_over && then.space >= 0) {
        pass.is_over = true;
        pass.next = then;
    } else if (rc == 0 && !pass.is_over && is_forced && pass.n_records > 0) {
        pass.is_over = true;
        pass.next.seq = last + 1;
    }
    if (rc == 0 && pass.is_over) {
        rc = summary_rows_write(summary, &pass);
        *ret_done = rc == 0;
        *n_readings += pass.n_readings;
    }
    for (int i = 0; i < 2; i++)
        summing_part_done(&pass.parts[i]);
    return rc;
}

/* Readings must not be lost for a fault of their summary. */
static int run_safely(struct summary *summary, bool is_forced, bool *ret_done,
                      uint64_t *n_readings)
{
    struct db *db = summary->book->db;
    int rc = db_exec(db, "SAVEPOINT summary");

    *ret_done = false;
    if (rc < 0)
        return rc;
    rc = run(summary, is_forced, ret_done, n_readings);
    if (rc == -EINVAL || rc == -EEXIST) {
        summary->is_off = true;
        *ret_done = false;
        rc = db_exec(db, "ROLLBACK TO summary");
    }
    return rc < 0 ? rc : db_exec(db, "RELEASE summary");
}

/* ---- when ---- */

/* The first record's slot where the next run begins; -1: none there. */
static int find_slot(struct summary *summary)
{
    struct log_scan_record record;
    struct summary_place then;
    uint64_t last;
    int rc = find_end(summary, &last, &then);

    if (rc == 0)
        rc = log_scan_begin(&summary->scan, summary->space, summary->seq, last);
    if (rc == 0)
        rc = log_scan_next(&summary->scan, &record);
    summary->slot = rc > 0 ? summing_slot(record.t_wall_ms) : -1;
    log_scan_end(&summary->scan);
    return rc < 0 ? rc : 0;
}

static int64_t newest_slot(const struct pending *pending)
{
    int64_t slot = -1;

    for (const struct pending_row *row = pending->first; row; row = row->next)
        if (row->kind == STORED_READINGS)
            slot = summing_slot(row->t_last_ns / CLOCK_NS_PER_MS + row->belief.offset_ms);
    return slot;
}

/* Rows of which the time is another now: what stands on them goes, and is summed
 * again. */
static int follow_corrections(struct summary *summary)
{
    const struct corrections *corrections = &summary->book->corrections;
    uint64_t key = summary->correction_key;
    int rc = 0;

    for (uint32_t i = 0; i < corrections->n && rc == 0; i++) {
        const struct correction *correction = &corrections->items[i];

        if (correction->key <= key || correction->key >> EPOCH_SHIFT)
            continue; /* those that came back with their rows are older than any run */
        if (correction->key > summary->correction_key)
            summary->correction_key = correction->key;
        rc = summary_rows_rewind(summary, correction->space, correction->seq_from);
        if (rc > 0)
            rc = load_place(summary);
    }
    return rc;
}

static bool is_due(const struct summary *summary, int64_t newest)
{
    return newest != summary->idle_slot &&
           (summary->space || newest > summary->slot || newest < summary->slot - 1);
}

int summary_prepare(struct summary *summary)
{
    return summary->is_off ? 0 : load(summary);
}

int summary_step(struct summary *summary, const struct pending *pending, bool on_disk)
{
    int64_t newest = newest_slot(pending);
    uint64_t n_readings = 0;
    bool is_done = true;
    int rc;

    if (summary->is_off)
        return 0;
    rc = summary_names_save(&summary->summing.names, summary->book->db);
    if (rc < 0 || !on_disk)
        return rc;
    rc = follow_corrections(summary);
    for (int i = 0; rc == 0 && newest >= 0 && is_done && i < RUNS_PER_STEP &&
                    n_readings < READINGS_PER_STEP;
         i++) {
        if (summary->slot < 0)
            rc = find_slot(summary);
        if (rc < 0 || !is_due(summary, newest))
            break;
        rc = run_safely(summary, false, &is_done, &n_readings);
        if (rc == 0 && !is_done)
            summary->idle_slot = newest;
    }
    return rc;
}

int summary_before_trim(struct summary *summary, uint64_t seq, unsigned n_rows)
{
    struct sqlite3_stmt *stmt = NULL;
    uint64_t below = summary->book->seq_after, n_readings = 0;
    bool is_done = true;
    int rc;

    if (summary->is_off)
        return 0;
    rc = load(summary);
    if (rc == 0)
        rc = stmt_prepare(
            summary->book->db,
            "SELECT seq FROM log WHERE seq>=?1 ORDER BY seq LIMIT 1 OFFSET ?2", &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)seq);
    stmt_bind_i64(stmt, 2, n_rows);
    rc = stmt_step(stmt);
    if (rc > 0)
        below = (uint64_t)stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    for (int i = 0; rc >= 0 && is_done && i < RUNS_PER_TRIM &&
                    (summary->space || summary->seq < below);
         i++)
        rc = run_safely(summary, true, &is_done, &n_readings);
    return rc < 0 ? rc : 0;
}
