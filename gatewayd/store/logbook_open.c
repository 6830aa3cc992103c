/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the log; see logbook_open.h. Finds out who wrote this database: another
 * machine or gateway id (a copied card, a restored backup) must not go on under the same
 * epoch, or two different records would share a name.
 */
#include "gatewayd/store/logbook_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gatewayd/store/clockmap.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

static int prepare_all(struct logbook *book)
{
    const struct {
        struct sqlite3_stmt **stmt;
        const char *sql;
    } table[] = {
        {&book->insert_row, "INSERT INTO log VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"},
        {&book->insert_event, "INSERT INTO event VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"},
        {&book->insert_layout, "INSERT OR REPLACE INTO layout VALUES(?1,?2,?3,?4)"},
        {&book->oldest, "SELECT seq,n,boot,t_first_ms,t_last_ms,offset_ms,clock FROM log"
                        " ORDER BY seq"},
        {&book->delete_rows, "DELETE FROM log WHERE seq < ?1"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int rc = stmt_prepare(book->db, table[i].sql, table[i].stmt);

        if (rc < 0)
            return rc;
    }
    return 0;
}

void logbook_close(struct logbook *book)
{
    stmt_finish(&book->insert_row);
    stmt_finish(&book->insert_event);
    stmt_finish(&book->insert_layout);
    stmt_finish(&book->oldest);
    stmt_finish(&book->delete_rows);
    epochs_free(&book->epochs);
    corrections_free(&book->corrections);
    free(book->boots);
    book->boots = NULL;
    book->n_boots = 0;
}

static int add_boot(struct logbook *book, const struct logbook_boot *boot)
{
    struct logbook_boot *bigger =
        realloc(book->boots, (book->n_boots + 1) * sizeof *book->boots);

    if (!bigger)
        return -ENOMEM;
    book->boots = bigger;
    book->boots[book->n_boots++] = *boot;
    return 0;
}

static int load_boots(struct logbook *book)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        book->db, "SELECT id,hex,offset_ms,error_ms FROM boot ORDER BY id", &stmt);

    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        struct logbook_boot boot = {.id = stmt_i64(stmt, 0),
                                    .offset_ms = stmt_i64(stmt, 2),
                                    .error_ms = stmt_i64(stmt, 3),
                                    .has_offset = !stmt_is_null(stmt, 2)};

        snprintf(boot.hex, sizeof boot.hex, "%s", stmt_text(stmt, 1));
        rc = add_boot(book, &boot);
    }
    stmt_finish(&stmt);
    return rc;
}

int logbook_load_layouts(struct db *db, struct layouts *layouts)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, "SELECT id,device,category,points FROM layout", &stmt);

    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        rc = layouts_load(layouts, (uint32_t)stmt_i64(stmt, 0), stmt_text(stmt, 1),
                          (enum category)stmt_i64(stmt, 2), stmt_text(stmt, 3));
        if (rc == -EBADMSG)
            rc = -EUCLEAN;
    }
    stmt_finish(&stmt);
    return rc;
}

/* One row of up to two integers and a text; 1: found. */
static int get_row(struct db *db, const char *sql, int64_t ret[2], char *text,
                   size_t size)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, sql, &stmt);

    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc > 0) {
        ret[0] = stmt_i64(stmt, 0);
        ret[1] = stmt_i64(stmt, 1);
        snprintf(text, size, "%s", stmt_text(stmt, 2));
    }
    stmt_finish(&stmt);
    return rc;
}

static int load_range(struct logbook *book)
{
    int64_t row[2];
    char none[4];
    int rc = get_row(book->db, "SELECT seq,n,'' FROM log ORDER BY seq LIMIT 1", row, none,
                     sizeof none);

    book->next_seq = 1;
    book->first_seq = 0;
    if (rc > 0) {
        book->first_seq = (uint64_t)row[0];
        rc = get_row(book->db, "SELECT seq,n,'' FROM log ORDER BY seq DESC LIMIT 1", row,
                     none, sizeof none);
        book->next_seq = (uint64_t)(row[0] + row[1]);
    }
    book->seq_after = book->next_seq;
    book->first_after = book->first_seq;
    return rc < 0 ? rc : 0;
}

static int write_epoch(struct logbook *book, const char *reason)
{
    struct sqlite3_stmt *stmt = NULL;
    uint8_t random[16];
    int rc;

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return -EIO;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(book->epoch + 2 * i, 3, "%02x", random[i]);
    book->epoch_first_seq = book->next_seq;
    rc = stmt_prepare(
        book->db,
        "INSERT INTO epoch(hex,first_seq,created_ms,reason) VALUES(?1,?2,?3,?4)", &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, book->epoch);
    stmt_bind_i64(stmt, 2, (int64_t)book->next_seq);
    stmt_bind_i64(stmt, 3, clock_wall_ms());
    stmt_bind_text(stmt, 4, reason);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

static int write_meta(struct logbook *book, const char *key, const char *value)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(book->db, "INSERT OR REPLACE INTO meta VALUES(?1,?2)", &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, key);
    stmt_bind_text(stmt, 2, value);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

/* 0: unchanged; 1: *ret_reason says what is new; -errno. */
static int compare_identity(struct logbook *book, const struct logbook_identity *identity,
                            const char **ret_reason)
{
    char gateway[64] = "", machine[64] = "";
    int64_t row[2];
    int rc = get_row(book->db, "SELECT 0,0,value FROM meta WHERE key='gateway_id'", row,
                     gateway, sizeof gateway);

    if (rc >= 0)
        rc = get_row(book->db, "SELECT 0,0,value FROM meta WHERE key='machine_id'", row,
                     machine, sizeof machine);
    if (rc < 0)
        return rc;
    if (strcmp(gateway, identity->gateway_id) != 0)
        *ret_reason = "gateway-id";
    else if (strcmp(machine, identity->machine_id) != 0)
        *ret_reason = "machine-id";
    else
        return 0;
    return 1;
}

static int write_boot(struct logbook *book)
{
    struct logbook_boot boot = {.id = 1};
    struct sqlite3_stmt *stmt = NULL;
    int rc;

    if (book->n_boots)
        boot.id = book->boots[book->n_boots - 1].id + 1;
    snprintf(boot.hex, sizeof boot.hex, "%s", clock_boot_id());
    rc = stmt_prepare(book->db, "INSERT INTO boot(id,hex,seen_ms) VALUES(?1,?2,?3)",
                      &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, boot.id);
    stmt_bind_text(stmt, 2, boot.hex);
    stmt_bind_i64(stmt, 3, clock_wall_ms());
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc < 0 ? rc : add_boot(book, &boot);
}

static int write_who(struct logbook *book, const struct logbook_identity *identity,
                     const char *epoch_reason, bool new_boot)
{
    int rc = db_begin(book->db);

    if (rc == 0 && epoch_reason)
        rc = write_epoch(book, epoch_reason);
    if (rc == 0 && epoch_reason)
        rc = write_meta(book, "gateway_id", identity->gateway_id);
    if (rc == 0 && epoch_reason)
        rc = write_meta(book, "machine_id", identity->machine_id);
    if (rc == 0 && new_boot)
        rc = write_boot(book);
    if (rc == 0)
        rc = db_commit(book->db);
    if (rc < 0)
        db_rollback(book->db);
    return rc;
}

static int settle_identity(struct logbook *book, const struct logbook_identity *identity,
                           const char **ret_new_epoch)
{
    const char *reason = NULL, *boot_hex = clock_boot_id();
    bool new_boot =
        book->n_boots == 0 || strcmp(book->boots[book->n_boots - 1].hex, boot_hex) != 0;
    int64_t row[2] = {0, 0};
    int had_epoch =
        get_row(book->db,
                "SELECT first_seq,id,hex FROM epoch WHERE moved_last_seq IS NULL"
                " ORDER BY id DESC LIMIT 1",
                row, book->epoch, sizeof book->epoch);
    int rc = had_epoch < 0 ? had_epoch : compare_identity(book, identity, &reason);

    if (rc < 0)
        return rc;
    book->epoch_first_seq = (uint64_t)row[0];
    book->is_fresh = !had_epoch;
    *ret_new_epoch = had_epoch ? reason : NULL;
    if (!had_epoch)
        reason = identity->reason;
    if (reason || new_boot)
        rc = write_who(book, identity, reason, new_boot);
    if (rc >= 0)
        rc = epochs_load(&book->epochs, book->db);
    if (rc >= 0)
        book->boot = book->boots[book->n_boots - 1].id;
    return rc < 0 ? rc : 0;
}

int logbook_open(struct logbook *book, struct db *db, struct layouts *layouts,
                 const struct logbook_identity *identity, const char **ret_new_epoch)
{
    int rc;

    *book = (struct logbook){
        .db = db, .layouts = layouts, .generation = book->generation + 1};
    rc = load_boots(book);
    if (rc == 0)
        rc = logbook_load_layouts(book->db, book->layouts);
    if (rc == 0)
        rc = load_range(book);
    if (rc == 0)
        rc = settle_identity(book, identity, ret_new_epoch);
    if (rc == 0)
        rc = corrections_load(&book->corrections, db);
    if (rc == 0)
        rc = clockmap_open(book);
    if (rc == 0)
        rc = prepare_all(book);
    if (rc < 0)
        logbook_close(book);
    return rc;
}

int logbook_new_epoch(struct logbook *book, const char *reason)
{
    uint64_t first_before = book->epoch_first_seq;
    char before[sizeof book->epoch];
    int rc = db_begin(book->db);

    memcpy(before, book->epoch, sizeof before);
    if (rc == 0)
        rc = write_epoch(book, reason);
    if (rc == 0)
        rc = epochs_load(&book->epochs, book->db);
    if (rc == 0)
        rc = db_commit(book->db);
    if (rc < 0) {
        db_rollback(book->db);
        (void)epochs_load(&book->epochs, book->db);
        memcpy(book->epoch, before, sizeof before);
        book->epoch_first_seq = first_before;
    }
    return rc;
}

int logbook_reload_times(struct logbook *book)
{
    struct logbook fresh = {.db = book->db};
    int rc = load_boots(&fresh);

    if (rc < 0) {
        free(fresh.boots);
        return rc;
    }
    free(book->boots);
    book->boots = fresh.boots;
    book->n_boots = fresh.n_boots;
    book->is_steady = book->has_new_times = false;
    return corrections_load(&book->corrections, book->db);
}

/* Ids ascend with time, and this boot's is taken: older ones go below all others. */
int logbook_add_old_boot(struct logbook *book, const char *hex, int64_t *ret_id)
{
    struct logbook_boot boot = {.id = book->boots[0].id - 1};
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(book->db, "INSERT INTO boot(id,hex,seen_ms) VALUES(?1,?2,0)",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, boot.id);
    stmt_bind_text(stmt, 2, hex);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    snprintf(boot.hex, sizeof boot.hex, "%s", hex);
    if (rc == 0)
        rc = add_boot(book, &boot);
    if (rc < 0)
        return rc;
    memmove(book->boots + 1, book->boots, (book->n_boots - 1) * sizeof *book->boots);
    book->boots[0] = boot;
    book->has_new_times = true; /* loaded anew after a rollback */
    *ret_id = boot.id;
    return 0;
}
