/* SPDX-License-Identifier: Apache-2.0 */
/* Reading readings; see log_scan.h. */
#include "gatewayd/store/log_scan.h"

#include <errno.h>

#include "gatewayd/store/epochs.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

void log_scan_init(struct log_scan *scan, struct db *db, const struct layouts *layouts,
                   const struct corrections *corrections)
{
    *scan = (struct log_scan){.db = db, .corrections = corrections};
    block_reader_init(&scan->block, layouts);
}

void log_scan_done(struct log_scan *scan)
{
    stmt_finish(&scan->log);
    stmt_finish(&scan->moved);
    if (scan->db)
        block_reader_done(&scan->block);
    *scan = (struct log_scan){0};
}

void log_scan_end(struct log_scan *scan)
{
    if (scan->rows)
        stmt_reset(scan->rows);
    scan->rows = NULL;
    scan->n_left = 0;
}

static int find_layout_base(struct log_scan *scan, int64_t space)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(scan->db, "SELECT layout_base FROM epoch WHERE id=?1", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, space);
    rc = stmt_step(stmt);
    scan->block.layout_base = rc > 0 ? (uint32_t)stmt_i64(stmt, 0) : 0;
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}

/* The row that begins at or below the first number may hold it. */
int log_scan_begin(struct log_scan *scan, int64_t space, uint64_t from, uint64_t last)
{
    struct sqlite3_stmt **stmt = space ? &scan->moved : &scan->log;
    int64_t base = space << EPOCH_SHIFT;
    int rc = 0;

    log_scan_end(scan);
    scan->block.layout_base = 0;
    if (space)
        rc = find_layout_base(scan, space);
    if (rc == 0 && !*stmt)
        rc = stmt_prepare(
            scan->db,
            space
                ? "SELECT key,n,boot,offset_ms,clock,t_first_ms,t_last_ms,data FROM moved"
                  " WHERE key>=ifnull((SELECT max(key) FROM moved WHERE key<=?1 AND"
                  " key>=?3),?3) AND key<=?2 AND kind=1 ORDER BY key"
                : "SELECT seq,n,boot,offset_ms,clock,t_first_ms,t_last_ms,data FROM log"
                  " WHERE seq>=ifnull((SELECT max(seq) FROM log WHERE seq<=?1 AND"
                  " seq>=?3),?3) AND seq<=?2 AND kind=1 ORDER BY seq",
            stmt);
    if (rc < 0)
        return rc;
    scan->rows = *stmt;
    scan->space = space;
    scan->base = base;
    scan->from = from;
    scan->from_ms = INT64_MIN;
    scan->to_ms = INT64_MAX;
    stmt_bind_i64(scan->rows, 1, base + (int64_t)from);
    stmt_bind_i64(scan->rows, 2, base + (int64_t)last);
    stmt_bind_i64(scan->rows, 3, base);
    return 0;
}

void log_scan_limit(struct log_scan *scan, int64_t from_ms, int64_t to_ms)
{
    scan->from_ms = from_ms;
    scan->to_ms = to_ms;
}

/* 1: on a row that can be read; 0: no more. */
static int next_row(struct log_scan *scan)
{
    struct sqlite3_stmt *rows = scan->rows;
    int rc;

    while ((rc = stmt_step(rows)) > 0) {
        uint32_t n;
        const void *data;
        size_t len;

        scan->seq = (uint64_t)(stmt_i64(rows, 0) - scan->base);
        scan->belief =
            corrections_apply(scan->corrections, scan->space, scan->seq,
                              (struct belief){.offset_ms = stmt_i64(rows, 3),
                                              .trust = (uint8_t)stmt_i64(rows, 4)},
                              &n);
        if (stmt_i64(rows, 6) + scan->belief.offset_ms < scan->from_ms ||
            stmt_i64(rows, 5) + scan->belief.offset_ms > scan->to_ms)
            continue;
        data = stmt_blob(rows, 7, &len);
        if (block_reader_begin(&scan->block, data, len) < 0)
            continue;
        scan->boot = stmt_i64(rows, 2);
        scan->n_left = (uint64_t)stmt_i64(rows, 1);
        return 1;
    }
    return rc;
}

int log_scan_next(struct log_scan *scan, struct log_scan_record *ret)
{
    int64_t t_boot_ns;
    int rc;

    for (;;) {
        while (scan->n_left == 0) {
            rc = scan->rows ? next_row(scan) : 0;
            if (rc <= 0)
                return rc;
        }
        rc = block_get(&scan->block, &ret->layout, &t_boot_ns);
        if (rc == -ENOMEM)
            return rc;
        scan->n_left = rc > 0 ? scan->n_left - 1 : 0;
        if (rc <= 0)
            continue;
        ret->seq = scan->seq++;
        if (ret->seq < scan->from)
            continue;
        ret->values = scan->block.values;
        ret->boot = scan->boot;
        ret->t_boot_ms = t_boot_ns / CLOCK_NS_PER_MS;
        ret->t_wall_ms = ret->t_boot_ms + scan->belief.offset_ms;
        ret->clock = scan->belief.trust;
        return 1;
    }
}
