/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus framing: MBAP for TCP, address and CRC for RTU. Pure. */
#ifndef GATEWAYD_DEVICESIM_FRAME_H
#define GATEWAYD_DEVICESIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 260

enum frame_kind { FRAME_TCP, FRAME_RTU };

/* One request as it came in; pdu points into the buffer that was parsed. */
struct frame {
    enum frame_kind kind;
    uint16_t transaction; /* TCP */
    uint8_t unit;
    const uint8_t *pdu;
    size_t len;
};

uint16_t frame_crc(const uint8_t *bytes, size_t len);

/* Bytes used by the whole frame at the start of the buffer, 0: more needed, -1: this is
 * no frame (TCP: close the connection; RTU: drop until the line is quiet). */
int frame_parse(enum frame_kind kind, const uint8_t *bytes, size_t len,
                struct frame *ret_frame);
/* Puts the reply into `out` (FRAME_MAX bytes); returns its length. */
size_t frame_wrap(const struct frame *request, const uint8_t *pdu, size_t len,
                  uint8_t *out);

#endif
