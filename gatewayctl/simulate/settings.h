/* SPDX-License-Identifier: Apache-2.0 */
/* The options of simulate, read and checked. */
#ifndef GATEWAYCTL_SIMULATE_SETTINGS_H
#define GATEWAYCTL_SIMULATE_SETTINGS_H

#include "gatewayctl/ctl.h"
#include "gatewayctl/simulate/view.h"

struct settings {
    sim_controller_new *controller;
    double promise_h; /* 0: none */
    double reserve;   /* 0..1 of usable */
    uint64_t seed;
    bool has_english, has_japanese; /* of the report */
};

/* False: what is wrong is told on stderr. */
bool settings_read(const struct ctl_simulate *options, struct settings *ret_settings);

#endif
