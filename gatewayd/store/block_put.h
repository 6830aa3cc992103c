/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: consecutive records packed into one blob. A value is stored as the difference
 * to the same point's value in the record before of that layout in the block; every block
 * can be read alone (block_get.h). Pure.
 *
 * Blob, version 1: byte 1; then per record
 *   varint   layout << 2 | has_qualities << 1 | has_forms
 *   varint   zigzag difference of the time in us (first: from 0)
 *   forms    a byte per slot: enum block_form | exponent << 4   (else as before)
 *   qualities a byte per slot that is present: quality | 0x80 when a zigzag detail
 * follows values   per slot, by its form
 */
#ifndef GATEWAYD_STORE_BLOCK_PUT_H
#define GATEWAYD_STORE_BLOCK_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gatewayd/store/layout.h"

struct block_states; /* what each layout's last record in this block was */

struct block_writer {
    uint8_t *data;
    size_t len, capacity;
    uint32_t n_records;
    uint64_t t_us;
    struct block_states *states;
};

void block_writer_init(struct block_writer *writer);
void block_writer_done(struct block_writer *writer);
void block_writer_clear(
    struct block_writer *writer); /* begins the next block, memory kept */

/* slots: layout->n_points of them, NULL: no such reading in this record. The time is kept
 * to the microsecond. 0 or -ENOMEM; the block is as before then. */
int block_put(struct block_writer *writer, const struct layout *layout, int64_t t_boot_ns,
              const struct reading *const *slots);

#endif
