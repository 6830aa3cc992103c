/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded way from a bus to the core; see outbox.h. */
#include "lib/host/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/channel/wire.h"
#include "lib/host/host_msg.h"

struct message {
    struct message *next;
    uint16_t type;
    size_t len;
    uint8_t body[];
};

/* Dropped records of one device that the core was not told of yet. */
struct gap {
    uint32_t device;
    uint64_t n_records;
    int64_t from_boot_ns, to_boot_ns;
};

struct outbox {
    struct channel *channel;
    uint32_t bus;
    int wake_fd;
    pthread_mutex_t lock; /* of all below */
    struct message *first, **last;
    size_t record_bytes;
    struct gap *gaps;
    uint32_t n_gaps, gaps_capacity;
};

struct outbox *outbox_new(struct channel *channel, uint32_t bus, int wake_fd)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);

    if (!outbox)
        return NULL;
    outbox->channel = channel;
    outbox->bus = bus;
    outbox->wake_fd = wake_fd;
    outbox->last = &outbox->first;
    pthread_mutex_init(&outbox->lock, NULL);
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    struct message *next;

    if (!outbox)
        return;
    for (struct message *message = outbox->first; message; message = next) {
        next = message->next;
        free(message);
    }
    free(outbox->gaps);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

/* ---- gaps -------------------------------------------------------------------------- */

static struct gap *find_gap(struct outbox *outbox, uint32_t device)
{
    struct gap *bigger;
    uint32_t capacity = outbox->gaps_capacity ? outbox->gaps_capacity * 2 : 8;

    for (uint32_t i = 0; i < outbox->n_gaps; i++)
        if (outbox->gaps[i].device == device)
            return &outbox->gaps[i];
    if (outbox->n_gaps == outbox->gaps_capacity) {
        bigger = realloc(outbox->gaps, capacity * sizeof *bigger);
        if (!bigger)
            return NULL;
        outbox->gaps = bigger;
        outbox->gaps_capacity = capacity;
    }
    outbox->gaps[outbox->n_gaps] = (struct gap){.device = device};
    return &outbox->gaps[outbox->n_gaps++];
}

static void count_dropped(struct outbox *outbox, uint32_t device, int64_t t_boot_ns)
{
    struct gap *gap = find_gap(outbox, device);

    if (!gap)
        return;
    if (gap->n_records == 0 || t_boot_ns < gap->from_boot_ns)
        gap->from_boot_ns = t_boot_ns;
    if (gap->n_records == 0 || t_boot_ns > gap->to_boot_ns)
        gap->to_boot_ns = t_boot_ns;
    gap->n_records++;
}

static void count_dropped_message(struct outbox *outbox, const void *body, size_t len)
{
    struct wire wire = wire_of(body, len);
    uint32_t n;

    wire_get_u32(&wire); /* bus */
    n = wire_get_u32(&wire);
    for (uint32_t i = 0; i < n && !wire.failed; i++) {
        uint32_t device = wire_get_u32(&wire);
        int64_t t_boot_ns = wire_get_i64(&wire);
        uint32_t n_readings = wire_get_u32(&wire);

        for (uint32_t j = 0; j < n_readings && !wire.failed; j++) {
            wire_get_u32(&wire);
            wire_get_u8(&wire);
            wire_get_u32(&wire);
            wire_get_value(&wire);
        }
        count_dropped(outbox, device, t_boot_ns);
    }
}

static int send_gaps(struct outbox *outbox)
{
    int rc = 0;

    while (rc == 0 && outbox->n_gaps > 0) {
        const struct gap *gap = &outbox->gaps[outbox->n_gaps - 1];
        struct strbuf buf;

        strbuf_init(&buf);
        wire_put_u32(&buf, outbox->bus);
        wire_put_u32(&buf, gap->device);
        wire_put_u64(&buf, gap->n_records);
        wire_put_i64(&buf, gap->from_boot_ns);
        wire_put_i64(&buf, gap->to_boot_ns);
        rc = buf.failed
                 ? -ENOMEM
                 : channel_send(outbox->channel, HOST_MSG_GAP, buf.data, buf.len, -1);
        strbuf_done(&buf);
        if (rc == 0)
            outbox->n_gaps--;
    }
    return rc;
}

/* ---- the waiting messages ---------------------------------------------------------- */

static void drop_first_records(struct outbox *outbox)
{
    struct message **at = &outbox->first, *message;

    while (*at && (*at)->type != HOST_MSG_RECORDS)
        at = &(*at)->next;
    message = *at;
    if (!message)
        return;
    *at = message->next;
    if (!message->next)
        outbox->last = at;
    count_dropped_message(outbox, message->body, message->len);
    outbox->record_bytes -= message->len;
    free(message);
}

static void keep(struct outbox *outbox, uint16_t type, const void *body, size_t len)
{
    struct message *message = malloc(sizeof *message + len);
    uint64_t one = 1;

    if (!message) {
        if (type == HOST_MSG_RECORDS)
            count_dropped_message(outbox, body, len);
        return;
    }
    message->next = NULL;
    message->type = type;
    message->len = len;
    if (len)
        memcpy(message->body, body, len);
    *outbox->last = message;
    outbox->last = &message->next;
    if (type == HOST_MSG_RECORDS)
        outbox->record_bytes += len;
    while (outbox->record_bytes > OUTBOX_BYTES)
        drop_first_records(outbox);
    if (outbox->wake_fd >= 0)
        eventfd_write(outbox->wake_fd, one);
}

/* What waits goes first. A gap is told before the records that come after it; a peer that
 * is gone takes everything with it. */
static int flush(struct outbox *outbox)
{
    int rc = send_gaps(outbox);

    while (rc != -EAGAIN && rc != -ENOMEM && outbox->first) {
        struct message *message = outbox->first;

        rc =
            channel_send(outbox->channel, message->type, message->body, message->len, -1);
        if (rc == -EAGAIN)
            break;
        outbox->first = message->next;
        if (!outbox->first)
            outbox->last = &outbox->first;
        if (message->type == HOST_MSG_RECORDS)
            outbox->record_bytes -= message->len;
        free(message);
    }
    return rc;
}

static bool is_empty(const struct outbox *outbox)
{
    return !outbox->first && outbox->n_gaps == 0;
}

static void send_or_keep(struct outbox *outbox, uint16_t type, const void *body,
                         size_t len)
{
    if (!outbox->channel)
        return;
    pthread_mutex_lock(&outbox->lock);
    flush(outbox);
    if (outbox->first || channel_send(outbox->channel, type, body, len, -1) == -EAGAIN)
        keep(outbox, type, body, len);
    pthread_mutex_unlock(&outbox->lock);
}

void outbox_send_records(struct outbox *outbox, const void *body, size_t len)
{
    send_or_keep(outbox, HOST_MSG_RECORDS, body, len);
}

void outbox_send(struct outbox *outbox, uint16_t type, const void *body, size_t len)
{
    send_or_keep(outbox, type, body, len);
}

bool outbox_try(struct outbox *outbox, uint16_t type, const void *body, size_t len)
{
    bool sent = false;

    if (!outbox->channel)
        return false;
    pthread_mutex_lock(&outbox->lock);
    flush(outbox);
    if (is_empty(outbox))
        sent = channel_send(outbox->channel, type, body, len, -1) == 0;
    pthread_mutex_unlock(&outbox->lock);
    return sent;
}

void outbox_log(struct outbox *outbox, int level, const char *subject, const char *format,
                ...)
{
    struct strbuf buf;
    char text[1000];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    strbuf_init(&buf);
    wire_put_u8(&buf, (uint8_t)level);
    wire_put_string(&buf, subject);
    wire_put_string(&buf, text);
    if (!buf.failed)
        outbox_try(outbox, HOST_MSG_LOG, buf.data, buf.len);
    strbuf_done(&buf);
}

bool outbox_flush(struct outbox *outbox)
{
    bool empty;

    pthread_mutex_lock(&outbox->lock);
    if (outbox->channel)
        flush(outbox);
    empty = is_empty(outbox);
    pthread_mutex_unlock(&outbox->lock);
    return empty;
}

bool outbox_is_empty(struct outbox *outbox)
{
    bool empty;

    pthread_mutex_lock(&outbox->lock);
    empty = is_empty(outbox);
    pthread_mutex_unlock(&outbox->lock);
    return empty;
}
