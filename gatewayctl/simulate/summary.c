/* SPDX-License-Identifier: Apache-2.0 */
/* First the answer in a sentence, then a table by class, then the figures. */
#include "gatewayctl/simulate/summary.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "gatewayctl/table.h"

static double hours(const struct scenario *scenario, unsigned steps)
{
    return steps * (double)scenario->axis.step_s / 3600;
}

static void print_answer(const struct metrics *m, const struct scenario *s)
{
    double outage_h = hours(s, m->n_outage_steps);
    unsigned longest, n_lost = metrics_lost_homes(m, &longest);

    if (m->first_loss_step < 0)
        printf("Critical loads of all %u homes were served for all %.1f h of outage.\n",
               m->community->n_homes, outage_h);
    else if (!m->n_collapses)
        printf("Critical loads were served to %.2f %% through %.1f h of outage: %u "
               "home%s lacked them, for %.1f h at most, first after %.1f h.\n",
               m->critical_percent, outage_h, n_lost, n_lost == 1 ? "" : "s",
               hours(s, longest), hours(s, metrics_held_steps(m, s)));
    else
        printf(
            "Critical loads were first lost after %.1f of %.1f h of outage; %.2f %% of "
            "their energy was served.\n",
            hours(s, metrics_held_steps(m, s)), outage_h, m->critical_percent);
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
        table_add(table, circuit_name((enum sim_circuit)c), TINT_NONE);
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

/* ---- promises -------------------------------------------------------------------- */

/* Local time of a step: "Sun 18:00". */
static const char *local_time(const struct sim_axis *axis, unsigned step, char ret[32])
{
    time_t at = (time_t)(axis->start_utc_s + (int64_t)step * axis->step_s +
                         llrint(axis->timezone_offset_h * 3600));
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(ret, 32, "%a %Y-%m-%d %H:%M", &tm);
    return ret;
}

static void print_homes(const struct promise *promise, const struct metrics *worst,
                        bool has_colour)
{
    struct table *table = table_new(">home|>held h|>critical %|", has_colour);
    double full_h = promise->n_steps * (double)promise->scenario->axis.step_s / 3600;

    for (unsigned h = 0; h < promise->community->n_homes; h++) {
        struct promise_home home =
            promise_home_of(worst, h, promise->scenario->axis.step_s);
        bool is_full = home.held_h >= full_h - 1e-6;

        table_addf(table, TINT_NONE, "%u", promise->community->homes[h].id);
        table_addf(table, is_full ? TINT_NONE : TINT_BAD, "%.1f", home.held_h);
        table_addf(table, is_full ? TINT_NONE : TINT_BAD, "%.2f", home.critical_percent);
        table_add(table, promise->community->homes[h].is_medical ? "medical" : "",
                  TINT_NONE);
    }
    table_print(table);
    table_free(table);
}

void summary_print_promise(const struct promise *promise, const struct metrics *worst,
                           bool has_colour)
{
    const struct promise_start *start = &promise->starts[promise->worst];
    double full_h = promise->n_steps * (double)promise->scenario->axis.step_s / 3600;
    struct promise_count count = promise_count(promise);
    char when[32];

    printf("%.1f h without the grid, batteries at %.0f %% of usable, EVs as they are: ",
           full_h, 100 * promise->reserve);
    if (promise_is_held(promise))
        printf("held in every home at all %u starts.\n", promise->n_starts);
    else
        printf("NOT held; %u of %u starts were.\n", count.n_held, promise->n_starts);
    printf("The energy alone would permit %u of %u", count.n_permitted,
           promise->n_starts);
    if (count.n_tripped)
        printf("; in %u of them only a home's main breaker tripped", count.n_tripped);
    printf(".\n");
    printf("Worst start: %s (step %u): held %.1f h, critical load %.2f %%, worst home "
           "%.2f %%, %u collapse%s.\nThe energy permits there: %.1f h, critical load "
           "%.2f %%.\n\n",
           local_time(&promise->scenario->axis, start->step, when), start->step,
           start->held_h, start->critical_percent, start->least_percent,
           start->n_collapses, start->n_collapses == 1 ? "" : "s", start->bound.held_h,
           start->bound.critical_percent);
    print_homes(promise, worst, has_colour);
}

json_t *summary_promise_json(const struct promise *promise, const struct metrics *worst)
{
    json_t *root = json_object(), *starts = json_array(), *homes = json_array();
    unsigned step_s = promise->scenario->axis.step_s;

    for (unsigned i = 0; i < promise->n_starts; i++) {
        const struct promise_start *s = &promise->starts[i];

        json_array_append_new(
            starts, json_pack("{s:i,s:f,s:f,s:f,s:i,s:i,s:f,s:f}", "step", (int)s->step,
                              "held_h", s->held_h, "critical_percent",
                              s->critical_percent, "worst_home_percent", s->least_percent,
                              "collapses", (int)s->n_collapses, "home_trips",
                              (int)s->n_home_trips, "bound_held_h", s->bound.held_h,
                              "bound_critical_percent", s->bound.critical_percent));
    }
    for (unsigned h = 0; h < promise->community->n_homes; h++) {
        struct promise_home home = promise_home_of(worst, h, step_s);

        json_array_append_new(homes, json_pack("{s:i,s:f,s:f}", "home",
                                               (int)promise->community->homes[h].id,
                                               "held_h", home.held_h, "critical_percent",
                                               home.critical_percent));
    }
    json_object_set_new(root, "hours", json_real(promise->n_steps * step_s / 3600.0));
    json_object_set_new(root, "reserve", json_real(promise->reserve));
    json_object_set_new(root, "held", json_boolean(promise_is_held(promise)));
    json_object_set_new(root, "worst_start",
                        json_integer(promise->starts[promise->worst].step));
    json_object_set_new(root, "starts", starts);
    json_object_set_new(root, "homes", homes);
    return root;
}
