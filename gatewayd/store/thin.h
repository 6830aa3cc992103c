/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making old rows of the log smaller where nothing may be deleted yet: raw records become
 * 1-minute means, and those a counter's reading per half hour. In the writer's
 * transaction.
 */
#ifndef GATEWAYD_STORE_THIN_H
#define GATEWAYD_STORE_THIN_H

#include "gatewayd/store/logbook.h"

#define THIN_ROWS_MAX 256 /* raw ones that one call takes */

enum thin_stage {
    THIN_TO_MINUTES,  /* raw -> means of 1 minute, gap "thinned" */
    THIN_TO_COUNTERS, /* 1 minute -> energy counters each 30 minutes, gap "disk-bound" */
};

/* The next rows from *from on that this stage is for. *ret_rows: how many went; 0: there
 * are so few beside the newest that it is not worth a gap. *from moves on. The new
 * records have the seq of the last one they stand for. */
int thin_rows(struct logbook *book, enum thin_stage stage, uint64_t *from,
              unsigned *ret_rows);

#endif
