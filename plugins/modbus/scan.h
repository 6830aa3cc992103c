/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for devices on a bus: which units answer, and what they say they are. */
#ifndef GATEWAYD_PLUGINS_MODBUS_SCAN_H
#define GATEWAYD_PLUGINS_MODBUS_SCAN_H

#include "plugins/modbus/bus.h"

/* plugin.h: scan. Asks units 1 to 247, each for one register and for the SunSpec marker.
 * GW_OK, or GW_ERR_LINK when there is no way to the bus. */
int scan_bus(struct bus *bus, gw_found_fn found, void *ctx);

#endif
