/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take no signals: those belong to the thread that waits for them. */
#ifndef GATEWAYD_BASE_THREAD_H
#define GATEWAYD_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* 0 or a negative errno; then `main` was not called. With NULL for ret_thread nobody
 * joins it: it is detached. */
int thread_start(void *(*main)(void *arg), void *arg, size_t stack_bytes,
                 pthread_t *ret_thread);

#endif
