/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The energy of a plan message: most the home may draw from its reception until until_s.
 * Counts what is drawn and says which classes the rest still covers; P0 and P1 always.
 * Between site and the demand forecast. Plain values.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_BUDGET_H
#define GATEWAYD_MICROGRID_DISPATCH_BUDGET_H

#include "lib/microgrid/dispatch/forecast_demand.h"

struct budget {
    bool is_there;
    double start_s; /* of the span that is counted */
    double used_wh;
    enum dispatch_class last; /* that it covered at the last look */
};

struct budget_in {
    struct dispatch_time time;
    double step_s, age_s; /* age of the span: since the plan's first message */
    double drawn_w;       /* in the step that ended */
};

/* Each step while there is a plan, whether it holds or not. */
void budget_count(struct budget *budget, const struct dispatch_plan *plan,
                  const struct budget_in *in);
/* The last class that may draw on it: all, where the plan names no energy. */
enum dispatch_class budget_class(struct budget *budget, const struct dispatch_plan *plan,
                                 const struct budget_in *in,
                                 const struct forecast_demand circuits[DISPATCH_CLASSES]);

#endif
