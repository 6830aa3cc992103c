/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead in the log; see rows.h. Between send.c, scan.c and the store's reader. */
#include "gatewayd/forward/rows.h"

#include <stddef.h>

#define SKIP_MAX 256 /* reading past so many is cheaper than another query */

static void close_reader(struct rows *rows)
{
    if (rows->reader)
        rows->ports->close(rows->ports->ctx, rows->reader);
    rows->reader = NULL;
    rows->has_row = rows->ended = false;
}

void rows_close(struct rows *rows, int next_budget)
{
    close_reader(rows);
    rows->budget = next_budget;
    rows->error = 0;
}

static bool seek(struct rows *rows, uint64_t from)
{
    if (rows->has_row && rows->row.seq < from) {
        rows->at = rows->row.seq + 1;
        rows->has_row = false;
    }
    if (rows->reader && from >= rows->at && from - rows->at <= SKIP_MAX)
        return true;
    close_reader(rows);
    rows->error = rows->ports->open(rows->ports->ctx, from, &rows->reader);
    if (rows->error < 0)
        rows->reader = NULL;
    rows->at = from;
    return rows->reader != NULL;
}

const struct stored_record *rows_peek(struct rows *rows, uint64_t from)
{
    if (rows->has_row && rows->row.seq >= from && rows->at <= from)
        return &rows->row;
    if (!seek(rows, from))
        return NULL;
    do {
        int rc;

        if (rows->ended || rows->budget <= 0)
            return NULL;
        rows->budget--;
        rc = rows->ports->next(rows->ports->ctx, rows->reader, &rows->row);
        rows->has_row = rc > 0;
        rows->ended = rc <= 0;
        rows->error = rc < 0 ? rc : 0;
        if (rc <= 0)
            return NULL;
    } while (rows->row.seq < from);
    rows->at = from;
    return &rows->row;
}
