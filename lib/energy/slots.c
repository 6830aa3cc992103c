/* SPDX-License-Identifier: Apache-2.0 */
/* The blob of energy slots; see slots.h. Written by the store's summary, read by
 * queries. */
#include "lib/energy/slots.h"

#include <errno.h>

#include "lib/base/varint.h"

#define VERSION 1
#define HAS_OFF_GRID 0x80u

void slots_begin(struct strbuf *buf)
{
    strbuf_putc(buf, VERSION);
}

void slots_put(struct strbuf *buf, const struct flow_slot *slot, int32_t off_grid_s)
{
    uint8_t data[4 * VARINT_MAX + 2];
    size_t n = varint_put(data, slot->device);

    data[n++] = (uint8_t)((unsigned)slot->flow | (off_grid_s >= 0 ? HAS_OFF_GRID : 0));
    data[n++] = slot->slot.flags;
    n += varint_put(data + n, varint_zigzag(slot->slot.wh));
    n += varint_put(data + n, slot->slot.known_s);
    if (off_grid_s >= 0)
        n += varint_put(data + n, (uint64_t)off_grid_s);
    strbuf_add(buf, data, n);
}

int slots_reader_init(struct slots_reader *reader, const void *data, size_t len)
{
    *reader = (struct slots_reader){.data = data, .len = len, .pos = 1};
    return len >= 1 && reader->data[0] == VERSION ? 0 : -EBADMSG;
}

int slots_next(struct slots_reader *reader, struct flow_slot *ret,
               int32_t *ret_off_grid_s)
{
    uint64_t device, known_s, off_grid_s = 0;
    uint8_t head;

    if (reader->pos == reader->len)
        return 0;
    *ret = (struct flow_slot){0};
    if (!varint_get(reader->data, reader->len, &reader->pos, &device) ||
        device > UINT32_MAX || reader->len - reader->pos < 2)
        return -EBADMSG;
    head = reader->data[reader->pos++];
    ret->slot.flags = reader->data[reader->pos++];
    if ((head & ~HAS_OFF_GRID) >= ENERGY_FLOWS ||
        !varint_get_signed(reader->data, reader->len, &reader->pos, &ret->slot.wh) ||
        !varint_get(reader->data, reader->len, &reader->pos, &known_s) ||
        ((head & HAS_OFF_GRID) &&
         !varint_get(reader->data, reader->len, &reader->pos, &off_grid_s)) ||
        known_s > UINT32_MAX || off_grid_s > INT32_MAX)
        return -EBADMSG;
    ret->device = (uint32_t)device;
    ret->flow = (enum energy_flow)(head & ~HAS_OFF_GRID);
    ret->slot.known_s = (uint32_t)known_s;
    *ret_off_grid_s = head & HAS_OFF_GRID ? (int32_t)off_grid_s : -1;
    return 1;
}
