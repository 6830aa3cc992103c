/* SPDX-License-Identifier: Apache-2.0 */
/* Copying means and slots; see summary_copy.h. Years of energy must not go with a page
 * that cannot be read: each table is read from both ends up to where it is damaged. */
#include "gatewayd/store/summary_copy.h"

#include <stdbool.h>
#include <stddef.h>

#include "gatewayd/store/summary_names.h"
#include "lib/energy/flows.h"
#include "lib/sqlite/stmt.h"

#define ROW_BYTES "24" /* as summary_rows.c counts them */
#define DEVICE_IS_SOUND "no BETWEEN 0 AND 65534" /* SUMMARY_DEVICES_MAX */

struct table {
    const char *up, *down, *put;
    int n, blob, text; /* columns; which is which, from 0; -1: none */
};

static const struct table tables[] = {
    {"SELECT no,role,poll_ms,name,points FROM device WHERE " DEVICE_IS_SOUND
     " ORDER BY no",
     "SELECT no,role,poll_ms,name,points FROM device WHERE " DEVICE_IS_SOUND
     " ORDER BY no DESC",
     "INSERT OR IGNORE INTO device(no,role,poll_ms,name,points) VALUES(?1,?2,?3,?4,?5)",
     5, -1, 3},
    {"SELECT key,clock,data FROM minutes ORDER BY key",
     "SELECT key,clock,data FROM minutes ORDER BY key DESC",
     "INSERT OR IGNORE INTO minutes(key,run,clock,data) VALUES(?1,0,?2,?3)", 3, 2, -1},
    {"SELECT key,data FROM slots ORDER BY key",
     "SELECT key,data FROM slots ORDER BY key DESC",
     "INSERT OR IGNORE INTO slots(key,run,data) VALUES(?1,0,?2)", 2, 1, -1},
};

_Static_assert(SUMMARY_DEVICES_MAX == 65535, "the bound in DEVICE_IS_SOUND");

static int put_row(const struct table *table, struct sqlite3_stmt *get,
                   struct sqlite3_stmt *put)
{
    for (int i = 0; i < table->n; i++) {
        size_t size;

        if (i == table->blob) {
            const void *data = stmt_blob(get, i, &size);

            stmt_bind_blob(put, i + 1, data, size);
        } else if (table->text >= 0 && i >= table->text) {
            stmt_bind_text(put, i + 1, stmt_text(get, i));
        } else {
            stmt_bind_i64(put, i + 1, stmt_i64(get, i));
        }
    }
    return stmt_run(put);
}

/* From one end. *ret_whole: it came to the other. Fails only for the target. */
static int copy_from_end(struct db *from, struct db *to, const struct table *table,
                         const char *select, bool *ret_whole)
{
    struct sqlite3_stmt *get = NULL, *put = NULL;
    int rc = stmt_prepare(to, table->put, &put), read_rc = 0;

    if (rc == 0)
        read_rc = stmt_prepare(from, select, &get);
    while (rc == 0 && read_rc >= 0 && (read_rc = stmt_step(get)) > 0)
        rc = put_row(table, get, put);
    stmt_finish(&get);
    stmt_finish(&put);
    *ret_whole = read_rc == 0;
    return rc;
}

/* A note that cannot be read would have the new database set aside, too, without end. */
static bool is_sound(const void *meters, size_t size)
{
    struct flows *flows = flows_new();
    size_t pos = 0;
    bool is = flows && flows_load(flows, meters, size, &pos) == 0;

    flows_free(flows);
    return is;
}

/* The next reading of a counter then tells what was missed. */
static int copy_meters(struct db *from, struct db *to)
{
    struct sqlite3_stmt *get = NULL, *put = NULL;
    const void *data;
    size_t size;
    int rc = stmt_prepare(to, "UPDATE run SET meters=?1 WHERE id=0", &put);

    if (rc == 0 &&
        stmt_prepare(from, "SELECT meters FROM run ORDER BY id DESC LIMIT 1", &get) ==
            0 &&
        stmt_step(get) > 0 && !stmt_is_null(get, 0)) {
        data = stmt_blob(get, 0, &size);
        stmt_bind_blob(put, 1, data, size);
        rc = is_sound(data, size) ? stmt_run(put) : 0;
    }
    stmt_finish(&get);
    stmt_finish(&put);
    return rc;
}

int summary_copy(struct db *from, struct db *to)
{
    int rc = db_begin(to);

    for (size_t i = 0; i < sizeof tables / sizeof *tables && rc == 0; i++) {
        bool is_whole;

        rc = copy_from_end(from, to, &tables[i], tables[i].up, &is_whole);
        if (rc == 0 && !is_whole)
            rc = copy_from_end(from, to, &tables[i], tables[i].down, &is_whole);
    }
    if (rc == 0)
        rc = copy_meters(from, to);
    if (rc == 0)
        rc = db_exec(to, "UPDATE run SET minutes_bytes=(SELECT ifnull(sum(length(data)"
                         "+" ROW_BYTES "),0) FROM minutes),slots_bytes=(SELECT"
                         " ifnull(sum(length(data)+" ROW_BYTES "),0) FROM slots)"
                         " WHERE id=0");
    if (rc == 0)
        rc = db_commit(to);
    if (rc < 0)
        db_rollback(to);
    return rc;
}
