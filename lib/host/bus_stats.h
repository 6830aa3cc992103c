/* SPDX-License-Identifier: Apache-2.0 */
/* What a bus tells about itself: HOST_MSG_BUS_STATS each 10 s and at transitions, and
 * HOST_MSG_READ_DONE. Bus thread. */
#ifndef GATEWAYD_HOST_BUS_STATS_H
#define GATEWAYD_HOST_BUS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/host/bus.h"

struct bus_stats {
    int64_t next_boot_ns, last_boot_ns;
    uint64_t last_busy_us, last_rejected;
    uint32_t load_permille; /* of the last whole span */
    bool is_asked;
};

void bus_stats_init(struct bus_stats *stats);
/* At the next bus_stats_send, whatever the time. */
void bus_stats_ask(struct bus_stats *stats);
/* Sends when it is time. */
void bus_stats_send(struct bus_stats *stats, struct bus *bus);
void bus_stats_read_done(struct bus *bus, uint64_t id, enum gw_result result,
                         const char *text);

#endif
