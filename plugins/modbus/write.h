/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: one value of one point, read back and compared. Bus thread only. */
#ifndef GATEWAYD_PLUGINS_MODBUS_WRITE_H
#define GATEWAYD_PLUGINS_MODBUS_WRITE_H

#include "plugins/modbus/bus.h"

/* plugin.h: write. Strings of the read-back live in `text`. */
int write_point(struct bus *bus, struct bus_device *device, uint32_t point,
                const struct gw_value *value, char text[CODEC_STRING_SIZE],
                struct gw_value *ret_readback, struct gw_sink *sink);

#endif
