/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated unit: its registers, its fault, its counts; turns a frame into a
 * reply. */
#ifndef GATEWAYD_DEVICESIM_DEVICE_H
#define GATEWAYD_DEVICESIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/devicesim/fault.h"
#include "tools/devicesim/frame.h"
#include "tools/devicesim/image.h"
#include "tools/devicesim/pdu.h"

#define DEVICE_ANY_UNIT (-1)

enum device_action { DEVICE_RESET, DEVICE_REFUSE, DEVICE_ACCEPT };

struct device {
    unsigned index;
    int unit;
    struct image image;
    struct fault fault;
    uint64_t n_requests, n_replies;
    FILE *ledger, *writes; /* borrowed, NULL: none */
    /* What its endpoint (port or line) can do: 0 or -ENOTSUP. */
    int (*act)(void *endpoint, enum device_action action);
    void *endpoint;
};

/* A reply on its way; bytes has room for one that comes twice. */
struct device_reply {
    uint8_t bytes[2 * FRAME_MAX];
    size_t len;
    int64_t delay_ns; /* beyond the line's own time */
    int64_t gap_ns;   /* between bytes */
    struct device *device;
    struct pdu_asked asked;
    uint8_t unit;
    uint64_t counter;
    enum fault_kind fault;
};

/* False: the unit stays silent; the ledger has the request with the fault `silent`. What
 * a request wrote has lines of its own in `writes`: t_boot_ns device unit function
 * address value */
bool device_answer(struct device *device, const struct frame *request,
                   struct device_reply *ret_reply);

/* To be called when the reply was handed to the kernel. One ledger line per read reply:
 * t_boot_ns device unit function address count counter value fault */
void device_note_sent(const struct device_reply *reply);

#endif
