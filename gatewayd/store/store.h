/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: every record of the gateway in one append-only SQLite log, written by one
 * thread with the only writing connection. A record gets its sequence number in the
 * transaction that stores it; (gateway, epoch, boot, seq) names it for ever.
 */
#ifndef GATEWAYD_STORE_STORE_H
#define GATEWAYD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/record.h"

struct store;

/* Everything here is called on the store's thread. */
struct store_hooks {
    void *ctx;
    /* After a commit that made records up to `last_seq` readable. */
    void (*committed)(void *ctx, uint64_t last_seq);
    /* About once a second, for timers of the forwarding. */
    void (*tick)(void *ctx);
    /* The store found or repaired something: code ("store-read-only"), severity ("alarm",
     * "warning", "info"), text. Also stored as an event where that is possible. */
    void (*event)(void *ctx, const char *code, const char *severity, const char *text);
    /* The store went over to another database (in RAM, or a new one): numbers begin again
     * under this epoch, cursors must be loaded again. Before `committed` of such
     * records. */
    void (*epoch_changed)(void *ctx, const char *epoch);
};

struct store_options {
    const char *directory;
    const char *gateway_id;
    const char *machine_id; /* NULL: what /etc/machine-id says */
    uint64_t max_bytes;
    uint32_t commit_interval_ms;
    size_t queue_max_bytes; /* of batches waiting for the thread; 0: 16 MiB */
    /* in RAM: looks for its disk so often at first; 0: 30 s */
    uint32_t probe_interval_ms;
    /* A file outside of the directory, kept for this boot at least: how far the numbers
     * have come, so that an older copy of the directory cannot give them again. NULL:
     * none. */
    const char *witness;
};

/* Opens or creates, starts the thread. A directory that cannot be written is not fatal:
 * the store goes on in RAM under a new epoch and says so through hooks.event. Fails only
 * for -ENOMEM, and -EEXIST when another gatewayd holds the directory (reterr says
 * which). */
int store_open(const struct store_options *options, const struct store_hooks *hooks,
               struct store **ret_store, struct gw_error *reterr);
/* Commits what waits, stops the thread, closes. NULL is fine. */
void store_close(struct store *store);

/* ---- any thread -------------------------------------------------------------------- */

/* Takes the batch. `urgent` commits at once. Full queue: the batch is dropped, counted
 * and becomes a gap record later; returns -ENOBUFS then, else 0. */
int store_append(struct store *store, struct record_batch *batch, bool urgent);
/* Copies. Events commit at once. device "" for the gateway itself. */
int store_append_event(struct store *store, const char *device, enum category category,
                       const char *code, const char *severity, const char *text);
/* Records dropped before they were stored: a gap record with a seq of its own. */
int store_append_gap(struct store *store, const char *device, uint64_t count,
                     int64_t from_boot_ns, int64_t to_boot_ns, const char *reason);
/* Runs fn(arg) on the store's thread, in order with the appends; -ENOMEM. `urgent` also
 * commits what it wrote at once. */
int store_post(struct store *store, void (*fn)(void *arg), void *arg, bool urgent);
/* A place in the queue, had in advance: posting with it cannot fail. It passes the
 * queue's bound, so whoever takes many bounds them. NULL: no memory. */
struct store_place;
struct store_place *store_place_new(void);
/* of one that was not used; NULL is fine */
void store_place_free(struct store_place *place);
/* Takes the place. */
void store_post_in(struct store *store, struct store_place *place, void (*fn)(void *arg),
                   void *arg);

/* Ends the epoch, the next record begins another: somebody has seen numbers that this
 * store does not know to have given ("receiver-ahead"). Soon, on the store's thread. */
int store_new_epoch(struct store *store, const char *reason);

/* Seconds off the grid in the energy slot that begins then, before it is written. Any
 * thread. */
void store_note_off_grid(struct store *store, int64_t slot_ms, int32_t off_grid_s);

/* In RAM: looks for the disk soon. */
void store_try_disk(struct store *store);

/* hooks.tick each second (on), or only after each commit (off, as it begins). */
void store_set_tick(struct store *store, bool on);

struct store_stats {
    uint64_t n_records, n_readings, n_events; /* stored since start */
    /* batches' records lost to the full queue */
    uint64_t n_dropped;
    /* file bytes, WAL and checkpoints included */
    uint64_t commits, bytes_written;
    uint64_t size_bytes, max_bytes;
    uint64_t last_seq, first_seq;             /* kept in the log */
    int64_t commit_boot_ns;                   /* when the last commit ended */
    uint32_t commit_last_us, commit_max_us;
    double full_in_h; /* until undelivered records reach the bound, as the log grows now;
                         < 0: not known yet */
    bool is_at_bound; /* something makes room: see the events */
    bool on_disk;                             /* false: in RAM, see the alarm */
    char epoch[33];
};
void store_get_stats(struct store *store, struct store_stats *ret_stats);

/* Past events, newest last, through a read-only connection of its own; at most `limit`.
 * Calls fn for each with strings borrowed for the call. from_ms: wall time, 0 = all. */
int store_read_events(struct store *store, int64_t from_ms, unsigned limit,
                      void (*fn)(void *ctx, const struct stored_record *record),
                      void *ctx);

/* A read-only connection of its own to the database in use; the caller closes it soon. */
struct db;
int store_open_db(struct store *store, struct db **ret_db);

#endif
