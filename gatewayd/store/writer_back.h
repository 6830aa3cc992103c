/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from RAM to disk. The store's thread. */
#ifndef GATEWAYD_STORE_WRITER_BACK_H
#define GATEWAYD_STORE_WRITER_BACK_H

#include "gatewayd/store/writer.h"

/* The store is in RAM and nothing is pending: when the disk can be used again, all that
 * was stored in RAM goes into it under its own epoch and numbers, in one transaction, and
 * the disk's epoch goes on. True when it did; else all is as before. */
bool writer_try_disk(struct writer *writer);

#endif
