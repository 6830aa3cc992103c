/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the blocks that block_put.h describes. Pure; safe on any bytes. */
#ifndef GATEWAYD_STORE_BLOCK_GET_H
#define GATEWAYD_STORE_BLOCK_GET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gatewayd/store/layout.h"

#define BLOCK_BYTES_MAX (1u << 20) /* a longer blob is refused */

struct block_states;

struct block_value {
    bool is_present;
    uint8_t quality;
    int32_t detail;
    struct gw_value value; /* strings point into the blob */
};

struct block_reader {
    const uint8_t *data;
    size_t len, pos;
    uint64_t t_us;
    const struct layouts *layouts;
    uint32_t layout_base; /* added to the numbers in the blob */
    struct block_states *states;
    struct block_value *values; /* of the record just read */
    uint32_t values_capacity;
};

void block_reader_init(struct block_reader *reader, const struct layouts *layouts);
void block_reader_done(struct block_reader *reader);
/* The blob is borrowed until the next begin. 0 or -EBADMSG. */
int block_reader_begin(struct block_reader *reader, const void *data, size_t len);
/* 1: *ret_layout, *ret_t_boot_ns and reader->values (one per slot); 0: end; -EBADMSG: not
 * a block, or one of unknown layouts; -ENOMEM. */
int block_get(struct block_reader *reader, const struct layout **ret_layout,
              int64_t *ret_t_boot_ns);

#endif
