/* SPDX-License-Identifier: Apache-2.0 */
/* Listing events; see events.h. Their order is that of the boots and of boot time:
 * numbers of epochs that came back from RAM say nothing of it. */
#include "gatewayd/store/events.h"

#include "gatewayd/store/epochs.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define EVENTS_LIMIT_MS 2000

/* Those of an epoch that was brought back have its number in front. */
#define EVENT_SEQ_MASK ((UINT64_C(1) << EPOCH_SHIFT) - 1)

static void tell_event(struct sqlite3_stmt *stmt,
                       void (*fn)(void *ctx, const struct stored_record *record),
                       void *ctx)
{
    struct stored_record record = {.kind = STORED_EVENT,
                                   .seq = (uint64_t)stmt_i64(stmt, 0) & EVENT_SEQ_MASK,
                                   .epoch = stmt_text(stmt, 12),
                                   .boot = stmt_text(stmt, 10),
                                   .t_boot_ns = stmt_i64(stmt, 2),
                                   .category = (enum category)stmt_i64(stmt, 5),
                                   .device = stmt_text(stmt, 6),
                                   .code = stmt_text(stmt, 7),
                                   .severity = stmt_text(stmt, 8),
                                   .text = stmt_text(stmt, 9)};

    record.clock = (uint8_t)stmt_i64(stmt, stmt_is_null(stmt, 11) ? 4 : 11);
    record.t_wall_ms = record.t_boot_ns / CLOCK_NS_PER_MS + stmt_i64(stmt, 3);
    fn(ctx, &record);
}

int events_read(struct db *db, int64_t from_ms, unsigned limit,
                void (*fn)(void *ctx, const struct stored_record *record), void *ctx)
{
    static const char sql[] =
        "SELECT * FROM (SELECT seq,boot,t_boot_ns,offset_ms+ifnull((SELECT sum(add_ms)"
        " FROM correction c WHERE c.space=seq>>40 AND (seq & 0xffffffffff) BETWEEN"
        " c.seq_from AND c.seq_to),0) AS offset,clock,category,device,code,severity,text,"
        "(SELECT hex FROM boot WHERE id=event.boot),(SELECT clock FROM correction c WHERE"
        " c.space=seq>>40 AND (seq & 0xffffffffff) BETWEEN c.seq_from AND c.seq_to ORDER"
        " BY key DESC LIMIT 1),(SELECT hex FROM epoch WHERE CASE WHEN seq>>40 THEN"
        " id=seq>>40 ELSE moved_last_seq IS NULL AND first_seq<=seq END ORDER BY id DESC"
        " LIMIT 1) FROM event WHERE t_boot_ns/1000000+offset >= ?1"
        " ORDER BY boot DESC,t_boot_ns DESC,seq DESC LIMIT ?2) ORDER BY 2,3,1";
    struct sqlite3_stmt *stmt = NULL;
    int rc;

    db_limit_time(db, EVENTS_LIMIT_MS);
    rc = stmt_prepare(db, sql, &stmt);
    if (rc == 0) {
        stmt_bind_i64(stmt, 1, from_ms ? from_ms : INT64_MIN);
        stmt_bind_i64(stmt, 2, limit);
        while ((rc = stmt_step(stmt)) > 0)
            tell_event(stmt, fn, ctx);
    }
    stmt_finish(&stmt);
    return rc;
}
