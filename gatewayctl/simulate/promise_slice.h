/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts one start of a promise out of its scenario. One thread per slice. */
#ifndef GATEWAYCTL_SIMULATE_PROMISE_SLICE_H
#define GATEWAYCTL_SIMULATE_PROMISE_SLICE_H

#include "gatewayctl/simulate/promise.h"

/* The scenario of one start: it begins with the outage and ends with it. Estimates of the
 * outages that were replaced are gone; profiles stay borrowed. 0 or -ENOMEM;
 * promise_slice_done in any case. */
int promise_slice(const struct promise *promise, unsigned start_step,
                  struct scenario *ret_slice);
void promise_slice_done(struct scenario *slice);

#endif
