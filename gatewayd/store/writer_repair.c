/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's ways on, see writer_repair.h. Control must never stop for a disk: a damaged
 * file is set aside and a new one begun; a full disk gives its oldest records, then the
 * ballast; when nothing helps the store goes on in RAM under an epoch of its own.
 */
#include "gatewayd/store/writer_repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/logbook_open.h"
#include "gatewayd/store/restore_enter.h"
#include "gatewayd/store/salvage.h"
#include "gatewayd/store/summary_copy.h"
#include "gatewayd/store/tables.h"
#include "gatewayd/store/writer_lost.h"

#define REPAIRS_MAX 3
#define NOTICES_MAX 16

struct writer_notice {
    struct writer_notice *next;
    char code[40], severity[12], text[480];
};

void writer_note(struct writer *writer, const char *code, const char *severity,
                 const char *text)
{
    struct writer_notice **last = &writer->notices, *notice;
    int n = 0;

    for (; *last; last = &(*last)->next)
        if (++n >= NOTICES_MAX)
            return;
    notice = calloc(1, sizeof *notice);
    if (!notice)
        return;
    snprintf(notice->code, sizeof notice->code, "%s", code);
    snprintf(notice->severity, sizeof notice->severity, "%s", severity);
    snprintf(notice->text, sizeof notice->text, "%s", text);
    *last = notice;
}

void writer_tell_notices(struct writer *writer)
{
    while (writer->notices) {
        struct writer_notice *notice = writer->notices;

        writer->notices = notice->next;
        writer_add_event(writer, "", CATEGORY_STATUS, notice->code, notice->severity,
                         notice->text);
        if (writer->hooks.event)
            writer->hooks.event(writer->hooks.ctx, notice->code, notice->severity,
                                notice->text);
        free(notice);
    }
}

void writer_tell_epoch(struct writer *writer)
{
    if (writer->has_new_epoch && writer->hooks.epoch_changed)
        writer->hooks.epoch_changed(writer->hooks.ctx, writer->book.epoch);
    writer->has_new_epoch = false;
}

/* ---- which database ---- */

void writer_leave_db(struct writer *writer)
{
    reader_free(writer->spare_reader);
    writer->spare_reader = NULL;
    summary_leave(&writer->summary);
    logbook_close(&writer->book);
    cursors_close(&writer->cursors);
    if (!writer_is_orphan(writer, writer->db))
        db_close(writer->db);
    writer->db = NULL;
}

static void read_machine_id(char *id, size_t size)
{
    FILE *file = fopen("/etc/machine-id", "re");

    id[0] = '\0';
    if (!file)
        return;
    if (!fgets(id, (int)size, file))
        id[0] = '\0';
    id[strcspn(id, "\n")] = '\0';
    fclose(file);
}

void writer_publish_epoch(struct writer *writer, bool on_disk)
{
    struct store_stats *stats = &writer->stats;

    pthread_mutex_lock(&writer->stats_lock);
    memcpy(stats->epoch, writer->book.epoch, sizeof stats->epoch);
    stats->on_disk = on_disk;
    stats->first_seq = writer->book.first_seq;
    stats->last_seq = writer->book.next_seq - 1;
    pthread_mutex_unlock(&writer->stats_lock);
}

/* Takes db, also on failure. */
static int enter_db(struct writer *writer, struct db *db, bool on_disk,
                    const char *reason)
{
    const struct logbook_identity identity = {writer->gateway_id, writer->machine_id,
                                              reason};
    const char *new_epoch = NULL;
    char text[160];
    int rc = logbook_open(&writer->book, db, writer->layouts, &identity, &new_epoch);

    if (rc == 0)
        rc = cursors_open(&writer->cursors, db);
    if (rc < 0) {
        logbook_close(&writer->book);
        cursors_close(&writer->cursors);
        db_close(db);
        return rc;
    }
    writer->db = db;
    writer_publish_epoch(writer, on_disk);
    if (on_disk)
        disk_note_files(&writer->disk);
    if (new_epoch) {
        snprintf(text, sizeof text,
                 "the store was written under another %s; a new epoch begins", new_epoch);
        writer_note(writer, "store-new-epoch", "warning", text);
    }
    return 0;
}

void writer_want_epoch(struct writer *writer, const char *reason)
{
    char text[200];
    int rc = logbook_new_epoch(&writer->book, reason);

    if (rc < 0 && writer_repair(writer, rc))
        return; /* the other database has one of its own */
    snprintf(text, sizeof text, rc < 0 ? "no new epoch could be begun (%s)"
                                       : "numbers begin a new epoch: %s", reason);
    writer_note(writer, "store-new-epoch", "warning", text);
    if (rc < 0)
        return;
    writer_publish_epoch(writer, writer->stats.on_disk);
    writer->has_new_epoch = true;
}

/* The mark beside the database, and the witness of this boot, tell how far the numbers
 * had come: a database that knows less, or not even the epoch, was put back from a
 * backup, or has lost what it said was safe. One that was made just now has an epoch
 * nobody knows. */
bool writer_is_older(const struct writer *writer, const struct logbook *book)
{
    struct disk_mark marks[2];
    unsigned n = 0;

    n += disk_read_mark(&writer->disk, &marks[n]);
    n += disk_read_witness(&writer->disk, &marks[n]);
    for (unsigned i = 0; i < n && !book->is_fresh; i++)
        if (!epochs_find(&book->epochs, marks[i].epoch) ||
            marks[i].next_seq > book->next_seq)
            return true;
    return false;
}

static void compare_mark(struct writer *writer)
{
    if (writer_is_older(writer, &writer->book))
        writer_want_epoch(writer, "restored");
    disk_write_mark(&writer->disk, writer->book.epoch, writer->book.next_seq);
}

/* Leaves the database in use, if any, taking along the house's own small tables. */
static int enter_other(struct writer *writer, struct db *db, bool on_disk,
                       const char *reason)
{
    if (writer->db) {
        writer_stop_salvage(writer); /* goes on at the next start */
        writer->has_all_facts = tables_copy(writer->db, db) == 0;
        writer_leave_db(writer);
    }
    layouts_mark_unstored(writer->layouts);
    writer->has_new_epoch = true;
    return enter_db(writer, db, on_disk, reason);
}

static int copy_tables(const char *path, struct db *to)
{
    const struct db_options options = {.path = path, .mode = DB_READER, .cache_kib = 64};
    struct db *old;
    int rc = db_open(&options, &old, NULL);

    if (rc < 0)
        return rc;
    rc = tables_copy(old, to);
    db_close(old);
    return rc;
}

static void copy_history(const char *path, struct db *to)
{
    const struct db_options options = {.path = path, .mode = DB_READER, .cache_kib = 64};
    struct db *old;

    if (db_open(&options, &old, NULL) < 0)
        return;
    (void)summary_copy(old, to);
    db_close(old);
}

/* What a person can do about it. */
static const char *advice(const char *code)
{
    static const struct {
        const char *code, *text;
    } table[] = {
        {"store-disk-full", "make room on that disk"},
        {"store-read-only", "look at the directory's owner and rights, and its mount"},
        {"store-disk-failed", "see dmesg, and replace the card or disk if it says so"},
        {"store-newer", "install the newer version again"},
        {"store-deleted", "a new database will be made; find out what deletes there"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].code, code) == 0)
            return table[i].text;
    return "look at the directory";
}

int writer_go_ram(struct writer *writer, const char *code, const char *why)
{
    struct gw_error error;
    struct db *db;
    char text[480];
    int rc = disk_open_ram(&writer->disk, &db, &error);

    if (rc == 0 &&
        !writer->db) /* what was agreed to holds, also when it cannot be written */
        writer->has_all_facts = copy_tables(writer->disk.db_path, db) == 0;
    if (rc == 0)
        rc = enter_other(writer, db, false, code);
    if (rc < 0)
        return rc;
    disk_done(&writer->disk); /* so that it can be unmounted and changed */
    snprintf(
        text, sizeof text,
        "%.200s; the store goes on in RAM, a power cut loses it; %s; it is tried again"
        " by itself, at once by 'gatewayctl reload'",
        why, advice(code));
    writer_note(writer, code, "alarm", text);
    return 0;
}

static int begin_afresh(struct writer *writer)
{
    char path[PATH_MAX + 64], text[480];
    struct gw_error error;
    struct db *db;
    int rc;

    if (writer->db)
        writer_leave_db(writer);
    rc = disk_set_aside(&writer->disk, "damaged", path, sizeof path);
    if (rc == 0)
        rc = disk_open(&writer->disk, &db, &error);
    if (rc == 0)
        rc = enter_other(writer, db, true, "damaged");
    if (rc < 0)
        return rc;
    (void)copy_tables(path, writer->db);
    copy_history(path, writer->db);
    salvage_begin(writer, path);
    snprintf(text, sizeof text,
             "the database was damaged and is kept as %.300s; a new one begins", path);
    writer_note(writer, "store-damaged", "alarm", text);
    return 0;
}

static const char *code_of(int rc)
{
    switch (-rc) {
    case ENOTSUP:
        return "store-newer";
    case ENOSPC:
        return "store-disk-full";
    case EROFS:
    case EACCES:
    case EPERM:
    case ENOENT:
    case ENOTDIR:
        return "store-read-only";
    default:
        return "store-disk-failed";
    }
}

int writer_open_any(struct writer *writer)
{
    struct gw_error error = {.text = "the database is damaged"};
    struct db *db;
    int rc = disk_open(&writer->disk, &db, &error);

    if (rc == 0) {
        rc = enter_db(writer, db, true, "created");
        if (rc < 0)
            snprintf(error.text, sizeof error.text, "the database cannot be read: %s",
                     error_errno_text(rc));
    }
    if (rc == -EUCLEAN)
        rc = begin_afresh(writer);
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    return writer_go_ram(writer, code_of(rc), error.text);
}

int writer_open(struct writer *writer, const struct store_options *options,
                const struct store_hooks *hooks, struct gw_error *reterr)
{
    int rc;

    *writer = (struct writer){.hooks = *hooks};
    rc = disk_init(&writer->disk, options->directory, options->max_bytes, reterr);
    if (rc < 0)
        return rc;
    disk_set_witness(&writer->disk, options->witness);
    pthread_mutex_init(&writer->stats_lock, NULL);
    pending_init(&writer->pending);
    summary_init(&writer->summary, &writer->book);
    snprintf(writer->gateway_id, sizeof writer->gateway_id, "%s", options->gateway_id);
    if (options->machine_id)
        snprintf(writer->machine_id, sizeof writer->machine_id, "%s",
                 options->machine_id);
    else
        read_machine_id(writer->machine_id, sizeof writer->machine_id);
    writer->stats.max_bytes = options->max_bytes;
    writer->stats.full_in_h = -1;
    writer->layouts = layouts_new();
    rc = writer->layouts ? writer_open_any(writer) : -ENOMEM;
    if (rc < 0) {
        error_set(reterr, -ENOMEM, "no-memory", "no store, not even in memory: %s",
                  error_errno_text(rc));
        writer_close(writer);
        return -ENOMEM;
    }
    if (writer->stats.on_disk) {
        compare_mark(writer);
        if (!writer->salvage)
            salvage_resume(writer);
        disk_make_ballast(&writer->disk);
        restore_forget_staged(&writer->disk);
    }
    writer->has_new_epoch = false; /* nobody knew an older one */
    return 0;
}

void writer_close(struct writer *writer)
{
    writer_close_orphans(writer);
    if (writer->db && writer->stats.on_disk)
        disk_write_mark(&writer->disk, writer->book.epoch, writer->book.next_seq);
    if (writer->db)
        writer_leave_db(writer);
    pending_done(&writer->pending);
    summary_done(&writer->summary);
    layouts_free(writer->layouts);
    while (writer->notices) {
        struct writer_notice *next = writer->notices->next;

        free(writer->notices);
        writer->notices = next;
    }
    pthread_mutex_destroy(&writer->stats_lock);
    disk_done(&writer->disk);
}

/* ---- when a commit fails ---- */

/* A transaction of its own; true when it freed something. */
static bool make_room(struct writer *writer)
{
    unsigned n_rows = 0;
    int rc = db_begin(writer->db);

    if (rc == 0)
        rc = writer_make_room(writer, &n_rows);
    if (rc == 0)
        rc = db_commit(writer->db);
    if (rc < 0) {
        writer_roll_back(writer);
        return false;
    }
    logbook_committed(&writer->book);
    return n_rows > 0;
}

static bool repair_full(struct writer *writer)
{
    if (make_room(writer))
        return true;
    if (!writer->stats.on_disk || !disk_drop_ballast(&writer->disk))
        return false;
    writer_note(writer, "store-disk-full", "alarm",
                "the disk is full; the store uses its last reserve: make room on it");
    (void)db_checkpoint(writer->db);
    (void)make_room(writer);
    return true;
}

bool writer_leave_disk(struct writer *writer, int rc)
{
    char why[200];

    snprintf(why, sizeof why, "writing to %.120s failed: %s", writer->disk.directory,
             error_errno_text(rc));
    return writer_go_ram(writer, code_of(rc), why) == 0;
}

bool writer_repair(struct writer *writer, int rc)
{
    if (rc == -ENOMEM || rc == -EBUSY || rc == -EINVAL || rc == -EEXIST)
        return false;
    if (++writer->n_repairs <= REPAIRS_MAX && rc == -ENOSPC && repair_full(writer))
        return true;
    if (!writer->stats.on_disk)
        return false;
    if (rc == -EUCLEAN && begin_afresh(writer) == 0)
        return true;
    return writer_leave_disk(writer, rc);
}
