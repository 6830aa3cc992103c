/* SPDX-License-Identifier: Apache-2.0 */
/* The sections consent (paper signatures) and commands (who may command). Part of a load,
 * after devices_build. */
#ifndef GATEWAYD_CONFIG_GRANTS_H
#define GATEWAYD_CONFIG_GRANTS_H

#include "lib/config/load.h"

void grants_build(struct load *load, const struct tree_node *consent);
void grants_build_allows(struct load *load, const struct tree_node *commands);

#endif
