/* SPDX-License-Identifier: Apache-2.0 */
/* Building requests and checking replies, byte by byte. */
#include "plugins/modbus/frame.h"

#include <errno.h>
#include <string.h>

uint8_t frame_read_function(enum codec_table table)
{
    static const uint8_t functions[] = {
        [CODEC_COIL] = FRAME_READ_COILS,
        [CODEC_DISCRETE] = FRAME_READ_DISCRETE,
        [CODEC_INPUT] = FRAME_READ_INPUT,
        [CODEC_HOLDING] = FRAME_READ_HOLDING,
    };

    return functions[table];
}

unsigned frame_read_bytes(uint8_t function, unsigned count)
{
    return function <= FRAME_READ_DISCRETE ? (count + 7) / 8 : 2 * count;
}

static void put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

size_t frame_read(uint8_t pdu[5], uint8_t function, uint16_t address, uint16_t count)
{
    return frame_write_single(pdu, function, address, count);
}

size_t frame_write_single(uint8_t pdu[5], uint8_t function, uint16_t address,
                          uint16_t value)
{
    pdu[0] = function;
    put16(pdu + 1, address);
    put16(pdu + 3, value);
    return 5;
}

size_t frame_write_multiple(uint8_t *pdu, uint8_t function, uint16_t address,
                            uint16_t count, const uint8_t *data)
{
    size_t size = function == FRAME_WRITE_COILS ? (count + 7u) / 8 : 2u * count;

    frame_write_single(pdu, function, address, count);
    pdu[5] = (uint8_t)size;
    memcpy(pdu + 6, data, size);
    return 6 + size;
}

size_t frame_mask_write(uint8_t pdu[7], uint16_t address, uint16_t and_mask,
                        uint16_t or_mask)
{
    frame_write_single(pdu, FRAME_MASK_WRITE, address, and_mask);
    put16(pdu + 5, or_mask);
    return 7;
}

size_t frame_reply_size(const uint8_t *request)
{
    if (request[0] <= FRAME_READ_INPUT)
        return 2 + frame_read_bytes(request[0], (unsigned)(request[3] << 8 | request[4]));
    return request[0] == FRAME_MASK_WRITE ? 7 : 5;
}

int frame_check(const uint8_t *request, size_t request_len, const uint8_t *reply,
                size_t reply_len)
{
    size_t expected = frame_reply_size(request);

    if (reply_len == 2 && reply[0] == (request[0] | 0x80) && reply[1])
        return reply[1];
    if (reply_len != expected || reply[0] != request[0])
        return -EBADMSG;
    if (request[0] <= FRAME_READ_INPUT)
        return reply[1] == expected - 2 ? 0 : -EBADMSG;
    /* Replies to writes repeat address and value (or number). */
    return expected <= request_len && !memcmp(request, reply, expected) ? 0 : -EBADMSG;
}

const char *frame_exception_text(int code)
{
    static const char *const texts[] = {
        [1] = "illegal function",
        [2] = "illegal address",
        [3] = "illegal value",
        [4] = "device failure",
        [5] = "acknowledged, takes long",
        [6] = "device busy",
        [8] = "memory parity error",
        [10] = "gateway has no path",
        [11] = "device behind the gateway is silent",
    };

    return code > 0 && code <= 11 && texts[code] ? texts[code] : "unknown exception";
}

uint16_t frame_crc(const uint8_t *data, size_t len)
{
    static const uint16_t table[16] = {
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
        0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
    };
    uint16_t crc = 0xffff;

    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc >> 4 ^ table[(crc ^ data[i]) & 15]);
        crc = (uint16_t)(crc >> 4 ^ table[(crc ^ data[i] >> 4) & 15]);
    }
    return crc;
}
