/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reserve of a medical device (OUTAGE.md 5): hours of it in the home's own battery,
 * above every plan and budget. Site tells it what is stored and asks whether anything but
 * P0 may draw. Plain values, one thread.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_MEDICAL_H
#define GATEWAYD_MICROGRID_DISPATCH_MEDICAL_H

#include <stdbool.h>

struct medical {
    double typical_w, reserve_h; /* as configured; either <= 0: no medical device */
    double mean_w;               /* as measured */
    double kept_wh;              /* usable energy kept for it */
    double own_wh;               /* usable energy, as last known; < 0: never known */
    bool is_tight;               /* all but P0 must go */
};

struct medical_in {
    double step_s;   /* since the call before, and until the next */
    double device_w; /* as measured now; NaN or <= 0: not known */
    /* usable energy of the home's batteries; own < 0: not known */
    double own_wh, full_wh;
    double most_w;          /* the home may draw until the next call */
    double eta;             /* of a discharge */
};

void medical_init(struct medical *medical, double typical_w, double reserve_h);
bool medical_is_there(const struct medical *medical);
void medical_step(struct medical *medical, const struct medical_in *in);
/* The most its batteries may give now, if the P0 of the home draws so much. */
double medical_most_w(const struct medical *medical, const struct medical_in *in,
                      double p0_w);

#endif
