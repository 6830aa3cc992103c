/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to SQLite; see db.h. Used by the store's thread for the writer and by any
 * thread for short-lived readers of their own.
 */
#include "lib/sqlite/db.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/sqlite/count_vfs.h"

#define BUSY_MS 2000
#define JOURNAL_KEEP_BYTES (4 << 20)
/* virtual machine steps between looks at the clock: < 1 ms */
#define PROGRESS_STEPS 2000

struct db {
    sqlite3 *handle;
    uint32_t wal_frames;
    int64_t limit_boot_ns;
};

int db_errno(struct sqlite3 *handle, int rc)
{
    static const struct {
        int rc, err;
    } table[] = {
        {SQLITE_OK,         0        },
        {SQLITE_ROW,        0        },
        {SQLITE_DONE,       0        },
        {SQLITE_FULL,       ENOSPC   },
        {SQLITE_READONLY,   EROFS    },
        {SQLITE_IOERR,      EIO      },
        {SQLITE_CORRUPT,    EUCLEAN  },
        {SQLITE_NOTADB,     EUCLEAN  },
        {SQLITE_BUSY,       EBUSY    },
        {SQLITE_LOCKED,     EBUSY    },
        {SQLITE_NOMEM,      ENOMEM   },
        {SQLITE_INTERRUPT,  ETIMEDOUT},
        {SQLITE_PERM,       EACCES   },
        {SQLITE_TOOBIG,     EMSGSIZE },
        {SQLITE_CONSTRAINT, EEXIST   },
    };
    int system = handle ? sqlite3_system_errno(handle) : 0;

    if ((rc & 0xff) == SQLITE_CANTOPEN)
        return system > 0 ? -system : -ENOENT;
    if ((rc & 0xff) == SQLITE_IOERR && (system == EROFS || system == ENOSPC))
        return -system;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].rc == (rc & 0xff))
            return -table[i].err;
    return -EINVAL;
}

const char *db_error_text(const struct db *db)
{
    return sqlite3_errmsg(db->handle);
}

struct sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

int db_exec(struct db *db, const char *sql)
{
    return db_errno(db->handle, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int db_begin(struct db *db)
{
    return db_exec(db, "BEGIN IMMEDIATE");
}

int db_commit(struct db *db)
{
    return db_exec(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        (void)db_exec(db, "ROLLBACK");
}

static int remember_wal(void *ctx, sqlite3 *handle, const char *name, int n_frames)
{
    struct db *db = ctx;

    (void)handle;
    (void)name;
    db->wal_frames = n_frames > 0 ? (uint32_t)n_frames : 0;
    return SQLITE_OK;
}

static int run_pragma(struct db *db, const char *name, int64_t value)
{
    char sql[96];

    snprintf(sql, sizeof sql, "PRAGMA %s=%" PRId64, name, value);
    return db_exec(db, sql);
}

/* Order matters: the page size must be known before WAL creates the file. */
static int configure_writer(struct db *db, const struct db_options *options)
{
    int rc = 0;

    if (sqlite3_db_readonly(db->handle, "main") == 1)
        return -EROFS; /* SQLite opens a file it may not write without a word */
    if (options->page_bytes)
        rc = run_pragma(db, "page_size", options->page_bytes);
    if (rc == 0 && options->mode == DB_WRITER)
        rc = db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=0; PRAGMA secure_delete=OFF");
    if (rc == 0 && options->mode == DB_WRITER)
        rc = run_pragma(db, "journal_size_limit", JOURNAL_KEEP_BYTES);
    if (rc == 0 && options->mode == DB_RAM)
        rc = db_exec(db, "PRAGMA journal_mode=MEMORY");
    if (rc == 0 && options->max_bytes) {
        int64_t page = db_pragma_i64(db, "page_size");

        rc = page <= 0
                 ? -EIO
                 : run_pragma(db, "max_page_count", (int64_t)options->max_bytes / page);
    }
    if (rc == 0)
        sqlite3_wal_hook(db->handle, remember_wal, db);
    return rc;
}

static int configure(struct db *db, const struct db_options *options)
{
    int rc;

    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    /* the lookaside buffer would be 48 KiB or more of a connection that needs little */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (options->mode == DB_READER)
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = db_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"
                     "PRAGMA mmap_size=0");
    if (rc == 0 && options->cache_kib)
        rc = run_pragma(db, "cache_size", -(int64_t)options->cache_kib);
    if (rc == 0 && (options->mode == DB_WRITER || options->mode == DB_RAM))
        rc = configure_writer(db, options);
    return rc;
}

static int open_handle(struct db *db, const struct db_options *options)
{
    const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    const int create = common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    char uri[256];

    switch (options->mode) {
    case DB_WRITER:
        return sqlite3_open_v2(options->path, &db->handle, create, count_vfs_name());
    case DB_READER:
        return sqlite3_open_v2(options->path, &db->handle, common | SQLITE_OPEN_READONLY,
                               NULL);
    case DB_RAM:
    case DB_RAM_READER:
        /* a leading slash makes memdb share it between connections of the process */
        snprintf(uri, sizeof uri, "file:/%s?vfs=memdb", options->path);
        return sqlite3_open_v2(uri, &db->handle, create | SQLITE_OPEN_URI, NULL);
    }
    return SQLITE_MISUSE;
}

int db_open(const struct db_options *options, struct db **ret_db, struct gw_error *reterr)
{
    struct db *db = calloc(1, sizeof *db);
    int rc;

    if (!db)
        return error_set(reterr, -ENOMEM, "no-memory", "no memory for a database");
    rc = db_errno(db->handle, open_handle(db, options));
    if (rc == 0)
        rc = configure(db, options);
    if (rc < 0) {
        error_set(reterr, rc, "database-open", "cannot open database %s: %s",
                  options->path,
                  db->handle ? sqlite3_errmsg(db->handle) : error_errno_text(rc));
        db_close(db);
        return rc;
    }
    *ret_db = db;
    return 0;
}

/* A checkpoint on close would end by deleting WAL and index by their names. */
void db_orphan(struct db *db)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_close_v2(db->handle); /* a reader's statement may still hang on it */
    free(db);
}

int db_changes(struct db *db)
{
    return sqlite3_changes(db->handle);
}

int64_t db_pragma_i64(struct db *db, const char *pragma)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = -1;
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA %s", pragma);
    if (sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static int migrate_step(struct db *db, const char *sql, int application_id, int version)
{
    int rc = db_begin(db);

    if (rc == 0)
        rc = db_exec(db, sql);
    if (rc == 0)
        rc = run_pragma(db, "application_id", application_id);
    if (rc == 0)
        rc = run_pragma(db, "user_version", version);
    if (rc == 0)
        rc = db_commit(db);
    if (rc < 0)
        db_rollback(db);
    return rc;
}

int db_migrate(struct db *db, int application_id, const char *const *steps, int n_steps,
               struct gw_error *reterr)
{
    int64_t version = db_pragma_i64(db, "user_version");
    int64_t id = db_pragma_i64(db, "application_id");

    if (version < 0 || id < 0)
        return error_set(reterr, db_errno(db->handle, sqlite3_errcode(db->handle)),
                         "database-read", "cannot read the schema version: %s",
                         db_error_text(db));
    if (version > n_steps || (version > 0 && id != application_id))
        return error_set(
            reterr, -ENOTSUP, "database-newer",
            "the database has schema version %" PRId64
            ", this program knows up to %d; install the newer gatewayd again",
            version, n_steps);
    for (int i = (int)version; i < n_steps; i++) {
        int rc = migrate_step(db, steps[i], application_id, i + 1);

        if (rc < 0)
            return error_set(reterr, rc, "database-migrate", "schema version %d: %s",
                             i + 1, error_errno_text(rc));
    }
    return 0;
}

static int look_at_clock(void *ctx)
{
    const struct db *db = ctx;

    return clock_boot_ns() > db->limit_boot_ns;
}

void db_limit_time(struct db *db, uint32_t limit_ms)
{
    db->limit_boot_ns = clock_boot_ns() + limit_ms * CLOCK_NS_PER_MS;
    sqlite3_progress_handler(db->handle, limit_ms ? PROGRESS_STEPS : 0,
                             limit_ms ? look_at_clock : NULL, db);
}

static int run_check(struct db *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL), result;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    result = db_errno(db->handle, rc);
    if (rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
        result = -EUCLEAN;
    sqlite3_finalize(stmt);
    return result;
}

int db_check(struct db *db, uint32_t limit_ms)
{
    int rc;

    db_limit_time(db, limit_ms);
    rc = run_check(db, "PRAGMA quick_check(1)");
    db_limit_time(db, 0);
    return rc;
}

int db_check_all(struct db *db)
{
    return run_check(db, "PRAGMA integrity_check(1)");
}

void db_interrupt(struct db *db)
{
    sqlite3_interrupt(db->handle);
}

int db_checkpoint(struct db *db)
{
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                       NULL);

    /* counted anew from the next commit on, also when a reader held something back */
    db->wal_frames = 0;
    return db_errno(db->handle, rc);
}

int db_checkpoint_truncate(struct db *db)
{
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                       NULL);

    if (rc == SQLITE_OK)
        db->wal_frames = 0;
    return db_errno(db->handle, rc);
}

uint32_t db_wal_frames(const struct db *db)
{
    return db->wal_frames;
}

uint64_t db_bytes_written(void)
{
    return count_vfs_bytes();
}
