/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From prices to shares: how much of each class to serve now. A class is served in full
 * while its weight exceeds the price of what it draws, and fades out over a narrow band
 * above that, so that plans do not flap. Pure; used by community and solo alike.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_RATION_H
#define GATEWAYD_MICROGRID_DISPATCH_RATION_H

#include "lib/microgrid/dispatch/value.h"

struct ration_in {
    double energy_wh; /* usable */
    double pv_w, hours;
    double demand_w[DISPATCH_CLASSES];
};

/* Shares 0..1 by class, and the price of a stored Wh when all that is served. */
double ration_share(const struct value_model *model, const struct value *value,
                    const struct ration_in *in, double ret_share[DISPATCH_CLASSES]);

#endif
