/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over from the replaced database; see restore_merge.h. */
#include "gatewayd/store/restore_merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/layout.h"
#include "gatewayd/store/tables.h"
#include "gatewayd/store/writer.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define ROOM_ROWS 64
#define ROOM_ROUNDS 16
#define ROOM_TRIES 64
#define KEY_MASK ((UINT64_C(1) << EPOCH_SHIFT) - 1)

struct restore_merge {
    struct db *db;
    struct layouts *layouts;
    struct logbook book;
    struct cursors cursors;
    bool has_layout_base;
    uint32_t layout_base;
    int64_t first_id; /* of epochs that it did not have itself */
};

/* The database that is replaced, as it stands at a pass. */
struct present {
    struct db *db;
    struct layouts *layouts;
    struct epochs epochs;
    struct corrections corrections;
    struct cursors cursors;
};

/* One statement with up to three numbers and a text (?4). */
static int run(struct db *db, const char *sql, const int64_t numbers[3], const char *text)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    for (int i = 0; numbers && i < 3; i++)
        stmt_bind_i64(stmt, i + 1, numbers[i]);
    if (text)
        stmt_bind_text(stmt, 4, text);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

/* The first column of the first row; none: fallback. */
static int get_i64(struct db *db, const char *sql, const int64_t numbers[2],
                   const char *text, int64_t *ret)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    for (int i = 0; numbers && i < 2; i++)
        stmt_bind_i64(stmt, i + 1, numbers[i]);
    if (text)
        stmt_bind_text(stmt, 3, text);
    rc = stmt_step(stmt);
    if (rc > 0 && !stmt_is_null(stmt, 0))
        *ret = stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}

/* ---- opening ---- */

/* "store." and "owned." speak of this machine's files and outputs as they were then. */
static int forget_past(struct db *db, bool is_foreign)
{
    int rc =
        db_exec(db, "DELETE FROM fact WHERE key GLOB 'store.*' OR key GLOB 'owned.*'");

    if (rc == 0 && is_foreign)
        rc = db_exec(db, "DELETE FROM cursor; DELETE FROM consent WHERE kind<>'withdraw';"
                         "DELETE FROM fact WHERE key GLOB 'route.*'");
    return rc;
}

/* So that opening begins no epoch for it: "restored" is the reason. */
static int claim(struct db *db, const struct logbook_identity *identity)
{
    int rc = run(db, "INSERT OR REPLACE INTO meta VALUES('gateway_id',?4)", NULL,
                 identity->gateway_id);

    return rc < 0 ? rc
                  : run(db, "INSERT OR REPLACE INTO meta VALUES('machine_id',?4)", NULL,
                        identity->machine_id);
}

/* ---- boots ---- */

/* Known to both: the clock that was trusted since then counts. */
static int merge_boot(struct db *db, struct sqlite3_stmt *from, const char *new_id)
{
    struct sqlite3_stmt *put = NULL;
    char sql[300];
    int rc;

    snprintf(sql, sizeof sql,
             "INSERT INTO boot SELECT %s,?1,?2,?3,?4,?5 FROM boot WHERE true"
             " ON CONFLICT(hex) DO UPDATE SET offset_ms=ifnull(offset_ms,?3),"
             "error_ms=ifnull(error_ms,?4),clock=ifnull(clock,?5)",
             new_id);
    rc = stmt_prepare(db, sql, &put);
    if (rc < 0)
        return rc;
    stmt_bind_text(put, 1, stmt_text(from, 0));
    for (int i = 1; i < 5; i++)
        if (!stmt_is_null(from, i))
            stmt_bind_i64(put, i + 1, stmt_i64(from, i));
    rc = stmt_run(put);
    stmt_finish(&put);
    return rc;
}

/* Ids ascend with time: what the restored one does not know is later than all it knows;
 * or, when it knows even this boot, older. */
static int merge_boots(struct db *db, struct db *present)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t knows_this = 0;
    int rc = get_i64(db, "SELECT count(*) FROM boot WHERE hex=?3", NULL, clock_boot_id(),
                     &knows_this);

    if (rc == 0)
        rc = stmt_prepare(present,
                          knows_this ? "SELECT hex,seen_ms,offset_ms,error_ms,clock FROM"
                                       " boot ORDER BY id DESC"
                                     : "SELECT hex,seen_ms,offset_ms,error_ms,clock FROM"
                                       " boot ORDER BY id",
                          &stmt);
    while (rc == 0 && (rc = stmt_step(stmt)) > 0)
        rc = merge_boot(db, stmt,
                        knows_this ? "ifnull(min(id),1)-1" : "ifnull(max(id),0)+1");
    stmt_finish(&stmt);
    return rc;
}

int restore_merge_open(struct db *db, struct db *present,
                       const struct logbook_identity *identity, bool is_foreign,
                       struct restore_merge **ret_merge)
{
    struct restore_merge *merge = calloc(1, sizeof *merge);
    const char *new_epoch;
    int rc = merge ? 0 : -ENOMEM;

    if (rc < 0) {
        db_close(db);
        return rc;
    }
    merge->db = db;
    merge->layouts = layouts_new();
    rc = merge->layouts ? forget_past(db, is_foreign) : -ENOMEM;
    if (rc == 0)
        rc = claim(db, identity);
    if (rc == 0)
        rc = merge_boots(db, present);
    if (rc == 0)
        rc = get_i64(db, "SELECT max(id)+1 FROM epoch", NULL, NULL, &merge->first_id);
    if (rc == 0)
        rc = logbook_open(&merge->book, db, merge->layouts, identity, &new_epoch);
    if (rc == 0)
        rc = logbook_new_epoch(&merge->book, identity->reason);
    if (rc == 0)
        rc = cursors_open(&merge->cursors, db);
    if (rc < 0)
        restore_merge_close(merge);
    else
        *ret_merge = merge;
    return rc;
}

struct db *restore_merge_db(const struct restore_merge *merge)
{
    return merge->db;
}

void restore_merge_close(struct restore_merge *merge)
{
    if (!merge)
        return;
    logbook_close(&merge->book);
    cursors_close(&merge->cursors);
    layouts_free(merge->layouts);
    db_close(merge->db);
    free(merge);
}

static int load_layouts(struct present *present)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        stmt_prepare(present->db, "SELECT id,device,category,points FROM layout", &stmt);

    while (rc == 0 && (rc = stmt_step(stmt)) > 0)
        rc = layouts_load(present->layouts, (uint32_t)stmt_i64(stmt, 0),
                          stmt_text(stmt, 1), (enum category)stmt_i64(stmt, 2),
                          stmt_text(stmt, 3));
    stmt_finish(&stmt);
    return rc;
}

static void close_present(struct present *present)
{
    epochs_free(&present->epochs);
    corrections_free(&present->corrections);
    cursors_close(&present->cursors);
    layouts_free(present->layouts);
}

static int open_present(struct present *present, struct db *db)
{
    int rc;

    *present = (struct present){.db = db, .layouts = layouts_new()};
    rc = present->layouts ? load_layouts(present) : -ENOMEM;
    if (rc == 0)
        rc = epochs_load(&present->epochs, db);
    if (rc == 0)
        rc = corrections_load(&present->corrections, db);
    if (rc == 0)
        rc = cursors_open(&present->cursors, db);
    return rc;
}

/* ---- records somebody waits for ---- */

/* The restored database's own version of an epoch that the present one knows better: it
 * stays as history, under a name that nobody waits for. */
static int retire_epoch(struct restore_merge *merge, const struct epoch *mine,
                        uint64_t from_seq)
{
    uint64_t base = epoch_base(mine);
    uint64_t last = mine->is_moved ? base + KEY_MASK : mine->last_seq;
    const int64_t span[3] = {(int64_t)(base + from_seq), (int64_t)last,
                             (int64_t)(base + mine->first_seq)};
    /* the newest row of the log carries the numbering */
    int rc = run(merge->db,
                 mine->is_moved
                     ? "DELETE FROM moved WHERE key BETWEEN ifnull((SELECT max(key) FROM"
                       " moved WHERE key<=?1 AND key>=?3),?1) AND ?2 AND key+n>?1"
                     : "DELETE FROM log WHERE seq BETWEEN ifnull((SELECT max(seq) FROM"
                       " log WHERE seq<=?1 AND seq>=?3),?1) AND ?2 AND seq+n>?1"
                       " AND seq < (SELECT max(seq) FROM log)",
                 span, NULL);

    if (rc == 0)
        rc = run(merge->db,
                 mine->is_moved ? "DELETE FROM event WHERE seq BETWEEN ?1 AND ?2"
                                : "DELETE FROM event WHERE seq BETWEEN ?1 AND ?2 AND"
                                  " seq < ifnull((SELECT max(seq) FROM log),0)",
                 span, NULL);
    if (rc == 0)
        rc = run(merge->db,
                 "UPDATE epoch SET hex=lower(hex(randomblob(16))) WHERE hex=?4", NULL,
                 mine->hex);
    return rc;
}

static int add_epoch(struct restore_merge *merge, const struct epoch *epoch, int64_t id,
                     bool is_new)
{
    const int64_t numbers[3] = {id, (int64_t)epoch->first_seq, clock_wall_ms()};
    int rc = run(merge->db,
                 "INSERT INTO epoch(id,hex,first_seq,created_ms,reason,moved_last_seq,"
                 "layout_base) VALUES(?1,?4,?2,?3,'replaced',?2-1,0)",
                 numbers, epoch->hex);

    if (rc == 0)
        rc =
            run(merge->db, "UPDATE epoch SET layout_base=?2 WHERE id=?1",
                (const int64_t[3]){id, merge->layout_base + epoch->layout_base, 0}, NULL);
    if (rc == 0 && is_new) /* in the local history it comes before what comes next */
        rc = run(merge->db, "UPDATE epoch SET back_seq=?2 WHERE id=?1",
                 (const int64_t[3]){id, (int64_t)merge->book.next_seq, 0}, NULL);
    return rc;
}

/* A row of `from` goes under another key; its boot by its name. */
static int copy_row(struct sqlite3_stmt *from, struct sqlite3_stmt *put, int64_t key)
{
    size_t size;
    const void *data = stmt_blob(from, 9, &size);

    stmt_bind_i64(put, 1, key);
    for (int i = 1; i < 9; i++)
        if (i == 4)
            stmt_bind_text(put, 5, stmt_text(from, 4));
        else
            stmt_bind_i64(put, i + 1, stmt_i64(from, i));
    stmt_bind_blob(put, 10, data, size);
    return stmt_run(put);
}

static int copy_rows(struct restore_merge *merge, struct present *present,
                     const struct epoch *epoch, int64_t id, uint64_t from_seq,
                     uint64_t *ret_last)
{
    uint64_t base = epoch_base(epoch);
    struct sqlite3_stmt *get = NULL, *put = NULL;
    int rc = stmt_prepare(
        present->db,
        epoch->is_moved
            ? "SELECT key,n,kind,period_ms,(SELECT hex FROM boot WHERE id=boot),"
              "t_first_ms,t_last_ms,offset_ms,clock,data FROM moved WHERE key BETWEEN"
              " ifnull((SELECT max(key) FROM moved WHERE key<=?1 AND key>=?3),?1) AND ?2"
              " AND key+n>?1 ORDER BY key"
            : "SELECT seq,n,kind,period_ms,(SELECT hex FROM boot WHERE id=log.boot),"
              "t_first_ms,t_last_ms,offset_ms,clock,data FROM log WHERE seq BETWEEN"
              " ifnull((SELECT max(seq) FROM log WHERE seq<=?1 AND seq>=?3),?1) AND ?2"
              " AND seq+n>?1 ORDER BY seq",
        &get);

    if (rc == 0)
        rc = stmt_prepare(merge->db,
                          "INSERT OR IGNORE INTO moved VALUES(?1,?2,?3,?4,(SELECT id FROM"
                          " boot WHERE hex=?5),?6,?7,?8,?9,?10)",
                          &put);
    if (rc == 0) {
        stmt_bind_i64(get, 1, (int64_t)(base + from_seq));
        stmt_bind_i64(get, 2, epoch->last_seq == UINT64_MAX
                                  ? INT64_MAX
                                  : (int64_t)(base + epoch->last_seq));
        stmt_bind_i64(get, 3, (int64_t)(base + epoch->first_seq));
    }
    while (rc == 0 && (rc = stmt_step(get)) > 0) {
        uint64_t seq = (uint64_t)stmt_i64(get, 0) - base;

        *ret_last = seq + (uint64_t)stmt_i64(get, 1) - 1;
        rc = copy_row(get, put, (id << EPOCH_SHIFT) + (int64_t)seq);
    }
    stmt_finish(&get);
    stmt_finish(&put);
    return rc;
}

/* Events beside their rows. */
static int copy_events(struct restore_merge *merge, struct present *present,
                       const struct epoch *epoch, int64_t id, uint64_t from_seq,
                       uint64_t last_seq)
{
    uint64_t base = epoch_base(epoch);
    struct sqlite3_stmt *get = NULL, *put = NULL;
    int rc = stmt_prepare(present->db,
                          "SELECT seq,(SELECT hex FROM boot WHERE id=event.boot),"
                          "t_boot_ns,offset_ms,clock,category,device,code,severity,text"
                          " FROM event WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
                          &get);

    if (rc == 0)
        rc = stmt_prepare(merge->db,
                          "INSERT OR IGNORE INTO event VALUES(?1,(SELECT id FROM boot"
                          " WHERE hex=?2),?3,?4,?5,?6,?7,?8,?9,?10)",
                          &put);
    if (rc == 0) {
        stmt_bind_i64(get, 1, (int64_t)(base + from_seq));
        stmt_bind_i64(get, 2, (int64_t)(base + last_seq));
    }
    while (rc == 0 && (rc = stmt_step(get)) > 0) {
        stmt_bind_i64(put, 1,
                      (id << EPOCH_SHIFT) + stmt_i64(get, 0) - (int64_t)base);
        stmt_bind_text(put, 2, stmt_text(get, 1));
        for (int i = 2; i < 6; i++)
            stmt_bind_i64(put, i + 1, stmt_i64(get, i));
        for (int i = 6; i < 10; i++)
            stmt_bind_text(put, i + 1, stmt_text(get, i));
        rc = stmt_run(put);
    }
    stmt_finish(&get);
    stmt_finish(&put);
    return rc;
}

/* Of this epoch all, as often as it takes: known ones are there under their key. */
static int copy_corrections(struct restore_merge *merge, const struct present *present,
                            const struct epoch *epoch, int64_t id)
{
    int rc = run(merge->db, "DELETE FROM correction WHERE epoch=?4", NULL, epoch->hex);

    if (rc == 0)
        rc = corrections_load(&merge->book.corrections, merge->db);
    for (uint32_t i = 0; i < present->corrections.n && rc == 0; i++) {
        struct correction correction = present->corrections.items[i];

        if (strcmp(correction.epoch, epoch->hex) != 0)
            continue;
        correction.space = id;
        correction.key = ((uint64_t)id << EPOCH_SHIFT) + (correction.key & KEY_MASK);
        rc = corrections_add(&merge->book.corrections, merge->db, &correction);
    }
    return rc;
}

/* The id of the epoch in `moved` that an earlier pass made for it; 0: none. */
static int taken_over(struct restore_merge *merge, const char *hex, int64_t *ret_id,
                      uint64_t *ret_last)
{
    int64_t last = 0;
    int rc;

    *ret_id = 0;
    rc = get_i64(merge->db,
                 "SELECT id FROM epoch WHERE hex=?3 AND id>=?1 AND reason='replaced'",
                 (const int64_t[2]){merge->first_id, 0}, hex, ret_id);
    if (rc == 0 && *ret_id)
        rc = get_i64(merge->db,
                     "SELECT key+n-1 FROM moved WHERE key BETWEEN ?1<<40 AND"
                     " ((?1+1)<<40)-1 ORDER BY key DESC LIMIT 1",
                     (const int64_t[2]){*ret_id, 0}, NULL, &last);
    *ret_last = (uint64_t)last & KEY_MASK;
    return rc;
}

static int make_place(struct restore_merge *merge, const struct epoch *epoch,
                      uint64_t from_seq, int64_t *ret_id)
{
    const struct epoch *mine = epochs_find(&merge->book.epochs, epoch->hex);
    /* nothing of it was summed before */
    bool is_new = !mine || from_seq > mine->last_seq;
    int64_t id = 0;
    int rc = mine ? retire_epoch(merge, mine, from_seq) : 0;

    if (rc == 0)
        rc = get_i64(merge->db, "SELECT max(id)+1 FROM epoch", NULL, NULL, &id);
    if (rc == 0)
        rc = add_epoch(merge, epoch, id, is_new);
    if (rc == 0)
        rc = epochs_load(&merge->book.epochs, merge->db);
    *ret_id = id;
    return rc;
}

static int merge_epoch(struct restore_merge *merge, struct present *present,
                       const struct epoch *epoch, uint64_t from_seq)
{
    uint64_t had_to, last = 0;
    int64_t id;
    int rc = taken_over(merge, epoch->hex, &id, &had_to);

    if (rc == 0 && id == 0)
        rc = make_place(merge, epoch, from_seq, &id);
    if (had_to >= from_seq)
        from_seq = had_to + 1;
    if (rc == 0)
        rc = copy_rows(merge, present, epoch, id, from_seq, &last);
    if (rc == 0 && last)
        rc = copy_events(merge, present, epoch, id, from_seq, last);
    if (rc == 0)
        rc = copy_corrections(merge, present, epoch, id);
    if (rc == 0 && last)
        rc = run(merge->db, "UPDATE epoch SET moved_last_seq=?2 WHERE id=?1",
                 (const int64_t[3]){id, (int64_t)last, 0}, NULL);
    return rc;
}

static int merge_epochs(struct restore_merge *merge, struct present *present)
{
    int rc = 0;

    for (uint32_t i = 0; i < present->epochs.n && rc == 0; i++) {
        const struct epoch *epoch = &present->epochs.items[i];
        bool goes_on = epoch->last_seq == UINT64_MAX;
        uint64_t low = cursors_delivered_low(&present->cursors, epoch->hex, goes_on);

        if (low >= epoch->last_seq)
            continue; /* nobody waits */
        rc = merge_epoch(merge, present, epoch,
                         low + 1 > epoch->first_seq ? low + 1 : epoch->first_seq);
    }
    return rc;
}

/* Of the epochs that the present one knows, it knows better who has what. */
static int merge_cursors(struct restore_merge *merge, const struct present *present)
{
    int rc = 0;

    for (uint32_t i = 0; i < present->epochs.n && rc == 0; i++)
        rc = run(merge->db, "DELETE FROM cursor WHERE epoch=?4", NULL,
                 present->epochs.items[i].hex);
    cursors_close(&merge->cursors);
    if (rc == 0)
        rc = cursors_open(&merge->cursors, merge->db);
    if (rc == 0)
        rc = cursors_copy(&present->cursors, &merge->cursors);
    return rc == 0 ? cursors_write(&merge->cursors, merge->db) : rc;
}

/* Everything a pass brings must fit; what the backup has delivered goes first. */
static int make_room(struct restore_merge *merge)
{
    const struct writer disk = {.book = merge->book, .cursors = merge->cursors};
    uint64_t low = writer_delivered_low(&disk), n_lost;
    unsigned n_rows = 1, n_all = 0;
    int rc = db_begin(merge->db);

    for (int i = 0; i < ROOM_ROUNDS && rc == 0 && n_rows > 0; i++) {
        rc = logbook_trim(&merge->book, low, ROOM_ROWS, false, &n_rows, &n_lost);
        n_all += n_rows;
    }
    if (rc == 0)
        rc = db_commit(merge->db);
    if (rc < 0) {
        db_rollback(merge->db);
        return rc;
    }
    logbook_committed(&merge->book);
    return n_all > 0 ? 0 : -ENOSPC;
}

/* ---- a pass ---- */

static int merge_layouts(struct restore_merge *merge, const struct present *present)
{
    const struct pending none = {0};
    int rc;

    if (merge->has_layout_base)
        rc = layouts_merge_at(merge->layouts, present->layouts, merge->layout_base);
    else
        rc = layouts_merge(merge->layouts, present->layouts, &merge->layout_base);
    merge->has_layout_base = true;
    return rc < 0 ? rc : logbook_write(&merge->book, &none);
}

static int merge_all(struct restore_merge *merge, struct present *present)
{
    int rc = merge_boots(merge->db, present->db);

    if (rc == 0)
        rc = merge_layouts(merge, present);
    if (rc == 0)
        rc = merge_epochs(merge, present);
    if (rc == 0)
        rc = db_exec(merge->db, "DELETE FROM fact WHERE key GLOB 'owned.*'");
    if (rc == 0)
        rc = tables_merge_house(present->db, merge->db);
    return rc == 0 ? merge_cursors(merge, present) : rc;
}

static int try_pass(struct restore_merge *merge, struct db *db)
{
    struct present present;
    int rc = db_exec(db, "BEGIN"); /* one moment of it */

    if (rc < 0)
        return rc;
    rc = open_present(&present, db);
    if (rc == 0)
        rc = db_begin(merge->db);
    if (rc == 0)
        rc = merge_all(merge, &present);
    if (rc == 0)
        rc = db_commit(merge->db);
    close_present(&present);
    db_rollback(db);
    if (rc < 0) {
        db_rollback(merge->db);
        logbook_rolled_back(&merge->book);
        (void)epochs_load(&merge->book.epochs, merge->db);
        layouts_mark_unstored(merge->layouts);
        return rc;
    }
    logbook_committed(&merge->book);
    cursors_committed(&merge->cursors);
    return 0;
}

int restore_merge_pass(struct restore_merge *merge, struct db *db)
{
    int rc = try_pass(merge, db);

    for (int i = 0; i < ROOM_TRIES && rc == -ENOSPC && make_room(merge) == 0; i++)
        rc = try_pass(merge, db);
    return rc;
}
