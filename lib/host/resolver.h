/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names without blocking a bus thread: one thread per host process looks them up, an
 * answer counts for 60 s, the last good one stays when lookups fail. Bound: 64 names. Any
 * thread.
 */
#ifndef GATEWAYD_HOST_RESOLVER_H
#define GATEWAYD_HOST_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>

struct resolver;

/* answered (may be NULL) is called on the resolver's thread after each good answer. */
struct resolver *resolver_new(void (*answered)(void *ctx), void *ctx);
/* Does not wait for a lookup that is under way; `answered` is not called afterwards. */
void resolver_free(struct resolver *resolver);

/* True and the address of a literal or of a name that is known; false while it is being
 * looked up or cannot be found: ask again. */
bool resolver_get(struct resolver *resolver, const char *name,
                  char ret_address[INET6_ADDRSTRLEN]);
/* The same, blocking (check and scan). */
bool resolver_lookup(const char *name, char ret_address[INET6_ADDRSTRLEN]);

#endif
