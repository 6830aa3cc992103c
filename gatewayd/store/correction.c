/* SPDX-License-Identifier: Apache-2.0 */
/* Corrections of time; see correction.h. Few, so all are kept in memory and looked
 * through once per row of the log. */
#include "gatewayd/store/correction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/varint.h"
#include "lib/sqlite/stmt.h"

#define CORRECTION_VERSION 1

size_t correction_put(const struct correction *correction, uint8_t *data)
{
    size_t n = 0, epoch_size = strlen(correction->epoch) + 1;
    size_t boot_size = strlen(correction->boot) + 1;

    data[n++] = CORRECTION_VERSION;
    n += varint_put(data + n, correction->seq_from);
    n += varint_put(data + n, correction->seq_to);
    n += varint_put(data + n, varint_zigzag(correction->add_ms));
    n += varint_put(data + n, varint_zigzag(correction->error_ms));
    data[n++] = correction->clock;
    memcpy(data + n, correction->epoch, epoch_size);
    memcpy(data + n + epoch_size, correction->boot, boot_size);
    return n + epoch_size + boot_size;
}

static bool get_hex(const uint8_t *data, size_t len, size_t *pos, char hex[33])
{
    const uint8_t *end = *pos < len ? memchr(data + *pos, 0, len - *pos) : NULL;
    size_t size = end ? (size_t)(end - (data + *pos)) + 1 : 0;

    if (size == 0 || size > 33)
        return false;
    memcpy(hex, data + *pos, size);
    *pos += size;
    return true;
}

int correction_get(const void *blob, size_t len, struct correction *ret_correction)
{
    const uint8_t *data = blob;
    struct correction correction = {0};
    size_t pos = 1;

    if (len < 1 || data[0] != CORRECTION_VERSION ||
        !varint_get(data, len, &pos, &correction.seq_from) ||
        !varint_get(data, len, &pos, &correction.seq_to) ||
        !varint_get_signed(data, len, &pos, &correction.add_ms) ||
        !varint_get_signed(data, len, &pos, &correction.error_ms) || pos >= len)
        return -EBADMSG;
    correction.clock = data[pos++];
    if (!get_hex(data, len, &pos, correction.epoch) ||
        !get_hex(data, len, &pos, correction.boot))
        return -EBADMSG;
    *ret_correction = correction;
    return 0;
}

void corrections_free(struct corrections *corrections)
{
    free(corrections->items);
    *corrections = (struct corrections){0};
}

static int append(struct corrections *corrections, const struct correction *correction)
{
    struct correction *bigger =
        realloc(corrections->items, (corrections->n + 1) * sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    corrections->items = bigger;
    bigger[corrections->n++] = *correction;
    return 0;
}

int corrections_load(struct corrections *corrections, struct db *db)
{
    struct sqlite3_stmt *stmt = NULL;
    struct corrections fresh = {0};
    int rc =
        stmt_prepare(db,
                     "SELECT key,space,seq_from,seq_to,add_ms,error_ms,clock,epoch,boot"
                     " FROM correction ORDER BY key",
                     &stmt);

    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        struct correction correction = {.key = (uint64_t)stmt_i64(stmt, 0),
                                        .space = stmt_i64(stmt, 1),
                                        .seq_from = (uint64_t)stmt_i64(stmt, 2),
                                        .seq_to = (uint64_t)stmt_i64(stmt, 3),
                                        .add_ms = stmt_i64(stmt, 4),
                                        .error_ms = stmt_i64(stmt, 5),
                                        .clock = (uint8_t)stmt_i64(stmt, 6)};

        snprintf(correction.epoch, sizeof correction.epoch, "%s", stmt_text(stmt, 7));
        snprintf(correction.boot, sizeof correction.boot, "%s", stmt_text(stmt, 8));
        rc = append(&fresh, &correction);
    }
    stmt_finish(&stmt);
    if (rc < 0) {
        corrections_free(&fresh);
        return rc;
    }
    corrections_free(corrections);
    *corrections = fresh;
    return 0;
}

int corrections_add(struct corrections *corrections, struct db *db,
                    const struct correction *correction)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        db, "INSERT INTO correction VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)correction->key);
    stmt_bind_i64(stmt, 2, correction->space);
    stmt_bind_i64(stmt, 3, (int64_t)correction->seq_from);
    stmt_bind_i64(stmt, 4, (int64_t)correction->seq_to);
    stmt_bind_i64(stmt, 5, correction->add_ms);
    stmt_bind_i64(stmt, 6, correction->error_ms);
    stmt_bind_i64(stmt, 7, correction->clock);
    stmt_bind_text(stmt, 8, correction->epoch);
    stmt_bind_text(stmt, 9, correction->boot);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc < 0 ? rc : append(corrections, correction);
}

int corrections_trim(struct corrections *corrections, struct db *db, uint64_t first_seq)
{
    struct sqlite3_stmt *stmt = NULL;
    bool any = false;
    int rc;

    for (uint32_t i = 0; i < corrections->n; i++)
        any |= corrections->items[i].space == 0 &&
               corrections->items[i].seq_to < first_seq;
    if (!any)
        return 0;
    /* events outlive their rows and are few: theirs is lost, an error of old ones */
    rc = stmt_prepare(db, "DELETE FROM correction WHERE space=0 AND seq_to<?1", &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)first_seq);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc < 0 ? rc : corrections_load(corrections, db);
}

struct belief corrections_apply(const struct corrections *corrections, int64_t space,
                                uint64_t seq, struct belief believed, uint32_t *ret_n)
{
    *ret_n = 0;
    for (uint32_t i = 0; i < corrections->n; i++) {
        const struct correction *correction = &corrections->items[i];

        if (correction->space != space || seq < correction->seq_from ||
            seq > correction->seq_to)
            continue;
        believed.offset_ms += correction->add_ms;
        believed.trust = correction->clock;
        ++*ret_n;
    }
    return believed;
}
