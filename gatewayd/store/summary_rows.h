/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the local history: writing a run, taking runs back, letting go of what is
 * too old. In the writer's transactions; used by summary.c only. */
#ifndef GATEWAYD_STORE_SUMMARY_ROWS_H
#define GATEWAYD_STORE_SUMMARY_ROWS_H

#include "gatewayd/store/summary.h"

struct summary_place {
    int64_t space;
    uint64_t seq;
    int64_t moved_done; /* epochs in `moved` up to this id are summed */
};

/* What one run summed, and where the next one begins. */
struct summary_pass {
    struct summing_part parts[2]; /* of its slot, and of stragglers of the one before */
    uint64_t seq_from, seq_to, n_records, n_readings;
    int64_t t_first_ms, t_last_ms, next_slot;
    bool is_over;
    struct summary_place next;
};

/* The summary stands at pass->next then. */
int summary_rows_write(struct summary *summary, struct summary_pass *pass);

/* Takes back all runs from the one that summed this record on, as far back as the log
 * still holds what they summed. 1: there were any; the place must be loaded again. */
int summary_rows_rewind(struct summary *summary, int64_t space, uint64_t seq);

#endif
