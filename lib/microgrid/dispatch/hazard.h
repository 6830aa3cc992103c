/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the outage may go on: a chance, never a date. What the utility announces is a
 * hint (in the measured scenarios it was too early, too late and right). Without a hint
 * an outage lasts about as long again as it has lasted. Pure.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_HAZARD_H
#define GATEWAYD_MICROGRID_DISPATCH_HAZARD_H

#include <stdbool.h>

struct hazard {
    double elapsed_s; /* since the grid went */
    bool has_announcement;
    double announced_in_s;   /* from now; negative: overdue */
    unsigned n_broken;       /* announcements of this outage that came due unfulfilled */
    double announced_span_s; /* from the announcement's issue to its end */
};

/* Chance that the grid is still away after this time from now: 1 at 0, falling. */
double hazard_survival(const struct hazard *hazard, double lead_s);

#endif
