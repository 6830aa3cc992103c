/* SPDX-License-Identifier: Apache-2.0 */
/* Makes messages of records and hands them to the route; for forward.c and scan.c. */
#ifndef GATEWAYD_FORWARD_SEND_H
#define GATEWAYD_FORWARD_SEND_H

#include "gatewayd/forward/forward_state.h"

/* What may happen to a record, by consent. */
enum send_class {
    SEND_WITHHELD, /* covered, not sent */
    SEND_RECORD,   /* into a readings message */
    SEND_SINGLE,   /* a message of its own */
    SEND_MEAN,     /* only the mean of its period */
};
/* Asks consent, once per record and turn. */
enum send_class send_classify(struct forward *forward, const struct stored_record *record,
                              uint32_t *ret_period_ms);
/* What a refusal of this record counts: its readings, or 1. */
uint64_t send_n_refused(const struct stored_record *record);
bool send_allows(struct forward *forward, enum category category,
                 enum granularity granularity);

/* The first range at or after `from` that is neither delivered nor flying. */
void send_next_free(const struct forward *forward, uint64_t from, uint64_t *ret_first,
                    uint64_t *ret_last);
/* May one more message be handed out now? */
bool send_has_room(const struct forward *forward);

void send_begin(struct forward *forward, struct message *message, uint64_t first);
/* Takes records from first on into the message, at most to `last`; ends before a record
 * of which only the mean may go, before a hole in the log and at the limits of a payload.
 */
void send_collect(struct forward *forward, struct message *message, uint64_t last);
/* True: it is on its way. False: no room, or no memory; the rows stay. */
bool send_publish(struct forward *forward, struct message *message);
/* As send_publish for a collected message; one without records is sent only when the
 * account must be closed, or passed over when the recipient may get nothing. False: no
 * progress. */
bool send_finish(struct forward *forward, struct message *message);

/* One message of raw records in the route's order. False: nothing more to do now. */
bool send_next(struct forward *forward);

#endif
