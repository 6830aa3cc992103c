/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop looks after once a second: a store or an API that is late, buses that
 * cannot run. Raises and clears alarms, stops nothing. On the loop.
 */
#include "gatewayd/gateway.h"

#include <stdio.h>

#include "gatewayd/device/host.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define LATE_COMMIT_NS (60 * CLOCK_NS_PER_S)
#define LATE_VIEW_NS (10 * CLOCK_NS_PER_S)

/* Since when readings wait that no commit took; 0: none do. Silence is no fault of the
 * store. */
static int64_t waiting_since(struct gateway *gateway, uint64_t commits)
{
    uint64_t n = gateway->n_readings;

    if (commits != gateway->waiting.commits || n == gateway->waiting.n_readings) {
        gateway->waiting.commits = commits;
        gateway->waiting.n_readings = n;
        gateway->waiting.since_boot_ns = 0;
    } else if (gateway->waiting.since_boot_ns == 0) {
        gateway->waiting.since_boot_ns = clock_boot_ns();
    }
    return gateway->waiting.since_boot_ns;
}

static void watch_store(struct gateway *gateway)
{
    struct store_stats stats;
    int64_t since_ns, age_ns;
    char text[160];

    store_get_stats(gateway->store, &stats);
    since_ns = waiting_since(gateway, stats.commits);
    age_ns = since_ns ? clock_boot_ns() - since_ns : 0;
    if (age_ns > LATE_COMMIT_NS + gateway->config->commit_interval_ms * CLOCK_NS_PER_MS) {
        snprintf(text, sizeof text,
                 "nothing was stored for %lld s: the disk is slow or stuck",
                 (long long)(age_ns / CLOCK_NS_PER_S));
        if (gateway_raise_alarm(gateway, "store-late", text))
            log_error("store", "%s", text);
    } else {
        gateway_clear_alarm(gateway, "store-late", "the store writes again");
    }
}

static void watch_views(struct gateway *gateway)
{
    int64_t since_ns = __atomic_load_n(&gateway->viewing_boot_ns, __ATOMIC_RELAXED);

    if (__atomic_load_n(&gateway->n_views, __ATOMIC_ACQUIRE) > 0 &&
        clock_boot_ns() - since_ns > LATE_VIEW_NS) {
        if (gateway_raise_alarm(gateway, "http-late",
                                "a request of the API hangs for over 10 s"))
            log_error("api", "a request hangs for over 10 s");
    } else {
        gateway_clear_alarm(gateway, "http-late", "the API answers again");
    }
}

static void watch_buses(struct gateway *gateway)
{
    for (unsigned i = 0; i < hosts_count(gateway->hosts); i++) {
        const struct host *host = hosts_get(gateway->hosts, i);

        for (uint32_t j = 0; j < host->n_buses; j++)
            if (!host->buses[j].ok)
                return;
    }
    gateway_clear_alarm(gateway, "bus-refused", "every bus can run");
}

void watch_tick(struct gateway *gateway)
{
    watch_store(gateway);
    watch_views(gateway);
    watch_buses(gateway);
}
