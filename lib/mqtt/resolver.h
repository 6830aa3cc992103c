/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names, resolved with a deadline: getaddrinfo runs in a thread of its own, at most
 * one at a time, and the last good answer serves while the resolver is silent. One owner
 * thread calls these functions.
 */
#ifndef GATEWAYD_MQTT_RESOLVER_H
#define GATEWAYD_MQTT_RESOLVER_H

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVER_TIMEOUT_MS 5000
#define RESOLVER_ADDRESSES_MAX 8

/* As getaddrinfo without a service; may block. */
typedef int (*resolver_lookup_fn)(const char *host, struct addrinfo **ret);

struct resolver;

/* lookup NULL: the system's. NULL: no memory or descriptors. */
struct resolver *resolver_new(resolver_lookup_fn lookup);
/* A look-up that still runs keeps what it needs and ends by itself. */
void resolver_free(struct resolver *resolver);
int resolver_fd(const struct resolver *resolver); /* readable: ask resolver_result */

/* Begins to look up `host`; numeric addresses are ready at once. A look-up that was given
 * up but still runs is joined, not doubled. 0 or -errno. */
int resolver_start(struct resolver *resolver, const char *host);
/* CLOCK_BOOTTIME at which resolver_result gives up; INT64_MAX when nothing is asked. */
int64_t resolver_deadline_ns(const struct resolver *resolver);
/* One address as text, another one at each call where there are several. 0; -EAGAIN: not
 * yet; -ETIMEDOUT or -EHOSTUNREACH: neither an answer nor an older one, `ret` is why. */
int resolver_result(struct resolver *resolver, char *ret, size_t size);
unsigned resolver_n_addresses(const struct resolver *resolver);

#endif
