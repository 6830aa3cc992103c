/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's directory: its lock, the database file, the ballast, and what is done with
 * a file that cannot be used. Never deletes a database. The store's thread, or the
 * opener's.
 */
#ifndef GATEWAYD_STORE_DISK_H
#define GATEWAYD_STORE_DISK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/sqlite/db.h"

struct disk {
    char directory[PATH_MAX - 64];
    char db_path[PATH_MAX];
    char ram_name[64];
    char witness_path[PATH_MAX]; /* "": none */
    uint64_t max_bytes;
    int lock_fd;
    struct disk_file {
        bool is_known;
        dev_t dev;
        ino_t ino;
    } files[3]; /* database, WAL and index as they were opened */
};

/* Makes the directory's last part when it is missing. -EEXIST: another gatewayd holds it;
 * any other trouble shows when the database is opened. */
int disk_init(struct disk *disk, const char *directory, uint64_t max_bytes,
              struct gw_error *reterr);
/* Takes the lock where it could not be taken before; 0: it is ours. */
int disk_relock(struct disk *disk);
void disk_done(struct disk *disk);

/* Opens, checks after an unclean stop, migrates. -ENOTSUP: newer, untouched. -EUCLEAN:
 * damaged. Others: the directory cannot be used now. */
int disk_open(struct disk *disk, struct db **ret_db, struct gw_error *reterr);
/* The one in memory. */
int disk_open_ram(struct disk *disk, struct db **ret_db, struct gw_error *reterr);

/* Remembers which files are open now. */
void disk_note_files(struct disk *disk);
/* Are they still what stands at their paths? A file deleted under its user is written to
 * without any error, and gone with its last descriptor. */
enum disk_place { DISK_IN_PLACE, DISK_PARTS_GONE, DISK_GONE };
enum disk_place disk_look(struct disk *disk);

/* Renames database, WAL and index to "<name>.<why>-<time>"; *ret_path: the new name.
 * -ENOENT: there is none. */
int disk_set_aside(struct disk *disk, const char *why, char *ret_path, size_t size);

/* How far the numbers had come when it was last written: at start and at a clean stop. */
struct disk_mark {
    char epoch[33];
    uint64_t next_seq;
};
bool disk_read_mark(const struct disk *disk, struct disk_mark *ret_mark);
void disk_write_mark(const struct disk *disk, const char *epoch, uint64_t next_seq);

/* The same after each commit, in a file outside of the directory that needs to live only
 * as long as this boot: with it an older copy of the whole directory, put back, is seen.
 * Without a flush and where /run is memory. path NULL: none. */
void disk_set_witness(struct disk *disk, const char *path);
bool disk_read_witness(const struct disk *disk, struct disk_mark *ret_mark);
void disk_write_witness(const struct disk *disk, const char *epoch, uint64_t next_seq);

/* Bytes kept back for the day when the disk is full. True when they were made now. */
bool disk_make_ballast(struct disk *disk);
/* True when there was one. */
bool disk_drop_ballast(struct disk *disk);

/* A read-only connection of its own to the database in use; any thread. */
int disk_open_reader(const struct disk *disk, bool on_disk, struct db **ret_db);

#endif
