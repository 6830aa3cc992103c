/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route has to tell the core and could not yet, because the channel was full:
 * answers to messages (bounded by OUTBOX_ANSWERS; the route reads no more messages than
 * it has room to answer), the state, one received message. Answers go before the state.
 */
#ifndef GATEWAYD_ROUTE_OUTBOX_H
#define GATEWAYD_ROUTE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/channel/channel.h"

#define OUTBOX_ANSWERS 256

struct outbox {
    struct {
        uint64_t token;
        uint32_t reason;
        bool lost;
    } answers[OUTBOX_ANSWERS]; /* ring */
    unsigned first, n;
    /* The core must see every loss of a connection, also when the next one is there
     * already: `down` goes before `up`. */
    bool down, up;
    uint32_t window;
    char down_text[256], up_text[256];
    struct strbuf buf;
};

void outbox_init(struct outbox *outbox);
void outbox_done(struct outbox *outbox);
unsigned outbox_room(const struct outbox *outbox); /* for answers */
bool outbox_is_empty(const struct outbox *outbox);
/* There must be room. */
void outbox_put_done(struct outbox *outbox, uint64_t token, uint32_t reason);
void outbox_put_lost(struct outbox *outbox, uint64_t token);
void outbox_put_up(struct outbox *outbox, uint32_t window, const char *text);
void outbox_put_down(struct outbox *outbox, const char *text);
/* Sends what goes: 0 all, -EAGAIN the channel is full, else it is broken. */
int outbox_flush(struct outbox *outbox, struct channel *channel);

#endif
