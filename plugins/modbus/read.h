/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: one request of a device's plan into readings. Finds out which addresses a
 * device refuses, and sees to it that no late reply becomes a value. Bus thread only.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_READ_H
#define GATEWAYD_PLUGINS_MODBUS_READ_H

#include "plugins/modbus/bus.h"

/* One read of count registers or bits, safe against late replies. GW_OK: *ret_data points
 * at the data until the next exchange. Else an error class; *ret_exception is the code
 * with GW_ERR_DEVICE and GW_ERR_BUSY, else 0, and link.text says what happened. */
int read_block(struct bus *bus, struct bus_device *device, const struct guard_read *read,
               const uint8_t **ret_data, int *ret_exception);

/* plugin.h: read. */
int read_request(struct bus *bus, struct bus_device *device, uint32_t request,
                 struct gw_sink *sink);

#endif
