/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob in which energy slots are kept: all flows of all devices that closed the same
 * slot. Pure.
 *
 * Blob, version 1: byte 1; then per flow varint device, byte flow | has_off_grid << 7,
 * byte flags, zigzag Wh, varint known seconds, and varint seconds off the grid.
 */
#ifndef GATEWAYD_ENERGY_SLOTS_H
#define GATEWAYD_ENERGY_SLOTS_H

#include "lib/energy/flows.h"

/* off_grid_s: < 0 not known. buf->failed: no memory. */
void slots_begin(struct strbuf *buf);
void slots_put(struct strbuf *buf, const struct flow_slot *slot, int32_t off_grid_s);

struct slots_reader {
    const uint8_t *data;
    size_t len, pos;
};
/* The data is borrowed. 0 or -EBADMSG. */
int slots_reader_init(struct slots_reader *reader, const void *data, size_t len);
/* 1: one, without its start; 0: end; -EBADMSG. */
int slots_next(struct slots_reader *reader, struct flow_slot *ret,
               int32_t *ret_off_grid_s);

#endif
