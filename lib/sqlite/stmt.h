/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements; on their connection's thread. Parameters and columns count as in
 * SQLite: parameters from 1, columns from 0. Bound texts and blobs are borrowed until
 * stmt_run, or stmt_reset after stmt_step. Errors: see db.h. */
#ifndef GATEWAYD_SQLITE_STMT_H
#define GATEWAYD_SQLITE_STMT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/sqlite/db.h"

struct sqlite3_stmt;

int stmt_prepare(struct db *db, const char *sql, struct sqlite3_stmt **ret_stmt);
void stmt_finish(struct sqlite3_stmt **stmt); /* sets it NULL; NULL is fine */

void stmt_bind_i64(struct sqlite3_stmt *stmt, int index, int64_t value);
void stmt_bind_text(struct sqlite3_stmt *stmt, int index,
                    const char *text); /* NULL: null */
void stmt_bind_blob(struct sqlite3_stmt *stmt, int index, const void *data, size_t size);

/* 1: a row is there, 0: no more, -errno. */
int stmt_step(struct sqlite3_stmt *stmt);
void stmt_reset(struct sqlite3_stmt *stmt);
/* Steps to the end and resets. */
int stmt_run(struct sqlite3_stmt *stmt);
/* Prepared, run and gone, with ?1 and ?2 where the text has them. 0 or -errno. */
int stmt_run_i64(struct db *db, const char *sql, int64_t a, int64_t b);

int64_t stmt_i64(struct sqlite3_stmt *stmt, int column);
/* "" for null; borrowed until the next step. */
const char *stmt_text(struct sqlite3_stmt *stmt, int column);
const void *stmt_blob(struct sqlite3_stmt *stmt, int column, size_t *ret_size);
bool stmt_is_null(struct sqlite3_stmt *stmt, int column);

#endif
