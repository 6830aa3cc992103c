/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, commands and consent; see tables.h. Rare, so statements are prepared per call.
 */
#include "gatewayd/store/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

#define COMMANDS_MAX 10000
#define COMMAND_AGE_MS (INT64_C(24) * 3600 * 1000)
#define COMMANDS_LOOKED_AT 100 /* per new one, when looking for old ones */

/* One statement with text parameters, a transaction of its own. */
static int run_texts(struct db *db, const char *sql, const char *const *texts, int n)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    for (int i = 0; i < n; i++)
        stmt_bind_text(stmt, i + 1, texts[i]);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

int tables_fact_put(struct db *db, const char *key, const char *value)
{
    const char *texts[] = {key, value};

    if (!value)
        return run_texts(db, "DELETE FROM fact WHERE key=?1", texts, 1);
    return run_texts(db, "INSERT OR REPLACE INTO fact VALUES(?1,?2)", texts, 2);
}

/* 1: found, *ret_text malloc'ed, or NULL for a null. */
static int get_text(struct db *db, const char *sql, const char *key, char **ret_text)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, key);
    rc = stmt_step(stmt);
    if (rc > 0) {
        *ret_text = stmt_is_null(stmt, 0) ? NULL : strdup(stmt_text(stmt, 0));
        if (!*ret_text && !stmt_is_null(stmt, 0))
            rc = -ENOMEM;
    }
    stmt_finish(&stmt);
    return rc;
}

char *tables_fact_get(struct db *db, const char *key)
{
    char *value = NULL;

    (void)get_text(db, "SELECT value FROM fact WHERE key=?1", key, &value);
    return value;
}

int tables_fact_each(struct db *db, const char *prefix,
                     void (*fn)(void *ctx, const char *key, const char *value), void *ctx)
{
    struct sqlite3_stmt *stmt = NULL;
    size_t len = strlen(prefix);
    int rc =
        stmt_prepare(db, "SELECT key,value FROM fact WHERE key>=?1 ORDER BY key", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, prefix);
    while ((rc = stmt_step(stmt)) > 0 && strncmp(stmt_text(stmt, 0), prefix, len) == 0)
        fn(ctx, stmt_text(stmt, 0), stmt_text(stmt, 1));
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}

/* Age within this boot is boottime; over boots wall time must do, if it can be trusted.
 */
static int forget_old_commands(struct db *db)
{
    int64_t boot_ms = clock_boot_ns() / CLOCK_NS_PER_MS;
    bool trusted = clock_trust_now() == CLOCK_SYNCED;
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        stmt_prepare(db,
                     "DELETE FROM command WHERE n <= (SELECT max(n) FROM command) - ?1 OR"
                     " (n < (SELECT min(n) FROM command) + ?2 AND"
                     " CASE WHEN boot=?3 THEN t_boot_ms < ?4 ELSE t_wall_ms < ?5 END)",
                     &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, COMMANDS_MAX);
    stmt_bind_i64(stmt, 2, COMMANDS_LOOKED_AT);
    stmt_bind_text(stmt, 3, clock_boot_id());
    stmt_bind_i64(stmt, 4, boot_ms - COMMAND_AGE_MS);
    stmt_bind_i64(stmt, 5, trusted ? clock_wall_ms() - COMMAND_AGE_MS : INT64_MIN);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

static int insert_command(struct db *db, const char *id)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        db, "INSERT INTO command(id,boot,t_boot_ms,t_wall_ms) VALUES(?1,?2,?3,?4)",
        &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, id);
    stmt_bind_text(stmt, 2, clock_boot_id());
    stmt_bind_i64(stmt, 3, clock_boot_ns() / CLOCK_NS_PER_MS);
    stmt_bind_i64(stmt, 4, clock_wall_ms());
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

int tables_command_begin(struct db *db, const char *id, char **ret_answer)
{
    int rc = get_text(db, "SELECT answer FROM command WHERE id=?1", id, ret_answer);

    if (rc != 0)
        return rc;
    *ret_answer = NULL;
    rc = db_begin(db);
    if (rc == 0)
        rc = insert_command(db, id);
    if (rc == 0)
        rc = forget_old_commands(db);
    if (rc == 0)
        rc = db_commit(db);
    if (rc < 0)
        db_rollback(db);
    return rc;
}

int tables_command_finish(struct db *db, const char *id, const char *answer)
{
    const char *texts[] = {id, answer};

    return run_texts(db, "UPDATE command SET answer=?2 WHERE id=?1", texts, 2);
}

static int insert_consent(struct db *db, const char *const texts[4], int64_t t_wall_ms)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        db, "INSERT INTO consent(id,kind,hash,json,t_wall_ms) VALUES(?1,?2,?3,?4,?5)",
        &stmt);

    if (rc < 0)
        return rc;
    for (int i = 0; i < 4; i++)
        stmt_bind_text(stmt, i + 1, texts[i]);
    stmt_bind_i64(stmt, 5, t_wall_ms);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

int tables_consent_append(struct db *db, const char *id, const char *kind,
                          const char *hash, const char *json)
{
    const char *texts[4] = {id, kind, hash ? hash : "", json ? json : ""};

    return insert_consent(db, texts, clock_wall_ms());
}

int tables_consent_each(struct db *db,
                        void (*fn)(void *ctx, const char *id, const char *kind,
                                   const char *hash, const char *json, int64_t t_wall_ms),
                        void *ctx)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        db, "SELECT id,kind,hash,json,t_wall_ms FROM consent ORDER BY n", &stmt);

    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) > 0)
        fn(ctx, stmt_text(stmt, 0), stmt_text(stmt, 1), stmt_text(stmt, 2),
           stmt_text(stmt, 3), stmt_i64(stmt, 4));
    stmt_finish(&stmt);
    return rc;
}

/* ---- copying ---- */

struct copy {
    struct db *to;
    int rc;
};

static void copy_fact(void *ctx, const char *key, const char *value)
{
    struct copy *copy = ctx;

    if (copy->rc == 0)
        copy->rc = tables_fact_put(copy->to, key, value);
}

/* The list only grows; what both have they have in the same words. */
static bool has_consent(struct db *db, const char *const texts[4], int64_t t_wall_ms)
{
    struct sqlite3_stmt *stmt = NULL;
    bool found = false;

    if (stmt_prepare(db,
                     "SELECT 1 FROM consent WHERE id=?1 AND kind=?2 AND hash=?3 AND "
                     "json=?4 AND t_wall_ms=?5",
                     &stmt) < 0)
        return false;
    for (int i = 0; i < 4; i++)
        stmt_bind_text(stmt, i + 1, texts[i]);
    stmt_bind_i64(stmt, 5, t_wall_ms);
    found = stmt_step(stmt) > 0;
    stmt_finish(&stmt);
    return found;
}

static void copy_consent(void *ctx, const char *id, const char *kind, const char *hash,
                         const char *json, int64_t t_wall_ms)
{
    struct copy *copy = ctx;
    const char *texts[4] = {id, kind, hash, json};

    if (copy->rc == 0 && !has_consent(copy->to, texts, t_wall_ms))
        copy->rc = insert_consent(copy->to, texts, t_wall_ms);
}

static int copy_commands(struct db *from, struct db *to)
{
    struct sqlite3_stmt *get = NULL, *put = NULL;
    int rc = stmt_prepare(
        from, "SELECT id,boot,t_boot_ms,t_wall_ms,answer FROM command ORDER BY n", &get);

    if (rc == 0)
        rc = stmt_prepare(
            to,
            "INSERT INTO command(id,boot,t_boot_ms,t_wall_ms,answer) VALUES(?1,?2,?3,?4,"
            "?5) ON CONFLICT(id) DO UPDATE SET answer=ifnull(excluded.answer,answer)",
            &put);
    while (rc == 0 && (rc = stmt_step(get)) > 0) {
        stmt_bind_text(put, 1, stmt_text(get, 0));
        stmt_bind_text(put, 2, stmt_text(get, 1));
        stmt_bind_i64(put, 3, stmt_i64(get, 2));
        stmt_bind_i64(put, 4, stmt_i64(get, 3));
        stmt_bind_text(put, 5, stmt_is_null(get, 4) ? NULL : stmt_text(get, 4));
        rc = stmt_run(put);
    }
    stmt_finish(&get);
    stmt_finish(&put);
    return rc;
}

int tables_copy(struct db *from, struct db *to)
{
    struct copy copy = {.to = to};
    int rc = db_begin(to);

    if (rc < 0)
        return rc;
    rc = tables_consent_each(from, copy_consent, &copy);
    if (rc == 0 && copy.rc == 0)
        rc = tables_fact_each(from, "", copy_fact, &copy);
    if (rc == 0 && copy.rc == 0)
        rc = copy_commands(from, to);
    /* a damaged source gives what it gives; the target must be sound */
    if (copy.rc == 0 && db_commit(to) == 0)
        return rc;
    db_rollback(to);
    return copy.rc < 0 ? copy.rc : -EIO;
}

int tables_merge(struct db *from, struct db *to, bool is_whole)
{
    struct copy copy = {.to = to};
    int rc = is_whole ? db_exec(to, "DELETE FROM fact") : 0;

    if (rc == 0)
        rc = tables_consent_each(from, copy_consent, &copy);
    if (rc == 0 && copy.rc == 0)
        rc = tables_fact_each(from, "", copy_fact, &copy);
    if (rc == 0 && copy.rc == 0)
        rc = copy_commands(from, to);
    return rc < 0 ? rc : copy.rc;
}

static void copy_house_fact(void *ctx, const char *key, const char *value)
{
    struct copy *copy = ctx;
    char *mine = strcmp(key, "clock.high") == 0 ? tables_fact_get(copy->to, key) : NULL;
    bool is_older = mine && strtoll(mine, NULL, 10) > strtoll(value, NULL, 10);

    free(mine);
    if (!is_older && strncmp(key, "store.", 6) != 0 && strncmp(key, "history.", 8) != 0)
        copy_fact(ctx, key, value);
}

int tables_merge_house(struct db *from, struct db *to)
{
    struct copy copy = {.to = to};
    int rc = tables_consent_each(from, copy_consent, &copy);

    if (rc == 0 && copy.rc == 0)
        rc = tables_fact_each(from, "", copy_house_fact, &copy);
    if (rc == 0 && copy.rc == 0)
        rc = copy_commands(from, to);
    return rc < 0 ? rc : copy.rc;
}
