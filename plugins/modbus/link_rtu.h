/* SPDX-License-Identifier: Apache-2.0 */
/* Serial frames: over a port that the core opened, or through a TCP connection; for
 * link.c. */
#ifndef GATEWAYD_PLUGINS_MODBUS_LINK_RTU_H
#define GATEWAYD_PLUGINS_MODBUS_LINK_RTU_H

#include "plugins/modbus/link.h"

int link_rtu_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                      struct link_reply *ret);
/* Sends without waiting for anything; the line counts as busy until the frame is out. */
int link_rtu_send(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len);

#endif
