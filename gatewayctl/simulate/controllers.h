/* SPDX-License-Identifier: Apache-2.0 */
/* The controllers a simulation can run, by name. */
#ifndef GATEWAYCTL_SIMULATE_CONTROLLERS_H
#define GATEWAYCTL_SIMULATE_CONTROLLERS_H

#include "gatewayctl/simulate/view.h"

/* NULL: no such name. name NULL: the default. */
sim_controller_new *controllers_find(const char *name);
/* "all-on, thresholds": for messages. */
const char *controllers_names(void);

#endif
