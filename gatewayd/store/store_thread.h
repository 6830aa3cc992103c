/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the store for its own parts (backup, restore); see store.c. */
#ifndef GATEWAYD_STORE_STORE_THREAD_H
#define GATEWAYD_STORE_STORE_THREAD_H

#include <stdatomic.h>

#include "gatewayd/store/store.h"
#include "gatewayd/store/writer.h"

struct restore;

/* On the store's thread only, but for `disk`, the ids and max_bytes in it. */
struct writer *store_writer(struct store *store);
/* Set while a backup is being read. */
atomic_bool *store_backup_flag(struct store *store);
struct restore *store_restore(struct store *store);

/* Runs fn(arg) on the store's thread and waits for its end; not from the store's thread.
 * 0, -ENOMEM. */
int store_call(struct store *store, void (*fn)(void *arg), void *arg);

#endif
