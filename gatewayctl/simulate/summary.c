/* SPDX-License-Identifier: Apache-2.0 */
/* First the answer in a sentence, then a table by class, then the figures. */
#include "gatewayctl/simulate/summary.h"

#include <math.h>
#include <stdio.h>

#include "gatewayctl/table.h"

static double hours(const struct scenario *scenario, unsigned steps)
{
    return steps * (double)scenario->axis.step_s / 3600;
}

/* Outage hours until critical load is lost first. */
static double held_hours(const struct metrics *m, const struct scenario *s)
{
    unsigned n = 0;

    for (unsigned t = 0; t < s->axis.n_steps && (int)t != m->first_loss_step; t++)
        n += !s->is_grid_up[t];
    return hours(s, n);
}

static void print_answer(const struct metrics *m, const struct scenario *s)
{
    double outage_h = hours(s, m->n_outage_steps);

    if (m->first_loss_step < 0)
        printf("Critical loads of all %u homes were served for all %.1f h of outage.\n",
               m->community->n_homes, outage_h);
    else
        printf(
            "Critical loads were first lost after %.1f of %.1f h of outage; %.2f %% of "
            "their energy was served.\n",
            held_hours(m, s), outage_h, m->critical_percent);
    if (m->n_collapses)
        printf("The island collapsed %u time%s: dark for %.1f h.\n", m->n_collapses,
               m->n_collapses == 1 ? "" : "s", hours(s, m->n_dark_steps));
    if (m->n_let_down)
        printf("%u EV driver%s found less charge than was due.\n", m->n_let_down,
               m->n_let_down == 1 ? "" : "s");
    if (!m->is_rankable)
        printf("Not rankable: EVs below the driver's floor in %u steps, %.2f %% unserved "
               "with grid.\n",
               m->n_below_reserve, m->grid_unserved_percent);
}

static void print_classes(const struct metrics *m, bool has_colour)
{
    struct table *table =
        table_new("class|>wanted kWh|>served kWh|>served %|>best kWh", has_colour);

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        table_add(table, circuit_name((enum circuit)c), TINT_NONE);
        table_addf(table, TINT_NONE, "%.1f", m->demand_kwh[c]);
        table_addf(table, TINT_NONE, "%.1f", m->energy_kwh[c]);
        table_addf(table, TINT_NONE, "%.1f",
                   m->demand_kwh[c] > 0 ? 100 * m->energy_kwh[c] / m->demand_kwh[c]
                                        : 100);
        if (m->bound.is_known)
            table_addf(table, TINT_NONE, "%.1f", m->bound.energy_kwh[c]);
        else
            table_add(table, "-", TINT_NONE);
    }
    table_print(table);
    table_free(table);
}

void summary_print(const struct metrics *m, const struct scenario *s, bool has_colour)
{
    print_answer(m, s);
    putchar('\n');
    print_classes(m, has_colour);
    printf("\nweighted energy %.1f kWh", m->weighted_kwh);
    if (m->bound.is_known)
        printf(", %.4f of the optimum (%.4f without critical)\n", m->fraction,
               m->fraction_nc);
    else
        printf(", fraction of the optimum not known (no bounds.csv for this scenario)\n");
    printf("critical load: %.2f %% of energy, %.2f %% of time", m->critical_percent,
           m->critical_time_percent);
    if (isfinite(m->medical_percent))
        printf(", medical homes %.2f %%", m->medical_percent);
    printf("\ncollapses %u, home trips %u, fairness %.4f, worst home %u: %.1f %%\n",
           m->n_collapses, m->n_home_trips, m->fairness, m->worst_home,
           100 * m->worst_share);
    printf("switching %.2f per circuit and day, most %s: %.1f; early offs %u, lock-outs "
           "%u\n",
           m->switches_per_day, m->worst_circuit, m->worst_switches_per_day,
           m->n_early_offs, m->n_lock_outs);
    printf("EV departures %u, drivers let down %u; rankable: %s\n", m->n_departures,
           m->n_let_down, m->is_rankable ? "yes" : "no");
    if (m->n_bad_rows)
        printf("%u rows of the result could not be read and were ignored\n",
               m->n_bad_rows);
}
