/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the channel; see outbox.h. */
#include "route/outbox.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/channel/route_msg.h"
#include "lib/channel/wire.h"

void outbox_init(struct outbox *outbox)
{
    memset(outbox, 0, sizeof *outbox);
    strbuf_init(&outbox->buf);
}

void outbox_done(struct outbox *outbox)
{
    strbuf_done(&outbox->buf);
}

unsigned outbox_room(const struct outbox *outbox)
{
    return OUTBOX_ANSWERS - outbox->n;
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->n == 0 && !outbox->down && !outbox->up;
}

static void put(struct outbox *outbox, uint64_t token, uint32_t reason, bool lost)
{
    unsigned at = (outbox->first + outbox->n) % OUTBOX_ANSWERS;

    assert(outbox->n < OUTBOX_ANSWERS);
    outbox->answers[at].token = token;
    outbox->answers[at].reason = reason;
    outbox->answers[at].lost = lost;
    outbox->n++;
}

void outbox_put_done(struct outbox *outbox, uint64_t token, uint32_t reason)
{
    put(outbox, token, reason, false);
}

void outbox_put_lost(struct outbox *outbox, uint64_t token)
{
    put(outbox, token, 0, true);
}

void outbox_put_up(struct outbox *outbox, uint32_t window, const char *text)
{
    outbox->up = true;
    outbox->window = window;
    snprintf(outbox->up_text, sizeof outbox->up_text, "%s", text);
}

void outbox_put_down(struct outbox *outbox, const char *text)
{
    outbox->up = false;
    outbox->down = true;
    snprintf(outbox->down_text, sizeof outbox->down_text, "%s", text);
}

static int send_answer(struct outbox *outbox, struct channel *channel)
{
    bool lost = outbox->answers[outbox->first].lost;

    strbuf_clear(&outbox->buf);
    wire_put_u64(&outbox->buf, outbox->answers[outbox->first].token);
    if (!lost)
        wire_put_u32(&outbox->buf, outbox->answers[outbox->first].reason);
    return channel_send(channel, lost ? ROUTE_MSG_LOST : ROUTE_MSG_DONE, outbox->buf.data,
                        outbox->buf.len, -1);
}

static int send_state(struct outbox *outbox, struct channel *channel, bool connected)
{
    strbuf_clear(&outbox->buf);
    wire_put_u8(&outbox->buf, connected);
    wire_put_u32(&outbox->buf, connected ? outbox->window : 0);
    wire_put_string(&outbox->buf, connected ? outbox->up_text : outbox->down_text);
    return channel_send(channel, ROUTE_MSG_STATE, outbox->buf.data, outbox->buf.len, -1);
}

int outbox_flush(struct outbox *outbox, struct channel *channel)
{
    int rc = 0;

    while (rc == 0 && outbox->n > 0) {
        rc = send_answer(outbox, channel);
        if (rc < 0)
            break;
        outbox->first = (outbox->first + 1) % OUTBOX_ANSWERS;
        outbox->n--;
    }
    if (rc == 0 && outbox->down) {
        rc = send_state(outbox, channel, false);
        outbox->down = rc < 0;
    }
    if (rc == 0 && outbox->up) {
        rc = send_state(outbox, channel, true);
        outbox->up = rc < 0;
    }
    return rc;
}
