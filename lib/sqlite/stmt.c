/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements; see stmt.h. A failed bind (no memory) shows as null in a NOT NULL
 * column, so that the step fails. */
#include "lib/sqlite/stmt.h"

#include <sqlite3.h>

int stmt_prepare(struct db *db, const char *sql, struct sqlite3_stmt **ret_stmt)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(db_handle(db), sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                                NULL);

    if (rc != SQLITE_OK)
        return db_errno(db_handle(db), rc);
    *ret_stmt = stmt;
    return 0;
}

void stmt_finish(struct sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
    *stmt = NULL;
}

void stmt_bind_i64(struct sqlite3_stmt *stmt, int index, int64_t value)
{
    sqlite3_bind_int64(stmt, index, value);
}

void stmt_bind_text(struct sqlite3_stmt *stmt, int index, const char *text)
{
    sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

void stmt_bind_blob(struct sqlite3_stmt *stmt, int index, const void *data, size_t size)
{
    sqlite3_bind_blob64(stmt, index, data ? data : "", size, SQLITE_STATIC);
}

int stmt_step(struct sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);

    return rc == SQLITE_ROW ? 1 : db_errno(sqlite3_db_handle(stmt), rc);
}

void stmt_reset(struct sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

int stmt_run(struct sqlite3_stmt *stmt)
{
    int rc;

    do
        rc = stmt_step(stmt);
    while (rc > 0);
    stmt_reset(stmt);
    return rc;
}

int stmt_run_i64(struct db *db, const char *sql, int64_t a, int64_t b)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, a);
    stmt_bind_i64(stmt, 2, b);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

int64_t stmt_i64(struct sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt, column);
}

const char *stmt_text(struct sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    return text ? text : "";
}

const void *stmt_blob(struct sqlite3_stmt *stmt, int column, size_t *ret_size)
{
    const void *data = sqlite3_column_blob(stmt, column);

    *ret_size = data ? (size_t)sqlite3_column_bytes(stmt, column) : 0;
    return data ? data : "";
}

bool stmt_is_null(struct sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}
