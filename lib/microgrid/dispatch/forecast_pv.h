/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the roofs may give: a dull, a likely and a bright course. From forecasts issued
 * for the community (corrected by what is measured now), else from the past day
 * (persistence under the envelope of what the sky allowed). Plain values, no allocation.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_FORECAST_PV_H
#define GATEWAYD_MICROGRID_DISPATCH_FORECAST_PV_H

#include "lib/microgrid/dispatch/dispatch.h"

#define FORECAST_PV_POINTS 144
#define FORECAST_PV_QUANTILES 3 /* p10, p50, p90 */

struct forecast_pv_point {
    double from_s; /* of a half hour */
    double w[FORECAST_PV_QUANTILES];
};

struct forecast_pv {
    double rated_w;                    /* nothing above it is believed */
    bool learns_rated;                 /* not known: grows with what lasts */
    double lasting_w;                  /* mean of some minutes */
    double history_w[DISPATCH_SLOTS];  /* the day before, then what is measured */
    double envelope_w[DISPATCH_SLOTS]; /* the most seen around this time of day */
    unsigned n_points;
    struct forecast_pv_point points[FORECAST_PV_POINTS];
    double last_w;
    double seen_w, told_w; /* recent means: measured, and what the forecast had said */
};

void forecast_pv_init(struct forecast_pv *forecast, double rated_w);
void forecast_pv_history(struct forecast_pv *forecast, unsigned slot, double w);

/* A newer issue replaces the older: points of an issue come in order, begin() first.
 * Beyond FORECAST_PV_POINTS the rest is dropped. */
void forecast_pv_begin_issue(struct forecast_pv *forecast);
void forecast_pv_add(struct forecast_pv *forecast, const struct forecast_pv_point *point);

/* Mean of the step that ends now. */
void forecast_pv_measure(struct forecast_pv *forecast, const struct dispatch_time *time,
                         double w, double step_s);

/* The half hour that holds now + lead. */
void forecast_pv_at(const struct forecast_pv *forecast, const struct dispatch_time *time,
                    double lead_s, double ret_w[FORECAST_PV_QUANTILES]);

/* The next step: what was just measured, moved as the day moves. */
double forecast_pv_next(const struct forecast_pv *forecast,
                        const struct dispatch_time *time, double step_s);

/* Of that what may be counted on: no more than there just was. */
double forecast_pv_sure(const struct forecast_pv *forecast, double next_w);

#endif
