/* SPDX-License-Identifier: Apache-2.0 */
/* Chips and lines of this machine, for people. Takes no line. */
#ifndef GATEWAYD_GPIO_SCAN_H
#define GATEWAYD_GPIO_SCAN_H

#include <gateway/plugin.h>

#include "plugins/gpio/chip.h"

/* One found() per chip, with a device block of its free named lines, then one per line.
 * `label` "": all chips. GW_OK, or GW_ERR_LINK when there is no chip that can be opened,
 * and why in text. */
int scan_chips(const char *label, gw_found_fn found, void *ctx, char text[CHIP_TEXT_MAX]);

#endif
