/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staged restoration (OUTAGE 5, "shed fast, restore slow"): which circuits may come back
 * now, one load or group per step, thermostatic loads last, batteries, EVs and heaters
 * after a random delay and ramped. Begun when grid_demand.stage_loads begins; the
 * dispatch half asks it before it switches a circuit on. Pure.
 */
#ifndef GATEWAYD_MICROGRID_RESTORE_H
#define GATEWAYD_MICROGRID_RESTORE_H

#include "lib/microgrid/circuit.h"

struct restore_timing {
    uint32_t step_ms;          /* 30000: between two steps, limits good all the while */
    uint32_t site_random_ms;   /* first step after a random 0..this: homes do not move
                                * together */
    uint32_t thermostatic_min_ms, thermostatic_max_ms; /* 10..30 min after the first step;
                                * spread evenly over them */
    uint32_t refill_min_ms, refill_max_ms; /* 10..60 min, random */
    uint32_t refill_ramp_ms;   /* 600000: from 0 to full power */
};
/* The values of OUTAGE 5; divide all by by_n for tests and drills (1: real). */
struct restore_timing restore_timing_default(uint32_t by_n);

struct restore {
    struct restore_timing timing;
    bool is_running;
    uint64_t seed;
    int64_t begun_ms, first_ms, refill_ms; /* boot time */
    int64_t last_step_ms, good_since_ms;   /* -1: none yet, not good */
    uint64_t released; /* bit 1 << index: may be on */
};

void restore_init(struct restore *restore, const struct restore_timing *timing);
/* Begins anew: nothing is released but what is on already. seed: per site and occasion
 * (grid_demand.seed). */
void restore_begin(struct restore *restore, int64_t t_boot_ms, uint64_t seed,
                   const struct circuit_now *now, uint32_t n);
/* is_good: voltage, frequency and power are within limits now. wanted: bits of circuits
 * that would be on. At most one load or group is released a call; returns the set that
 * may be on now and in *ret_next_ms (may be NULL) the boot time of the next change, or
 * INT64_MAX. Ends by itself (is_running) when all wanted circuits are released and
 * refills are at full power. */
uint64_t restore_step(struct restore *restore, int64_t t_boot_ms, bool is_good,
                      const struct circuit *circuits, uint32_t n, uint64_t wanted,
                      int64_t *ret_next_ms);
/* Of full power, for batteries and EVs being charged: 0 before the random delay, then the
 * ramp, 1000 when not running. */
uint32_t restore_refill_permille(const struct restore *restore, int64_t t_boot_ms);

#endif
