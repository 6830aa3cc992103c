/* SPDX-License-Identifier: Apache-2.0 */
/* The cursors of all routes; see tables.h for the thread. Bounded by the configuration.
 */
#ifndef GATEWAYD_STORE_CURSORS_H
#define GATEWAYD_STORE_CURSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/store/store_read.h"
#include "lib/sqlite/db.h"

struct cursors {
    struct cursors_entry *entries;
    uint32_t n;
    bool is_dirty;
};

int cursors_open(struct cursors *cursors, struct db *db);
void cursors_close(struct cursors *cursors);

/* A route has a cursor per epoch. NULL: never seen there. */
const struct store_cursor *cursors_get(const struct cursors *cursors, const char *route,
                                       const char *epoch);
int cursors_put(struct cursors *cursors, const char *route,
                const struct store_cursor *cursor);
/* epoch NULL: in all of them. */
void cursors_forget(struct cursors *cursors, const char *route, const char *epoch);
/* All of them from one set into another. */
int cursors_copy(const struct cursors *from, struct cursors *to);

/* The lowest low of this epoch's cursors: all routes have what is up to it. UINT64_MAX
 * when nobody waits for it. Of the epoch that goes on, every route wants its share: 0
 * when one has no cursor there yet. */
uint64_t cursors_delivered_low(const struct cursors *cursors, const char *epoch,
                               bool goes_on);

/* In a transaction: writes those that changed. */
int cursors_write(struct cursors *cursors, struct db *db);
/* After the COMMIT. After a ROLLBACK nothing is needed: they are written again. */
void cursors_committed(struct cursors *cursors);

#endif
