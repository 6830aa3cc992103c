/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a database before it is restored; see restore_check.h. */
#include "gatewayd/store/restore_check.h"

#include <errno.h>
#include <stdio.h>

#include "gatewayd/store/schema.h"
#include "lib/sqlite/stmt.h"

/* 1: found; the first column of the first row. */
static int get_text(struct db *db, const char *sql, char *ret, size_t size)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc > 0)
        snprintf(ret, size, "%s", stmt_text(stmt, 0));
    stmt_finish(&stmt);
    return rc;
}

static int refuse(int rc, struct gw_error *reterr)
{
    if (rc == -EUCLEAN || rc == -ENOENT || rc == 0)
        return error_set(reterr, -EUCLEAN, "restore-damaged",
                         "the store in the backup is damaged, or is none; the present "
                         "store goes on untouched. Try an older backup");
    return error_set(reterr, rc, "restore-failed",
                     "the store in the backup cannot be read: %s", error_errno_text(rc));
}

static int check_version(struct db *db, struct gw_error *reterr)
{
    int64_t version = db_pragma_i64(db, "user_version");

    if (version < 1 || db_pragma_i64(db, "application_id") != SCHEMA_APPLICATION_ID)
        return refuse(-EUCLEAN, reterr);
    if (version > SCHEMA_VERSION)
        return error_set(reterr, -ENOTSUP, "restore-newer",
                         "the backup was made by a newer gatewayd (schema version %lld, "
                         "this program knows up to %d): install that version first, then "
                         "restore; the present store goes on untouched",
                         (long long)version, SCHEMA_VERSION);
    return 0;
}

int restore_check_kind(const char *path, struct restore_owner *ret_owner,
                       struct gw_error *reterr)
{
    const struct db_options options = {.path = path, .mode = DB_READER, .cache_kib = 64};
    char text[8] = "";
    struct db *db;
    int rc = db_open(&options, &db, NULL);

    if (rc < 0)
        return refuse(rc, reterr);
    rc = check_version(db, reterr);
    if (rc == 0) {
        rc = get_text(db, "SELECT value FROM meta WHERE key='gateway_id'",
                      ret_owner->gateway_id, sizeof ret_owner->gateway_id);
        if (rc > 0)
            rc = get_text(db, "SELECT value FROM meta WHERE key='machine_id'",
                          ret_owner->machine_id, sizeof ret_owner->machine_id);
        if (rc > 0)
            rc = get_text(db, "SELECT 1 FROM sqlite_schema WHERE type IN"
                              " ('trigger','view') OR sql LIKE 'CREATE VIRTUAL%'",
                          text, sizeof text) == 0;
        rc = rc > 0 ? 0 : refuse(rc, reterr);
    }
    db_close(db);
    return rc;
}

/* 1: `db` has what the row of `wanted` names, made in the same words. */
static int has_object(struct db *db, struct sqlite3_stmt *wanted)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        stmt_prepare(db, "SELECT 1 FROM sqlite_schema WHERE name=?1 AND sql=?2", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, stmt_text(wanted, 0));
    stmt_bind_text(stmt, 2, stmt_text(wanted, 1));
    rc = stmt_step(stmt);
    stmt_finish(&stmt);
    return rc;
}

/* A version is only a number: the tables themselves against those of an empty store. */
static int check_tables(struct db *db)
{
    const struct db_options options = {
        .path = "restore-schema", .mode = DB_RAM, .cache_kib = 64};
    struct sqlite3_stmt *wanted = NULL;
    struct db *empty;
    int rc = db_open(&options, &empty, NULL);

    if (rc < 0)
        return rc;
    rc = db_migrate(empty, SCHEMA_APPLICATION_ID, schema_steps, SCHEMA_VERSION, NULL);
    if (rc == 0)
        rc = stmt_prepare(
            empty, "SELECT name,sql FROM sqlite_schema WHERE sql IS NOT NULL", &wanted);
    while (rc == 0 && (rc = stmt_step(wanted)) > 0) {
        rc = has_object(db, wanted);
        rc = rc > 0 ? 0 : rc < 0 ? rc : -EUCLEAN;
    }
    stmt_finish(&wanted);
    db_close(empty);
    return rc;
}

int restore_check_whole(struct db *db, struct gw_error *reterr)
{
    int rc = db_check_all(db);

    if (rc < 0)
        return refuse(rc, reterr);
    rc = db_migrate(db, SCHEMA_APPLICATION_ID, schema_steps, SCHEMA_VERSION, reterr);
    if (rc == -EINVAL || rc == -EIO) /* a step found other tables than its version has */
        return refuse(-EUCLEAN, reterr);
    if (rc < 0)
        return rc;
    rc = check_tables(db);
    return rc < 0 ? refuse(rc, reterr) : 0;
}
