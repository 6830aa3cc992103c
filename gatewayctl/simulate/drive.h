/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controllers under test on the simulator's seam: a site for each home, the charge
 * area and the coordinator's planner of lib/microgrid/dispatch, joined only by messages
 * that may be lost. The same code as in the daemons.
 */
#ifndef GATEWAYCTL_SIMULATE_DRIVE_H
#define GATEWAYCTL_SIMULATE_DRIVE_H

#include "gatewayctl/simulate/view.h"

/* A sim_controller_new; false: no memory. */
bool drive_new(const struct community *community, const struct sim_axis *axis,
               struct sim_controller *ret_controller);

#endif
