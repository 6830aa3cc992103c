/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Survival of an outage as a mixture: it ends about when announced; it overruns by a
 * share of the announced span; nobody knows. An announcement that still stands near its
 * end has outlived the time in which others were corrected, and is believed more.
 */
#include "lib/microgrid/dispatch/hazard.h"

#include <math.h>

#define HOUR_S 3600.0
/* Of the trust in announcements, after each that came due and was not kept. */
#define TRUST_KEPT 0.4

/* Nobody knows: the longer it has lasted, the longer it will. */
static double unknown(const struct hazard *hazard, double lead_s)
{
    double scale = fmax(hazard->elapsed_s, 0) + 2 * HOUR_S +
                   (hazard->has_announcement ? hazard->announced_span_s : 0);

    return scale / (scale + lead_s);
}

/* Unscaled: less than 1 at lead 0 when the announced end is due. */
static double announced(const struct hazard *hazard, double lead_s)
{
    double due = hazard->announced_in_s, span = fmax(hazard->announced_span_s, HOUR_S);
    double left = fmin(due / span, 1), s;
    double none = 0.01 + 0.19 * left, over = 0.06 + 0.24 * left, early = 0.2 * left;
    double width = fmax(0.03 * due, HOUR_S / 8);
    double trust = pow(TRUST_KEPT, hazard->n_broken);

    over *= trust;
    early *= trust;
    none = 1 - trust * (1 - none);
    s = none * unknown(hazard, lead_s);
    s += over * (lead_s < due ? 1 : exp(-(lead_s - due) / fmax(0.1 * span, HOUR_S)));
    s += early * exp(-lead_s / fmax(0.5 * due, HOUR_S / 2));
    return s + (1 - none - over - early) / (1 + exp((lead_s - due) / width));
}

/* Overdue: no better than an overrun of unknown length. */
static double overdue(const struct hazard *hazard, double lead_s)
{
    double mean = fmax(0.25 * hazard->announced_span_s, HOUR_S);
    double none = 0.3;

    mean = fmax(mean, -hazard->announced_in_s);
    return none * unknown(hazard, lead_s) + (1 - none) * exp(-lead_s / mean);
}

double hazard_survival(const struct hazard *hazard, double lead_s)
{
    if (lead_s <= 0)
        return 1;
    if (!hazard->has_announcement)
        return unknown(hazard, lead_s);
    if (hazard->announced_in_s < 0)
        return overdue(hazard, lead_s);
    return announced(hazard, lead_s) / announced(hazard, 0);
}
