/* SPDX-License-Identifier: Apache-2.0 */
/* Calls onto the store's thread that wait for their end; see store_thread.h. */
#include "gatewayd/store/store_thread.h"

#include <errno.h>
#include <semaphore.h>

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
