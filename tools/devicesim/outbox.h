/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies waiting for their time on one descriptor. At most OUTBOX_MAX wait; a further
 * one is dropped and counted, as a device with a full buffer would.
 */
#ifndef GATEWAYD_DEVICESIM_OUTBOX_H
#define GATEWAYD_DEVICESIM_OUTBOX_H

#include <stdint.h>

#include "tools/devicesim/device.h"
#include "tools/devicesim/loop.h"

#define OUTBOX_MAX 64

struct outbox {
    struct loop *loop;
    int fd; /* borrowed */
    struct loop_timer timer;
    struct outbox_item *first; /* by due time */
    unsigned n;
    uint64_t n_dropped;
};

void outbox_init(struct outbox *outbox, struct loop *loop, int fd);
/* Copies the reply and sends it at that time (at once when it has passed). */
void outbox_put(struct outbox *outbox, const struct device_reply *reply,
                int64_t due_boot_ns);
void outbox_done(struct outbox *outbox); /* forgets what waits */

#endif
