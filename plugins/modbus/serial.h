/* SPDX-License-Identifier: Apache-2.0 */
/* Speed and character format of a serial port that somebody else opened. */
#ifndef GATEWAYD_PLUGINS_MODBUS_SERIAL_H
#define GATEWAYD_PLUGINS_MODBUS_SERIAL_H

#include "plugins/modbus/settings.h"

/* Raw mode, reads that do not wait, input discarded. A socket (tests, converters) needs
 * none of it. 0 or negative errno. */
int serial_configure(int fd, const struct settings_bus *settings);

#endif
