/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the readings of a range of the log, or of what was brought back from RAM, with
 * the time they are worth now. For summing (the store's thread) and for queries (any
 * thread, with a connection of its own); reader.h gives routes whole records instead.
 */
#ifndef GATEWAYD_STORE_LOG_SCAN_H
#define GATEWAYD_STORE_LOG_SCAN_H

#include <stdint.h>

#include "gatewayd/store/block_get.h"
#include "gatewayd/store/correction.h"
#include "lib/sqlite/db.h"

struct sqlite3_stmt;

struct log_scan {
    struct db *db;                         /* borrowed, as the next two */
    const struct corrections *corrections;
    struct block_reader block;
    struct sqlite3_stmt *log, *moved, *rows;
    int64_t space, boot, base;
    uint64_t from, seq, n_left;
    struct belief belief; /* of the row */
    int64_t from_ms, to_ms; /* rows that lie outside are passed over */
};

struct log_scan_record {
    const struct layout *layout;
    const struct block_value *values; /* one per point of it; borrowed until the next */
    uint64_t seq;
    int64_t boot, t_boot_ms, t_wall_ms;
    uint8_t clock;
};

void log_scan_init(struct log_scan *scan, struct db *db, const struct layouts *layouts,
                   const struct corrections *corrections);
void log_scan_done(struct log_scan *scan);

/* Of a space (0 the log, else the id of an epoch in `moved`) the numbers from..last that
 * have a time in from_ms..to_ms. 0 or -errno. */
int log_scan_begin(struct log_scan *scan, int64_t space, uint64_t from, uint64_t last);
void log_scan_limit(struct log_scan *scan, int64_t from_ms, int64_t to_ms);
/* 1: a record of readings; 0: no more; -errno. What cannot be decoded is passed over. */
int log_scan_next(struct log_scan *scan, struct log_scan_record *ret);
/* Lets go of the database. */
void log_scan_end(struct log_scan *scan);

#endif
