/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors of the routes; see cursors.h. */
#include "gatewayd/store/cursors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/varint.h"
#include "lib/sqlite/stmt.h"

#define ROUTE_MAX 64

struct cursors_entry {
    char route[ROUTE_MAX];
    struct store_cursor cursor;
    bool is_dirty, is_forgotten;
};

static struct cursors_entry *find(const struct cursors *cursors, const char *route,
                                  const char *epoch)
{
    for (uint32_t i = 0; i < cursors->n; i++)
        if (strcmp(cursors->entries[i].route, route) == 0 &&
            strcmp(cursors->entries[i].cursor.epoch, epoch) == 0)
            return &cursors->entries[i];
    return NULL;
}

static struct cursors_entry *add(struct cursors *cursors, const char *route)
{
    struct cursors_entry *bigger =
        realloc(cursors->entries, (cursors->n + 1) * sizeof *bigger);

    if (!bigger)
        return NULL;
    cursors->entries = bigger;
    bigger += cursors->n++;
    *bigger = (struct cursors_entry){0};
    snprintf(bigger->route, sizeof bigger->route, "%s", route);
    return bigger;
}

static void get_ranges(const uint8_t *data, size_t len, struct store_cursor *cursor)
{
    uint64_t last = cursor->low, hole, length;
    size_t pos = 0;

    while (cursor->n_ranges < STORE_CURSOR_RANGES && varint_get(data, len, &pos, &hole) &&
           varint_get(data, len, &pos, &length)) {
        cursor->ranges[cursor->n_ranges].first = last + hole;
        cursor->ranges[cursor->n_ranges].last = last = last + hole + length;
        cursor->n_ranges++;
    }
}

static size_t put_ranges(const struct store_cursor *cursor, uint8_t *data)
{
    uint64_t last = cursor->low;
    size_t n = 0;

    for (uint32_t i = 0; i < cursor->n_ranges; i++) {
        n += varint_put(data + n, cursor->ranges[i].first - last);
        n += varint_put(data + n, cursor->ranges[i].last - cursor->ranges[i].first);
        last = cursor->ranges[i].last;
    }
    return n;
}

int cursors_open(struct cursors *cursors, struct db *db)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db, "SELECT route,epoch,low,ranges FROM cursor", &stmt);

    *cursors = (struct cursors){0};
    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        struct cursors_entry *entry = add(cursors, stmt_text(stmt, 0));
        const void *data;
        size_t len;

        if (!entry) {
            rc = -ENOMEM;
            break;
        }
        snprintf(entry->cursor.epoch, sizeof entry->cursor.epoch, "%s",
                 stmt_text(stmt, 1));
        entry->cursor.low = (uint64_t)stmt_i64(stmt, 2);
        data = stmt_blob(stmt, 3, &len);
        get_ranges(data, len, &entry->cursor);
        rc = 0;
    }
    stmt_finish(&stmt);
    return rc;
}

void cursors_close(struct cursors *cursors)
{
    free(cursors->entries);
    *cursors = (struct cursors){0};
}

const struct store_cursor *cursors_get(const struct cursors *cursors, const char *route,
                                       const char *epoch)
{
    const struct cursors_entry *entry = find(cursors, route, epoch);

    return entry && !entry->is_forgotten ? &entry->cursor : NULL;
}

int cursors_put(struct cursors *cursors, const char *route,
                const struct store_cursor *cursor)
{
    struct cursors_entry *entry = find(cursors, route, cursor->epoch);

    if (strlen(route) >= ROUTE_MAX || cursor->n_ranges > STORE_CURSOR_RANGES)
        return -EINVAL;
    if (!entry)
        entry = add(cursors, route);
    if (!entry)
        return -ENOMEM;
    entry->cursor = *cursor;
    entry->is_forgotten = false;
    entry->is_dirty = cursors->is_dirty = true;
    return 0;
}

void cursors_forget(struct cursors *cursors, const char *route, const char *epoch)
{
    for (uint32_t i = 0; i < cursors->n; i++) {
        struct cursors_entry *entry = &cursors->entries[i];

        if (strcmp(entry->route, route) == 0 &&
            (!epoch || strcmp(entry->cursor.epoch, epoch) == 0))
            entry->is_forgotten = entry->is_dirty = cursors->is_dirty = true;
    }
}

int cursors_copy(const struct cursors *from, struct cursors *to)
{
    int rc = 0;

    for (uint32_t i = 0; i < from->n && rc == 0; i++)
        if (!from->entries[i].is_forgotten)
            rc = cursors_put(to, from->entries[i].route, &from->entries[i].cursor);
    return rc;
}

uint64_t cursors_delivered_low(const struct cursors *cursors, const char *epoch,
                               bool goes_on)
{
    uint64_t low = UINT64_MAX;

    for (uint32_t i = 0; i < cursors->n; i++) {
        const struct cursors_entry *entry = &cursors->entries[i];

        if (entry->is_forgotten)
            continue;
        if (goes_on && !cursors_get(cursors, entry->route, epoch))
            return 0;
        if (strcmp(entry->cursor.epoch, epoch) != 0)
            continue;
        if (entry->cursor.low < low)
            low = entry->cursor.low;
    }
    return low;
}

static int write_one(const struct cursors_entry *entry, struct db *db)
{
    uint8_t data[STORE_CURSOR_RANGES * 2 * VARINT_MAX];
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db,
                          entry->is_forgotten
                              ? "DELETE FROM cursor WHERE route=?1 AND epoch=?2"
                              : "INSERT OR REPLACE INTO cursor VALUES(?1,?2,?3,?4)",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_text(stmt, 1, entry->route);
    stmt_bind_text(stmt, 2, entry->cursor.epoch);
    if (!entry->is_forgotten) {
        stmt_bind_i64(stmt, 3, (int64_t)entry->cursor.low);
        stmt_bind_blob(stmt, 4, data, put_ranges(&entry->cursor, data));
    }
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

int cursors_write(struct cursors *cursors, struct db *db)
{
    int rc = 0;

    for (uint32_t i = 0; i < cursors->n && rc == 0; i++)
        if (cursors->entries[i].is_dirty)
            rc = write_one(&cursors->entries[i], db);
    return rc;
}

void cursors_committed(struct cursors *cursors)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cursors->n; i++) {
        cursors->entries[i].is_dirty = false;
        if (!cursors->entries[i].is_forgotten)
            cursors->entries[kept++] = cursors->entries[i];
    }
    cursors->n = kept;
    cursors->is_dirty = false;
}
