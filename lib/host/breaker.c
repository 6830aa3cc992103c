/* SPDX-License-Identifier: Apache-2.0 */
/* The circuit breaker of one unit; see breaker.h. */
#include "lib/host/breaker.h"

#include "lib/base/clock.h"

#define FAILURES_TO_OPEN 2
#define FIRST_BACKOFF_S 2
#define LEAST_MAX_NS (5 * CLOCK_NS_PER_S)
#define MAX_NS (60 * CLOCK_NS_PER_S)
#define LINE_SHARE 50

static int64_t backoff_ns(unsigned n_probes, int64_t longest_ns)
{
    int64_t wait_ns = (FIRST_BACKOFF_S * CLOCK_NS_PER_S) << (n_probes < 5 ? n_probes : 5);

    return wait_ns < longest_ns ? wait_ns : longest_ns;
}

int64_t breaker_longest_ns(uint32_t n_units, int64_t cost_ns)
{
    if (n_units <= 1 || cost_ns < LEAST_MAX_NS / LINE_SHARE)
        return LEAST_MAX_NS;
    return cost_ns < MAX_NS / LINE_SHARE ? cost_ns * LINE_SHARE : MAX_NS;
}

bool breaker_allows(const struct breaker *breaker, int64_t now_boot_ns)
{
    return breaker->state == BREAKER_CLOSED || now_boot_ns >= breaker->next_try_boot_ns;
}

void breaker_begin(struct breaker *breaker)
{
    if (breaker->state == BREAKER_OPEN)
        breaker->state = BREAKER_PROBING;
}

static bool failed(struct breaker *breaker, int64_t now_boot_ns, int64_t longest_ns)
{
    bool was_closed = breaker->state == BREAKER_CLOSED;

    breaker->failures++;
    if (was_closed && breaker->failures < FAILURES_TO_OPEN)
        return false;
    breaker->n_probes = was_closed ? 0 : breaker->n_probes + 1;
    breaker->state = BREAKER_OPEN;
    breaker->next_try_boot_ns = now_boot_ns + backoff_ns(breaker->n_probes, longest_ns);
    return was_closed;
}

bool breaker_end(struct breaker *breaker, enum gw_result result, int64_t now_boot_ns,
                 int64_t longest_ns)
{
    bool was_closed = breaker->state == BREAKER_CLOSED;

    if (result == GW_ERR_TIMEOUT || result == GW_ERR_PROTOCOL)
        return failed(breaker, now_boot_ns, longest_ns);
    if (result == GW_ERR_LINK) {
        /* the probe did not reach the unit: it is still owed */
        if (breaker->state == BREAKER_PROBING)
            breaker->state = BREAKER_OPEN;
        return false;
    }
    *breaker = (struct breaker){0};
    return !was_closed;
}
