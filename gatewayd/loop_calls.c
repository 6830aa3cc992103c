/* SPDX-License-Identifier: Apache-2.0 */
/* A queue with an eventfd; see loop_calls.h. */
#include "gatewayd/loop_calls.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct call {
    struct call *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop_calls {
    int fd; /* -1: closed */
    unsigned refs;
    sd_event_source *source;
    pthread_mutex_t lock; /* the list */
    struct call *first, **last;
};

static struct call *take_all(struct loop_calls *calls)
{
    struct call *first;

    pthread_mutex_lock(&calls->lock);
    first = calls->first;
    calls->first = NULL;
    calls->last = &calls->first;
    pthread_mutex_unlock(&calls->lock);
    return first;
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
    struct loop_calls *calls = ctx;
    struct call *call;
    uint64_t n;

    (void)source;
    (void)revents;
    if (read(fd, &n, sizeof n) < 0)
        return 0;
    call = take_all(calls);
    while (call) {
        struct call *next = call->next;

        call->fn(call->arg);
        free(call);
        call = next;
    }
    return 0;
}

struct loop_calls *loop_calls_new(sd_event *event)
{
    struct loop_calls *calls = calloc(1, sizeof *calls);

    if (!calls)
        return NULL;
    calls->refs = 1;
    calls->last = &calls->first;
    pthread_mutex_init(&calls->lock, NULL);
    calls->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (calls->fd < 0 ||
        sd_event_add_io(event, &calls->source, calls->fd, EPOLLIN, on_ready, calls) < 0) {
        loop_calls_free(calls);
        return NULL;
    }
    return calls;
}

struct loop_calls *loop_calls_ref(struct loop_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->refs++;
    pthread_mutex_unlock(&calls->lock);
    return calls;
}

void loop_calls_unref(struct loop_calls *calls)
{
    bool is_last;

    pthread_mutex_lock(&calls->lock);
    is_last = --calls->refs == 0;
    pthread_mutex_unlock(&calls->lock);
    if (!is_last)
        return;
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}

void loop_calls_free(struct loop_calls *calls)
{
    if (!calls)
        return;
    sd_event_source_disable_unref(calls->source);
    for (struct call *call = take_all(calls), *next; call; call = next) {
        next = call->next;
        free(call);
    }
    pthread_mutex_lock(&calls->lock);
    if (calls->fd >= 0)
        close(calls->fd);
    calls->fd = -1;
    pthread_mutex_unlock(&calls->lock);
    loop_calls_unref(calls);
}

int loop_calls_post(struct loop_calls *calls, void (*fn)(void *arg), void *arg)
{
    struct call *call = malloc(sizeof *call);
    uint64_t one = 1;
    int rc = 0;

    if (!call)
        return -ENOMEM;
    *call = (struct call){.fn = fn, .arg = arg};
    pthread_mutex_lock(&calls->lock);
    if (calls->fd < 0) {
        rc = -ESHUTDOWN;
    } else {
        /* fails only when the counter is full: then the loop is about to be woken
         * anyway */
        if (!calls->first && write(calls->fd, &one, sizeof one) < 0)
            rc = 0;
        *calls->last = call;
        calls->last = &call->next;
    }
    pthread_mutex_unlock(&calls->lock);
    if (rc < 0)
        free(call);
    return rc;
}
