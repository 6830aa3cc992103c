/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapping boot time to wall time; see clockmap.h. Between two rows of a boot, boot time
 * goes on evenly; a believed wall time that jumps against it by more than
 * CLOCKMAP_STEP_MS was set, and the rows on the side that is not trusted get the
 * difference as a correction. Smaller changes are drift and left as they are.
 */
#include "gatewayd/store/clockmap.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define SLACK_MS 20                               /* of a block's rows, see pending.c */
#define DRIFT_PPM 100                             /* of a clock nobody disciplines */
/* the error when nothing came before */
#define NO_NEIGHBOUR_MS (INT64_C(3650) * 86400000)
/* rows whose sums differ less go together */
#define RUN_SLACK_MS 5

static bool is_step(int64_t a_ms, int64_t b_ms)
{
    return llabs(a_ms - b_ms) > CLOCKMAP_STEP_MS;
}

/* ---- writing corrections ---- */

struct run {
    struct correction correction; /* seq_to 0: none yet */
};

static const char *epoch_of(const struct logbook *book, int64_t space, uint64_t seq)
{
    const struct epoch *epoch = space ? NULL : epochs_at(&book->epochs, seq);

    for (uint32_t i = 0; i < book->epochs.n && space; i++)
        if (book->epochs.items[i].id == space)
            epoch = &book->epochs.items[i];
    return epoch ? epoch->hex : book->epoch;
}

/* A range ends where its epoch does. */
static uint64_t epoch_begin(const struct logbook *book, uint64_t seq)
{
    uint64_t begin = 1;

    for (uint32_t i = 0; i < book->epochs.n; i++)
        if (!book->epochs.items[i].is_moved && book->epochs.items[i].first_seq <= seq)
            begin = book->epochs.items[i].first_seq;
    return begin;
}

static int write_one(struct logbook *book, struct correction correction)
{
    uint8_t data[CORRECTION_BYTES_MAX];
    int64_t now = clock_boot_ns();
    struct pending_row row = {.kind = STORED_CORRECTION,
                              .n_records = 1,
                              .t_first_ns = now,
                              .t_last_ns = now,
                              .belief = belief_now(),
                              .data = data};
    int rc;

    correction.key = book->seq_after;
    snprintf(correction.epoch, sizeof correction.epoch, "%s",
             epoch_of(book, correction.space, correction.seq_to));
    row.len = correction_put(&correction, data);
    rc = logbook_write_row(book, &row);
    return rc < 0 ? rc : corrections_add(&book->corrections, book->db, &correction);
}

static int write_correction(struct logbook *book, struct correction correction)
{
    uint64_t from = correction.seq_from;
    int rc = 0;

    while (rc == 0 && correction.space == 0 && correction.seq_to >= from) {
        uint64_t begin = epoch_begin(book, correction.seq_to);

        correction.seq_from = begin > from ? begin : from;
        rc = write_one(book, correction);
        correction.seq_to = correction.seq_from - 1;
    }
    return correction.space ? write_one(book, correction) : rc;
}

/* ---- walking back over the rows of a boot ---- */

struct walk {
    int64_t boot, space;
    uint64_t first, last;  /* keys of the rows looked at */
    int64_t target_ms;     /* the offset at `last` that is right; drifts along */
    int64_t before_ms;     /* the offset that the row after had */
    bool has_before;
    uint8_t clock;
    int64_t error_ms, t_now_ms;
};

static int add_row(struct logbook *book, struct walk *walk, struct run *run,
                   struct sqlite3_stmt *stmt)
{
    uint64_t first = (uint64_t)stmt_i64(stmt, 0) - ((uint64_t)walk->space << EPOCH_SHIFT);
    uint64_t last = first + (uint64_t)stmt_i64(stmt, 1) - 1;
    uint32_t n;
    struct belief belief = {.offset_ms = stmt_i64(stmt, 2),
                            .trust = (uint8_t)stmt_i64(stmt, 3)};
    int64_t age_ms = walk->t_now_ms - stmt_i64(stmt, 4), add_ms;
    struct correction *open = &run->correction;

    belief = corrections_apply(&book->corrections, walk->space, first, belief, &n);
    if (walk->has_before && !is_step(belief.offset_ms, walk->before_ms))
        walk->target_ms += belief.offset_ms - walk->before_ms;
    walk->before_ms = belief.offset_ms;
    walk->has_before = true;
    add_ms = walk->target_ms - belief.offset_ms;
    if (open->seq_to && open->seq_from == last + 1 &&
        llabs(open->add_ms - add_ms) <= RUN_SLACK_MS) {
        open->seq_from = first;
        return 0;
    }
    if (open->seq_to) {
        int rc = write_correction(book, *open);

        *open = (struct correction){0};
        if (rc < 0)
            return rc;
    }
    if (belief.trust != walk->clock || is_step(add_ms, 0)) {
        const struct logbook_boot *boot = logbook_find_boot(book, walk->boot);

        *open = (struct correction){.space = walk->space,
                                    .seq_from = first,
                                    .seq_to = last,
                                    .add_ms = add_ms,
                                    .clock = walk->clock,
                                    .error_ms = walk->error_ms + SLACK_MS +
                                                age_ms * DRIFT_PPM / 1000000};
        snprintf(open->boot, sizeof open->boot, "%s", boot ? boot->hex : "");
    }
    return 0;
}

/* Newest first, so that the trusted end leads; the corrections written meanwhile lie
 * above. */
static int walk_back(struct logbook *book, struct walk *walk)
{
    struct sqlite3_stmt *stmt = NULL;
    struct run run = {0};
    int rc = stmt_prepare(
        book->db,
        walk->space
            ? "SELECT key,n,offset_ms,clock,t_last_ms,boot FROM moved WHERE key BETWEEN "
              "?1"
              " AND ?2 ORDER BY key DESC"
            : "SELECT seq,n,offset_ms,clock,t_last_ms,boot FROM log WHERE seq BETWEEN ?1"
              " AND ?2 ORDER BY seq DESC",
        &stmt);

    if (rc == 0) {
        stmt_bind_i64(stmt, 1, (int64_t)walk->first);
        stmt_bind_i64(stmt, 2, (int64_t)walk->last);
    }
    while (rc == 0 && (rc = stmt_step(stmt)) > 0)
        rc = stmt_i64(stmt, 5) == walk->boot ? add_row(book, walk, &run, stmt) : 0;
    stmt_finish(&stmt);
    if (rc == 0 && run.correction.seq_to)
        rc = write_correction(book, run.correction);
    return rc;
}

static int walk_moved(struct logbook *book, const struct walk *log)
{
    int rc = 0;

    for (uint32_t i = 0; i < book->epochs.n && rc == 0; i++) {
        const struct epoch *epoch = &book->epochs.items[i];
        struct walk walk = *log;

        if (!epoch->is_moved)
            continue;
        walk.space = epoch->id;
        walk.first = (uint64_t)epoch->id << EPOCH_SHIFT;
        walk.last = walk.first + epoch->last_seq;
        walk.has_before = false;
        rc = walk_back(book, &walk);
    }
    return rc;
}

/* ---- finding a boot's rows: their boots ascend with seq ---- */

static int row_at(struct logbook *book, uint64_t seq, bool below, int64_t ret[3])
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        book->db,
        below
            ? "SELECT seq,boot,t_last_ms FROM log WHERE seq<?1 ORDER BY seq DESC LIMIT 1"
            : "SELECT seq,boot,t_last_ms FROM log WHERE seq>=?1 ORDER BY seq LIMIT 1",
        &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)seq);
    rc = stmt_step(stmt);
    for (int i = 0; rc > 0 && i < 3; i++)
        ret[i] = stmt_i64(stmt, i);
    stmt_finish(&stmt);
    return rc;
}

/* The first seq whose row is of this boot or a later one. */
static int first_of_boot(struct logbook *book, int64_t boot, uint64_t *ret_seq)
{
    uint64_t low = book->first_seq ? book->first_seq : 1, high = book->seq_after;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t row[3];
        int rc = row_at(book, middle, false, row);

        if (rc < 0)
            return rc;
        if (rc == 0 || row[1] >= boot)
            high = middle;
        else
            low = middle + 1;
    }
    *ret_seq = low;
    return 0;
}

static int store_boot(struct logbook *book, struct logbook_boot *boot, int64_t offset_ms,
                      uint8_t clock, int64_t error_ms)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        book->db, "UPDATE boot SET offset_ms=?1,clock=?2,error_ms=?3 WHERE id=?4", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, offset_ms);
    stmt_bind_i64(stmt, 2, clock);
    stmt_bind_i64(stmt, 3, error_ms);
    stmt_bind_i64(stmt, 4, boot->id);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    if (rc == 0) {
        boot->offset_ms = offset_ms;
        boot->error_ms = error_ms;
        boot->has_offset = true;
    }
    return rc;
}

/* ---- boots without a clock ---- */

/* How long it ran, as its last row knows; 0: it left none. */
static int uptime_ms(struct logbook *book, const struct logbook_boot *boot,
                     uint64_t *ret_first, uint64_t *ret_end, int64_t *ret_ms)
{
    int64_t row[3];
    int rc = first_of_boot(book, boot->id, ret_first);

    if (rc == 0)
        rc = first_of_boot(book, boot->id + 1, ret_end);
    *ret_ms = 0;
    if (rc < 0 || *ret_first == *ret_end)
        return rc;
    rc = row_at(book, *ret_end, true, row);
    *ret_ms = rc > 0 ? row[2] : 0;
    return rc < 0 ? rc : 0;
}

static int place(struct logbook *book, struct logbook_boot *boot, int64_t offset_ms,
                 int64_t error_ms)
{
    struct walk walk = {.boot = boot->id,
                        .target_ms = offset_ms,
                        .clock = CLOCK_ESTIMATED,
                        .error_ms = error_ms};
    uint64_t end;
    int rc = uptime_ms(book, boot, &walk.first, &end, &walk.t_now_ms);

    if (rc < 0)
        return rc;
    rc = store_boot(book, boot, offset_ms, CLOCK_ESTIMATED, error_ms);
    if (rc == 0)
        rc = walk_moved(book, &walk);
    walk.last = end - 1;
    if (rc == 0 && walk.first < end)
        rc = walk_back(book, &walk);
    return rc;
}

/* Boots first..last - 1 ran one after the other somewhere between two moments. */
static int place_between(struct logbook *book, uint32_t first, uint32_t last,
                         int64_t from_ms, int64_t to_ms)
{
    const bool has_before = from_ms != INT64_MIN;
    int64_t ran_ms = 0, spare_ms, at_ms, overlap_ms, n = last - first;
    uint64_t begin, end;
    int rc = 0;

    for (uint32_t i = first; i < last && rc == 0; i++) {
        int64_t up_ms;

        rc = uptime_ms(book, &book->boots[i], &begin, &end, &up_ms);
        ran_ms += up_ms;
    }
    spare_ms = has_before && to_ms - from_ms > ran_ms ? to_ms - from_ms - ran_ms : 0;
    overlap_ms = has_before && !spare_ms ? from_ms + ran_ms - to_ms : 0;
    at_ms = has_before && spare_ms ? from_ms : to_ms - ran_ms;
    for (uint32_t i = first; i < last && rc == 0; i++) {
        int64_t share_ms = spare_ms / (n + 1) * (i - first + 1), up_ms;
        int64_t error_ms =
            share_ms > spare_ms - share_ms ? share_ms : spare_ms - share_ms;

        rc = uptime_ms(book, &book->boots[i], &begin, &end, &up_ms);
        if (rc == 0)
            rc = place(book, &book->boots[i], at_ms + share_ms,
                       has_before ? error_ms + overlap_ms : NO_NEIGHBOUR_MS);
        at_ms += up_ms;
    }
    return rc;
}

/* This boot (the last) is trusted now: those right before it without a mapping follow. */
static int place_boots(struct logbook *book)
{
    uint32_t last = book->n_boots - 1, first = last;
    int64_t from_ms = INT64_MIN, up_ms;
    uint64_t begin, end;
    int rc = 0;

    while (first > 0 && !book->boots[first - 1].has_offset)
        first--;
    if (first == last)
        return 0;
    if (first > 0) {
        rc = uptime_ms(book, &book->boots[first - 1], &begin, &end, &up_ms);
        from_ms = book->boots[first - 1].offset_ms + up_ms;
    }
    return rc < 0
               ? rc
               : place_between(book, first, last, from_ms, book->boots[last].offset_ms);
}

/* ---- this boot ---- */

static int trust(struct logbook *book, struct belief belief)
{
    struct logbook_boot *boot = &book->boots[book->n_boots - 1];
    bool is_first = !boot->has_offset;
    struct walk walk = {.boot = boot->id,
                        .target_ms = belief.offset_ms,
                        .before_ms = belief.offset_ms,
                        .has_before = true,
                        .clock = CLOCK_SYNCED,
                        .last = book->seq_after - 1,
                        .t_now_ms = clock_boot_ns() / CLOCK_NS_PER_MS};
    int rc = first_of_boot(book, boot->id, &walk.first);

    book->has_new_times = true;
    if (rc == 0)
        rc = walk_back(book, &walk);
    if (rc == 0)
        rc = walk_moved(book, &walk);
    if (rc == 0)
        rc = store_boot(book, boot, belief.offset_ms, CLOCK_SYNCED, SLACK_MS);
    if (rc == 0 && is_first)
        rc = place_boots(book);
    return rc;
}

int clockmap_before_row(struct logbook *book, struct belief belief)
{
    const struct logbook_boot *boot = &book->boots[book->n_boots - 1];
    bool was_steady = book->is_steady;

    book->is_steady = belief.trust == CLOCK_SYNCED;
    if (belief.trust != CLOCK_SYNCED)
        return 0;
    if (boot->has_offset && was_steady && !is_step(belief.offset_ms, book->steady_ms)) {
        book->steady_ms = belief.offset_ms;
        return 0;
    }
    book->steady_ms = belief.offset_ms;
    return trust(book, belief);
}

int clockmap_open(struct logbook *book)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(book->db,
                          "SELECT seq,offset_ms,clock FROM log WHERE boot=?1 AND kind<>4"
                          " ORDER BY seq DESC LIMIT 1",
                          &stmt);
    uint32_t n;

    book->is_steady = false;
    if (rc < 0)
        return rc;
    if (!book->boots[book->n_boots - 1].has_offset) {
        stmt_finish(&stmt);
        return 0;
    }
    stmt_bind_i64(stmt, 1, book->boot);
    rc = stmt_step(stmt);
    if (rc > 0) {
        struct belief belief = {.offset_ms = stmt_i64(stmt, 1),
                                .trust = (uint8_t)stmt_i64(stmt, 2)};

        belief = corrections_apply(&book->corrections, 0, (uint64_t)stmt_i64(stmt, 0),
                                   belief, &n);
        book->is_steady = belief.trust == CLOCK_SYNCED;
        book->steady_ms = belief.offset_ms;
    }
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}
