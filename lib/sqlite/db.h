/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one wrapper of SQLite: connections, pragmas, transactions, migration by steps,
 * checks. A connection belongs to one thread at a time. By rule there is one writing
 * connection per file in the whole system and it alone checkpoints: SQLite before 3.51.3
 * can corrupt a database when one connection writes while another checkpoints.
 *
 * Errors are negative errno: -ENOSPC disk or size bound full, -EROFS cannot write, -EIO,
 * -EUCLEAN damaged or no database, -EBUSY, -ENOMEM, -ENOTSUP newer schema, -EINVAL a bug.
 */
#ifndef GATEWAYD_SQLITE_DB_H
#define GATEWAYD_SQLITE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct db;
struct sqlite3;

enum db_mode {
    DB_WRITER, /* creates; WAL, synchronous FULL, no automatic checkpoint */
    DB_READER, /* read-only */
    DB_RAM, /* path: a name for a database in memory, created, gone with its last user */
    DB_RAM_READER,
};

struct db_options {
    const char *path;
    enum db_mode mode;
    uint32_t page_bytes; /* only for a new database; 0: SQLite's default */
    uint32_t cache_kib;
    uint64_t max_bytes; /* of the database file; 0: no bound */
};

int db_open(const struct db_options *options, struct db **ret_db,
            struct gw_error *reterr);
/* Checkpoints (writer) and closes, at the latest with its last statement. NULL is fine.
 */
void db_close(struct db *db);

/* For a database whose files are gone from their path: closing it later leaves alone what
 * has come to that path since. */
void db_orphan(struct db *db);

/* One or more statements without results. */
int db_exec(struct db *db, const char *sql);
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db); /* no transaction: nothing */

/* Text of the connection's last error; borrowed until its next call. */
const char *db_error_text(const struct db *db);
/* errno of an SQLite result code on this handle; for stmt.c. */
int db_errno(struct sqlite3 *handle, int rc);
struct sqlite3 *db_handle(struct db *db);

/* Brings the schema from PRAGMA user_version to n_steps, one transaction per step; step i
 * leads from version i to i + 1. application_id marks the file as ours. -ENOTSUP: the
 * file is newer, or another program's; untouched then. */
int db_migrate(struct db *db, int application_id, const char *const *steps, int n_steps,
               struct gw_error *reterr);

/* quick_check for at most limit_ms of statements: 0 sound, -EUCLEAN, -ETIMEDOUT
 * undecided. */
int db_check(struct db *db, uint32_t limit_ms);
/* The whole integrity_check, however long: 0, -EUCLEAN, -ETIMEDOUT when interrupted. */
int db_check_all(struct db *db);
/* Any thread, while the connection is open: what runs on it ends with -ETIMEDOUT. */
void db_interrupt(struct db *db);

/* Moves the WAL into the database as far as readers allow. */
int db_checkpoint(struct db *db);
/* Empties it: nothing of this database is in it any more. -EBUSY: a reader is at it. */
int db_checkpoint_truncate(struct db *db);
/* Frames in the WAL after the last commit, of page size + 24 bytes each. */
uint32_t db_wal_frames(const struct db *db);
int db_changes(struct db *db); /* rows that the last statement changed */
int64_t db_pragma_i64(struct db *db, const char *pragma); /* "page_count"; -1: error */

/* Interrupts statements that run longer than limit_ms from now; 0: no limit. */
void db_limit_time(struct db *db, uint32_t limit_ms);

uint64_t db_bytes_written(void); /* by all writers of the process */

#endif
