/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Modbus server's answer to one request, framing left out (Modbus Application Protocol
 * 1.1b3, chapter 6): functions 1-6, 15, 16, 22, 23 and 43/14. Pure.
 */
#ifndef GATEWAYD_DEVICESIM_PDU_H
#define GATEWAYD_DEVICESIM_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/devicesim/image.h"

#define PDU_MAX 253

enum pdu_exception {
    PDU_ILLEGAL_FUNCTION = 1,
    PDU_ILLEGAL_ADDRESS = 2,
    PDU_ILLEGAL_VALUE = 3,
};

/* What was asked, for the ledger. */
struct pdu_asked {
    uint8_t function;
    uint16_t address, count;
    bool reads;      /* a read that was answered with data */
    uint16_t first;  /* its first register or bit */
    uint16_t second; /* its second register, 0 if there is none */
};

/* Length of the reply put into `reply` (PDU_MAX bytes), always >= 2: exceptions too. */
size_t pdu_serve(struct image *image, const uint8_t *request, size_t len, uint8_t *reply,
                 struct pdu_asked *ret_asked);
size_t pdu_exception(uint8_t function, uint8_t code, uint8_t *reply);

#endif
