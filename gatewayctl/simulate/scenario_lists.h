/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a scenario-*.yaml: outages, estimates, bookings, events, initial charge.
 */
#ifndef GATEWAYCTL_SIMULATE_SCENARIO_LISTS_H
#define GATEWAYCTL_SIMULATE_SCENARIO_LISTS_H

#include "gatewayctl/simulate/scenario.h"
#include "lib/config/yaml_tree.h"

/* The lists as nodes; NULL: not there. */
struct scenario_lists {
    const struct tree_node *outages, *estimates, *bookings, *events, *initial_soc;
};

/* 0 or -ENOMEM; what is wrong is in the report. The axis is known already. */
int scenario_lists_read(const struct scenario_lists *lists,
                        const struct community *community, struct scenario *scenario,
                        struct config_report *report);

#endif
