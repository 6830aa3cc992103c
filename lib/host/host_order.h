/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of messages from the core to a host (host_msg.h), checked. Pure. */
#ifndef GATEWAYD_HOST_HOST_ORDER_H
#define GATEWAYD_HOST_HOST_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/base/strbuf.h"
#include "lib/host/host_msg.h"

/* Only the fields of its type are set. key and a string value are borrowed from the
 * body. */
struct host_order {
    enum host_msg type;
    uint64_t id;
    uint32_t bus, device, point, lease_ms; /* numbers of the core */
    uint32_t valid_ms;
    uint32_t factor;
    struct gw_value value;
    const char *key;
    int64_t err; /* HOST_MSG_FD without a descriptor: errno, else 0 */
    bool to_failsafe;
};

/* 0, or -EBADMSG: an unknown type, or a body that is not exactly what it should be. */
int host_order_decode(uint16_t type, const void *body, size_t len,
                      struct host_order *ret);
void host_order_encode(const struct host_order *order, struct strbuf *buf);

#endif
