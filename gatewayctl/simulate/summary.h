/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulation says to a person at a terminal. */
#ifndef GATEWAYCTL_SIMULATE_SUMMARY_H
#define GATEWAYCTL_SIMULATE_SUMMARY_H

#include "gatewayctl/simulate/metrics.h"

void summary_print(const struct metrics *metrics, const struct scenario *scenario,
                   bool has_colour);

#endif
