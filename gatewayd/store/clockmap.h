/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From boot time to wall time. When the clock becomes trusted, or steps while it is, the
 * rows stored before in this boot are corrected, and boots that never had a clock are
 * placed between their neighbours. In the writer's transaction.
 */
#ifndef GATEWAYD_STORE_CLOCKMAP_H
#define GATEWAYD_STORE_CLOCKMAP_H

#include "gatewayd/store/logbook.h"

#define CLOCKMAP_STEP_MS 100 /* a smaller change is drift */

/* Finds out up to where this boot's rows are right; after opening. */
int clockmap_open(struct logbook *book);
/* Before a row with this belief is written. */
int clockmap_before_row(struct logbook *book, struct belief belief);

#endif
