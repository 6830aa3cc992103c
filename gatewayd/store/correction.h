/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Corrections of time: what must be added to the wall time that was believed when a range
 * of records was stored. A record's time is what it was believed plus all corrections of
 * it; receivers do the same sum, so corrections and records may come in any order. The
 * store's thread; errors as lib/sqlite/db.h.
 */
#ifndef GATEWAYD_STORE_CORRECTION_H
#define GATEWAYD_STORE_CORRECTION_H

#include <stddef.h>
#include <stdint.h>

#include "gatewayd/store/epochs.h"
#include "gatewayd/store/pending.h"

#define CORRECTION_BYTES_MAX 150

struct correction {
    uint64_t key;  /* its own number, that of its row */
    /* where the range counts: 0 the log, else the id of an epoch in `moved` */
    int64_t space;
    uint64_t seq_from, seq_to;
    int64_t add_ms, error_ms;
    uint8_t clock;  /* what the time is worth then */
    char epoch[33], boot[33]; /* of the range */
};

struct corrections {
    struct correction *items; /* ascending by key */
    uint32_t n;
};

/* The body of its row in the log. */
size_t correction_put(const struct correction *correction, uint8_t *data);
int correction_get(const void *data, size_t len, struct correction *ret_correction);

int corrections_load(struct corrections *corrections, struct db *db);
void corrections_free(struct corrections *corrections);
/* In a transaction. */
int corrections_add(struct corrections *corrections, struct db *db,
                    const struct correction *correction);
/* In a transaction: those of rows that are gone. */
int corrections_trim(struct corrections *corrections, struct db *db, uint64_t first_seq);

/* What a row is worth now; *ret_n: how many there were. */
struct belief corrections_apply(const struct corrections *corrections, int64_t space,
                                uint64_t seq, struct belief believed, uint32_t *ret_n);

#endif
