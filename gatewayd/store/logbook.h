/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's rows in the database: who we are (epoch, boots), writing what is pending with
 * its numbers, deleting the oldest. The store's thread only; errors as lib/sqlite/db.h.
 */
#ifndef GATEWAYD_STORE_LOGBOOK_H
#define GATEWAYD_STORE_LOGBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/store/correction.h"
#include "gatewayd/store/epochs.h"
#include "gatewayd/store/layout.h"
#include "gatewayd/store/pending.h"
#include "lib/sqlite/db.h"

struct sqlite3_stmt;

struct logbook_boot {
    int64_t id;
    char hex[33];
    bool has_offset; /* the clock was trusted in this boot, or it was estimated later: */
    int64_t offset_ms, error_ms;
};

struct logbook {
    struct db *db;           /* borrowed */
    struct layouts *layouts; /* borrowed */
    unsigned generation;     /* counts openings: readers of an earlier one are stale */
    struct epochs epochs;
    char epoch[33]; /* the one that goes on */
    bool is_fresh;  /* the database was made just now */
    uint64_t epoch_first_seq;
    uint64_t first_seq, next_seq;    /* kept rows: first_seq..next_seq - 1 */
    uint64_t seq_after, first_after; /* the same once the open transaction is committed */
    struct logbook_boot *boots;
    uint32_t n_boots;
    int64_t boot; /* id of this boot */
    struct corrections corrections;
    bool is_steady; /* the last row's clock was trusted: */
    int64_t steady_ms;
    bool has_new_times; /* in the open transaction */
    struct sqlite3_stmt *insert_row, *insert_event, *insert_layout, *oldest, *delete_rows;
};

/* In a transaction: gives the pending rows their numbers and writes them. */
int logbook_write(struct logbook *book, const struct pending *pending);
/* After the COMMIT, or after a ROLLBACK. */
void logbook_committed(struct logbook *book);
void logbook_rolled_back(struct logbook *book);

/* In a transaction: deletes up to max_rows of the oldest rows, never the newest one (it
 * carries the numbering). Rows up to delivered_low leave no trace; of others the loss is
 * written as a gap, or they stay (delivered_only). *ret_rows: how many went, *ret_lost:
 * undelivered records among them. */
int logbook_trim(struct logbook *book, uint64_t delivered_low, unsigned max_rows,
                 bool delivered_only, unsigned *ret_rows, uint64_t *ret_lost);

/* The same for an epoch in `moved`, without a trace; the epoch goes with its last row. */
int logbook_trim_moved(struct logbook *book, int64_t epoch, unsigned max_rows,
                       unsigned *ret_rows);

/* Of the events that outlived their rows in the log, the oldest. */
int logbook_trim_events(struct logbook *book, unsigned max_rows, unsigned *ret_rows);

const struct logbook_boot *logbook_find_boot(const struct logbook *book, int64_t id);
/* In a transaction: one row at the end. */
int logbook_write_row(struct logbook *book, const struct pending_row *row);
int logbook_write_gap(struct logbook *book, const struct gap *gap);
int logbook_write_layouts(struct logbook *book); /* those that are new */

#endif
