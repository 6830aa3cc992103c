/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programme behind value.h. Within a stage the best is found without a search: P0 to
 * P4 draw in turn, from the sun while the price of storing it is below their weight, then
 * from the storage while its price is. Rooms: fed by horizon.c; no clock, no memory of
 * its own beyond the stack (5 arrays of VALUE_BINS doubles).
 */
#include "lib/microgrid/dispatch/value.h"

#include <math.h>
#include <string.h>

/* Chances of the days behind p10, p50 and p90 (Swanson's rule for three points). */
static const double chance[VALUE_REGIMES] = {0.3, 0.4, 0.3};

struct level {
    double from_sun_wh, from_store_wh; /* serve a class while more than this is left */
};

struct table {
    double bin_wh;
    double worth[VALUE_BINS + 1];
};

/* Worth at any energy: linear between bins, the weight of P0 below empty. */
static double table_at(const struct table *table, double energy_wh, double p0_weight)
{
    double x = energy_wh / table->bin_wh;
    unsigned i;

    if (x <= 0)
        return table->worth[0] + energy_wh * p0_weight;
    if (x >= VALUE_BINS)
        return table->worth[VALUE_BINS];
    i = (unsigned)x;
    return table->worth[i] + (x - i) * (table->worth[i + 1] - table->worth[i]);
}

/* The least energy at which one more Wh is worth no more than this. */
static double level_of(const struct table *table, double price)
{
    unsigned low = 0, high = VALUE_BINS;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (table->worth[middle + 1] - table->worth[middle] <= price * table->bin_wh)
            high = middle;
        else
            low = middle + 1;
    }
    return low * table->bin_wh;
}

static void levels_of(const struct value_model *model, const struct table *next,
                      struct level levels[DISPATCH_CLASSES])
{
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        levels[c].from_sun_wh = level_of(next, model->weight[c] / model->eta_charge);
        levels[c].from_store_wh = level_of(next, model->weight[c] * model->eta_discharge);
    }
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Serves the classes in turn; returns what that is worth and moves the energy. Sun that
 * the storages cannot take goes first: it costs nothing. */
static double serve(const struct value_model *model, const struct value_stage *stage,
                    const struct level levels[DISPATCH_CLASSES], double sun_wh,
                    double *energy_wh)
{
    double kept_wh = smaller(sun_wh, model->charge_w * stage->hours);
    double free_wh = sun_wh - kept_wh;
    double gain = 0, energy = *energy_wh + kept_wh * model->eta_charge;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        double want = stage->demand_w[c] * stage->hours;
        double spare = smaller(want, free_wh);
        double part = smaller(want - spare, kept_wh);
        double over = (energy - levels[c].from_sun_wh) / model->eta_charge;

        part = over < part ? fmax(over, 0) : part;
        gain += (spare + part) * model->weight[c];
        energy -= part * model->eta_charge;
        free_wh -= spare;
        kept_wh -= part;
        want -= spare + part;
        if (kept_wh > 0)
            continue;
        over = (energy - levels[c].from_store_wh) * model->eta_discharge;
        part = smaller(want, over);
        if (part > 0) {
            gain += part * model->weight[c];
            energy -= part / model->eta_discharge;
        }
    }
    *energy_wh = energy;
    return gain;
}

/* One stage back for one weather: worth at its start from worth at its end. */
static void stage_back(const struct value_model *model, const struct value_stage *stage,
                       unsigned regime, const struct table *next, struct table *ret)
{
    struct level levels[DISPATCH_CLASSES];
    double sun_wh = stage->pv_w[regime] * stage->hours;

    levels_of(model, next, levels);
    for (unsigned i = 0; i <= VALUE_BINS; i++) {
        double energy = smaller(i * ret->bin_wh - stage->taken_wh, stage->room_wh);
        double gain = 0, held;

        if (energy < 0) { /* a driver is let down: as dear as the dark */
            gain = energy * model->weight[0];
            energy = 0;
        }
        gain += serve(model, stage, levels, sun_wh, &energy);
        held = smaller(energy, stage->room_wh);
        ret->worth[i] = gain +
                        (1 - stage->p_end) * table_at(next, held, model->weight[0]) +
                        stage->p_end * model->end_worth * fmax(held, 0);
    }
}

/* Forecasts of a stage's energy err: the worth is that of a level up or down. */
static void blur(const struct value_model *model, const struct value_stage *stage,
                 struct table *table)
{
    struct table sharp = *table;
    double sum = 0, step;

    for (unsigned c = 0; c < 3; c++)
        sum += stage->demand_w[c];
    step = model->noise * (sum + 0.5 * stage->pv_w[1]) * stage->hours;
    for (unsigned i = 0; i <= VALUE_BINS; i++) {
        double at = i * table->bin_wh;
        double up = table_at(&sharp, at + step, model->weight[0]);
        double down = table_at(&sharp, at - step, model->weight[0]);

        /* at full there is no level above: what is spilt there is worth nothing */
        table->worth[i] = 0.5 * (up + down);
    }
}

static void mix(struct table tables[VALUE_REGIMES])
{
    for (unsigned i = 0; i <= VALUE_BINS; i++) {
        double sum = 0;

        for (unsigned r = 0; r < VALUE_REGIMES; r++)
            sum += chance[r] * tables[r].worth[i];
        for (unsigned r = 0; r < VALUE_REGIMES; r++)
            tables[r].worth[i] = sum;
    }
}

static void start_at_horizon(const struct value_model *model, double bin_wh,
                             struct table *ret)
{
    ret->bin_wh = bin_wh;
    for (unsigned i = 0; i <= VALUE_BINS; i++) {
        double energy = i * bin_wh, night = smaller(energy, model->night_wh);

        ret->worth[i] =
            night * model->weight[0] * 0.5 + (energy - night) * model->horizon_worth;
    }
}

static double largest_room(const struct value_model *model)
{
    double room = 1;

    for (unsigned k = 0; k < model->n_stages; k++)
        room = fmax(room, model->stages[k].room_wh);
    return room;
}

void value_solve(const struct value_model *model, struct value *ret)
{
    double bin_wh = largest_room(model) / VALUE_BINS;
    struct table tables[VALUE_REGIMES], before;

    for (unsigned r = 0; r < VALUE_REGIMES; r++)
        start_at_horizon(model, bin_wh, &tables[r]);
    for (unsigned k = model->n_stages; k-- > 1;) {
        const struct value_stage *stage = &model->stages[k];

        for (unsigned r = 0; r < VALUE_REGIMES; r++) {
            before.bin_wh = bin_wh;
            stage_back(model, stage, r, &tables[r], &before);
            blur(model, stage, &before);
            tables[r] = before;
        }
        if (stage->is_reveal)
            mix(tables);
    }
    mix(tables);
    ret->bin_wh = bin_wh;
    ret->room_wh = model->n_stages > 1 ? model->stages[1].room_wh : bin_wh * VALUE_BINS;
    memcpy(ret->worth, tables[0].worth, sizeof(ret->worth));
}

double value_price(const struct value *value, double energy_wh)
{
    double x = energy_wh / value->bin_wh - 0.5;
    double low, high;
    unsigned i;

    if (energy_wh >= value->room_wh)
        return 0;
    if (x < 0)
        x = 0;
    if (x > VALUE_BINS - 1)
        x = VALUE_BINS - 1;
    i = (unsigned)x;
    low = value->worth[i + 1] - value->worth[i];
    high = i + 2 <= VALUE_BINS ? value->worth[i + 2] - value->worth[i + 1] : low;
    return fmax((low + (x - i) * (high - low)) / value->bin_wh, 0);
}
