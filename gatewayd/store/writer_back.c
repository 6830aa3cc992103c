/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From RAM back to disk; see writer_back.h. Called by the store's thread between two
 * commits. Nothing of the database in RAM is touched before the disk has all of it.
 */
#include "gatewayd/store/writer_back.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gatewayd/store/logbook_open.h"
#include "gatewayd/store/tables.h"
#include "gatewayd/store/writer_lost.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define TRIM_ROWS 64

/* What the disk holds, beside the database in RAM that is still in use. */
struct home {
    struct db *db;
    struct layouts *layouts;
    struct logbook book;
    struct cursors cursors;
};

static void close_home(struct home *home)
{
    logbook_close(&home->book);
    cursors_close(&home->cursors);
    layouts_free(home->layouts);
    db_close(home->db);
}

static int open_disk(struct writer *writer, struct db **ret_db)
{
    char path[PATH_MAX + 64], text[480];
    struct gw_error error;
    int rc = writer_make_way(writer);

    if (rc == 0)
        rc = disk_open(&writer->disk, ret_db, &error);
    if (rc != -EUCLEAN)
        return rc;
    rc = disk_set_aside(&writer->disk, "damaged", path, sizeof path);
    if (rc == 0)
        rc = disk_open(&writer->disk, ret_db, &error);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof text,
             "the database was damaged and is kept as %.300s; a new one begins", path);
    writer_note(writer, "store-damaged", "alarm", text);
    return 0;
}

/* An older copy was put in the disk's place meanwhile. */
static int begin_other_epoch(struct writer *writer, struct home *home)
{
    int rc = logbook_new_epoch(&home->book, "restored");

    if (rc == 0)
        writer_note(writer, "store-new-epoch", "warning",
                    "numbers begin a new epoch: restored");
    return rc;
}

static int open_home(struct writer *writer, struct home *home)
{
    const struct logbook_identity identity = {writer->gateway_id, writer->machine_id,
                                              "created"};
    const char *new_epoch = NULL;
    int rc;

    *home = (struct home){.book.generation = writer->book.generation};
    rc = open_disk(writer, &home->db);
    if (rc < 0)
        return rc;
    home->layouts = layouts_new();
    rc = home->layouts ? 0 : -ENOMEM;
    if (rc == 0)
        rc = logbook_open(&home->book, home->db, home->layouts, &identity, &new_epoch);
    if (rc == 0)
        rc = cursors_open(&home->cursors, home->db);
    if (rc == 0 && writer_is_older(writer, &home->book))
        rc = begin_other_epoch(writer, home);
    if (rc < 0)
        close_home(home);
    return rc;
}

/* ---- copying, in one transaction of the disk ---- */

static int add_epoch(struct home *home, const struct epoch *epoch, uint64_t last_seq,
                     uint32_t layout_base, int64_t id)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(home->db,
                          "INSERT INTO epoch(id,hex,first_seq,created_ms,reason,"
                          "moved_last_seq,layout_base,back_seq) VALUES(?1,?2,?3,?4,"
                          "'ram',?5,?6,?7)",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    stmt_bind_text(stmt, 2, epoch->hex);
    stmt_bind_i64(stmt, 3, (int64_t)epoch->first_seq);
    stmt_bind_i64(stmt, 4, clock_wall_ms());
    stmt_bind_i64(stmt, 5, (int64_t)last_seq);
    stmt_bind_i64(stmt, 6, layout_base);
    stmt_bind_i64(stmt, 7, (int64_t)home->book.next_seq);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

struct column_copy {
    const char *get, *put; /* get: ?1..?2 are numbers; column 0 a number, `boot` a boot */
    int n, boot, blob;
    int first_text; /* from this column on: texts */
};

static int copy_columns(const struct column_copy *copy, struct sqlite3_stmt *get,
                        struct sqlite3_stmt *put, uint64_t base, int64_t boot)
{
    for (int i = 0; i < copy->n; i++) {
        size_t size;

        if (i == 0)
            stmt_bind_i64(put, 1, (int64_t)(base + (uint64_t)stmt_i64(get, 0)));
        else if (i == copy->boot)
            stmt_bind_i64(put, i + 1, boot);
        else if (i == copy->blob) {
            const void *data = stmt_blob(get, i, &size);

            stmt_bind_blob(put, i + 1, data, size);
        } else if (i >= copy->first_text)
            stmt_bind_text(put, i + 1, stmt_text(get, i));
        else
            stmt_bind_i64(put, i + 1, stmt_i64(get, i));
    }
    return stmt_run(put);
}

static int copy_range(struct writer *writer, struct home *home,
                      const struct column_copy *copy, const struct epoch *epoch,
                      int64_t id)
{
    struct sqlite3_stmt *get = NULL, *put = NULL;
    uint64_t last =
        epoch->last_seq == UINT64_MAX ? writer->book.next_seq - 1 : epoch->last_seq;
    int rc = stmt_prepare(writer->db, copy->get, &get);

    if (rc == 0)
        rc = stmt_prepare(home->db, copy->put, &put);
    if (rc == 0) {
        stmt_bind_i64(get, 1, (int64_t)epoch->first_seq);
        stmt_bind_i64(get, 2, (int64_t)last);
    }
    while (rc == 0 && (rc = stmt_step(get)) > 0)
        rc = copy_columns(copy, get, put, (uint64_t)id << EPOCH_SHIFT, home->book.boot);
    stmt_finish(&get);
    stmt_finish(&put);
    return rc;
}

static int copy_epoch(struct writer *writer, struct home *home, const struct epoch *epoch,
                      uint32_t layout_base, int64_t id)
{
    static const struct column_copy rows = {
        "SELECT seq,n,kind,period_ms,boot,t_first_ms,t_last_ms,offset_ms,clock,data"
        " FROM log WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
        "INSERT INTO moved VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)", 10, 4, 9, 10};
    static const struct column_copy events = {
        "SELECT seq,boot,t_boot_ns,offset_ms,clock,category,device,code,severity,text"
        " FROM event WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
        "INSERT INTO event VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)", 10, 1, -1, 6};
    uint64_t last =
        epoch->last_seq == UINT64_MAX ? writer->book.next_seq - 1 : epoch->last_seq;
    int rc = add_epoch(home, epoch, last, layout_base, id);

    if (rc == 0)
        rc = copy_range(writer, home, &rows, epoch, id);
    if (rc == 0)
        rc = copy_range(writer, home, &events, epoch, id);
    for (uint32_t i = 0; i < writer->book.corrections.n && rc == 0; i++) {
        struct correction correction = writer->book.corrections.items[i];

        if (strcmp(correction.epoch, epoch->hex) != 0)
            continue;
        correction.space = id;
        correction.key += (uint64_t)id << EPOCH_SHIFT;
        rc = corrections_add(&home->book.corrections, home->db, &correction);
    }
    return rc;
}

static int copy_epochs(struct writer *writer, struct home *home)
{
    const struct epochs *epochs = &writer->book.epochs;
    int64_t id = home->book.epochs.items[home->book.epochs.n - 1].id;
    uint32_t layout_base;
    int rc = layouts_merge(home->layouts, writer->layouts, &layout_base);

    for (uint32_t i = 0; i < epochs->n && rc == 0; i++)
        if (epochs->items[i].first_seq < writer->book.next_seq)
            rc = copy_epoch(writer, home, &epochs->items[i], layout_base, ++id);
    return rc;
}

/* What is in RAM must fit; the disk may stand at its bound. */
static int make_room(struct writer *writer, struct home *home)
{
    const struct writer disk = {.book = home->book, .cursors = home->cursors};
    int64_t page = db_pragma_i64(home->db, "page_size"),
            max = db_pragma_i64(home->db, "max_page_count"),
            needed = db_pragma_i64(writer->db, "page_count") *
                     db_pragma_i64(writer->db, "page_size") / (page > 0 ? page : 1);
    uint64_t low = writer_delivered_low(&disk), n_lost;
    unsigned n_rows = 1;
    int rc = 0;

    while (rc == 0 && n_rows > 0 &&
           db_pragma_i64(home->db, "page_count") -
                   db_pragma_i64(home->db, "freelist_count") + needed >
               max - max / 20)
        rc = logbook_trim(&home->book, low, TRIM_ROWS, false, &n_rows, &n_lost);
    return rc;
}

static int copy_all(struct writer *writer, struct home *home)
{
    const struct pending none = {0};
    int rc = db_begin(home->db);

    if (rc == 0)
        rc = make_room(writer, home);
    if (rc == 0)
        rc = tables_merge(writer->db, home->db, writer->has_all_facts);
    if (rc == 0)
        rc = copy_epochs(writer, home);
    if (rc == 0)
        rc = logbook_write(&home->book, &none); /* the new layouts */
    if (rc == 0)
        rc = cursors_copy(&writer->cursors, &home->cursors);
    if (rc == 0)
        rc = cursors_write(&home->cursors, home->db);
    if (rc == 0)
        rc = epochs_load(&home->book.epochs, home->db);
    if (rc == 0)
        rc = db_commit(home->db);
    if (rc < 0) {
        db_rollback(home->db);
        return rc;
    }
    logbook_committed(&home->book);
    cursors_committed(&home->cursors);
    return 0;
}

/* ---- moving in ---- */

static void move_in(struct writer *writer, struct home *home)
{
    writer_leave_db(writer);
    layouts_free(writer->layouts);
    pending_done(&writer->pending); /* its packer knows the layouts by number */
    pending_init(&writer->pending);
    writer->db = home->db;
    writer->layouts = home->layouts;
    writer->book = home->book;
    writer->cursors = home->cursors;
    writer->has_new_epoch = true;
    writer->n_repairs = writer->n_failed = 0;
    writer_publish_epoch(writer, true);
    disk_note_files(&writer->disk);
    disk_write_mark(&writer->disk, writer->book.epoch, writer->book.next_seq);
}

bool writer_try_disk(struct writer *writer)
{
    uint64_t n_records = writer->book.next_seq - writer->book.epoch_first_seq;
    struct home home;
    char text[160];
    int rc = disk_relock(&writer->disk);

    if (rc == 0)
        rc = open_home(writer, &home);
    if (rc == 0) {
        rc = copy_all(writer, &home);
        if (rc < 0)
            close_home(&home);
    }
    if (rc < 0) {
        disk_done(&writer->disk);
        return false;
    }
    move_in(writer, &home);
    snprintf(text, sizeof text,
             "the disk can be used again; %" PRIu64 " records came back from RAM",
             n_records);
    writer_note(writer, "store-back", "info", text);
    disk_make_ballast(&writer->disk);
    return true;
}
