/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Paho 1.3 does not tell or cannot do, taken from the calls it makes into libc and
 * OpenSSL: the executable's own recv, SSL_read, getaddrinfo, usleep and poll stand before
 * the libraries'. One connection per process. Only programs that link libmqtt.la.
 */
#ifndef GATEWAYD_MQTT_INTERPOSE_H
#define GATEWAYD_MQTT_INTERPOSE_H

#include <netdb.h>
#include <stdbool.h>

/* Before each connect, while no connection is open: forget the old byte stream. `host`
 * resolves to `address` (numeric) from now on, without any look-up; copied. */
void interpose_begin(bool tls, const char *host, const char *address);

/* The connection stands, or no longer does. Any thread. */
void interpose_set_connected(bool connected);

/* Before the last client is destroyed: Paho then waits for its threads by usleep, a hundred
 * times at most, and takes away what they use. Until the next interpose_begin its sleeps
 * last as long as it asks. */
void interpose_end(void);

/* MQTT 5 reason of the PUBACK with this packet id; only from within its callback. Paho
 * (1.3.12 to 1.3.15) hands reasons below 0x80 to nobody, and 0x10, no matching
 * subscribers, is not delivery. */
unsigned interpose_puback_reason(int packet_id);

/* The C library's own. May block for long. */
int interpose_real_getaddrinfo(const char *host, const char *service,
                               const struct addrinfo *hints, struct addrinfo **ret);

#endif
