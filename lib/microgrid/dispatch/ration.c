/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of the classes at the prices of value.c; see the header.
 */
#include "lib/microgrid/dispatch/ration.h"

#include <math.h>

/* Below the weight by this share a class is off: rather a slow fade than a flap. What P2
 * to P4 take beyond their price in an outage that was to end soon is what P0 lacks at its
 * end. */
static const double fade[DISPATCH_CLASSES] = {0.6, 0.5, 0.4, 0.4, 0.4};

struct level {
    double energy_wh;
    double free_wh, kept_wh; /* sun the storages cannot take, and sun they can */
};

/* What drawing this much takes out of the storages, now or because it is not stored. */
static double drawn_wh(const struct value_model *model, const struct level *level,
                       double want_wh)
{
    double rest = fmax(want_wh - level->free_wh, 0);
    double from_sun = fmin(rest, level->kept_wh);

    return from_sun * model->eta_charge + (rest - from_sun) / model->eta_discharge;
}

/* Price of the class's Wh at the bus, if it is served in full. */
static double bus_price(const struct value_model *model, const struct value *value,
                        const struct level *level, double want_wh)
{
    double want = fmax(want_wh, 1), drawn = drawn_wh(model, level, want);

    return value_price(value, level->energy_wh - drawn) * drawn / want;
}

static void take(const struct value_model *model, struct level *level, double wh)
{
    double free = fmin(wh, level->free_wh), from_sun = fmin(wh - free, level->kept_wh);

    level->energy_wh -= drawn_wh(model, level, wh);
    level->free_wh -= free;
    level->kept_wh -= from_sun;
}

double ration_share(const struct value_model *model, const struct value *value,
                    const struct ration_in *in, double ret_share[DISPATCH_CLASSES])
{
    double sun_wh = in->pv_w * in->hours;
    struct level level = {.kept_wh = fmin(sun_wh, model->charge_w * in->hours)};

    level.free_wh = sun_wh - level.kept_wh;
    level.energy_wh = in->energy_wh + level.kept_wh * model->eta_charge;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        double want_wh = in->demand_w[c] * in->hours;
        double price = bus_price(model, value, &level, want_wh);
        double ratio = price > 0 ? model->weight[c] / price : 2;
        double share = fmin(fmax((ratio - (1 - fade[c])) / fade[c], 0), 1);

        ret_share[c] = c == DISPATCH_P0 ? 1 : share;
        take(model, &level, want_wh * ret_share[c]);
    }
    return value_price(value, level.energy_wh);
}
