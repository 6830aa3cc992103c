/* SPDX-License-Identifier: Apache-2.0 */
/* Power of a step: who is served, what storages, PV and grid give. Called by plant_step.
 */
#ifndef GATEWAYCTL_SIMULATE_BALANCE_H
#define GATEWAYCTL_SIMULATE_BALANCE_H

#include "gatewayctl/simulate/plant.h"

/* Demand, limits and pv_available_w are set; fills served_w, powers and flags. */
void balance_with_grid(struct plant *plant, const struct plant_commands *commands);
void balance_island(struct plant *plant, unsigned step,
                    const struct plant_commands *commands);

#endif
