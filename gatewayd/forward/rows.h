/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committed records a route looks at in one go: opens the store's reader where
 * needed, looks one record ahead, keeps within a budget so that the store's thread is
 * soon free.
 */
#ifndef GATEWAYD_FORWARD_ROWS_H
#define GATEWAYD_FORWARD_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/forward/forward.h"

struct rows {
    const struct forward_ports *ports;
    void *reader;
    bool has_row, ended; /* ended: never stepped again, SQLite would start over */
    struct stored_record row;
    uint64_t at; /* no row below it comes any more from this reader */
    int budget;  /* records that may still be read before rows_close */
    int error;   /* of the last open or step */
};

/* The next record with seq >= `from`, borrowed until the next call; NULL: none, or the
 * budget is used up, or an error. `from` may lie anywhere; ascending is cheap. */
const struct stored_record *rows_peek(struct rows *rows, uint64_t from);
/* Must be called before the hook of the store returns. */
void rows_close(struct rows *rows, int next_budget);

#endif
