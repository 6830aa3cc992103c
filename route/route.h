/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MQTT route in its own process: takes finished payloads from the core's channel,
 * keeps a connection to one broker, and says of each message once whether the broker has
 * it. One thread; Paho's and the resolver's only wake it.
 */
#ifndef GATEWAYD_ROUTE_ROUTE_H
#define GATEWAYD_ROUTE_ROUTE_H

#include <stdbool.h>

struct route_options {
    int channel_fd; /* taken */
    int signal_fd;  /* signalfd of SIGTERM, borrowed; -1: none */
    unsigned ack_timeout_ms;     /* no PUBACK for so long: connect anew */
    unsigned connect_timeout_ms;
};

struct route;

/* NULL: no memory. */
struct route *route_new(const struct route_options *options);
/* Ends Paho's threads, which takes about a second. */
void route_free(struct route *route);
/* Until told to stop, or the core is gone. 0: stopped by the core, DISCONNECT was sent.
 * Otherwise the connection is still open and the process ends without closing it: only
 * then does the broker publish the will. */
int route_run(struct route *route);

#endif
