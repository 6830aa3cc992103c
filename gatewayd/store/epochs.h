/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epochs a database holds. Numbers of the log go on from one to the next; an epoch
 * that was begun in RAM was brought back with numbers of its own and lies in the table
 * `moved`. The store's thread.
 */
#ifndef GATEWAYD_STORE_EPOCHS_H
#define GATEWAYD_STORE_EPOCHS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sqlite/db.h"

/* Rows of `moved`, and events of them, have the key (id << EPOCH_SHIFT) + seq. */
#define EPOCH_SHIFT 40

struct epoch {
    int64_t id;
    char hex[33];
    uint64_t first_seq, last_seq; /* last_seq UINT64_MAX: the one that goes on */
    bool is_moved;
    uint32_t layout_base; /* added to the layout numbers of its blocks */
};

struct epochs {
    struct epoch *items; /* in the order they began, or were brought back */
    uint32_t n;
};

/* Also to load anew. 0 or -errno; the list is as before then. */
int epochs_load(struct epochs *epochs, struct db *db);
void epochs_free(struct epochs *epochs);

const struct epoch *epochs_find(const struct epochs *epochs, const char *hex);
/* Of a number of the log. */
const struct epoch *epochs_at(const struct epochs *epochs, uint64_t seq);

/* What to add to a seq of it to get the key of its row. */
static inline uint64_t epoch_base(const struct epoch *epoch)
{
    return epoch->is_moved ? (uint64_t)epoch->id << EPOCH_SHIFT : 0;
}

#endif
