/* SPDX-License-Identifier: Apache-2.0 */
/* A run as one HTML file that needs nothing else: no script, no network, no font. */
#ifndef GATEWAYCTL_SIMULATE_REPORT_H
#define GATEWAYCTL_SIMULATE_REPORT_H

#include "gatewayctl/simulate/promise.h"
#include "gatewayctl/simulate/report_data.h"

struct report {
    const struct report_data *data;
    const struct metrics *metrics;
    const struct promise *promise; /* NULL: an ordinary run */
    bool has_english, has_japanese;
};

/* 0, or a negative errno with *reterr. */
int report_save(const struct report *report, const char *path, struct gw_error *reterr);

#endif
