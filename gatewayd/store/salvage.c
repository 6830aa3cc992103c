/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Salvage of a damaged database; see salvage.h. Rows are read upwards by number. Where
 * that fails, the next number that can be read is searched: first in growing steps, then
 * by halving. Every block is decoded before it is believed.
 */
#include "gatewayd/store/salvage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_get.h"
#include "gatewayd/store/logbook_open.h"
#include "gatewayd/store/tables.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define FACT "store.salvage"
#define ROWS_PER_STEP 64
#define JUMP_MAX (UINT64_C(1) << 32)
#define HOLES_MAX 64 /* more are told as one */

struct hole {
    uint64_t first, last;
};

struct salvage {
    char path[PATH_MAX]; /* "": an orphan */
    struct db *old;
    struct sqlite3_stmt *row, *event;
    struct layouts *layouts;
    struct epochs epochs; /* of the old database; moved ones are not followed */
    int64_t first_id;     /* their ids in the new one are this + index */
    uint64_t next, last_good;
    bool has_skipped; /* something could not be read right before `next` */
    uint32_t layout_base;
    uint64_t n_rows, n_records;
    struct hole holes[HOLES_MAX];
    unsigned n_holes;
    struct block_reader reader;
};

void salvage_free(struct salvage *salvage)
{
    if (!salvage)
        return;
    stmt_finish(&salvage->row);
    stmt_finish(&salvage->event);
    block_reader_done(&salvage->reader);
    layouts_free(salvage->layouts);
    epochs_free(&salvage->epochs);
    db_close(salvage->old);
    free(salvage);
}

/* ---- beginning ---- */

static int load_layouts(struct salvage *salvage)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(salvage->old, "SELECT id,device,category,points FROM layout",
                          &stmt);

    salvage->layouts = layouts_new();
    if (rc == 0 && !salvage->layouts)
        rc = -ENOMEM;
    while (rc == 0 && (rc = stmt_step(stmt)) > 0)
        rc = layouts_load(salvage->layouts, (uint32_t)stmt_i64(stmt, 0),
                          stmt_text(stmt, 1), (enum category)stmt_i64(stmt, 2),
                          stmt_text(stmt, 3));
    stmt_finish(&stmt);
    block_reader_init(&salvage->reader, salvage->layouts);
    return rc;
}

static int open_old(struct salvage *salvage)
{
    const struct db_options options = {
        .path = salvage->path, .mode = DB_READER, .cache_kib = 64};
    int rc = salvage->old ? 0 : db_open(&options, &salvage->old, NULL);

    if (rc == 0)
        rc = epochs_load(&salvage->epochs, salvage->old);
    if (rc == 0)
        rc = load_layouts(salvage);
    if (rc == 0)
        rc = stmt_prepare(salvage->old,
                          "SELECT seq,n,kind,period_ms,(SELECT hex FROM boot WHERE"
                          " id=log.boot),t_first_ms,t_last_ms,offset_ms,clock,data FROM"
                          " log WHERE seq>=?1 ORDER BY seq LIMIT 1",
                          &salvage->row);
    if (rc == 0)
        rc = stmt_prepare(salvage->old,
                          "SELECT t_boot_ns,offset_ms,clock,category,device,code,"
                          "severity,text FROM event WHERE seq=?1",
                          &salvage->event);
    return rc;
}

static int add_epoch(struct writer *writer, const struct salvage *salvage, uint32_t i)
{
    const struct epoch *epoch = &salvage->epochs.items[i];
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        stmt_prepare(writer->db,
                     "INSERT INTO epoch(id,hex,first_seq,created_ms,reason,"
                     "moved_last_seq,layout_base) VALUES(?1,?2,?3,?4,'salvage',?5,?6)",
                     &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, salvage->first_id + i);
    stmt_bind_text(stmt, 2, epoch->hex);
    stmt_bind_i64(stmt, 3, (int64_t)epoch->first_seq);
    stmt_bind_i64(stmt, 4, clock_wall_ms());
    stmt_bind_i64(stmt, 5, (int64_t)epoch->first_seq - 1); /* empty until it is done */
    stmt_bind_i64(stmt, 6, salvage->layout_base);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

/* What an earlier try that was stopped has left. */
static int forget_earlier(struct writer *writer, const struct salvage *salvage)
{
    int rc = 0;

    for (uint32_t i = 0; i < salvage->epochs.n && rc == 0; i++) {
        const struct epoch *mine =
            epochs_find(&writer->book.epochs, salvage->epochs.items[i].hex);

        if (!mine)
            continue;
        rc = stmt_run_i64(writer->db,
                          "DELETE FROM moved WHERE key>=?1<<40 AND key<(?1+1)<<40",
                          mine->id, 0);
        if (rc == 0)
            rc = stmt_run_i64(writer->db,
                              "DELETE FROM event WHERE seq>=?1<<40 AND"
                              " seq<(?1+1)<<40",
                              mine->id, 0);
        if (rc == 0)
            rc = stmt_run_i64(writer->db, "DELETE FROM epoch WHERE id=?1", mine->id, 0);
    }
    return rc;
}

static int prepare(struct writer *writer, struct salvage *salvage)
{
    const struct pending none = {0};
    int rc = db_begin(writer->db);

    if (rc == 0)
        rc = forget_earlier(writer, salvage);
    if (rc == 0)
        rc = epochs_load(&writer->book.epochs, writer->db);
    if (rc == 0)
        rc = layouts_merge(writer->layouts, salvage->layouts, &salvage->layout_base);
    if (rc == 0)
        rc = logbook_write(&writer->book, &none);
    salvage->first_id = writer->book.epochs.items[writer->book.epochs.n - 1].id + 1;
    for (uint32_t i = 0; i < salvage->epochs.n && rc == 0; i++)
        if (!salvage->epochs.items[i].is_moved)
            rc = add_epoch(writer, salvage, i);
    if (rc == 0 && *salvage->path)
        rc = tables_fact_put(writer->db, FACT, salvage->path);
    if (rc == 0)
        rc = epochs_load(&writer->book.epochs, writer->db);
    if (rc == 0)
        rc = db_commit(writer->db);
    if (rc < 0) {
        db_rollback(writer->db);
        logbook_rolled_back(&writer->book);
        (void)epochs_load(&writer->book.epochs, writer->db);
    } else {
        logbook_committed(&writer->book);
    }
    return rc;
}

/* Takes old, which is NULL when there is a path. */
static void begin(struct writer *writer, const char *path, struct db *old)
{
    struct salvage *salvage = calloc(1, sizeof *salvage);

    salvage_free(writer->salvage);
    writer->salvage = NULL;
    if (!salvage) {
        db_close(old);
        return;
    }
    snprintf(salvage->path, sizeof salvage->path, "%s", path);
    salvage->old = old;
    salvage->next = 1;
    if (open_old(salvage) == 0 && prepare(writer, salvage) == 0) {
        writer->salvage = salvage;
        return;
    }
    salvage_free(salvage);
    if (*path)
        (void)tables_fact_put(writer->db, FACT, NULL);
    writer_note(writer, "store-not-salvaged", "alarm",
                "nothing can be read from the old database by itself");
}

void salvage_begin(struct writer *writer, const char *path)
{
    begin(writer, path, NULL);
}

void salvage_begin_orphan(struct writer *writer, struct db *old)
{
    begin(writer, "", old);
}

bool salvage_is_of_orphan(const struct salvage *salvage)
{
    return salvage && !*salvage->path;
}

struct db *salvage_take_orphan(struct salvage *salvage)
{
    struct db *old = salvage_is_of_orphan(salvage) ? salvage->old : NULL;

    if (!old)
        return NULL;
    stmt_finish(&salvage->row);
    stmt_finish(&salvage->event);
    salvage->old = NULL;
    return old;
}

void salvage_resume(struct writer *writer)
{
    char *path = tables_fact_get(writer->db, FACT);

    if (path)
        salvage_begin(writer, path);
    free(path);
}

/* ---- a row ---- */

/* 1: the first row at or above seq, 0: none, -EUCLEAN. */
static int read_row(struct salvage *salvage, uint64_t seq)
{
    stmt_reset(salvage->row);
    stmt_bind_i64(salvage->row, 1, (int64_t)seq);
    return stmt_step(salvage->row);
}

static uint64_t row_seq(const struct salvage *salvage)
{
    return (uint64_t)stmt_i64(salvage->row, 0);
}

static bool is_sound(struct salvage *salvage)
{
    uint64_t n = (uint64_t)stmt_i64(salvage->row, 1);
    const struct layout *layout;
    int64_t t_boot_ns;
    struct correction correction;
    struct gap gap;
    size_t len;
    const void *data = stmt_blob(salvage->row, 9, &len);

    switch ((enum stored_kind)stmt_i64(salvage->row, 2)) {
    case STORED_READINGS:
        if (block_reader_begin(&salvage->reader, data, len) < 0)
            return false;
        while (n > 0 && block_get(&salvage->reader, &layout, &t_boot_ns) > 0)
            n--;
        return n == 0;
    case STORED_GAP:
        return n == 1 && gap_get(data, len, &gap) == 0;
    case STORED_CORRECTION:
        return n == 1 && correction_get(data, len, &correction) == 0;
    case STORED_EVENT:
        stmt_reset(salvage->event);
        stmt_bind_i64(salvage->event, 1, (int64_t)row_seq(salvage));
        return n == 1 && stmt_step(salvage->event) > 0;
    }
    return false;
}

static int boot_id(struct writer *writer, const char *hex, int64_t *ret_id)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(writer->db, "SELECT id FROM boot WHERE hex=?1", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, hex);
    rc = stmt_step(stmt);
    *ret_id = rc > 0 ? stmt_i64(stmt, 0) : 0;
    stmt_finish(&stmt);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return logbook_add_old_boot(&writer->book, hex, ret_id);
}

static int copy_event(struct writer *writer, struct salvage *salvage, int64_t key,
                      int64_t boot)
{
    struct sqlite3_stmt *put = NULL;
    int rc = stmt_prepare(writer->db,
                          "INSERT INTO event VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                          &put);

    if (rc < 0)
        return rc;
    stmt_bind_i64(put, 1, key);
    stmt_bind_i64(put, 2, boot);
    for (int i = 0; i < 4; i++)
        stmt_bind_i64(put, 3 + i, stmt_i64(salvage->event, i));
    for (int i = 4; i < 8; i++)
        stmt_bind_text(put, 3 + i, stmt_text(salvage->event, i));
    rc = stmt_run(put);
    stmt_finish(&put);
    return rc;
}

static int copy_row(struct writer *writer, struct salvage *salvage)
{
    uint64_t seq = row_seq(salvage);
    const struct epoch *epoch = epochs_at(&salvage->epochs, seq);
    struct sqlite3_stmt *get = salvage->row, *put = NULL;
    int64_t boot, key;
    size_t len;
    const void *data = stmt_blob(get, 9, &len);
    int rc;

    if (!epoch)
        return 0;
    key = ((salvage->first_id + (epoch - salvage->epochs.items)) << EPOCH_SHIFT) +
          (int64_t)seq;
    rc = boot_id(writer, stmt_text(get, 4), &boot);
    if (rc == 0 && stmt_i64(get, 2) == STORED_EVENT)
        rc = copy_event(writer, salvage, key, boot);
    if (rc == 0)
        rc = stmt_prepare(writer->db,
                          "INSERT INTO moved VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                          &put);
    if (rc < 0)
        return rc;
    stmt_bind_i64(put, 1, key);
    for (int i = 1; i < 9; i++)
        stmt_bind_i64(put, i + 1, i == 4 ? boot : stmt_i64(get, i));
    stmt_bind_blob(put, 10, data, len);
    rc = stmt_run(put);
    stmt_finish(&put);
    salvage->n_rows++;
    salvage->n_records += (uint64_t)stmt_i64(get, 1);
    return rc;
}

/* ---- holes ---- */

static void note_hole(struct salvage *salvage, uint64_t first, uint64_t last)
{
    if (first > last)
        return;
    if (salvage->n_holes > 0 && (salvage->holes[salvage->n_holes - 1].last + 1 == first ||
                                 salvage->n_holes == HOLES_MAX))
        salvage->holes[salvage->n_holes - 1].last = last;
    else
        salvage->holes[salvage->n_holes++] = (struct hole){first, last};
}

/* Rows from `bad` on cannot be read: where does it go on? 0: nowhere. */
static uint64_t find_next(struct salvage *salvage, uint64_t bad)
{
    uint64_t low = bad, high = 0;

    for (uint64_t jump = 1; jump <= JUMP_MAX && high == 0; jump *= 2) {
        int rc = read_row(salvage, bad + jump);

        if (rc == 0)
            return 0;
        if (rc > 0)
            high = bad + jump;
        else
            low = bad + jump;
    }
    while (high > low + 1) {
        uint64_t middle = low + (high - low) / 2;

        if (read_row(salvage, middle) > 0)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* ---- the end ---- */

static int tell_holes(struct writer *writer, struct salvage *salvage)
{
    int rc = 0;

    for (unsigned i = 0; i < salvage->n_holes && rc == 0; i++) {
        const struct hole *hole = &salvage->holes[i];
        const struct epoch *epoch = epochs_at(&salvage->epochs, hole->first);
        struct gap gap = {.seq_from = hole->first,
                          .seq_to = hole->last,
                          .count = hole->last - hole->first + 1,
                          .reason = "salvage"};

        if (epoch)
            memcpy(gap.epoch, epoch->hex, sizeof gap.epoch);
        rc = logbook_write_gap(&writer->book, &gap);
    }
    return rc;
}

static int close_epochs(struct writer *writer, struct salvage *salvage)
{
    int rc = 0;

    for (uint32_t i = 0; i < salvage->epochs.n && rc == 0; i++) {
        const struct epoch *epoch = &salvage->epochs.items[i];
        uint64_t last =
            epoch->last_seq == UINT64_MAX ? salvage->last_good : epoch->last_seq;

        if (!epoch->is_moved)
            rc = stmt_run_i64(writer->db,
                              "UPDATE epoch SET moved_last_seq=max(?2,first_seq-1)"
                              " WHERE id=?1",
                              salvage->first_id + i, (int64_t)last);
    }
    return rc;
}

/* Cursors that cannot be read: then nobody waits for these epochs, and they are
 * history. */
static int copy_cursors(struct writer *writer, struct salvage *salvage)
{
    struct cursors old;
    int rc = 0;

    if (cursors_open(&old, salvage->old) == 0)
        rc = cursors_copy(&old, &writer->cursors);
    cursors_close(&old);
    return rc;
}

static int finish_rows(struct writer *writer, struct salvage *salvage)
{
    int rc = close_epochs(writer, salvage);

    if (rc == 0)
        rc = tell_holes(writer, salvage);
    if (rc == 0)
        rc = copy_cursors(writer, salvage);
    if (rc == 0)
        rc = cursors_write(&writer->cursors, writer->db);
    if (rc == 0 && *salvage->path)
        rc = tables_fact_put(writer->db, FACT, NULL);
    return rc == 0 ? epochs_load(&writer->book.epochs, writer->db) : rc;
}

static void say_end(struct writer *writer, const struct salvage *salvage)
{
    char text[300];

    snprintf(
        text, sizeof text,
        "%" PRIu64 " records were salvaged from the %s database, %u ranges are missing",
        salvage->n_records, *salvage->path ? "damaged" : "deleted", salvage->n_holes);
    writer_note(writer, "store-salvaged", "warning", text);
}

/* In the transaction. 1: there is more. */
static int some_rows(struct writer *writer, struct salvage *salvage)
{
    for (unsigned i = 0; i < ROWS_PER_STEP; i++) {
        uint64_t from = salvage->next, seq;
        int rc = read_row(salvage, from);

        if (rc < 0) {
            seq = find_next(salvage, from);
            note_hole(salvage, from, seq ? seq - 1 : from);
            salvage->next = seq;
            salvage->has_skipped = true;
            if (seq)
                continue;
            rc = 0;
        }
        if (rc == 0)
            return finish_rows(writer, salvage);
        seq = row_seq(salvage);
        if (salvage
                ->has_skipped) /* where nothing was skipped, holes were told long ago */
            note_hole(salvage, from, seq - 1);
        salvage->has_skipped = false;
        salvage->next = seq + (uint64_t)stmt_i64(salvage->row, 1);
        if (salvage->next <= seq)
            salvage->next = seq + 1;
        if (is_sound(salvage)) {
            rc = copy_row(writer, salvage);
            salvage->last_good = salvage->next - 1;
        } else {
            note_hole(salvage, seq, salvage->next - 1);
        }
        if (rc < 0)
            return rc;
    }
    return 1;
}

bool salvage_step(struct writer *writer)
{
    struct salvage *salvage = writer->salvage;
    int rc;

    if (!salvage)
        return false;
    rc = db_begin(writer->db);
    if (rc == 0)
        rc = some_rows(writer, salvage);
    stmt_reset(salvage->row);
    stmt_reset(salvage->event);
    if (rc >= 0) {
        int committed = db_commit(writer->db);

        rc = committed < 0 ? committed : rc;
    }
    if (rc > 0) {
        logbook_committed(&writer->book);
        return true;
    }
    if (rc < 0) { /* a full disk: the fact makes the next start try again */
        db_rollback(writer->db);
        logbook_rolled_back(&writer->book);
        (void)epochs_load(&writer->book.epochs, writer->db);
    } else {
        logbook_committed(&writer->book);
        cursors_committed(&writer->cursors);
        say_end(writer, salvage);
    }
    salvage_free(salvage);
    writer->salvage = NULL;
    return false;
}
