/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to try again: exponential with full jitter, so that a community of gateways does
 * not come back to its broker in one instant. Pure.
 */
#ifndef GATEWAYD_MQTT_BACKOFF_H
#define GATEWAYD_MQTT_BACKOFF_H

#include <stdint.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define BACKOFF_FLOOR_MS 50

struct backoff {
    uint64_t random; /* state of the generator; never 0 */
    unsigned n_failed;
};

/* seed: anything that differs from gateway to gateway. */
void backoff_init(struct backoff *backoff, uint64_t seed);
/* The connection was good for a while. */
void backoff_reset(struct backoff *backoff);
/* Between BACKOFF_FLOOR_MS and 1 s (first), 2 s, 4 s, ... 60 s. */
unsigned backoff_next_ms(struct backoff *backoff);

#endif
