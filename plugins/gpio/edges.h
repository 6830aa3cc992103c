/* SPDX-License-Identifier: Apache-2.0 */
/* What the bus's descriptor announces: edges of lines, ends of debouncing. Bus thread. */
#ifndef GATEWAYD_GPIO_EDGES_H
#define GATEWAYD_GPIO_EDGES_H

#include "plugins/gpio/bus.h"

/* Takes all that waits and emits the new states, each with the time of its edge. GW_OK,
 * or the class of the last trouble. */
int edges_take(struct bus *bus, struct gw_sink *sink);

/* Emits what this point is now. Counters are flagged once after a loss. */
void edges_emit(struct bus *bus, struct bus_point *point, struct gw_sink *sink);

#endif
