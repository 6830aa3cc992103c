/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus requests as bytes (PDU: function and data), and the question whether a reply
 * answers a request. Pure; the same for all transports.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_FRAME_H
#define GATEWAYD_PLUGINS_MODBUS_FRAME_H

#include <stdint.h>
#include <sys/types.h>

#include "plugins/modbus/codec.h"

#define FRAME_PDU_MAX 253u

enum frame_function {
    FRAME_READ_COILS = 1,
    FRAME_READ_DISCRETE = 2,
    FRAME_READ_HOLDING = 3,
    FRAME_READ_INPUT = 4,
    FRAME_WRITE_COIL = 5,
    FRAME_WRITE_REGISTER = 6,
    FRAME_WRITE_COILS = 15,
    FRAME_WRITE_REGISTERS = 16,
    FRAME_MASK_WRITE = 22,
};

enum frame_exception {
    FRAME_ILLEGAL_FUNCTION = 1,
    FRAME_ILLEGAL_ADDRESS = 2,
    FRAME_ILLEGAL_VALUE = 3,
    FRAME_BUSY = 6,
    FRAME_GATEWAY_NO_REPLY = 11,
};

uint8_t frame_read_function(enum codec_table table);
/* Data bytes of the reply to a read of `count`. */
unsigned frame_read_bytes(uint8_t function, unsigned count);

/* Each fills `pdu` and returns its length. */
size_t frame_read(uint8_t pdu[5], uint8_t function, uint16_t address, uint16_t count);
size_t frame_write_single(uint8_t pdu[5], uint8_t function, uint16_t address,
                          uint16_t value);
size_t frame_write_multiple(uint8_t *pdu, uint8_t function, uint16_t address,
                            uint16_t count, const uint8_t *data);
size_t frame_mask_write(uint8_t pdu[7], uint16_t address, uint16_t and_mask,
                        uint16_t or_mask);

/* Longest reply (PDU) to this request. */
size_t frame_reply_size(const uint8_t *request);
/* 0: the reply answers the request; > 0: the exception code it carries; -EBADMSG: it is
 * an answer to something else, or damaged. */
int frame_check(const uint8_t *request, size_t request_len, const uint8_t *reply,
                size_t reply_len);
/* What a code means, for people. */
const char *frame_exception_text(int code);

/* CRC-16 of serial frames; low byte first on the wire. */
uint16_t frame_crc(const uint8_t *data, size_t len);

#endif
