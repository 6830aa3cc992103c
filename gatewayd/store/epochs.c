/* SPDX-License-Identifier: Apache-2.0 */
/* The epochs of a database; see epochs.h. */
#include "gatewayd/store/epochs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sqlite/stmt.h"

void epochs_free(struct epochs *epochs)
{
    free(epochs->items);
    *epochs = (struct epochs){0};
}

static int add(struct epochs *epochs, const struct epoch *epoch)
{
    struct epoch *bigger = realloc(epochs->items, (epochs->n + 1) * sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    epochs->items = bigger;
    bigger[epochs->n++] = *epoch;
    return 0;
}

static struct epoch get_row(struct sqlite3_stmt *stmt)
{
    struct epoch epoch = {.id = stmt_i64(stmt, 0),
                          .first_seq = (uint64_t)stmt_i64(stmt, 2),
                          .last_seq = UINT64_MAX,
                          .is_moved = !stmt_is_null(stmt, 3),
                          .layout_base = (uint32_t)stmt_i64(stmt, 4)};

    snprintf(epoch.hex, sizeof epoch.hex, "%s", stmt_text(stmt, 1));
    if (epoch.is_moved)
        epoch.last_seq = (uint64_t)stmt_i64(stmt, 3);
    return epoch;
}

/* An epoch of the log ends where the next one of it begins. */
static void close_older(struct epochs *epochs)
{
    struct epoch *before = NULL;

    for (uint32_t i = 0; i < epochs->n; i++) {
        struct epoch *epoch = &epochs->items[i];

        if (epoch->is_moved)
            continue;
        if (before)
            before->last_seq = epoch->first_seq - 1;
        before = epoch;
    }
}

int epochs_load(struct epochs *epochs, struct db *db)
{
    struct sqlite3_stmt *stmt = NULL;
    struct epochs fresh = {0};
    int rc = stmt_prepare(
        db, "SELECT id,hex,first_seq,moved_last_seq,layout_base FROM epoch ORDER BY id",
        &stmt);

    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        const struct epoch epoch = get_row(stmt);

        rc = add(&fresh, &epoch);
    }
    stmt_finish(&stmt);
    if (rc < 0) {
        epochs_free(&fresh);
        return rc;
    }
    close_older(&fresh);
    epochs_free(epochs);
    *epochs = fresh;
    return 0;
}

const struct epoch *epochs_find(const struct epochs *epochs, const char *hex)
{
    for (uint32_t i = epochs->n; i-- > 0;)
        if (strcmp(epochs->items[i].hex, hex) == 0)
            return &epochs->items[i];
    return NULL;
}

const struct epoch *epochs_at(const struct epochs *epochs, uint64_t seq)
{
    for (uint32_t i = 0; i < epochs->n; i++) {
        const struct epoch *epoch = &epochs->items[i];

        if (!epoch->is_moved && seq >= epoch->first_seq && seq <= epoch->last_seq)
            return epoch;
    }
    return NULL;
}
