/* SPDX-License-Identifier: Apache-2.0 */
/* The simplest controllers, to test the plant and to compare with. */
#ifndef GATEWAYCTL_SIMULATE_BASELINE_H
#define GATEWAYCTL_SIMULATE_BASELINE_H

#include "gatewayctl/simulate/view.h"

/* Everything stays on. */
sim_controller_new baseline_all_on;
/* Each home by itself: in an outage classes go off one by one as the island's frequency,
 * which tells the charge of its batteries, falls. The charge area's EVs help below a
 * third and stop at the driver's floor. */
sim_controller_new baseline_thresholds;

#endif
