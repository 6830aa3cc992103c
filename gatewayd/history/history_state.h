/* SPDX-License-Identifier: Apache-2.0 */
/* What the queries of one struct history share: the connection, names, and which parts of
 * the log are not summed yet. Inside gatewayd/history only. */
#ifndef GATEWAYD_HISTORY_HISTORY_STATE_H
#define GATEWAYD_HISTORY_HISTORY_STATE_H

#include "gatewayd/history/query.h"
#include "gatewayd/store/log_scan.h"
#include "gatewayd/store/summing.h"

/* Numbers of the log or of an epoch in `moved`. */
struct history_span {
    int64_t space;
    uint64_t from, last;
};

struct history {
    struct db *db;
    struct layouts *layouts;
    struct corrections corrections;
    struct summing summing; /* names and, for a question, meters */
    struct strbuf meters;   /* what they knew where the last run ended */
    struct log_scan scan;
    struct history_span *tail; /* not summed yet, in the order of time */
    uint32_t n_tail;
    int64_t deadline_boot_ns;
};

/* Until now + limit, for the database and for history_is_late. */
void history_begin(struct history *history, uint32_t limit_ms);
bool history_is_late(const struct history *history);
/* Of all that is kept, also by a clock that was ahead; INT64_MAX: not found in time. */
int64_t history_newest_ms(struct history *history);

#endif
