/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding and encoding of Modbus values. Everything is done here rather than by
 * libmodbus, whose float helpers changed their meaning between versions.
 */
#include "plugins/modbus/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bits of each numeric type; 0: no number. */
static const uint8_t type_bits[] = {
    [CODEC_INT16] = 16,   [CODEC_UINT16] = 16,  [CODEC_INT32] = 32,
    [CODEC_UINT32] = 32,  [CODEC_INT64] = 64,   [CODEC_UINT64] = 64,
    [CODEC_FLOAT32] = 32, [CODEC_FLOAT64] = 64, [CODEC_BITS] = 0,
};

bool codec_is_bit_table(enum codec_table table)
{
    return table == CODEC_COIL || table == CODEC_DISCRETE;
}

int codec_find_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    int index = 0;

    for (const char *p = words; *p; index++) {
        size_t n = strcspn(p, " ");

        if (n == len && !memcmp(p, word, n))
            return index;
        p += n;
        p += strspn(p, " ");
    }
    return -1;
}

bool codec_set_order(struct codec_point *point, const char *order)
{
    int index = codec_find_word("ABCD CDAB BADC DCBA", order);

    if (index < 0)
        return false;
    point->words_swapped = index & 1;
    point->bytes_swapped = index & 2;
    return true;
}

static const char *complete_bit_table(struct codec_point *point)
{
    if (point->has_bit)
        return "'bit' makes no sense in a table of bits";
    if (point->type == CODEC_BOOL)
        point->count = 1;
    else if (point->type == CODEC_BITS && point->length <= 64)
        point->count = point->length ? point->length : 1;
    else
        return "a table of bits holds bool, and bits of a length up to 64";
    return NULL;
}

const char *codec_complete(struct codec_point *point)
{
    if (codec_is_bit_table(point->table))
        return complete_bit_table(point);
    if (point->has_bit && point->type != CODEC_BOOL && point->type != CODEC_BITS)
        return "'bit' needs type bool or bits";
    if (point->length && point->type != CODEC_STRING && point->type != CODEC_BITS)
        return "'length' needs type string or bits";
    point->count = 1;
    if (point->type == CODEC_BITS) {
        if (!point->length)
            point->length = 1;
        if (point->bit + point->length > 16)
            return "bits reach beyond the register's 16";
    } else if (point->type == CODEC_STRING) {
        if (!point->length || point->length > CODEC_REGISTERS_MAX)
            return "a string needs its length in registers, 1 to 125";
        point->count = point->length;
    } else if (type_bits[point->type] > 16) {
        point->count = type_bits[point->type] / 16;
    }
    return NULL;
}

static uint16_t get_register(const struct codec_point *point, const uint8_t *data)
{
    if (point->bytes_swapped)
        return (uint16_t)(data[1] << 8 | data[0]);
    return (uint16_t)(data[0] << 8 | data[1]);
}

static void put_register(const struct codec_point *point, uint8_t *data, uint16_t value)
{
    data[point->bytes_swapped ? 1 : 0] = (uint8_t)(value >> 8);
    data[point->bytes_swapped ? 0 : 1] = (uint8_t)value;
}

static uint64_t get_number(const struct codec_point *point, const uint8_t *data)
{
    uint64_t number = 0;
    unsigned n = point->count;

    for (unsigned i = 0; i < n; i++)
        number = number << 16 |
                 get_register(point, data + 2 * (point->words_swapped ? n - 1 - i : i));
    return number;
}

static bool is_invalid(const struct codec_point *point, uint64_t raw, unsigned bits)
{
    uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

    for (uint32_t i = 0; i < point->invalid.n; i++) {
        const struct range *range = &point->invalid.items[i];
        /* A negative code stands in two's complement of 64 bits: cut it to the type. */
        uint64_t first = range->first >> 63 ? range->first & mask : range->first;
        uint64_t last = range->last >> 63 ? range->last & mask : range->last;

        if (raw >= first && raw <= last)
            return true;
    }
    return false;
}

static uint64_t get_bits(const uint8_t *data, uint32_t first_bit, unsigned n)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t bit = first_bit + i;

        bits |= (uint64_t)(data[bit / 8] >> (bit % 8) & 1) << i;
    }
    return bits;
}

/* Text up to the first NUL, trailing blanks cut off; what is not printable ASCII or
 * well-formed two- to four-byte UTF-8 becomes '?'. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80                    ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0  ? 2
               : (p[0] & 0xf0) == 0xe0        ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;

    if (!n || n > left || (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))) ||
        (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))))
        return 0;
    return n;
}

static void decode_string(const struct codec_point *point, const uint8_t *data,
                          char *text)
{
    size_t size = 2u * point->count, n;

    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[point->bytes_swapped ? i ^ 1 : i];
    text[size] = '\0';
    size = strlen(text);
    while (size && text[size - 1] == ' ')
        text[--size] = '\0';
    for (size_t i = 0; i < size; i += n) {
        n = utf8_length((const unsigned char *)text + i, size - i);
        if (!n) {
            text[i] = '?';
            n = 1;
        }
    }
}

static void decode_number(const struct codec_point *point, uint64_t raw,
                          struct gw_value *ret)
{
    uint32_t raw32 = (uint32_t)raw;

    switch (point->type) {
    case CODEC_INT16:
        *ret = (struct gw_value){.type = GW_TYPE_INT, .v.i = (int16_t)raw};
        break;
    case CODEC_INT32:
        *ret = (struct gw_value){.type = GW_TYPE_INT, .v.i = (int32_t)raw};
        break;
    case CODEC_INT64:
        *ret = (struct gw_value){.type = GW_TYPE_INT, .v.i = (int64_t)raw};
        break;
    case CODEC_FLOAT32:
        ret->type = GW_TYPE_FLOAT32;
        memcpy(&ret->v.f, &raw32, 4);
        break;
    case CODEC_FLOAT64:
        ret->type = GW_TYPE_FLOAT64;
        memcpy(&ret->v.d, &raw, 8);
        break;
    case CODEC_BOOL:
        *ret = (struct gw_value){.type = GW_TYPE_BOOL, .v.b = raw != 0};
        break;
    case CODEC_UINT16:
    case CODEC_UINT32:
    case CODEC_UINT64:
    case CODEC_BITS:
    case CODEC_STRING:
        *ret = (struct gw_value){.type = GW_TYPE_UINT, .v.u = raw};
        break;
    }
}

enum gw_quality codec_decode(const struct codec_point *point, const uint8_t *data,
                             uint32_t first_bit, char text[CODEC_STRING_SIZE],
                             struct gw_value *ret)
{
    unsigned bits = type_bits[point->type];
    uint64_t raw;

    *ret = (struct gw_value){.type = GW_TYPE_NONE};
    if (point->type == CODEC_STRING) {
        decode_string(point, data, text);
        *ret = (struct gw_value){.type = GW_TYPE_STRING, .v.s = text};
        return GW_GOOD;
    }
    if (codec_is_bit_table(point->table)) {
        bits = point->count;
        raw = get_bits(data, first_bit, bits);
    } else if (point->type == CODEC_BITS ||
               (point->type == CODEC_BOOL && point->has_bit)) {
        bits = point->type == CODEC_BITS ? point->length : 1;
        raw = (uint64_t)(get_register(point, data) >> point->bit) & ((1u << bits) - 1);
    } else {
        bits = bits ? bits : 16;
        raw = get_number(point, data);
    }
    if (is_invalid(point, raw, bits))
        return GW_OUT_OF_RANGE;
    decode_number(point, raw, ret);
    if ((ret->type == GW_TYPE_FLOAT32 && !isfinite(ret->v.f)) ||
        (ret->type == GW_TYPE_FLOAT64 && !isfinite(ret->v.d))) {
        *ret = (struct gw_value){.type = GW_TYPE_NONE};
        return GW_OUT_OF_RANGE;
    }
    return GW_GOOD;
}

/* ---- encoding ---------------------------------------------------------------------- */

/* The value as sign and magnitude, rounded; false if it is no finite number. */
static bool to_integer(const struct gw_value *value, bool *negative, uint64_t *magnitude)
{
    double d;

    *negative = false;
    if (value->type == GW_TYPE_UINT || value->type == GW_TYPE_BOOL) {
        *magnitude = value->type == GW_TYPE_BOOL ? value->v.b : value->v.u;
        return true;
    }
    if (value->type == GW_TYPE_INT) {
        *negative = value->v.i < 0;
        *magnitude = *negative ? -(uint64_t)value->v.i : (uint64_t)value->v.i;
        return true;
    }
    if (value->type != GW_TYPE_FLOAT32 && value->type != GW_TYPE_FLOAT64)
        return false;
    d = round(value->type == GW_TYPE_FLOAT32 ? (double)value->v.f : value->v.d);
    if (!isfinite(d) || fabs(d) >= 18446744073709551616.0)
        return false;
    *negative = d < 0;
    *magnitude = (uint64_t)fabs(d);
    return true;
}

static bool to_double(const struct gw_value *value, double *ret)
{
    bool negative;
    uint64_t magnitude;

    if (value->type == GW_TYPE_FLOAT32)
        *ret = (double)value->v.f;
    else if (value->type == GW_TYPE_FLOAT64)
        *ret = value->v.d;
    else if (to_integer(value, &negative, &magnitude))
        *ret = negative ? -(double)magnitude : (double)magnitude;
    else
        return false;
    return isfinite(*ret);
}

static const char *encode_float(const struct codec_point *point,
                                const struct gw_value *value, uint64_t *ret)
{
    uint32_t raw32;
    double d;
    float f;

    if (!to_double(value, &d))
        return "is no finite number";
    if (point->type == CODEC_FLOAT64) {
        memcpy(ret, &d, 8);
        return NULL;
    }
    f = (float)d;
    if (!isfinite(f))
        return "does not fit a float32";
    memcpy(&raw32, &f, 4);
    *ret = raw32;
    return NULL;
}

static const char *encode_integer(const struct codec_point *point,
                                  const struct gw_value *value, uint64_t *ret)
{
    bool is_signed = point->type == CODEC_INT16 || point->type == CODEC_INT32 ||
                     point->type == CODEC_INT64;
    unsigned bits = type_bits[point->type];
    uint64_t magnitude, limit;
    bool negative;

    if (!to_integer(value, &negative, &magnitude))
        return "is no number";
    if (is_signed)
        limit = (UINT64_C(1) << (bits - 1)) - !negative;
    else
        limit = negative ? 0 : UINT64_MAX >> (64 - bits);
    if (magnitude > limit)
        return "does not fit the type of the register";
    *ret = negative ? -magnitude : magnitude;
    return NULL;
}

static const char *encode_string(const struct codec_point *point,
                                 const struct gw_value *value, uint8_t *ret_data)
{
    size_t size = 2u * point->count, len;

    if (value->type != GW_TYPE_STRING || !value->v.s)
        return "is no text";
    len = strlen(value->v.s);
    if (len > size)
        return "is longer than the registers";
    memset(ret_data, 0, size);
    for (size_t i = 0; i < len; i++)
        ret_data[point->bytes_swapped ? i ^ 1 : i] = (uint8_t)value->v.s[i];
    return NULL;
}

const char *codec_encode(const struct codec_point *point, const struct gw_value *value,
                         uint8_t *ret_data)
{
    unsigned n = point->count;
    const char *error;
    uint64_t raw = 0;

    if (point->type == CODEC_STRING)
        return encode_string(point, value, ret_data);
    if (point->type == CODEC_FLOAT32 || point->type == CODEC_FLOAT64)
        error = encode_float(point, value, &raw);
    else if (type_bits[point->type])
        error = encode_integer(point, value, &raw);
    else
        error = codec_encode_bits(point, value, &raw);
    if (error)
        return error;
    for (unsigned i = 0; i < n; i++, raw >>= 16)
        put_register(point, ret_data + 2 * (point->words_swapped ? i : n - 1 - i),
                     (uint16_t)raw);
    return NULL;
}

const char *codec_encode_bits(const struct codec_point *point,
                              const struct gw_value *value, uint64_t *ret_bits)
{
    unsigned n = point->type == CODEC_BITS ? (point->length ? point->length : 1) : 1;
    uint64_t magnitude;
    bool negative;

    if (!to_integer(value, &negative, &magnitude))
        return "is neither on, off nor a number";
    if (negative || (n < 64 && magnitude >> n))
        return "does not fit the bits";
    *ret_bits = magnitude;
    return NULL;
}

uint16_t codec_bit_mask(const struct codec_point *point)
{
    return codec_bits_in_register(point, UINT64_MAX);
}

uint16_t codec_bits_in_register(const struct codec_point *point, uint64_t bits)
{
    unsigned n = point->type == CODEC_BITS ? point->length : 1;
    uint16_t field = (uint16_t)((bits & ((1u << n) - 1)) << point->bit);

    if (point->bytes_swapped)
        return (uint16_t)(field << 8 | field >> 8);
    return field;
}
