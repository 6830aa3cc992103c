/* SPDX-License-Identifier: Apache-2.0 */
/* HOST:PORT with IPv6 in brackets. Pure. */
#ifndef GATEWAYD_CONFIG_ENDPOINT_H
#define GATEWAYD_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Splits "192.0.2.1:80", "host.example", "[::1]:0" into host (without brackets) and port;
 * without a port it is `fallback`, and with fallback 0 the port is needed. */
bool endpoint_parse(const char *text, char *host, size_t size, uint16_t fallback,
                    uint16_t *ret_port);

#endif
