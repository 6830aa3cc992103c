/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a restored database must take over from the one it replaces, so that nothing is
 * lost, nothing said twice, and no decision of the resident forgotten: records that a
 * route still waits for (in `moved`, under their own epochs and numbers), cursors, boots
 * and their clocks, consent, ids of commands, what the outputs' journal says. Begins a
 * new epoch "restored". One thread at a time: first the restore's worker, which takes
 * most of it, then the store's thread, for what came since.
 */
#ifndef GATEWAYD_STORE_RESTORE_MERGE_H
#define GATEWAYD_STORE_RESTORE_MERGE_H

#include "gatewayd/store/cursors.h"
#include "gatewayd/store/logbook_open.h"

struct restore_merge;

/* db: the checked database, taken, also on failure. is_foreign: another gateway's: its
 * grants are not this resident's, and nobody waits for its records here. */
int restore_merge_open(struct db *db, struct db *present,
                       const struct logbook_identity *identity, bool is_foreign,
                       struct restore_merge **ret_merge);
/* Takes over from `present`, a connection that only reads, what is new since the last
 * call; one transaction. */
int restore_merge_pass(struct restore_merge *merge, struct db *present);
struct db *restore_merge_db(const struct restore_merge *merge);
/* Closes: the file is whole then, without a WAL. NULL is fine. */
void restore_merge_close(struct restore_merge *merge);

#endif
