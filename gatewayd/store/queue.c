/* SPDX-License-Identifier: Apache-2.0 */
/* The queue into the store's thread; see queue.h. */
#include "gatewayd/store/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The thread packs what waits when it is this much: batches take ten times their blocks.
 */
#define WAKE_BYTES (size_t)(96 * 1024)
/* Events, gaps and posts are few and small, and matter: they may pass the bound so far.
 */
#define EXTRA_BYTES (size_t)(1024 * 1024)

int queue_init(struct queue *queue, size_t max_bytes)
{
    *queue = (struct queue){.max_bytes = max_bytes};
    queue->last = &queue->first;
    queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event_fd < 0)
        return -errno;
    pthread_mutex_init(&queue->lock, NULL);
    return 0;
}

void queue_done(struct queue *queue)
{
    while (queue->first) {
        struct queue_item *next = queue->first->next;

        queue_item_free(queue->first);
        queue->first = next;
    }
    pthread_mutex_destroy(&queue->lock);
    close(queue->event_fd);
}

struct queue_item *queue_item_new(enum queue_kind kind, const char *const texts[4])
{
    struct queue_item *item;
    size_t size = 0;
    char *p;

    for (int i = 0; texts && i < 4; i++)
        size += strlen(texts[i]) + 1;
    item = calloc(1, sizeof *item + size);
    if (!item)
        return NULL;
    item->kind = kind;
    item->bytes = sizeof *item + size;
    p = item->data;
    for (int i = 0; texts && i < 4; i++) {
        const char **field[] = {&item->device, &item->code, &item->severity, &item->text};

        *field[i] = p;
        p = stpcpy(p, texts[i]) + 1;
    }
    return item;
}

void queue_item_free(struct queue_item *item)
{
    if (!item)
        return;
    record_batch_free(item->batch);
    free(item);
}

static void signal_locked(struct queue *queue)
{
    uint64_t one = 1;

    if (queue->is_signalled)
        return;
    queue->is_signalled = write(queue->event_fd, &one, sizeof one) == (ssize_t)sizeof one;
}

static void count_loss(struct queue *queue, const struct record_batch *batch)
{
    struct queue_loss *loss = &queue->loss;

    for (uint32_t i = 0; i < batch->n_records; i++) {
        int64_t t = batch->records[i].t_boot_ns;

        if (loss->n_records == 0 || t < loss->from_boot_ns)
            loss->from_boot_ns = t;
        if (loss->n_records == 0 || t > loss->to_boot_ns)
            loss->to_boot_ns = t;
        loss->n_records++;
        queue->n_dropped++;
    }
}

static bool has_room(const struct queue *queue, const struct queue_item *item)
{
    size_t bound = queue->max_bytes + (item->batch ? 0 : EXTRA_BYTES);

    return queue->bytes + item->bytes <= bound;
}

int queue_push(struct queue *queue, struct queue_item *item)
{
    bool must_wake;

    pthread_mutex_lock(&queue->lock);
    if (!has_room(queue, item)) {
        if (item->batch)
            count_loss(queue, item->batch);
        pthread_mutex_unlock(&queue->lock);
        queue_item_free(item);
        return -ENOBUFS;
    }
    must_wake = item->urgent || item->kind == QUEUE_POST || !queue->is_armed ||
                queue->bytes + item->bytes >= WAKE_BYTES;
    *queue->last = item;
    queue->last = &item->next;
    queue->bytes += item->bytes;
    if (must_wake)
        signal_locked(queue);
    pthread_mutex_unlock(&queue->lock);
    return 0;
}

void queue_wake(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    signal_locked(queue);
    pthread_mutex_unlock(&queue->lock);
}

void queue_stop(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_stopping = true;
    signal_locked(queue);
    pthread_mutex_unlock(&queue->lock);
}

void queue_wait(struct queue *queue, int timeout_ms)
{
    struct pollfd fd = {.fd = queue->event_fd, .events = POLLIN};

    (void)poll(&fd, 1, timeout_ms);
}

struct queue_item *queue_take(struct queue *queue, bool armed, bool *ret_stopping,
                              struct queue_loss *ret_loss)
{
    struct queue_item *items;
    uint64_t count;

    pthread_mutex_lock(&queue->lock);
    if (queue->is_signalled && read(queue->event_fd, &count, sizeof count) > 0)
        queue->is_signalled = false;
    items = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->bytes = 0;
    queue->is_armed = armed;
    *ret_stopping = queue->is_stopping;
    *ret_loss = queue->loss;
    queue->loss = (struct queue_loss){0};
    pthread_mutex_unlock(&queue->lock);
    return items;
}
