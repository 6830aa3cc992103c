/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding where a recipient may have only means of some data: the log is looked at in
 * order up to `scan`, raw records feed the means, all else is sent as it comes. A seq
 * that may yet be the last of an open period is covered only when the period is over.
 */
#ifndef GATEWAYD_FORWARD_SCAN_H
#define GATEWAYD_FORWARD_SCAN_H

#include "gatewayd/forward/forward_state.h"

/* May the recipient have means, but not raw, of some category? */
bool scan_is_needed(const struct forward *forward);
/* One step. False: nothing more to do now. */
bool scan_next(struct forward *forward);
/* Closes the periods that are due. */
void scan_tick(struct forward *forward);
/* Every seq <= this is delivered and belongs to no unconfirmed period: what is stored as
 * the cursor's low mark. */
uint64_t scan_held_low(const struct forward *forward);
/* Back to there: a message was lost and its means are computed again. Call it while the
 * message is still in the table of flights. */
void scan_rewind(struct forward *forward);

#endif
