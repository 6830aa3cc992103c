/* SPDX-License-Identifier: Apache-2.0 */
/* The sections circuits and outage: checked in full, acted on by the outage controller.
 * Part of a load, after devices_build. */
#ifndef GATEWAYD_CONFIG_OUTAGE_H
#define GATEWAYD_CONFIG_OUTAGE_H

#include "lib/config/load.h"

void outage_check(struct load *load, const struct tree_node *circuits,
                  const struct tree_node *outage);

#endif
