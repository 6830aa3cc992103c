/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much is kept for a medical device, and whether it is touched; called by site once a
 * step. See the header.
 */
#include "lib/microgrid/dispatch/medical.h"

#include <math.h>

#define MEAN_S 900.0
/* Given back only with so much more than the reserve: relays wear. */
#define BACK_SHARE 0.05
#define NEARLY_FULL 0.98

void medical_init(struct medical *medical, double typical_w, double reserve_h)
{
    *medical = (struct medical){.typical_w = typical_w,
                                .reserve_h = reserve_h,
                                .kept_wh = fmax(typical_w, 0) * fmax(reserve_h, 0),
                                .own_wh = -1};
}

bool medical_is_there(const struct medical *medical)
{
    return medical->typical_w > 0 && medical->reserve_h > 0;
}

/* What is drawn until the next look is gone before anything can be shed. */
static double until_next_wh(const struct medical_in *in)
{
    return in->most_w * in->step_s / 3600 / in->eta;
}

void medical_step(struct medical *medical, const struct medical_in *in)
{
    double least_wh, back_wh;

    if (!medical_is_there(medical))
        return;
    /* a device that idles now needs its configured power again later */
    if (in->device_w > 0)
        medical->mean_w +=
            (in->device_w - medical->mean_w) * (1 - exp(-in->step_s / MEAN_S));
    medical->kept_wh = medical->reserve_h * fmax(medical->typical_w, medical->mean_w);
    if (in->own_wh >= 0)
        medical->own_wh = in->own_wh;
    if (medical->own_wh < 0)
        return;
    least_wh = medical->kept_wh + until_next_wh(in);
    back_wh = fmin(medical->kept_wh * (1 + BACK_SHARE) + 2 * until_next_wh(in),
                   fmax(in->full_wh * NEARLY_FULL, least_wh));
    if (medical->own_wh <= least_wh)
        medical->is_tight = true;
    else if (medical->own_wh > back_wh)
        medical->is_tight = false;
}

double medical_most_w(const struct medical *medical, const struct medical_in *in,
                      double p0_w)
{
    double over_wh = fmax(medical->own_wh - medical->kept_wh, 0);

    return fmax(p0_w, medical->mean_w) + over_wh * in->eta * 3600 / in->step_s;
}
