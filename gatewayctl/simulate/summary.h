/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulation says to a person at a terminal. */
#ifndef GATEWAYCTL_SIMULATE_SUMMARY_H
#define GATEWAYCTL_SIMULATE_SUMMARY_H

#include "gatewayctl/simulate/promise.h"

void summary_print(const struct metrics *metrics, const struct scenario *scenario,
                   bool has_colour);
/* `worst`: the metrics of the worst start. */
void summary_print_promise(const struct promise *promise, const struct metrics *worst,
                           bool has_colour);
/* A new reference. */
json_t *summary_promise_json(const struct promise *promise, const struct metrics *worst);

#endif
