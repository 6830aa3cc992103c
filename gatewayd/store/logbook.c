/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and trimming the log; see logbook.h. Opening it: logbook_open.c. */
#include "gatewayd/store/logbook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/clockmap.h"
#include "gatewayd/store/logbook_open.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define EVENTS_KEPT 10000 /* beyond the log's own; years of transitions */

static int64_t ms(int64_t ns)
{
    return ns / CLOCK_NS_PER_MS;
}

const struct logbook_boot *logbook_find_boot(const struct logbook *book, int64_t id)
{
    for (uint32_t i = book->n_boots; i-- > 0;)
        if (book->boots[i].id == id)
            return &book->boots[i];
    return NULL;
}

int logbook_write_layouts(struct logbook *book)
{
    uint32_t n = layouts_has_unstored(book->layouts) ? layouts_count(book->layouts) : 0;

    for (uint32_t id = 1; id <= n; id++) {
        struct layout *layout = layouts_get(book->layouts, id);
        char *points;
        int rc;

        if (!layout || layout->is_stored)
            continue;
        points = layout_points_text(layout);
        if (!points)
            return -ENOMEM;
        stmt_bind_i64(book->insert_layout, 1, id);
        stmt_bind_text(book->insert_layout, 2, layout->device);
        stmt_bind_i64(book->insert_layout, 3, layout->category);
        stmt_bind_text(book->insert_layout, 4, points);
        rc = stmt_run(book->insert_layout);
        free(points);
        if (rc < 0)
            return rc;
        layouts_set_stored(book->layouts, layout);
    }
    return 0;
}

static int write_event(struct logbook *book, const struct pending_row *row)
{
    struct sqlite3_stmt *stmt = book->insert_event;

    stmt_bind_i64(stmt, 1, (int64_t)book->seq_after);
    stmt_bind_i64(stmt, 2, book->boot);
    stmt_bind_i64(stmt, 3, row->t_first_ns);
    stmt_bind_i64(stmt, 4, row->belief.offset_ms);
    stmt_bind_i64(stmt, 5, row->belief.trust);
    stmt_bind_i64(stmt, 6, row->category);
    stmt_bind_text(stmt, 7, row->device);
    stmt_bind_text(stmt, 8, row->code);
    stmt_bind_text(stmt, 9, row->severity);
    stmt_bind_text(stmt, 10, row->text);
    return stmt_run(stmt);
}

int logbook_write_row(struct logbook *book, const struct pending_row *row)
{
    struct sqlite3_stmt *stmt = book->insert_row;
    int rc = row->kind == STORED_EVENT ? write_event(book, row) : 0;

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)book->seq_after);
    stmt_bind_i64(stmt, 2, row->n_records);
    stmt_bind_i64(stmt, 3, row->kind);
    stmt_bind_i64(stmt, 4, 0);
    stmt_bind_i64(stmt, 5, book->boot);
    stmt_bind_i64(stmt, 6, ms(row->t_first_ns));
    stmt_bind_i64(stmt, 7, ms(row->t_last_ns));
    stmt_bind_i64(stmt, 8, row->belief.offset_ms);
    stmt_bind_i64(stmt, 9, row->belief.trust);
    stmt_bind_blob(stmt, 10, row->data, row->kind == STORED_EVENT ? 0 : row->len);
    rc = stmt_run(stmt);
    if (rc == 0)
        book->seq_after += row->n_records;
    return rc;
}

int logbook_write(struct logbook *book, const struct pending *pending)
{
    int rc = logbook_write_layouts(book);

    for (const struct pending_row *row = pending->first; row && rc == 0;
         row = row->next) {
        rc = clockmap_before_row(book, row->belief);
        if (rc == 0)
            rc = logbook_write_row(book, row);
    }
    return rc;
}

void logbook_committed(struct logbook *book)
{
    book->next_seq = book->seq_after;
    book->first_seq = book->first_after;
    book->has_new_times = false;
    if (book->first_seq == 0 && book->next_seq > book->epoch_first_seq)
        book->first_seq = book->first_after = book->epoch_first_seq;
}

void logbook_rolled_back(struct logbook *book)
{
    book->seq_after = book->next_seq;
    book->first_after = book->first_seq;
    layouts_mark_unstored(book->layouts);
    if (book->has_new_times)
        (void)logbook_reload_times(book); /* no memory: some times are wrong until then */
}

/* ---- trimming ---- */

struct trimmed {
    uint64_t next_seq; /* rows below it go */
    unsigned n_rows;
    struct gap gap; /* count 0: nothing undelivered */
    const struct epoch *epoch;
};

static void add_to_gap(struct logbook *book, struct gap *gap, uint64_t seq, uint64_t last)
{
    struct belief belief = {.offset_ms = stmt_i64(book->oldest, 5)};
    uint32_t n;
    int64_t offset_ms =
        corrections_apply(&book->corrections, 0, seq, belief, &n).offset_ms;

    if (gap->count == 0) {
        gap->seq_from = seq;
        gap->from_ms = stmt_i64(book->oldest, 3) + offset_ms;
    }
    gap->seq_to = last;
    gap->to_ms = stmt_i64(book->oldest, 4) + offset_ms;
    gap->count += last - seq + 1;
}

static int choose_rows(struct logbook *book, uint64_t delivered_low, unsigned max_rows,
                       bool delivered_only, struct trimmed *trimmed)
{
    int rc;

    while ((rc = stmt_step(book->oldest)) > 0 && trimmed->n_rows < max_rows) {
        uint64_t seq = (uint64_t)stmt_i64(book->oldest, 0);
        uint64_t last = seq + (uint64_t)stmt_i64(book->oldest, 1) - 1;

        if (last + 1 >= book->seq_after || (delivered_only && last > delivered_low))
            break;
        if (trimmed->gap.count > 0 && epochs_at(&book->epochs, seq) != trimmed->epoch)
            break; /* the numbers of a gap are those of one epoch */
        trimmed->epoch = epochs_at(&book->epochs, seq);
        if (last > delivered_low)
            add_to_gap(book, &trimmed->gap, seq > delivered_low ? seq : delivered_low + 1,
                       last);
        /* and what a gap told that goes itself */
        if (trimmed->gap.count && trimmed->epoch &&
            trimmed->epoch->first_seq <= trimmed->gap.seq_from)
            trimmed->gap.seq_from = trimmed->epoch->first_seq > delivered_low
                                        ? trimmed->epoch->first_seq
                                        : delivered_low + 1;
        trimmed->next_seq = last + 1;
        trimmed->n_rows++;
    }
    stmt_reset(book->oldest);
    return rc < 0 ? rc : 0;
}

static int delete_rows(struct logbook *book, uint64_t below)
{
    struct sqlite3_stmt *events = NULL;
    int rc;

    stmt_bind_i64(book->delete_rows, 1, (int64_t)below);
    rc = stmt_run(book->delete_rows);
    if (rc == 0)
        rc = stmt_prepare(
            book->db,
            "DELETE FROM event WHERE seq < ?1 AND seq <= (SELECT seq FROM event"
            " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            &events);
    if (rc < 0)
        return rc;
    stmt_bind_i64(events, 1, (int64_t)below);
    stmt_bind_i64(events, 2, EVENTS_KEPT);
    rc = stmt_run(events);
    stmt_finish(&events);
    return rc;
}

int logbook_write_gap(struct logbook *book, const struct gap *gap)
{
    struct pending pending;
    int rc;

    pending_init(&pending);
    rc = pending_add_gap(&pending, clock_boot_ns(), belief_now(), gap);
    if (rc == 0)
        rc = logbook_write_row(book, pending.first);
    pending_done(&pending);
    return rc;
}

int logbook_trim(struct logbook *book, uint64_t delivered_low, unsigned max_rows,
                 bool delivered_only, unsigned *ret_rows, uint64_t *ret_lost)
{
    struct trimmed trimmed = {.gap.reason = "disk-bound"};
    int rc = choose_rows(book, delivered_low, max_rows, delivered_only, &trimmed);

    *ret_rows = trimmed.n_rows;
    *ret_lost = trimmed.gap.count;
    if (rc < 0 || trimmed.n_rows == 0)
        return rc;
    if (trimmed.epoch && trimmed.epoch->last_seq != UINT64_MAX)
        memcpy(trimmed.gap.epoch, trimmed.epoch->hex, sizeof trimmed.gap.epoch);
    rc = delete_rows(book, trimmed.next_seq);
    if (rc == 0 && trimmed.gap.count)
        rc = logbook_write_gap(book, &trimmed.gap);
    if (rc == 0)
        rc = corrections_trim(&book->corrections, book->db, trimmed.next_seq);
    if (rc == 0)
        book->first_after = trimmed.next_seq;
    return rc;
}

int logbook_trim_moved(struct logbook *book, int64_t epoch, unsigned max_rows,
                       unsigned *ret_rows)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(book->db,
                          "DELETE FROM moved WHERE key IN (SELECT key FROM moved WHERE"
                          " key >= ?1<<40 AND key < (?1+1)<<40 ORDER BY key LIMIT ?2)",
                          &stmt);

    *ret_rows = 0;
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, epoch);
    stmt_bind_i64(stmt, 2, max_rows);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    *ret_rows = rc == 0 ? (unsigned)db_changes(book->db) : 0;
    if (rc < 0 || *ret_rows == max_rows)
        return rc;
    rc = stmt_prepare(book->db, "DELETE FROM epoch WHERE id=?1", &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, epoch);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    *ret_rows += rc == 0; /* there may be another one */
    if (rc == 0)
        rc = db_exec(book->db,
                     "DELETE FROM correction WHERE space<>0 AND space NOT IN (SELECT id"
                     " FROM epoch); DELETE FROM event WHERE seq>>40 AND seq>>40 NOT IN"
                     " (SELECT id FROM epoch)");
    if (rc == 0)
        rc = corrections_load(&book->corrections, book->db);
    return rc < 0 ? rc : epochs_load(&book->epochs, book->db);
}

int logbook_trim_events(struct logbook *book, unsigned max_rows, unsigned *ret_rows)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(book->db,
                          "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE"
                          " seq<?1 ORDER BY seq LIMIT ?2)",
                          &stmt);

    *ret_rows = 0;
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)book->first_after);
    stmt_bind_i64(stmt, 2, max_rows);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    *ret_rows = rc == 0 ? (unsigned)db_changes(book->db) : 0;
    return rc;
}
