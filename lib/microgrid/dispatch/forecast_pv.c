/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PV forecast of a roof or of a community. Called by community and solo; see the header.
 */
#include "lib/microgrid/dispatch/forecast_pv.h"

#include <math.h>
#include <stddef.h>

/* How fast "more sun than forecast just now" fades with lead time. */
#define CORRECTION_S (3 * 3600.0)
/* A whole day errs less than each of its half hours: p10 .. p90 of its sum. */
#define DAY_SPREAD 0.8
/* Even the darkest sky gives this part of what a clear one does. */
#define DARKEST 0.05
/* Memory of that comparison. */
#define MEMORY_S 3600.0
/* An unknown roof: what it gives for some minutes, and no more than any home's. */
#define LASTING_S 600.0
#define LEARN_FACTOR 1.2
#define LEARN_MAX_W 1e5

void forecast_pv_init(struct forecast_pv *forecast, double rated_w)
{
    *forecast = (struct forecast_pv){.rated_w = rated_w, .last_w = -1};
}

static void widen_envelope(struct forecast_pv *forecast, unsigned slot, double w)
{
    for (unsigned d = 0; d < 3; d++) {
        unsigned s = (slot + DISPATCH_SLOTS + d - 1) % DISPATCH_SLOTS;

        forecast->envelope_w[s] = fmax(forecast->envelope_w[s], d == 1 ? w : 0.8 * w);
    }
}

static void learn_rated(struct forecast_pv *forecast, double w, double step_s)
{
    forecast->lasting_w +=
        (fmin(w, LEARN_MAX_W) - forecast->lasting_w) * (1 - exp(-step_s / LASTING_S));
    forecast->rated_w = fmax(forecast->rated_w, LEARN_FACTOR * forecast->lasting_w);
}

void forecast_pv_history(struct forecast_pv *forecast, unsigned slot, double w)
{
    if (!isfinite(w) || w < 0)
        return;
    if (forecast->learns_rated)
        learn_rated(forecast, w, DISPATCH_SLOT_S);
    w = fmin(w, forecast->rated_w);
    forecast->history_w[slot % DISPATCH_SLOTS] = w;
    widen_envelope(forecast, slot % DISPATCH_SLOTS, w);
}

void forecast_pv_begin_issue(struct forecast_pv *forecast)
{
    forecast->n_points = 0;
}

void forecast_pv_add(struct forecast_pv *forecast, const struct forecast_pv_point *point)
{
    if (forecast->n_points < FORECAST_PV_POINTS)
        forecast->points[forecast->n_points++] = *point;
}

static const struct forecast_pv_point *find(const struct forecast_pv *forecast,
                                            double at_s)
{
    unsigned low = 0, high = forecast->n_points;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (forecast->points[middle].from_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || at_s >= forecast->points[low - 1].from_s + DISPATCH_SLOT_S)
        return NULL;
    return &forecast->points[low - 1];
}

/* What was expected for this half hour before anything was measured in it. */
static void told(const struct forecast_pv *forecast, const struct dispatch_time *time,
                 double lead_s, double ret_w[FORECAST_PV_QUANTILES])
{
    const struct forecast_pv_point *point = find(forecast, time->now_s + lead_s);
    unsigned slot = dispatch_slot((double)time->local_s + lead_s + DISPATCH_DAY_S);
    double usual = forecast->history_w[slot], top = forecast->envelope_w[slot];

    if (point) {
        for (unsigned q = 0; q < FORECAST_PV_QUANTILES; q++) {
            double w = point->w[1] + DAY_SPREAD * (point->w[q] - point->w[1]);

            ret_w[q] = fmin(fmax(w, DARKEST * top), forecast->rated_w);
        }
        return;
    }
    /* the next day is like this one, or rather like the usual day */
    ret_w[1] = usual;
    ret_w[0] = 0.35 * usual;
    ret_w[2] = fmin(fmax(1.3 * usual, 0.6 * top), forecast->rated_w);
}

void forecast_pv_measure(struct forecast_pv *forecast, const struct dispatch_time *time,
                         double w, double step_s)
{
    unsigned slot = dispatch_slot((double)time->local_s + DISPATCH_DAY_S - step_s / 2);
    double expected[FORECAST_PV_QUANTILES], keep = exp(-step_s / MEMORY_S);

    if (!isfinite(w) || w < 0)
        return;
    if (forecast->learns_rated)
        learn_rated(forecast, w, step_s);
    w = fmin(w, forecast->rated_w);
    told(forecast, time, -step_s / 2, expected);
    forecast->seen_w = keep * forecast->seen_w + (1 - keep) * w;
    forecast->told_w = keep * forecast->told_w + (1 - keep) * expected[1];
    forecast->last_w = w;
    forecast->history_w[slot] +=
        fmin(step_s / DISPATCH_SLOT_S, 1) * (w - forecast->history_w[slot]) * 0.6;
    widen_envelope(forecast, slot, w * 0.8);
}

/* Measured over expected in the last hour, held to what a sky can do. */
static double correction(const struct forecast_pv *forecast)
{
    double floor_w = 0.02 * forecast->rated_w;

    if (forecast->last_w < 0 || forecast->told_w + forecast->seen_w < floor_w)
        return 1;
    return fmin(fmax((forecast->seen_w + floor_w) / (forecast->told_w + floor_w), 0.3),
                2.5);
}

void forecast_pv_at(const struct forecast_pv *forecast, const struct dispatch_time *time,
                    double lead_s, double ret_w[FORECAST_PV_QUANTILES])
{
    double fade = exp(-fmax(lead_s, 0) / CORRECTION_S);
    double factor = 1 + (correction(forecast) - 1) * fade;
    double likely, width = 1 - 0.6 * fade;

    told(forecast, time, lead_s, ret_w);
    likely = fmin(ret_w[1] * factor, forecast->rated_w);
    if (forecast->last_w < 0)
        width = 1;
    ret_w[0] = fmax(likely + (ret_w[0] - ret_w[1]) * width, 0);
    ret_w[2] = fmin(likely + (ret_w[2] - ret_w[1]) * width, forecast->rated_w);
    ret_w[1] = likely;
}

double forecast_pv_next(const struct forecast_pv *forecast,
                        const struct dispatch_time *time, double step_s)
{
    double here[FORECAST_PV_QUANTILES], next[FORECAST_PV_QUANTILES];

    forecast_pv_at(forecast, time, step_s / 2, next);
    if (forecast->last_w < 0)
        return next[1];
    forecast_pv_at(forecast, time, step_s / 2 - DISPATCH_SLOT_S, here);
    /* a sixth of the way from one half hour to the next, for steps of 5 min */
    return fmax(
        forecast->last_w + (next[1] - here[1]) * fmin(step_s / DISPATCH_SLOT_S, 1), 0);
}

double forecast_pv_sure(const struct forecast_pv *forecast, double next_w)
{
    return forecast->last_w < 0 ? next_w : fmin(next_w, forecast->last_w);
}
