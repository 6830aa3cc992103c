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
struct store_reader;

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
     * under this epoch, cursors must be loaded again. Before `committed` of such records. */
    void (*epoch_changed)(void *ctx, const char *epoch);
};

struct store_options {
    const char *directory;
    const char *gateway_id;
    const char *machine_id; /* NULL: what /etc/machine-id says */
    uint64_t max_bytes;
    uint32_t commit_interval_ms;
    size_t queue_max_bytes; /* of batches waiting for the thread; 0: 16 MiB */
    uint32_t probe_interval_ms; /* in RAM: looks for its disk so often at first; 0: 30 s */
    /* A file outside of the directory, kept for this boot at least: how far the numbers have
     * come, so that an older copy of the directory cannot give them again. NULL: none. */
    const char *witness;
};

/* Opens or creates, starts the thread. A directory that cannot be written is not fatal: the
 * store goes on in RAM under a new epoch and says so through hooks.event. Fails only for
 * -ENOMEM, and -EEXIST when another gatewayd holds the directory (reterr says which). */
int store_open(const struct store_options *options, const struct store_hooks *hooks,
               struct store **ret_store, struct gw_error *reterr);
/* Commits what waits, stops the thread, closes. NULL is fine. */
void store_close(struct store *store);

/* ---- any thread ---------------------------------------------------------------------- */

/* Takes the batch. `urgent` commits at once. Full queue: the batch is dropped, counted and
 * becomes a gap record later; returns -ENOBUFS then, else 0. */
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
/* A place in the queue, had in advance: posting with it cannot fail. It passes the queue's
 * bound, so whoever takes many bounds them. NULL: no memory. */
struct store_place;
struct store_place *store_place_new(void);
void store_place_free(struct store_place *place); /* of one that was not used; NULL is fine */
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
    uint64_t n_dropped;                       /* batches' records lost to the full queue */
    uint64_t commits, bytes_written;          /* file bytes, WAL and checkpoints included */
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
                      void (*fn)(void *ctx, const struct stored_record *record), void *ctx);

/* A read-only connection of its own to the database in use; the caller closes it soon. */
struct db;
int store_open_db(struct store *store, struct db **ret_db);

/* ---- the store's thread only (hooks, store_post) --------------------------------------- */

/* Committed records of the current epoch with seq >= from_seq, ascending. The reader sees
 * what was committed when it was opened and must be closed before the hook returns. */
int store_reader_open(struct store *store, uint64_t from_seq, struct store_reader **ret);
/* 1: *ret_record filled (borrowed until the next call); 0: no more; -errno. */
int store_reader_next(struct store_reader *reader, struct stored_record *ret_record);
void store_reader_close(struct store_reader *reader);

/* Epochs that ended (in RAM and brought back to disk, or under an older identity) and of
 * which this route has not yet got all. Oldest first; at most n_max; how many. Their
 * records are numbered first_seq..last_seq; a cursor names its epoch, and is forgotten when
 * saved at low >= last_seq. */
struct store_epoch {
    char hex[33];
    uint64_t first_seq, last_seq;
};
int store_epochs_pending(struct store *store, const char *route, struct store_epoch *ret,
                         int n_max);
/* As store_reader_open and store_cursor_load, of any epoch. -ENOENT: no such epoch, or the
 * route has nothing to get of it. */
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
/* Of the epoch that goes on. A route never seen starts at low = the oldest kept seq - 1. */
int store_cursor_load(struct store *store, const char *route, struct store_cursor *ret_cursor);
int store_cursor_load_epoch(struct store *store, const char *route, const char *epoch,
                            struct store_cursor *ret_cursor);
/* Written in the next group commit. */
int store_cursor_save(struct store *store, const char *route,
                      const struct store_cursor *cursor);
/* In all epochs. */
int store_cursor_forget(struct store *store, const char *route);

/* Commits what was appended before: a fact that speaks of it is never ahead of it. */
void store_commit(struct store *store);

/* Small durable facts ("owned.custom.limit_w"), committed at once. get: malloc'ed or NULL. */
char *store_fact_get(struct store *store, const char *key);
int store_fact_put(struct store *store, const char *key, const char *value); /* NULL: delete */
/* fn for each key that begins with prefix. */
int store_fact_each(struct store *store, const char *prefix,
                    void (*fn)(void *ctx, const char *key, const char *value), void *ctx);

/* Commands by id: kept 24 h of boottime-independent age, at most 10,000. begin: 0 new and
 * stored, 1 seen before (*ret_answer malloc'ed: its answer, or NULL while it is under way).
 * finish: stores the answer. Both commit at once. */
int store_command_begin(struct store *store, const char *id, char **ret_answer);
int store_command_finish(struct store *store, const char *id, const char *answer);

/* Consent events, append-only: (id, kind "grant"|"withdraw", hash, json). */
int store_consent_append(struct store *store, const char *id, const char *kind,
                         const char *hash, const char *json);
int store_consent_each(struct store *store,
                       void (*fn)(void *ctx, const char *id, const char *kind,
                                  const char *hash, const char *json, int64_t t_wall_ms),
                       void *ctx);

#endif
