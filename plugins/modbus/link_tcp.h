/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections (also those that carry RTU frames) and Modbus TCP frames; for link.c.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_LINK_TCP_H
#define GATEWAYD_PLUGINS_MODBUS_LINK_TCP_H

#include "plugins/modbus/link.h"

/* Connects if there is no connection. GW_OK or GW_ERR_LINK. */
int link_tcp_open(struct link *line);
void link_tcp_close(struct link *line);
int link_tcp_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                      struct link_reply *ret);

/* Of link.c, for the transports: sets the text, returns `result`. */
int link_fail(struct link *line, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Of link.c: compares a reply, whose unit is right, with its request. */
int link_judge(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
               struct link_reply *ret);

#endif
