/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bus sends to the core. A message goes straight into the channel; while that is
 * full it waits here in order. Bound: OUTBOX_BYTES of records, the oldest message of
 * records is dropped beyond it, counted per device and told as a gap; answers to commands
 * are never dropped; logs and statistics are dropped first of all. Any thread.
 */
#ifndef GATEWAYD_HOST_OUTBOX_H
#define GATEWAYD_HOST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/channel/channel.h"

#define OUTBOX_BYTES (256 * 1024)

struct outbox;

/* wake_fd: an eventfd written when something begins to wait (the owner then polls the
 * channel for room and calls outbox_flush), or -1. channel NULL: everything is
 * dropped. */
struct outbox *outbox_new(struct channel *channel, uint32_t bus, int wake_fd);
void outbox_free(struct outbox *outbox);

/* A HOST_MSG_RECORDS body; may be dropped as told above. */
void outbox_send_records(struct outbox *outbox, const void *body, size_t len);
/* Any other message: kept until it is sent. */
void outbox_send(struct outbox *outbox, uint16_t type, const void *body, size_t len);
/* A message that may be lost: sent now or not at all (false). */
bool outbox_try(struct outbox *outbox, uint16_t type, const void *body, size_t len);
/* HOST_MSG_LOG with the outbox's subject; may be lost. */
void outbox_log(struct outbox *outbox, int level, const char *subject, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

/* Sends what waits, as far as there is room; true when nothing waits any more. */
bool outbox_flush(struct outbox *outbox);
bool outbox_is_empty(struct outbox *outbox);

#endif
