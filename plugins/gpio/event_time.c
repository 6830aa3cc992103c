/* SPDX-License-Identifier: Apache-2.0 */
/* Which clock a kernel timestamp is of; see event_time.h. */
#include "plugins/gpio/event_time.h"

#include <stdbool.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
/* Events wait for the bus thread, never this long; the clocks are read one after another.
 */
#define MAX_AGE_NS (600 * NS_PER_S)
#define MAX_AHEAD_NS (NS_PER_S / 1000)
#define CLOSE_NS (NS_PER_S / 20000)
#define TRIES 4

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* A thread that is preempted between two clocks would move the edge by that time. */
struct event_time_now event_time_read(void)
{
    struct event_time_now now;
    int64_t after_ns = 0;

    for (int i = 0; i < TRIES; i++) {
        now.mono_ns = read_clock(CLOCK_MONOTONIC); /* first: an age is never too long */
        now.real_ns = read_clock(CLOCK_REALTIME);
        now.boot_ns = read_clock(CLOCK_BOOTTIME);
        after_ns = read_clock(CLOCK_MONOTONIC);
        if (after_ns - now.mono_ns < CLOSE_NS)
            break;
    }
    return now;
}

static bool is_plausible(int64_t age_ns)
{
    return age_ns >= -MAX_AHEAD_NS && age_ns <= MAX_AGE_NS;
}

int64_t event_time_boot_ns(int64_t t_ns, const struct event_time_now *now)
{
    int64_t mono_age_ns = now->mono_ns - t_ns, real_age_ns = now->real_ns - t_ns;
    int64_t age_ns = 0;

    if (is_plausible(mono_age_ns))
        age_ns = mono_age_ns;
    else if (is_plausible(real_age_ns))
        age_ns = real_age_ns;
    return now->boot_ns - (age_ns > 0 ? age_ns : 0);
}
