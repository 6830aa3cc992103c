/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the local history; see summary_rows.h. */
#include "gatewayd/store/summary_rows.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/energy/slots.h"
#include "lib/sqlite/stmt.h"

#define ROW_BYTES 24 /* beside its blob */
#define MINUTES_KEPT_SLOTS (35 * 96)
#define SLOTS_KEPT_SLOTS (3660 * 96)
#define MINUTES_SHARE 4 /* of the store's size; the log keeps the rest */
#define SLOTS_SHARE 8
/* a run lets go of at most so many: one with a clock that is years ahead costs no more */
#define OLD_ROWS_MAX 256
#define STATES_KEPT 256 /* of each run; of older ones each 16th */
#define STATE_STEP 16
#define OLD_RUNS_MAX 4

/* 1: *ret is its first column; 0: none, or null. */
static int get_i64(struct db *db, const char *sql, int64_t a, int64_t b, int64_t *ret)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, a);
    stmt_bind_i64(stmt, 2, b);
    rc = stmt_step(stmt);
    if (rc > 0 && stmt_is_null(stmt, 0))
        rc = 0;
    if (rc > 0)
        *ret = stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    return rc;
}

/* ---- writing ---- */

/* Parts of a key come one after the other; -ENOSPC: there are too many. */
static int next_key(struct db *db, const char *sql, int64_t first, int64_t *ret_key)
{
    int64_t last = first + (1 << SUMMARY_PART_BITS) - 1;
    int rc = get_i64(db, sql, first, last, ret_key);

    if (rc < 0)
        return rc;
    *ret_key = rc > 0 ? *ret_key + 1 : first;
    return *ret_key > last ? -ENOSPC : 0;
}

static int write_minutes(struct summary *summary, const struct summing_part *part,
                         uint32_t device, struct sqlite3_stmt *insert)
{
    struct strbuf blob;
    int64_t first = part->slot << SUMMARY_SLOT_SHIFT |
                    (int64_t)device << SUMMARY_DEVICE_SHIFT,
            key = 0;
    int rc = next_key(summary->book->db,
                      "SELECT max(key) FROM minutes WHERE key BETWEEN ?1 AND ?2", first,
                      &key);

    if (rc == -ENOSPC)
        return 0;
    strbuf_init(&blob);
    minutes_pack(&part->minutes[device],
                 summary->summing.names.devices[device].is_counter, &blob);
    if (rc == 0 && blob.failed)
        rc = -ENOMEM;
    if (rc == 0) {
        stmt_bind_i64(insert, 1, key);
        stmt_bind_i64(insert, 2, summary->run);
        stmt_bind_i64(insert, 3, part->clock);
        stmt_bind_blob(insert, 4, blob.data, blob.len);
        rc = stmt_run(insert);
        summary->minutes_bytes += blob.len + ROW_BYTES;
        summary->run_bytes += blob.len + ROW_BYTES;
    }
    strbuf_done(&blob);
    return rc;
}

static int write_part(struct summary *summary, const struct summing_part *part)
{
    struct sqlite3_stmt *insert = NULL;
    int rc = 0;

    if (part->n_devices == 0)
        return 0;
    rc = stmt_prepare(summary->book->db, "INSERT INTO minutes VALUES(?1,?2,?3,?4)",
                      &insert);
    for (uint32_t i = 0; i < part->n_devices && rc == 0; i++)
        if (!minutes_is_empty(&part->minutes[i]))
            rc = write_minutes(summary, part, i, insert);
    stmt_finish(&insert);
    return rc;
}

static int write_slot(struct summary *summary, int64_t slot, const struct strbuf *blob)
{
    struct sqlite3_stmt *insert = NULL;
    int64_t key = 0;
    int rc = next_key(summary->book->db,
                      "SELECT max(key) FROM slots WHERE key BETWEEN ?1 AND ?2",
                      slot << SUMMARY_PART_BITS, &key);

    if (rc == -ENOSPC)
        return 0;
    if (rc == 0)
        rc = blob->failed ? -ENOMEM
                          : stmt_prepare(summary->book->db,
                                         "INSERT INTO slots VALUES(?1,?2,?3)", &insert);
    if (rc < 0)
        return rc;
    stmt_bind_i64(insert, 1, key);
    stmt_bind_i64(insert, 2, summary->run);
    stmt_bind_blob(insert, 3, blob->data, blob->len);
    rc = stmt_run(insert);
    stmt_finish(&insert);
    summary->slots_bytes += blob->len + ROW_BYTES;
    summary->run_bytes += blob->len + ROW_BYTES;
    return rc;
}

static int by_start(const void *a, const void *b)
{
    const struct flow_slot *left = a, *right = b;

    return left->slot.start_ms < right->slot.start_ms   ? -1
           : left->slot.start_ms > right->slot.start_ms ? 1
                                                        : 0;
}

static int take_slots(struct flows *flows, struct flow_slot **ret, size_t *ret_n)
{
    struct flow_slot slot;

    *ret = NULL;
    *ret_n = 0;
    while (flows_take(flows, &slot)) {
        struct flow_slot *bigger = realloc(*ret, (*ret_n + 1) * sizeof *bigger);

        if (!bigger)
            return -ENOMEM;
        *ret = bigger;
        bigger[(*ret_n)++] = slot;
    }
    if (*ret_n)
        qsort(*ret, *ret_n, sizeof **ret, by_start);
    return 0;
}

static int write_slots(struct summary *summary)
{
    struct flow_slot *slots;
    struct strbuf blob;
    size_t n;
    int rc = take_slots(summary->summing.flows, &slots, &n);

    strbuf_init(&blob);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (blob.len == 0)
            slots_begin(&blob);
        slots_put(&blob, &slots[i],
                  off_grid_get(&summary->off_grid, slots[i].slot.start_ms));
        if (i + 1 < n && slots[i + 1].slot.start_ms == slots[i].slot.start_ms)
            continue;
        rc = write_slot(summary, summing_slot(slots[i].slot.start_ms), &blob);
        strbuf_clear(&blob);
    }
    strbuf_done(&blob);
    free(slots);
    return rc;
}

static int write_run(struct summary *summary, const struct summary_pass *pass)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(summary->book->db,
                          "INSERT INTO run VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,"
                          "?12)",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, summary->run);
    stmt_bind_i64(stmt, 2, summary->space);
    stmt_bind_i64(stmt, 3, (int64_t)pass->seq_from);
    stmt_bind_i64(stmt, 4, (int64_t)pass->seq_to);
    stmt_bind_i64(stmt, 5, pass->t_first_ms);
    stmt_bind_i64(stmt, 6, pass->t_last_ms);
    stmt_bind_i64(stmt, 7, pass->next.space);
    stmt_bind_i64(stmt, 8, (int64_t)pass->next.seq);
    stmt_bind_i64(stmt, 9, pass->next.moved_done);
    stmt_bind_i64(stmt, 10, (int64_t)summary->minutes_bytes);
    stmt_bind_i64(stmt, 11, (int64_t)summary->slots_bytes);
    stmt_bind_blob(stmt, 12, summary->meters.data, summary->meters.len);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    summary->run_bytes += summary->meters.len + ROW_BYTES;
    return rc;
}

/* ---- letting go ---- */

/* Of a table the oldest rows: those below a key, and more while it is too much. */
static int trim_table(struct db *db, const char *select, const char *delete,
                      int64_t below, uint64_t bytes_max, uint64_t *bytes)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t last = -1;
    int rc = stmt_prepare(db, select, &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, OLD_ROWS_MAX);
    while ((rc = stmt_step(stmt)) > 0) {
        uint64_t size = (uint64_t)stmt_i64(stmt, 1) + ROW_BYTES;

        if (stmt_i64(stmt, 0) >= below && *bytes <= bytes_max)
            break;
        last = stmt_i64(stmt, 0);
        *bytes -= *bytes < size ? *bytes : size;
    }
    stmt_finish(&stmt);
    if (rc < 0 || last < 0)
        return rc < 0 ? rc : 0;
    return stmt_run_i64(db, delete, last, 0);
}

static int trim_runs(struct summary *summary)
{
    struct db *db = summary->book->db;
    int64_t old = summary->run - STATES_KEPT;
    int rc = 0;

    if (old <= 0)
        return 0;
    if (old % STATE_STEP != 0)
        rc = stmt_run_i64(db, "UPDATE run SET meters=NULL WHERE id=?1", old, 0);
    if (rc < 0)
        return rc;
    return stmt_run_i64(
        db,
        "DELETE FROM run WHERE id IN (SELECT id FROM run ORDER BY id LIMIT 4)"
        " AND id<?1 AND seq_to<=?2",
        old, (int64_t)summary->book->first_after);
}

/* slot: the newest; clock: whether it may be believed. */
static int trim_old(struct summary *summary, const struct summing_part *part)
{
    struct db *db = summary->book->db;
    uint64_t max = (uint64_t)db_pragma_i64(db, "max_page_count") *
                   (uint64_t)db_pragma_i64(db, "page_size");
    int64_t newest = part->clock == CLOCK_SYNCED ? part->slot : 0;
    int rc = trim_table(db, "SELECT key,length(data) FROM minutes ORDER BY key LIMIT ?1",
                        "DELETE FROM minutes WHERE key<=?1",
                        newest > MINUTES_KEPT_SLOTS
                            ? (newest - MINUTES_KEPT_SLOTS) << SUMMARY_SLOT_SHIFT
                            : 0,
                        max / MINUTES_SHARE, &summary->minutes_bytes);

    if (rc == 0)
        rc = trim_table(db, "SELECT key,length(data) FROM slots ORDER BY key LIMIT ?1",
                        "DELETE FROM slots WHERE key<=?1",
                        newest > SLOTS_KEPT_SLOTS
                            ? (newest - SLOTS_KEPT_SLOTS) << SUMMARY_PART_BITS
                            : 0,
                        max / SLOTS_SHARE, &summary->slots_bytes);
    return rc < 0 ? rc : trim_runs(summary);
}

int summary_rows_write(struct summary *summary, struct summary_pass *pass)
{
    struct flows *flows = summary->summing.flows;
    int rc = 0;

    summary->run++;
    summary->run_bytes = 0;
    /* its own slot stays open: the next record still tells of its end */
    if (pass->n_records > 0)
        flows_close_due(flows, pass->parts[0].slot * FLOWS_SLOT_MS);
    rc = write_slots(summary);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = write_part(summary, &pass->parts[i]);
    if (rc == 0)
        rc = summary_names_save(&summary->summing.names, summary->book->db);
    strbuf_clear(&summary->meters);
    flows_save(flows, &summary->meters);
    if (rc == 0 && pass->n_records > 0)
        rc = trim_old(summary, &pass->parts[0]);
    if (rc == 0)
        rc = summary->meters.failed ? -ENOMEM : write_run(summary, pass);
    if (rc < 0)
        return rc;
    summary->space = pass->next.space;
    summary->seq = pass->next.seq;
    summary->moved_done = pass->next.moved_done;
    summary->slot = pass->next_slot;
    return 0;
}

/* ---- going back ---- */

int summary_rows_rewind(struct summary *summary, int64_t space, uint64_t seq)
{
    struct db *db = summary->book->db;
    int64_t first = 0, to = 0;
    int rc = get_i64(db, "SELECT min(id) FROM run WHERE space=?1 AND seq_to>?2 AND id>0",
                     space, (int64_t)seq, &first);

    if (rc <= 0)
        return rc;
    /* from where its readings are still there */
    rc = get_i64(db,
                 "SELECT max(id) FROM run WHERE meters IS NOT NULL AND id<?1 AND"
                 " (next_space<>0 OR max(next_seq,1)>=?2)",
                 first, (int64_t)summary->book->first_after, &to);
    if (rc == 0)
        rc = get_i64(db,
                     "SELECT min(id) FROM run WHERE meters IS NOT NULL AND"
                     " (next_space<>0 OR max(next_seq,1)>=?2) AND id>=?1",
                     first, (int64_t)summary->book->first_after, &to);
    if (rc <= 0)
        return rc;
    rc = stmt_run_i64(db, "DELETE FROM minutes WHERE run>?1", to, 0);
    if (rc == 0)
        rc = stmt_run_i64(db, "DELETE FROM slots WHERE run>?1", to, 0);
    if (rc == 0)
        rc = stmt_run_i64(db, "DELETE FROM run WHERE id>?1", to, 0);
    if (rc == 0)
        rc = stmt_run_i64(
            db,
            "UPDATE run SET minutes_bytes=(SELECT ifnull(sum(length(data)+?2),0)"
            " FROM minutes),slots_bytes=(SELECT ifnull(sum(length(data)+?2),0)"
            " FROM slots) WHERE id=?1",
            to, ROW_BYTES);
    return rc < 0 ? rc : 1;
}
