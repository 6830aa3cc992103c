/* SPDX-License-Identifier: Apache-2.0 */
/* The calendar of outage (medical, departures, planned outages, a rotating schedule) and
 * the section policies: what happens on ordinary days. Part of a load. */
#ifndef GATEWAYD_CONFIG_POLICIES_H
#define GATEWAYD_CONFIG_POLICIES_H

#include "lib/config/load.h"
#include "lib/config/outage_data.h"

struct policies_trees {
    /* NULL: not there */
    const struct tree_node *medical, *departures, *planned, *schedule;
};

void policies_build_calendar(struct load *load, const struct policies_trees *trees,
                             struct config_outage *outage);
/* NULL tree: the defaults. */
void policies_build(struct load *load, const struct tree_node *policies,
                    struct config_outage *outage);
/* "2026-12-01 09:00" in the zone; false: no such time. */
bool policies_parse_time(const char *text, const char *zone, int64_t *ret_wall_ms);

#endif
