/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings of a home at 250 a second on injected time, for tests of long outages and for
 * the benchmarks: 10 devices of 25 points each second, half int16 registers with +/-1 %
 * of noise, half float32 with 24 noisy bits.
 */
#ifndef GATEWAYD_TESTS_UNIT_HOME_LOAD_H
#define GATEWAYD_TESTS_UNIT_HOME_LOAD_H

#include <stdint.h>

#include "lib/model/record.h"

#define HOME_LOAD_DEVICES 10
#define HOME_LOAD_POINTS 25
#define HOME_LOAD_PER_S (HOME_LOAD_DEVICES * HOME_LOAD_POINTS)

struct home_load {
    struct catalog *catalog;
    uint64_t random;
    int64_t t_boot_ns; /* of the next second; moved on by home_load_batch */
};

void home_load_init(struct home_load *load, int64_t t_boot_ns);
void home_load_done(struct home_load *load);
struct gw_value home_load_value(struct home_load *load, uint32_t point);
/* A record of each device for each second. */
struct record_batch *home_load_batch(struct home_load *load, unsigned seconds);

#endif
