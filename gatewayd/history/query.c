/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the local history for reading, and how far it goes; see query.h. The questions
 * themselves: values.c and energy.c. On the caller's thread.
 */
#include "gatewayd/history/query.h"

#include <errno.h>
#include <stdlib.h>

#include "gatewayd/history/history_state.h"
#include "gatewayd/store/logbook_open.h"
#include "gatewayd/store/summary.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define LOOK_EVERY 1024 /* records between looks at the clock */

void history_begin(struct history *history, uint32_t limit_ms)
{
    limit_ms = limit_ms ? limit_ms : HISTORY_LIMIT_MS;
    history->deadline_boot_ns = clock_boot_ns() + limit_ms * CLOCK_NS_PER_MS;
    db_limit_time(history->db, limit_ms);
}

bool history_is_late(const struct history *history)
{
    return clock_boot_ns() >= history->deadline_boot_ns;
}

/* ---- what is not summed yet ---- */

static int add_span(struct history *history, int64_t space, uint64_t from, uint64_t last)
{
    struct history_span *bigger;

    if (from > last)
        return 0;
    bigger = realloc(history->tail, (history->n_tail + 1) * sizeof *bigger);
    if (!bigger)
        return -ENOMEM;
    history->tail = bigger;
    bigger[history->n_tail++] = (struct history_span){space, from, last};
    return 0;
}

/* Epochs that came back from RAM lie between the rows of the log. */
static int add_spans(struct history *history, int64_t space, uint64_t seq,
                     int64_t moved_done)
{
    struct sqlite3_stmt *stmt = NULL;
    uint64_t left_at = 0; /* in the log */
    int rc = stmt_prepare(history->db,
                          "SELECT id,back_seq,first_seq,moved_last_seq FROM epoch WHERE"
                          " id>=?1 AND back_seq IS NOT NULL AND moved_last_seq IS NOT"
                          " NULL UNION ALL SELECT 0,max(seq_to),0,0 FROM run WHERE"
                          " space=0 ORDER BY 1",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, space ? space : moved_done + 1);
    while (rc >= 0 && (rc = stmt_step(stmt)) > 0) {
        int64_t id = stmt_i64(stmt, 0);
        uint64_t back = (uint64_t)stmt_i64(stmt, 1), first = (uint64_t)stmt_i64(stmt, 2);

        if (id == 0) {
            left_at = back;
            continue;
        }
        if (id == space)
            first = seq;
        else if (space == 0 && seq < back)
            rc = add_span(history, 0, seq, back - 1);
        if (rc >= 0)
            rc = add_span(history, id, first, (uint64_t)stmt_i64(stmt, 3));
        if (space || seq < back)
            seq = back;
        space = 0;
    }
    stmt_finish(&stmt);
    return rc < 0 ? rc : add_span(history, 0, space ? left_at : seq, INT64_MAX);
}

static int load_place(struct history *history)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(history->db,
                          "SELECT next_space,next_seq,moved_done,meters FROM run"
                          " ORDER BY id DESC LIMIT 1",
                          &stmt);
    size_t len;

    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc > 0) {
        const void *data = stmt_blob(stmt, 3, &len);

        strbuf_add(&history->meters, data, len);
        rc = history->meters.failed
                 ? -ENOMEM
                 : add_spans(history, stmt_i64(stmt, 0), (uint64_t)stmt_i64(stmt, 1),
                             stmt_i64(stmt, 2));
    }
    stmt_finish(&stmt);
    return rc;
}

static int load(struct history *history)
{
    int rc = db_exec(history->db, "BEGIN"); /* one state for all that is read */

    if (rc == 0)
        rc = summing_init(&history->summing);
    history->layouts = layouts_new();
    if (rc == 0 && !history->layouts)
        rc = -ENOMEM;
    if (rc == 0)
        rc = logbook_load_layouts(history->db, history->layouts);
    if (rc == 0)
        rc = corrections_load(&history->corrections, history->db);
    if (rc == 0)
        rc = summary_names_load(&history->summing.names, history->db);
    if (rc == 0)
        log_scan_init(&history->scan, history->db, history->layouts,
                      &history->corrections);
    return rc < 0 ? rc : load_place(history);
}

int history_open(struct store *store, struct history **ret_history)
{
    struct history *history = calloc(1, sizeof *history);
    int rc = history ? store_open_db(store, &history->db) : -ENOMEM;

    if (rc == 0) {
        history_begin(history, 0);
        rc = load(history);
    }
    if (rc < 0) {
        history_close(history);
        return rc;
    }
    *ret_history = history;
    return 0;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    log_scan_done(&history->scan);
    summing_done(&history->summing);
    corrections_free(&history->corrections);
    layouts_free(history->layouts);
    free(history->tail);
    strbuf_done(&history->meters);
    if (history->db)
        db_rollback(history->db);
    db_close(history->db);
    free(history);
}

/* ---- how far it goes ---- */

static int64_t newest_summed_ms(struct history *history)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t run_ms = INT64_MAX, means_ms = INT64_MAX;

    if (stmt_prepare(
            history->db,
            "SELECT (SELECT max(t_last_ms) FROM run),(SELECT max(key) FROM minutes)",
            &stmt) == 0 &&
        stmt_step(stmt) > 0) {
        run_ms = stmt_i64(stmt, 0);
        means_ms = ((stmt_i64(stmt, 1) >> SUMMARY_SLOT_SHIFT) + 1) * FLOWS_SLOT_MS;
    }
    stmt_finish(&stmt);
    return run_ms > means_ms ? run_ms : means_ms;
}

/* What lies before the newest found so far need not be decoded. */
static int64_t newest_in_ms(struct history *history, const struct history_span *span,
                            int64_t newest_ms)
{
    struct log_scan_record record;
    unsigned n = 0;
    int rc = log_scan_begin(&history->scan, span->space, span->from, span->last);

    while (rc == 0) {
        log_scan_limit(&history->scan, newest_ms, INT64_MAX);
        if ((rc = log_scan_next(&history->scan, &record)) <= 0)
            break;
        if (record.t_wall_ms > newest_ms)
            newest_ms = record.t_wall_ms;
        rc = ++n % LOOK_EVERY == 0 && history_is_late(history) ? -ETIMEDOUT : 0;
    }
    log_scan_end(&history->scan);
    return rc < 0 ? INT64_MAX : newest_ms;
}

int64_t history_newest_ms(struct history *history)
{
    int64_t newest_ms = newest_summed_ms(history);

    for (uint32_t i = 0; i < history->n_tail && newest_ms < INT64_MAX; i++)
        newest_ms = newest_in_ms(history, &history->tail[i], newest_ms);
    return newest_ms;
}
