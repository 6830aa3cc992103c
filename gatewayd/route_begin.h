/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a route begins: what was recorded before its recipient had consent is not its own
 * to get later. On the store's thread.
 */
#ifndef GATEWAYD_ROUTE_BEGIN_H
#define GATEWAYD_ROUTE_BEGIN_H

#include "gatewayd/route_link.h"

/* grants_hooks.entering, arg: the struct forwarding. What is recorded from here on belongs
 * to the recipients of the grants that are about to be entered. */
void route_begin_mark(void *arg);
/* The route of a new recipient, or of one that had been refused, begins at the mark, so
 * that nothing after it is missing from the recipient's account; any other goes on where
 * it was. */
void route_begin(struct route_link *link, bool is_allowed);

#endif
