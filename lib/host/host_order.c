/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from the core to a host; see host_order.h. */
#include "lib/host/host_order.h"

#include <errno.h>

#include "lib/channel/wire.h"

int host_order_decode(uint16_t type, const void *body, size_t len, struct host_order *ret)
{
    struct wire wire = wire_of(body, len);
    struct host_order order = {.type = type};

    switch (type) {
    case HOST_MSG_CONFIG:
    case HOST_MSG_HEARTBEAT:
        break;
    case HOST_MSG_WRITE:
        order.id = wire_get_u64(&wire);
        order.device = wire_get_u32(&wire);
        order.point = wire_get_u32(&wire);
        order.value = wire_get_value(&wire);
        order.lease_ms = wire_get_u32(&wire);
        order.valid_ms = wire_get_u32(&wire);
        break;
    case HOST_MSG_RELEASE:
        order.id = wire_get_u64(&wire);
        order.device = wire_get_u32(&wire);
        order.point = wire_get_u32(&wire);
        break;
    case HOST_MSG_FD:
        order.bus = wire_get_u32(&wire);
        order.key = wire_get_string(&wire);
        order.err = wire.at < wire.len ? wire_get_i64(&wire) : 0;
        break;
    case HOST_MSG_STOP:
        order.to_failsafe = wire_get_u8(&wire) != 0;
        break;
    case HOST_MSG_READ:
        order.id = wire_get_u64(&wire);
        order.device = wire_get_u32(&wire);
        break;
    case HOST_MSG_PACE:
        order.device = wire_get_u32(&wire);
        order.factor = wire_get_u32(&wire);
        if (order.factor == 0)
            return -EBADMSG;
        break;
    default:
        return -EBADMSG;
    }
    if (!wire_done(&wire))
        return -EBADMSG;
    *ret = order;
    return 0;
}

void host_order_encode(const struct host_order *order, struct strbuf *buf)
{
    switch ((int)order->type) {
    case HOST_MSG_WRITE:
        wire_put_u64(buf, order->id);
        wire_put_u32(buf, order->device);
        wire_put_u32(buf, order->point);
        wire_put_value(buf, &order->value);
        wire_put_u32(buf, order->lease_ms);
        wire_put_u32(buf, order->valid_ms);
        break;
    case HOST_MSG_RELEASE:
        wire_put_u64(buf, order->id);
        wire_put_u32(buf, order->device);
        wire_put_u32(buf, order->point);
        break;
    case HOST_MSG_FD:
        wire_put_u32(buf, order->bus);
        wire_put_string(buf, order->key);
        if (order->err)
            wire_put_i64(buf, order->err);
        break;
    case HOST_MSG_STOP:
        wire_put_u8(buf, order->to_failsafe);
        break;
    case HOST_MSG_READ:
        wire_put_u64(buf, order->id);
        wire_put_u32(buf, order->device);
        break;
    case HOST_MSG_PACE:
        wire_put_u32(buf, order->device);
        wire_put_u32(buf, order->factor);
        break;
    default: /* the others have no body */
        break;
    }
}
