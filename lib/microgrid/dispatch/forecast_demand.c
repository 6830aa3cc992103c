/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forecast of a circuit from its own past day and what is measured since. Called by
 * community (for all homes, from their reports) and by solo (for the home itself).
 */
#include "lib/microgrid/dispatch/forecast_demand.h"

#include <math.h>

/* A changing load that reads exactly the same this often is a meter that sticks. */
#define SAME_READINGS 4
/* Above this multiple of the day's largest half hour a reading is cut. */
#define GLITCH_FACTOR 2.5F
#define GLITCH_FLOOR_W 3500.0F
/* How far single readings lie from their mean, before any is known, and its memory. */
#define SPREAD_PRIOR 0.25F
#define SPREAD_PART 0.05F

void forecast_demand_init(struct forecast_demand *forecast, double prior_w)
{
    *forecast = (struct forecast_demand){
        .prior_w = (float)prior_w,
        .mean_w = (float)prior_w,
        .spread_w = SPREAD_PRIOR * (float)prior_w,
        .last_w = -1};
    for (unsigned i = 0; i < DISPATCH_SLOTS; i++)
        forecast->slot_w[i] = (float)prior_w;
}

static void renew_mean(struct forecast_demand *forecast)
{
    float sum = 0;

    for (unsigned i = 0; i < DISPATCH_SLOTS; i++)
        sum += forecast->slot_w[i];
    forecast->mean_w = sum / DISPATCH_SLOTS;
}

void forecast_demand_history(struct forecast_demand *forecast, unsigned slot, double w)
{
    if (!isfinite(w) || w < 0)
        return;
    forecast->slot_w[slot % DISPATCH_SLOTS] = (float)w;
    forecast->has_history = true;
    renew_mean(forecast);
}

static float plausible(const struct forecast_demand *forecast, double w)
{
    float top = GLITCH_FLOOR_W;

    for (unsigned i = 0; i < DISPATCH_SLOTS; i++)
        top = fmaxf(top, forecast->slot_w[i] * GLITCH_FACTOR);
    return fminf((float)w, top);
}

void forecast_demand_measure(struct forecast_demand *forecast, unsigned slot, double w,
                             double step_s)
{
    float *stored = &forecast->slot_w[slot % DISPATCH_SLOTS], read, share;

    if (!isfinite(w) || w < 0)
        return;
    read = plausible(forecast, w);
    /* a switch reports exact multiples of nothing; only a load above 0 can stick */
    forecast->n_same = read > 0 && read == forecast->last_w ? forecast->n_same + 1 : 0;
    forecast->last_w = read;
    if (forecast->n_same >= SAME_READINGS)
        return;
    forecast->spread_w += SPREAD_PART * (fabsf(read - *stored) - forecast->spread_w);
    /* a slot seen whole weighs as much as the day before it */
    share = (float)fmin(0.6 * step_s / DISPATCH_SLOT_S, 0.6);
    *stored += share * (read - *stored);
    renew_mean(forecast);
}

double forecast_demand_w(const struct forecast_demand *forecast, unsigned slot)
{
    const float *w = forecast->slot_w;
    unsigned s = slot % DISPATCH_SLOTS;
    double near = 0.5 * (double)w[s] +
                  0.25 * (double)(w[(s + 1) % DISPATCH_SLOTS] +
                                  w[(s + DISPATCH_SLOTS - 1) % DISPATCH_SLOTS]);

    if (!forecast->has_history)
        return near;
    /* one day says little about one home: lean on its mean */
    return 0.75 * near + 0.25 * (double)forecast->mean_w;
}

double forecast_demand_now(const struct forecast_demand *forecast, unsigned slot,
                           bool is_on)
{
    double usual = forecast_demand_w(forecast, slot);

    if (!is_on || forecast->last_w < 0 || forecast->n_same >= SAME_READINGS)
        return usual;
    return 0.7 * (double)forecast->last_w + 0.3 * usual;
}
