/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts a plan's energy and gives it up class by class from the bottom; called by site.
 * See the header.
 */
#include "lib/microgrid/dispatch/budget.h"

#include <math.h>

#define SAME_S 0.01
/* A class comes back only with so much more than what ranks above it needs. */
#define BACK_FACTOR 1.1

void budget_count(struct budget *budget, const struct dispatch_plan *plan,
                  const struct budget_in *in)
{
    double start_s = in->time.now_s - in->age_s;

    if (!budget->is_there || fabs(start_s - budget->start_s) > SAME_S) {
        bool is_first = !budget->is_there;

        *budget =
            (struct budget){.is_there = true, .start_s = start_s, .last = DISPATCH_P4};
        /* begun before us, as after a reload: taken for used as evenly as time went by */
        if (is_first && in->age_s > in->step_s && plan->until_s > 0)
            budget->used_wh =
                fmax(plan->energy_wh, 0) * fmin(in->age_s / plan->until_s, 1);
        return;
    }
    budget->used_wh += fmax(in->drawn_w, 0) * in->step_s / 3600;
}

/* What a class is expected to draw from now until the end of the span. */
static double need_wh(const struct forecast_demand *circuit, unsigned local_s,
                      double left_s)
{
    double sum = 0;

    for (double t = 0; t < left_s; t += DISPATCH_SLOT_S)
        sum += forecast_demand_w(circuit, dispatch_slot(local_s + t)) *
               fmin(left_s - t, DISPATCH_SLOT_S) / 3600;
    return sum;
}

enum dispatch_class budget_class(struct budget *budget, const struct dispatch_plan *plan,
                                 const struct budget_in *in,
                                 const struct forecast_demand circuits[DISPATCH_CLASSES])
{
    double left_s = plan->until_s - in->age_s,
           left_wh = plan->energy_wh - budget->used_wh;
    double above_wh = 0;
    unsigned last = DISPATCH_P1;

    if (plan->energy_wh < 0 || left_s <= 0)
        return DISPATCH_P4;
    for (unsigned c = 0; c < DISPATCH_P4; c++) {
        above_wh += need_wh(&circuits[c], in->time.local_s, left_s);
        if (c + 1 < DISPATCH_P2)
            continue;
        if (left_wh <= above_wh * (c + 1 > (unsigned)budget->last ? BACK_FACTOR : 1))
            break;
        last = c + 1;
    }
    budget->last = (enum dispatch_class)last;
    return budget->last;
}
