/* SPDX-License-Identifier: Apache-2.0 */
/* Variable-length integers of blobs: 7 bits a byte, low bits first; signed
 * ones zigzag. Reading never passes the end. */
#ifndef GATEWAYD_BASE_VARINT_H
#define GATEWAYD_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 10 /* bytes of the longest */

/* Writes at p, which has room for VARINT_MAX; returns the bytes written. */
static inline size_t varint_put(uint8_t *p, uint64_t value)
{
    size_t n = 0;

    while (value >= 0x80) {
        p[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    p[n++] = (uint8_t)value;
    return n;
}

static inline uint64_t varint_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

/* False at the end of the data or for more than 64 bits. */
static inline bool varint_get(const uint8_t *data, size_t len, size_t *pos, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && *pos < len; shift += 7) {
        uint8_t byte = data[(*pos)++];

        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static inline bool varint_get_signed(const uint8_t *data, size_t len, size_t *pos,
                                     int64_t *ret)
{
    uint64_t value;

    if (!varint_get(data, len, pos, &value))
        return false;
    *ret = varint_unzigzag(value);
    return true;
}

#endif
