/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off with full jitter; see backoff.h. */
#include "lib/mqtt/backoff.h"

void backoff_init(struct backoff *backoff, uint64_t seed)
{
    backoff->random = seed ^ UINT64_C(0x9e3779b97f4a7c15);
    if (backoff->random == 0)
        backoff->random = 1;
    backoff->n_failed = 0;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->n_failed = 0;
}

/* xorshift64*: spread is all that is asked of it */
static uint64_t next_random(struct backoff *backoff)
{
    uint64_t x = backoff->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    backoff->random = x;
    return (x * UINT64_C(0x2545f4914f6cdd1d)) >> 16;
}

unsigned backoff_next_ms(struct backoff *backoff)
{
    unsigned cap_ms = BACKOFF_MAX_MS;

    if (backoff->n_failed < 6)
        cap_ms = BACKOFF_MIN_MS << backoff->n_failed;
    if (cap_ms > BACKOFF_MAX_MS)
        cap_ms = BACKOFF_MAX_MS;
    backoff->n_failed++;
    return BACKOFF_FLOOR_MS +
           (unsigned)(next_random(backoff) % (cap_ms - BACKOFF_FLOOR_MS + 1));
}
