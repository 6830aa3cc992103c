/* SPDX-License-Identifier: Apache-2.0 */
/* Days as the site has them: cut at its midnight, 23 to 25 hours long. The process's zone
 * (TZ) is the site's. Any thread once tzset was called. */
#ifndef GATEWAYD_ENERGY_DAYS_H
#define GATEWAYD_ENERGY_DAYS_H

#include <stdint.h>

/* UTC ms of the midnight at or before t_ms, and of the next one. */
void days_bounds(int64_t t_ms, int64_t *ret_start_ms, int64_t *ret_end_ms);

#endif
