/* SPDX-License-Identifier: Apache-2.0 */
/* Turns are given in the order of classes, thermostatic loads and refills by their own
 * times; a step waits until limits were good for step_ms since the last one. Pure. */
#include "lib/microgrid/restore.h"

#define S_MS 1000U
#define MIN_MS (60 * S_MS)

struct restore_timing restore_timing_default(uint32_t by_n)
{
    uint32_t n = by_n > 0 ? by_n : 1;

    return (struct restore_timing){
        .step_ms = 30 * S_MS / n,
        .site_random_ms = 60 * S_MS / n,
        .thermostatic_min_ms = 10 * MIN_MS / n,
        .thermostatic_max_ms = 30 * MIN_MS / n,
        .refill_min_ms = 10 * MIN_MS / n,
        .refill_max_ms = 60 * MIN_MS / n,
        .refill_ramp_ms = 10 * MIN_MS / n,
    };
}

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static int64_t random_ms(uint64_t seed, uint32_t salt, uint32_t min_ms, uint32_t max_ms)
{
    uint64_t span = max_ms > min_ms ? (uint64_t)(max_ms - min_ms) + 1 : 1;

    return (int64_t)(min_ms + mix(mix(seed) + salt) % span);
}

void restore_init(struct restore *restore, const struct restore_timing *timing)
{
    *restore = (struct restore){.timing = *timing,
                                .last_step_ms = -1,
                                .good_since_ms = -1,
                                .released = UINT64_MAX};
}

void restore_begin(struct restore *restore, int64_t t_boot_ms, uint64_t seed,
                   const struct circuit_now *now, uint32_t n)
{
    const struct restore_timing *timing = &restore->timing;

    restore->is_running = true;
    restore->seed = seed;
    restore->begun_ms = t_boot_ms;
    restore->first_ms = t_boot_ms + random_ms(seed, 1, 0, timing->site_random_ms);
    restore->refill_ms =
        t_boot_ms + random_ms(seed, 2, timing->refill_min_ms, timing->refill_max_ms);
    restore->last_step_ms = restore->good_since_ms = -1;
    restore->released = 0;
    for (uint32_t i = 0; i < n && i < CIRCUIT_MAX; i++) {
        if (now[i].is_on)
            restore->released |= UINT64_C(1) << i;
    }
}

/* ---- whose turn it is ---- */

/* Thermostatic loads spread evenly between their earliest and latest time. */
static int64_t thermostatic_ms(const struct restore *restore,
                               const struct circuit *circuits, uint32_t n, uint32_t i)
{
    const struct restore_timing *timing = &restore->timing;
    uint32_t before = 0, all = 0;

    for (uint32_t k = 0; k < n; k++) {
        if (circuits[k].kind != CIRCUIT_THERMOSTATIC)
            continue;
        all++;
        before += circuits[k].class < circuits[i].class ||
                  (circuits[k].class == circuits[i].class && k < i);
    }
    return restore->first_ms + timing->thermostatic_min_ms +
           (int64_t)(timing->thermostatic_max_ms - timing->thermostatic_min_ms) * before /
               (all > 0 ? all : 1);
}

static int64_t earliest_ms(const struct restore *restore, const struct circuit *circuits,
                           uint32_t n, uint32_t i)
{
    if (circuits[i].kind == CIRCUIT_THERMOSTATIC)
        return thermostatic_ms(restore, circuits, n, i);
    return circuits[i].kind == CIRCUIT_REFILL ? restore->refill_ms : restore->first_ms;
}

static bool is_waiting(const struct restore *restore, uint64_t wanted, uint32_t i)
{
    return (wanted & ~restore->released) >> i & 1;
}

/* Of the waiting ones whose time has come, the lowest class; kinds in their order. */
static int next_turn(const struct restore *restore, int64_t now_ms,
                     const struct circuit *circuits, uint32_t n, uint64_t wanted)
{
    int found = -1;

    for (uint32_t i = 0; i < n; i++) {
        if (!is_waiting(restore, wanted, i) ||
            now_ms < earliest_ms(restore, circuits, n, i))
            continue;
        if (found < 0 || circuits[i].kind < circuits[found].kind ||
            (circuits[i].kind == circuits[found].kind &&
             circuits[i].class < circuits[found].class))
            found = (int)i;
    }
    return found;
}

static void release(struct restore *restore, const struct circuit *circuits, uint32_t n,
                    uint32_t turn)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i == turn ||
            (circuits[turn].group != 0 && circuits[i].group == circuits[turn].group &&
             circuits[i].kind == circuits[turn].kind))
            restore->released |= UINT64_C(1) << i;
    }
}

static int64_t step_at_ms(const struct restore *restore)
{
    int64_t at_ms = restore->first_ms;

    if (restore->last_step_ms == -1)
        return at_ms;
    at_ms = restore->good_since_ms > restore->last_step_ms ? restore->good_since_ms
                                                           : restore->last_step_ms;
    return at_ms + restore->timing.step_ms;
}

static int64_t next_change_ms(const struct restore *restore, int64_t now_ms,
                              const struct circuit *circuits, uint32_t n, uint64_t wanted)
{
    int64_t next_ms = INT64_MAX, step_ms = step_at_ms(restore);

    if (restore->good_since_ms == -1)
        return INT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        int64_t at_ms = earliest_ms(restore, circuits, n, i);

        if (!is_waiting(restore, wanted, i))
            continue;
        at_ms = at_ms > step_ms ? at_ms : step_ms;
        if (at_ms < next_ms)
            next_ms = at_ms;
    }
    return next_ms > now_ms ? next_ms : now_ms + 1;
}

static void finish(struct restore *restore, int64_t now_ms, uint64_t wanted)
{
    if ((wanted & ~restore->released) == 0 &&
        now_ms >= restore->refill_ms + (int64_t)restore->timing.refill_ramp_ms)
        restore->is_running = false;
}

uint64_t restore_step(struct restore *restore, int64_t t_boot_ms, bool is_good,
                      const struct circuit *circuits, uint32_t n, uint64_t wanted,
                      int64_t *ret_next_ms)
{
    int64_t next_ms = INT64_MAX;
    int turn;

    if (n > CIRCUIT_MAX)
        n = CIRCUIT_MAX;
    if (n < CIRCUIT_MAX)
        wanted &= (UINT64_C(1) << n) - 1;
    if (!is_good)
        restore->good_since_ms = -1;
    else if (restore->good_since_ms == -1)
        restore->good_since_ms = t_boot_ms;
    if (restore->is_running) {
        turn = next_turn(restore, t_boot_ms, circuits, n, wanted);
        if (turn >= 0 && is_good && t_boot_ms >= step_at_ms(restore)) {
            release(restore, circuits, n, (uint32_t)turn);
            restore->last_step_ms = t_boot_ms;
        }
        next_ms = next_change_ms(restore, t_boot_ms, circuits, n, wanted);
        finish(restore, t_boot_ms, wanted);
    }
    if (ret_next_ms)
        *ret_next_ms = next_ms;
    return restore->is_running ? wanted & restore->released : wanted;
}

uint32_t restore_refill_permille(const struct restore *restore, int64_t t_boot_ms)
{
    int64_t in_ms = t_boot_ms - restore->refill_ms;
    int64_t ramp_ms = restore->timing.refill_ramp_ms;

    if (!restore->is_running || in_ms >= ramp_ms)
        return 1000;
    return in_ms <= 0 ? 0 : (uint32_t)(in_ms * 1000 / ramp_ms);
}
