/* SPDX-License-Identifier: Apache-2.0 */
/* Past events, read by any thread through a read-only connection of its own. */
#ifndef GATEWAYD_STORE_EVENTS_H
#define GATEWAYD_STORE_EVENTS_H

#include "lib/model/record.h"
#include "lib/sqlite/db.h"

/* As store_read_events; db is the caller's, a reader. */
int events_read(struct db *db, int64_t from_ms, unsigned limit,
                void (*fn)(void *ctx, const struct stored_record *record), void *ctx);

#endif
