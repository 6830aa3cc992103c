/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a Modbus reply to a value and back: every type, word order and byte
 * order, bit fields, strings, invalid codes. Pure; the caller has checked lengths.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_CODEC_H
#define GATEWAYD_PLUGINS_MODBUS_CODEC_H

#include <gateway/plugin.h>

#include "plugins/modbus/ranges.h"

#define CODEC_REGISTERS_MAX 125u
#define CODEC_STRING_SIZE (2 * CODEC_REGISTERS_MAX + 1)

enum codec_table { CODEC_COIL, CODEC_DISCRETE, CODEC_INPUT, CODEC_HOLDING };

enum codec_type {
    CODEC_BOOL,
    CODEC_INT16,
    CODEC_UINT16,
    CODEC_INT32,
    CODEC_UINT32,
    CODEC_INT64,
    CODEC_UINT64,
    CODEC_FLOAT32,
    CODEC_FLOAT64,
    CODEC_STRING,
    CODEC_BITS,
};

/* How one point is laid out on the wire. */
struct codec_point {
    enum codec_table table;
    enum codec_type type;
    bool words_swapped; /* the register with the lowest bits comes first */
    bool bytes_swapped; /* within each register */
    bool has_bit;       /* bool of a register: the one bit `bit`, else "not zero" */
    uint8_t bit;        /* BITS and BOOL of a register: the lowest bit */
    uint8_t length;     /* BITS: number of bits; STRING: registers */
    uint16_t address;   /* protocol address, from 0 */
    uint16_t count;     /* registers, or bits of a coil table */
    struct ranges invalid;
};

/* A table of bits rather than of registers. */
bool codec_is_bit_table(enum codec_table table);
/* Index of `word` in the words of the enumeration, or -1. */
int codec_find_word(const char *words, const char *word);
/* "ABCD CDAB BADC DCBA": sets the two flags; false for any other text. */
bool codec_set_order(struct codec_point *point, const char *order);
/* Sets count from type and length; NULL, or what is wrong with the layout. */
const char *codec_complete(struct codec_point *point);

/* Value of the point whose first register is at `data`, or, in a bit table, whose first
 * bit is bit `first_bit` of `data`. Strings are put into `text`, to which *ret then
 * points. GW_GOOD, or GW_OUT_OF_RANGE with type NONE for an invalid code, NaN or
 * infinity. */
enum gw_quality codec_decode(const struct codec_point *point, const uint8_t *data,
                             uint32_t first_bit, char text[CODEC_STRING_SIZE],
                             struct gw_value *ret);

/* The registers (count * 2 bytes, big-endian as sent) of `value`; numbers are rounded to
 * the nearest integer where the type needs one. NULL, or why it cannot be written (does
 * not fit, is no number). Not for bit fields and bit tables: codec_encode_bits. */
const char *codec_encode(const struct codec_point *point, const struct gw_value *value,
                         uint8_t *ret_data);
/* A bit field or bool as a number of point's bits. NULL or what is wrong. */
const char *codec_encode_bits(const struct codec_point *point,
                              const struct gw_value *value, uint64_t *ret_bits);
/* The bits of a register that a bit field covers, in the order of the wire. */
uint16_t codec_bit_mask(const struct codec_point *point);
uint16_t codec_bits_in_register(const struct codec_point *point, uint64_t bits);

#endif
