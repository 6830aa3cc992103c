/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into the store's thread: appends and posts in order, from any thread. Bounded
 * by bytes; a batch that finds it full is dropped and counted. A push wakes the thread
 * only when it must act: a wake-up per batch would cost more than storing it.
 */
#ifndef GATEWAYD_STORE_QUEUE_H
#define GATEWAYD_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gatewayd/store/gap.h"
#include "lib/model/record.h"

enum queue_kind { QUEUE_BATCH, QUEUE_EVENT, QUEUE_GAP, QUEUE_POST };

struct queue_item {
    struct queue_item *next;
    enum queue_kind kind;
    bool urgent;
    size_t bytes;
    struct record_batch *batch; /* owned */
    int64_t t_boot_ns;
    enum category category;
    const char *device, *code, *severity, *text; /* in data */
    struct gap gap;
    void (*fn)(void *arg);
    void *arg;
    char data[];
};

/* What was dropped since the last take. */
struct queue_loss {
    uint64_t n_records;
    int64_t from_boot_ns, to_boot_ns;
};

struct queue {
    pthread_mutex_t lock;
    int event_fd;
    struct queue_item *first, **last;
    size_t bytes, max_bytes;
    bool is_signalled, is_armed, is_stopping;
    struct queue_loss loss;
    uint64_t n_dropped; /* records, since start */
};

int queue_init(struct queue *queue, size_t max_bytes);
void queue_done(struct queue *queue);

/* An item with room for four texts behind it; NULL: no memory. */
struct queue_item *queue_item_new(enum queue_kind kind, const char *const texts[4]);
void queue_item_free(struct queue_item *item);

/* Takes the item. -ENOBUFS: the queue is full and the item gone; a batch is counted. */
int queue_push(struct queue *queue, struct queue_item *item);
void queue_stop(struct queue *queue);
void queue_wake(struct queue *queue);

/* ---- the store's thread ---- */

/* Sleeps until woken, or timeout_ms (-1: for ever). */
void queue_wait(struct queue *queue, int timeout_ms);
/* All items in order (the caller frees them). armed: the thread will look again by
 * itself, so that a first ordinary item need not wake it. */
struct queue_item *queue_take(struct queue *queue, bool armed, bool *ret_stopping,
                              struct queue_loss *ret_loss);

#endif
