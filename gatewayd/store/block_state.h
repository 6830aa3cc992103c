/* SPDX-License-Identifier: Apache-2.0 */
/* What writer and reader of a block both keep: for each layout seen in it the forms and
 * bits of its last record. Shared by block_put.c and block_get.c only. */
#ifndef GATEWAYD_STORE_BLOCK_STATE_H
#define GATEWAYD_STORE_BLOCK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/store/layout.h"

#define BLOCK_VERSION 1

/* Low 4 bits of a form byte; the high ones are the decimal exponent (0..9). */
enum block_form {
    FORM_ABSENT = 0,    /* no reading in this slot */
    FORM_NONE = 1,      /* a reading without a value */
    FORM_BOOL = 2,      /* byte */
    FORM_INT = 3,       /* difference */
    FORM_UINT = 4,      /* difference */
    FORM_FLOAT32 = 5,   /* 4 bytes, low first */
    FORM_FLOAT64 = 6,   /* 8 bytes, low first */
    FORM_DECIMAL32 = 7, /* difference of the digits */
    FORM_DECIMAL64 = 8,
    FORM_STRING = 9, /* varint 0: as before; else length + 1, bytes, NUL */
    FORM_COUNT = 10,
};

struct block_state {
    uint32_t block; /* number of the block it was filled in */
    uint32_t n_slots;
    uint64_t *bits; /* last integer, digits, or offset of the last string */
    uint8_t *forms;
    uint64_t *next_bits; /* writer's scratch */
    uint8_t *next_forms;
};

struct block_states {
    uint32_t block, n;
    struct block_state **by_id;
};

struct block_states *block_states_new(void);
void block_states_free(struct block_states *states);
void block_states_next_block(struct block_states *states);
/* *ret_fresh: the layout's first record in this block. NULL: no memory. */
struct block_state *block_states_get(struct block_states *states,
                                     const struct layout *layout, bool *ret_fresh);

static inline uint8_t block_form_kind(uint8_t form)
{
    return form & 0x0f;
}

static inline uint8_t block_form_exponent(uint8_t form)
{
    return form >> 4;
}

#endif
