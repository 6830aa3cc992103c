/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads ask of the store's thread: see store_thread.h, store.h. */
#include "gatewayd/store/store_thread.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatewayd/store/writer_repair.h"

struct waited_call {
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static void run_waited(void *arg)
{
    struct waited_call *call = arg;

    call->fn(call->arg);
    sem_post(&call->done);
}

int store_call(struct store *store, void (*fn)(void *arg), void *arg)
{
    struct waited_call call = {.fn = fn, .arg = arg};
    int rc;

    sem_init(&call.done, 0, 0);
    rc = store_post(store, run_waited, &call, true);
    while (rc == 0 && sem_wait(&call.done) < 0 && errno == EINTR)
        ;
    sem_destroy(&call.done);
    return rc;
}

struct new_epoch {
    struct writer *writer;
    char reason[40];
};

static void begin_epoch(void *arg)
{
    struct new_epoch *call = arg;

    writer_want_epoch(call->writer, call->reason);
    free(call);
}

int store_new_epoch(struct store *store, const char *reason)
{
    struct new_epoch *call = malloc(sizeof *call);

    if (!call)
        return -ENOMEM;
    call->writer = store_writer(store);
    snprintf(call->reason, sizeof call->reason, "%s", reason);
    if (store_post(store, begin_epoch, call, true) == 0)
        return 0;
    free(call);
    return -ENOMEM;
}
