/* SPDX-License-Identifier: Apache-2.0 */
/* When an edge was, on the clock of the records. Any thread. */
#ifndef GATEWAYD_GPIO_EVENT_TIME_H
#define GATEWAYD_GPIO_EVENT_TIME_H

#include <stdint.h>

/* The clocks at one moment. */
struct event_time_now {
    int64_t boot_ns, mono_ns, real_ns;
};

struct event_time_now event_time_read(void);

/* The boot time of a kernel timestamp. Kernels before 5.7 stamp with CLOCK_REALTIME,
 * later ones with CLOCK_MONOTONIC, and the old interface does not say which: it is the
 * one by which the edge was shortly before now. A stamp that fits neither (the wall clock
 * was set in between) counts as now. */
int64_t event_time_boot_ns(int64_t t_ns, const struct event_time_now *now);

#endif
