/* SPDX-License-Identifier: Apache-2.0 */
/* Does a host name lead to the home's own network? Asked without blocking the loop. */
#ifndef GATEWAYD_LOCALITY_H
#define GATEWAYD_LOCALITY_H

#include <stdbool.h>

#include "gatewayd/loop_calls.h"

struct locality; /* a question under way */

/* Answers on the loop, once; for literals and "localhost" before it returns (then NULL).
 * found: the name has addresses; is_local: all of them are loopback or inside an own
 * interface's prefix. */
struct locality *locality_ask(struct loop_calls *calls, const char *host,
                              void (*answer)(void *ctx, bool found, bool is_local),
                              void *ctx);
/* On the loop, before its answer: there will be none. */
void locality_cancel(struct locality *question);

#endif
