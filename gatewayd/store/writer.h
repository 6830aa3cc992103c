/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer: takes items off the queue, packs them, commits groups, keeps the
 * database within its bound, and finds a way on when the disk fails. All on the store's
 * thread.
 */
#ifndef GATEWAYD_STORE_WRITER_H
#define GATEWAYD_STORE_WRITER_H

#include <pthread.h>

#include "gatewayd/store/cursors.h"
#include "gatewayd/store/disk.h"
#include "gatewayd/store/logbook.h"
#include "gatewayd/store/pending.h"
#include "gatewayd/store/queue.h"
#include "gatewayd/store/reader.h"
#include "gatewayd/store/store_read.h"
#include "gatewayd/store/summary.h"
#include "lib/base/log.h"

struct salvage;

#define WRITER_ORPHANS_MAX 4

struct writer {
    struct store_hooks hooks;
    struct disk disk;
    struct db *db;
    struct layouts *layouts;
    struct logbook book;
    struct cursors cursors;
    struct summary summary;
    struct pending pending;
    struct store_reader *spare_reader; /* kept between uses */
    struct salvage *salvage; /* of a damaged or deleted database, under way; or NULL */
    struct db *orphans[WRITER_ORPHANS_MAX]; /* whose files were deleted; to be salvaged */
    unsigned n_orphans;
    struct writer_notice *notices;     /* to be told when the thread comes to it */
    char gateway_id[64], machine_id[40];
    bool has_new_epoch; /* to be told */
    bool has_all_facts; /* in RAM: it began with a copy of what is on disk */
    unsigned n_repairs; /* since the last commit that went through */
    unsigned n_failed;  /* commits, since then */
    struct log_limit failed_limit;
    unsigned told_bound; /* how far keeping it has gone: bits of enum bound_step */
    uint64_t thin_from[2]; /* per thin_stage: rows below are done */
    struct growth {
        int64_t t_boot_ns[2]; /* when the windows began; the older one counts */
        uint64_t bytes, begin[2];
    } growth;
    pthread_mutex_t stats_lock;
    struct store_stats stats; /* under stats_lock */
};

/* Packs a batch, event or gap. */
void writer_take(struct writer *writer, const struct queue_item *item);
void writer_take_loss(struct writer *writer, const struct queue_loss *loss);
void writer_add_event(struct writer *writer, const char *device, enum category category,
                      const char *code, const char *severity, const char *text);

/* Up to which number of the log all routes have what they wait for; over all its
 * epochs. */
uint64_t writer_delivered_low(const struct writer *writer);

/* In a transaction: gives up a little, the least first; 0 rows: there is nothing left. */
int writer_make_room(struct writer *writer, unsigned *ret_rows);
/* Rolls a transaction back, and forgets what was thought done in it. */
void writer_roll_back(struct writer *writer);

/* Is there something for a commit? */
bool writer_has_work(const struct writer *writer);
/* Commits all that is pending and the cursors; finds a way on when it fails. */
void writer_commit(struct writer *writer);
/* At a quiet moment: moves the WAL into the database when it has grown. */
void writer_checkpoint(struct writer *writer);

#endif
