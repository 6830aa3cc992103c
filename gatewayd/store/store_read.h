/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log read back, by epochs and by the cursors of the routes. On the store's thread only:
 * from its hooks and from what store_post runs.
 */
#ifndef GATEWAYD_STORE_STORE_READ_H
#define GATEWAYD_STORE_STORE_READ_H

#include <stdint.h>

#include "gatewayd/store/store.h"

struct store_reader;

/* Committed records of the current epoch with seq >= from_seq, ascending. The reader sees
 * what was committed when it was opened and must be closed before the hook returns. */
int store_reader_open(struct store *store, uint64_t from_seq, struct store_reader **ret);
/* 1: *ret_record filled (borrowed until the next call); 0: no more; -errno. */
int store_reader_next(struct store_reader *reader, struct stored_record *ret_record);
void store_reader_close(struct store_reader *reader);

/* Epochs that ended (in RAM and brought back to disk, or under an older identity) and of
 * which this route has not yet got all. Oldest first; at most n_max; how many. Their
 * records are numbered first_seq..last_seq; a cursor names its epoch, and is forgotten
 * when saved at low >= last_seq. */
struct store_epoch {
    char hex[33];
    uint64_t first_seq, last_seq;
};
int store_epochs_pending(struct store *store, const char *route, struct store_epoch *ret,
                         int n_max);
/* As store_reader_open and store_cursor_load, of any epoch. -ENOENT: no such epoch, or
 * the route has nothing to get of it. */
int store_reader_open_epoch(struct store *store, const char *epoch, uint64_t from_seq,
                            struct store_reader **ret);

#define STORE_CURSOR_RANGES 64
struct store_cursor {
    char epoch[33];
    uint64_t low; /* every seq <= low is delivered */
    uint32_t n_ranges;
    struct {
        uint64_t first, last;
    } ranges[STORE_CURSOR_RANGES]; /* delivered above low, ascending, disjoint */
};
/* Of the epoch that goes on. A route never seen starts at low = the oldest kept seq -
 * 1. */
int store_cursor_load(struct store *store, const char *route,
                      struct store_cursor *ret_cursor);
int store_cursor_load_epoch(struct store *store, const char *route, const char *epoch,
                            struct store_cursor *ret_cursor);
/* Written in the next group commit. */
int store_cursor_save(struct store *store, const char *route,
                      const struct store_cursor *cursor);
/* In all epochs. */
int store_cursor_forget(struct store *store, const char *route);

#endif
