/* SPDX-License-Identifier: Apache-2.0 */
/* Sends replies at their time: the seam where line speed and late replies happen. */
#include "tools/devicesim/outbox.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"

struct outbox_item {
    struct outbox_item *next;
    int64_t due_boot_ns;
    size_t sent;
    struct device_reply reply;
};

static void insert(struct outbox *outbox, struct outbox_item *item)
{
    struct outbox_item **at = &outbox->first;

    while (*at && (*at)->due_boot_ns <= item->due_boot_ns)
        at = &(*at)->next;
    item->next = *at;
    *at = item;
}

/* True when all of it has left, or never will. */
static bool send_part(struct outbox *outbox, struct outbox_item *item)
{
    struct device_reply *reply = &item->reply;
    size_t want = reply->gap_ns ? 1 : reply->len - item->sent;
    ssize_t n = write(outbox->fd, reply->bytes + item->sent, want);

    /* A peer that does not take its reply loses it, as on a wire. */
    if (n != (ssize_t)want)
        return true;
    item->sent += want;
    if (item->sent < reply->len)
        return false;
    device_note_sent(reply);
    return true;
}

static void on_time(void *ctx)
{
    struct outbox *outbox = ctx;

    while (outbox->first && outbox->first->due_boot_ns <= clock_boot_ns()) {
        struct outbox_item *item = outbox->first;

        outbox->first = item->next;
        if (send_part(outbox, item)) {
            outbox->n--;
            free(item);
        } else {
            item->due_boot_ns += item->reply.gap_ns;
            insert(outbox, item);
        }
    }
    if (outbox->first)
        loop_timer_set(outbox->loop, &outbox->timer, outbox->first->due_boot_ns);
}

void outbox_init(struct outbox *outbox, struct loop *loop, int fd)
{
    *outbox = (struct outbox){.loop = loop, .fd = fd};
    outbox->timer.fn = on_time;
    outbox->timer.ctx = outbox;
}

void outbox_put(struct outbox *outbox, const struct device_reply *reply,
                int64_t due_boot_ns)
{
    struct outbox_item *item;

    if (outbox->n >= OUTBOX_MAX || !(item = malloc(sizeof *item))) {
        outbox->n_dropped++;
        return;
    }
    *item = (struct outbox_item){.due_boot_ns = due_boot_ns, .reply = *reply};
    outbox->n++;
    insert(outbox, item);
    if (outbox->first != item)
        return;
    if (due_boot_ns <= clock_boot_ns())
        on_time(outbox);
    else
        loop_timer_set(outbox->loop, &outbox->timer, due_boot_ns);
}

void outbox_done(struct outbox *outbox)
{
    loop_timer_cancel(outbox->loop, &outbox->timer);
    while (outbox->first) {
        struct outbox_item *item = outbox->first;

        outbox->first = item->next;
        free(item);
    }
}
