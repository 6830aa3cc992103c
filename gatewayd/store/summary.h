/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local history: 1-minute means and energy slots, summed from the log's own rows in
 * the writer's transactions, a slot of 15 minutes at a time. How far it has come and what
 * the meters knew there stand in the same transaction, so a power cut can neither lose
 * nor repeat anything; times that are corrected later make it go back and sum again, as
 * far as the readings are kept. The store's thread; errors as lib/sqlite/db.h.
 */
#ifndef GATEWAYD_STORE_SUMMARY_H
#define GATEWAYD_STORE_SUMMARY_H

#include "gatewayd/store/logbook.h"
#include "gatewayd/store/off_grid.h"
#include "gatewayd/store/summing.h"

#define SUMMARY_SLOT_SHIFT 28   /* keys of `minutes` */
#define SUMMARY_DEVICE_SHIFT 12
#define SUMMARY_PART_BITS 12    /* of `minutes` and `slots` */

struct summary {
    struct logbook *book; /* borrowed */
    bool is_loaded, is_off; /* off: given up until the next start */
    struct catalog *catalog; /* learnt from; a reference */
    struct summing summing;
    struct log_scan scan;
    struct strbuf meters; /* what they knew where the next run begins: */
    int64_t run, space, moved_done;
    uint64_t seq;
    int64_t slot; /* of the record there; -1: not known yet */
    int64_t idle_slot; /* the newest for which there was nothing to do */
    uint64_t correction_key; /* corrections up to it are in */
    uint64_t minutes_bytes, slots_bytes;
    struct off_grid off_grid; /* of the slots to come */
    uint64_t run_bytes; /* what the last run wrote, for 15 minutes */
};

void summary_init(struct summary *summary, struct logbook *book);
/* Before the database is closed, and after a ROLLBACK: begins again with what it
 * holds. */
void summary_leave(struct summary *summary);
void summary_done(struct summary *summary);

/* Roles and intervals of what comes from now on. */
void summary_learn(struct summary *summary, struct catalog *catalog);

/* In a transaction, before anything is written: looks where it stands, so that it sees
 * which corrections of times are new. */
int summary_prepare(struct summary *summary);
/* In a transaction, after new rows: sums what is over. In RAM (not on_disk) only roles
 * are kept, for queries: its rows are summed when they are back on disk. */
int summary_step(struct summary *summary, const struct pending *pending, bool on_disk);
/* In a transaction, before the n_rows rows of the log from seq on are deleted or thinned:
 * they are summed first, also into a slot that is not over. */
int summary_before_trim(struct summary *summary, uint64_t seq, unsigned n_rows);

#endif
