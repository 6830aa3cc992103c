/* SPDX-License-Identifier: Apache-2.0 */
/* One Modbus TCP port: a listener and its connections, serving the units behind it. */
#ifndef GATEWAYD_DEVICESIM_TCP_H
#define GATEWAYD_DEVICESIM_TCP_H

#include <stdint.h>

#include "tools/devicesim/device.h"
#include "tools/devicesim/loop.h"

struct tcp_port;

/* Listens on host:port (an IPv4 or IPv6 literal; port 0: any). The devices are borrowed
 * and n_devices of them in a row. Delay: time each reply takes. 0 or -errno. */
int tcp_port_new(struct loop *loop, const char *host, uint16_t port,
                 struct device *devices, unsigned n_devices, struct tcp_port **ret_port);
void tcp_port_set_delay(struct tcp_port *port, int64_t delay_ns);
uint16_t tcp_port_number(const struct tcp_port *port);
void tcp_port_free(struct tcp_port *port);

#endif
