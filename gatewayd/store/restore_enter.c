/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going over to a restored database; see restore_enter.h. The order is what makes a power
 * cut harmless: the new file is whole and flushed, the old one has no WAL any more and a
 * second name, then one rename decides.
 */
#include "gatewayd/store/restore_enter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatewayd/store/writer_repair.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define ASIDE_KEPT 2
#define ASIDE_PREFIX "store.db.before-restore-"

static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

void restore_staged_path(const struct disk *disk, char *path, size_t size)
{
    snprintf(path, size, "%s/restore.db", disk->directory);
}

void restore_forget_staged(const struct disk *disk)
{
    char path[PATH_MAX], name[PATH_MAX + 16];

    restore_staged_path(disk, path, sizeof path);
    (void)unlink(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

int restore_is_possible(const struct writer *writer)
{
    if (!writer->stats.on_disk)
        return -EROFS;
    return writer->salvage || writer->n_orphans > 0 ? -EBUSY : 0;
}

static int flush_path(const char *path, int flags)
{
    _cleanup_close_ int fd = open(path, flags | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Its WAL is in it: a WAL left behind would be taken for the new database's. */
static bool has_wal(const char *db_path)
{
    char name[PATH_MAX + 8];
    struct stat st;

    snprintf(name, sizeof name, "%s-wal", db_path);
    return stat(name, &st) == 0 && st.st_size > 0;
}

static int last_pass(struct writer *writer, struct restore_merge *merge)
{
    struct db *present;
    int rc;

    if (writer_has_work(writer))
        writer_commit(writer);
    rc = restore_is_possible(writer);
    if (rc == 0 && writer_has_work(writer))
        rc = -EIO;
    if (rc == 0)
        rc = disk_open_reader(&writer->disk, true, &present);
    if (rc < 0)
        return rc;
    rc = restore_merge_pass(merge, present);
    db_close(present);
    return rc;
}

/* A second name for the database in use; it goes on under its first until the rename. */
static int name_aside(const struct disk *disk, char *ret_path, size_t size)
{
    char stamp[32];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    int rc = -EEXIST;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    for (unsigned n = 0; n < 1000 && rc == -EEXIST; n++) {
        snprintf(ret_path, size, n ? "%s/" ASIDE_PREFIX "%s.%u" : "%s/" ASIDE_PREFIX "%s",
                 disk->directory, stamp, n);
        rc = link(disk->db_path, ret_path) < 0 ? -errno : 0;
    }
    return rc;
}

/* The database in use is closed. */
static int exchange(struct writer *writer, const char *staged, char *ret_aside,
                    size_t size)
{
    struct disk *disk = &writer->disk;
    char name[PATH_MAX + 8];
    int rc;

    if (has_wal(disk->db_path) || has_wal(staged))
        return -EBUSY;
    rc = name_aside(disk, ret_aside, size);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < 2; i++) { /* empty by now, and readers keep theirs */
        snprintf(name, sizeof name, "%s%s", disk->db_path, suffixes[i]);
        (void)unlink(name);
    }
    rc = flush_path(disk->directory, O_RDONLY | O_DIRECTORY);
    if (rc == 0 && rename(staged, disk->db_path) < 0)
        rc = -errno;
    if (rc < 0) {
        (void)unlink(ret_aside);
        return rc;
    }
    (void)flush_path(disk->directory, O_RDONLY | O_DIRECTORY);
    return 0;
}

/* Numbers of layouts are those of the other database from here on. */
static int go_over(struct writer *writer)
{
    struct layouts *layouts = layouts_new();

    if (!layouts)
        return -ENOMEM;
    layouts_free(writer->layouts);
    writer->layouts = layouts;
    pending_done(&writer->pending);
    pending_init(&writer->pending);
    writer->has_new_epoch = true;
    writer->n_repairs = writer->n_failed = 0;
    writer->told_bound = 0;
    writer->thin_from[0] = writer->thin_from[1] = 0;
    return writer_open_any(writer);
}

int restore_enter(struct writer *writer, struct restore_merge *merge, char *ret_aside,
                  size_t size)
{
    char staged[PATH_MAX];
    int rc = last_pass(writer, merge), reopened;

    restore_staged_path(&writer->disk, staged, sizeof staged);
    restore_merge_close(merge);
    if (rc == 0)
        rc = flush_path(staged, O_RDONLY);
    if (rc == 0)
        rc = db_checkpoint_truncate(writer->db);
    if (rc < 0)
        return rc;
    writer_leave_db(writer);
    rc = exchange(writer, staged, ret_aside, size);
    reopened = go_over(writer);
    if (reopened == 0 && writer->stats.on_disk)
        disk_write_mark(&writer->disk, writer->book.epoch, writer->book.next_seq);
    return rc < 0 ? rc : reopened;
}

/* What sqlite3 leaves beside a database that somebody looked into counts with it. */
static int is_aside(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '-');

    if (strncmp(entry->d_name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) != 0)
        return 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(end, suffixes[i]) == 0)
            return 0;
    return 1;
}

static bool forget_one(const struct disk *disk, const char *entry)
{
    char path[PATH_MAX + 256], name[PATH_MAX + 272];

    snprintf(path, sizeof path, "%s/%s", disk->directory, entry);
    if (unlink(path) < 0)
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    return true;
}

unsigned restore_forget_older(const struct disk *disk, const char *aside)
{
    const char *last = strrchr(aside, '/') ? strrchr(aside, '/') + 1 : aside;
    unsigned n_kept = 1, n_gone = 0;
    struct dirent **found;
    int n = scandir(disk->directory, &found, is_aside, versionsort);

    for (int i = n - 1; i >= 0; i--) {
        /* not by its time: the clock may have been wrong */
        if (strcmp(found[i]->d_name, last) != 0 && n_kept++ >= ASIDE_KEPT)
            n_gone += forget_one(disk, found[i]->d_name);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    return n_gone;
}
