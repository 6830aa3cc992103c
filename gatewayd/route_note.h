/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses from the loop to the store's thread for a route, in order. On the loop. */
#ifndef GATEWAYD_ROUTE_NOTE_H
#define GATEWAYD_ROUTE_NOTE_H

#include "gatewayd/route_link.h"

struct note {
    enum note_kind kind;
    struct route_link *link;
    struct store_place *place; /* NULL once sent */
    uint64_t token;
    unsigned number;
    size_t len;
    char topic[80];
    char payload[];
};

/* Makes the kept notes; -ENOMEM. */
int route_note_prepare(struct route_link *link);
void route_note_done(struct route_link *link);
/* Sends a kept one. */
void route_note_tell(struct route_link *link, enum note_kind kind, unsigned number);
/* The process is connected with this window, or not (0). */
void route_note_connected(struct route_link *link, unsigned window);
/* A newer receipt replaces one of its topic that was not looked at yet. */
void route_note_receipt(struct route_link *link, const char *topic, const char *payload,
                        size_t len);
/* Any other; payload is copied. When too many wait already the route's process is started
 * anew: what it had is then lost for all, and nothing waits for ever. */
void route_note_send(struct route_link *link, enum note_kind kind, uint64_t token,
                     unsigned number, const char *topic, const char *payload, size_t len);

#endif
