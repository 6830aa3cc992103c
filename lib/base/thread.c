/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread of ours begins; see thread.h. */
#include "lib/base/thread.h"

#include <signal.h>

int thread_start(void *(*main)(void *arg), void *arg, size_t stack_bytes,
                 pthread_t *ret_thread)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, stack_bytes);
    if (!ret_thread)
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    /* blocked before it exists: a thread inherits what its maker blocks */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, &attr, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0 && ret_thread)
        *ret_thread = thread;
    return -rc;
}
