/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of Modbus TCP and RTU as a server sees them. */
#include "tools/devicesim/frame.h"

#include <string.h>

uint16_t frame_crc(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0xffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc & 1) ? (crc >> 1) ^ 0xa001 : crc >> 1);
    }
    return crc;
}

static int parse_tcp(const uint8_t *bytes, size_t len, struct frame *ret_frame)
{
    size_t rest;

    if (len < 6)
        return 0;
    rest = (size_t)((bytes[4] << 8) | bytes[5]);
    if (bytes[2] || bytes[3] || rest < 3 || rest > FRAME_MAX - 6)
        return -1;
    if (len < 6 + rest)
        return 0;
    *ret_frame = (struct frame){
        .kind = FRAME_TCP,
        .transaction = (uint16_t)((bytes[0] << 8) | bytes[1]),
        .unit = bytes[6],
        .pdu = bytes + 7,
        .len = rest - 1,
    };
    return (int)(6 + rest);
}

/* A request's length follows from its function; 0: not known yet, -1: unknown function.
 */
static int rtu_request_len(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    switch (bytes[1]) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        return 8;
    case 15:
    case 16:
        return len < 7 ? 0 : 9 + bytes[6];
    case 22:
        return 10;
    case 23:
        return len < 11 ? 0 : 13 + bytes[10];
    case 43:
        return 7;
    default:
        return -1;
    }
}

static int parse_rtu(const uint8_t *bytes, size_t len, struct frame *ret_frame)
{
    int want = rtu_request_len(bytes, len);
    size_t size = (size_t)want;
    uint16_t crc;

    if (want <= 0)
        return want;
    if (size > 256)
        return -1;
    if (len < size)
        return 0;
    crc = frame_crc(bytes, size - 2);
    if (bytes[size - 2] != (crc & 0xff) || bytes[size - 1] != crc >> 8)
        return -1;
    *ret_frame = (struct frame){
        .kind = FRAME_RTU, .unit = bytes[0], .pdu = bytes + 1, .len = size - 3};
    return want;
}

int frame_parse(enum frame_kind kind, const uint8_t *bytes, size_t len,
                struct frame *ret_frame)
{
    return kind == FRAME_TCP ? parse_tcp(bytes, len, ret_frame)
                             : parse_rtu(bytes, len, ret_frame);
}

static size_t wrap_tcp(const struct frame *request, const uint8_t *pdu, size_t len,
                       uint8_t *out)
{
    out[0] = (uint8_t)(request->transaction >> 8);
    out[1] = (uint8_t)request->transaction;
    out[2] = out[3] = 0;
    out[4] = (uint8_t)((len + 1) >> 8);
    out[5] = (uint8_t)(len + 1);
    out[6] = request->unit;
    memcpy(out + 7, pdu, len);
    return len + 7;
}

size_t frame_wrap(const struct frame *request, const uint8_t *pdu, size_t len,
                  uint8_t *out)
{
    uint16_t crc;

    if (request->kind == FRAME_TCP)
        return wrap_tcp(request, pdu, len, out);
    out[0] = request->unit;
    memcpy(out + 1, pdu, len);
    crc = frame_crc(out, len + 1);
    out[len + 1] = (uint8_t)crc;
    out[len + 2] = (uint8_t)(crc >> 8);
    return len + 3;
}
