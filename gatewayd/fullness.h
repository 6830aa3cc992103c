/* SPDX-License-Identifier: Apache-2.0 */
/* How long a route's backlog may still grow. Pure; for views.c. */
#ifndef GATEWAYD_FULLNESS_H
#define GATEWAYD_FULLNESS_H

#include <stdint.h>

#include "gatewayd/store/store.h"

/* Hours until the store's bound takes records that a route with this backlog has not
 * delivered, at the rate of the hours since start; 0: it does so now; < 0: not known, as
 * in the first minute. What is delivered makes room first, so it does not count. */
double fullness_hours(const struct store_stats *stats, uint64_t backlog,
                      double hours_since_start);

#endif
