/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up a run step by step; shares and percentages are finished with its last step. */
#include "gatewayctl/simulate/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/simulate/csv.h"

#define SERVED_EPSILON_W 1e-6
#define UNSERVED_MAX_PERCENT 1.0
#define CRITICAL_LEAST_PERCENT 99.5
#define BOUND_HEADER                                                                     \
    "scenario,variant,weighted_kwh,critical_kwh,essential_kwh,comfort_kwh,"              \
    "deferrable_kwh,heavy_kwh"

int metrics_init(struct metrics *metrics, const struct community *community)
{
    *metrics = (struct metrics){.community = community, .first_loss_step = -1};
    metrics->homes = calloc(community->n_homes, sizeof *metrics->homes);
    if (!metrics->homes)
        return -ENOMEM;
    for (unsigned h = 0; h < community->n_homes; h++)
        metrics->homes[h].first_loss_step = -1;
    return 0;
}

void metrics_done(struct metrics *metrics)
{
    free(metrics->homes);
    metrics->homes = NULL;
}

/* One line of bounds.csv into `bound` if it is the one looked for; false: unreadable. */
static bool take_bound(const char *line, const char *key, struct metrics_bound *bound)
{
    struct metrics_bound is = {.is_known = true};
    double *e = is.energy_kwh;
    size_t n = strlen(key);

    if (strncmp(line, key, n) != 0)
        return true;
    if (sscanf(line + n, "%lf,%lf,%lf,%lf,%lf,%lf", &is.weighted_kwh, &e[0], &e[1], &e[2],
               &e[3], &e[4]) != 6 ||
        is.weighted_kwh <= 0)
        return false;
    *bound = is;
    return true;
}

int metrics_read_bound(struct metrics *metrics, const char *path, const char *scenario,
                       struct gw_error *reterr)
{
    struct csv file = {.path = path, .line = 1};
    char key[COMMUNITY_NAME_MAX + 8], *line, *rest;
    int rc = csv_slurp(path, &file.text, &file.size, reterr);

    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    snprintf(key, sizeof key, "%s,%c,", scenario,
             metrics->community->is_central ? 'a' : 'b');
    line = strtok_r(file.text, "\n", &rest);
    if (!line || strncmp(line, BOUND_HEADER, strlen(BOUND_HEADER)) != 0)
        rc = csv_error(&file, reterr, "another header, expected '%s'", BOUND_HEADER);
    while (rc == 0 && (line = strtok_r(NULL, "\n", &rest))) {
        file.line++;
        if (!take_bound(line, key, &metrics->bound))
            rc = csv_error(&file, reterr, "a bound that cannot be read");
    }
    csv_close(&file);
    return rc;
}

/* ---- one step -------------------------------------------------------------------- */

static void add_outage_home(struct metrics *metrics, const struct plant *plant,
                            unsigned step, unsigned home)
{
    const double *served_w = &plant->served_w[home * N_CIRCUITS];
    const struct profile_cell *cell =
        scenario_cell(plant->scenario, plant->community, step, home);
    struct metrics_home *to = &metrics->homes[home];

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        to->served_wh[c] += served_w[c] * plant->dt_h;
        to->demand_wh[c] += cell->circuit_w[c] * plant->dt_h;
    }
    if (served_w[CIRCUIT_CRITICAL] >=
        cell->circuit_w[CIRCUIT_CRITICAL] - SERVED_EPSILON_W)
        to->n_critical_steps++;
    else if (to->first_loss_step < 0)
        to->first_loss_step = (int)step;
}

static void add_grid_home(struct metrics *metrics, const struct plant *plant,
                          unsigned step, unsigned home)
{
    const double *served_w = &plant->served_w[home * N_CIRCUITS];
    const struct profile_cell *cell =
        scenario_cell(plant->scenario, plant->community, step, home);

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        if (c == CIRCUIT_DEFERRABLE)
            continue;
        metrics->grid_demand_wh += cell->circuit_w[c] * plant->dt_h;
        metrics->grid_unserved_wh += (cell->circuit_w[c] - served_w[c]) * plant->dt_h;
    }
}

/* ---- sums ------------------------------------------------------------------------ */

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 100;
}

static void sum_energy(struct metrics *m)
{
    double medical_wh = 0, medical_demand_wh = 0;
    unsigned long n_steps = 0;
    bool has_medical = false;

    memset(m->energy_kwh, 0, sizeof m->energy_kwh);
    memset(m->demand_kwh, 0, sizeof m->demand_kwh);
    m->weighted_kwh = 0;
    for (unsigned h = 0; h < m->community->n_homes; h++) {
        const struct metrics_home *home = &m->homes[h];

        for (unsigned c = 0; c < N_CIRCUITS; c++) {
            double served_wh = home->served_wh[c];

            if (c == CIRCUIT_DEFERRABLE)
                served_wh = fmin(served_wh, home->demand_wh[c]);
            m->energy_kwh[c] += served_wh / 1000;
            m->demand_kwh[c] += home->demand_wh[c] / 1000;
        }
        n_steps += home->n_critical_steps;
        if (m->community->homes[h].is_medical) {
            has_medical = true;
            medical_wh += home->served_wh[CIRCUIT_CRITICAL];
            medical_demand_wh += home->demand_wh[CIRCUIT_CRITICAL];
        }
    }
    for (unsigned c = 0; c < N_CIRCUITS; c++)
        m->weighted_kwh += m->community->classes[c].weight * m->energy_kwh[c];
    m->critical_percent =
        percent(m->energy_kwh[CIRCUIT_CRITICAL], m->demand_kwh[CIRCUIT_CRITICAL]);
    m->critical_time_percent =
        percent((double)n_steps, (double)m->n_outage_steps * m->community->n_homes);
    m->medical_percent =
        has_medical ? percent(medical_wh, medical_demand_wh) : (double)NAN;
}

static double without_critical(const struct community *community, const double *kwh)
{
    double sum = 0;

    for (unsigned c = CIRCUIT_ESSENTIAL; c < N_CIRCUITS; c++)
        sum += community->classes[c].weight * kwh[c];
    return sum;
}

static void compare_with_bound(struct metrics *m)
{
    double best = without_critical(m->community, m->bound.energy_kwh);

    m->fraction =
        m->bound.is_known ? m->weighted_kwh / m->bound.weighted_kwh : (double)NAN;
    m->fraction_nc = m->bound.is_known && best > 0
                         ? without_critical(m->community, m->energy_kwh) / best
                         : (double)NAN;
}

/* Jain's index over the share of critical and essential energy each home got. */
static void sum_fairness(struct metrics *m)
{
    double sum = 0, squares = 0;
    unsigned n = 0;

    m->worst_share = 1;
    m->worst_home = 0;
    m->first_loss_step = -1;
    for (unsigned h = 0; h < m->community->n_homes; h++) {
        const struct metrics_home *home = &m->homes[h];
        double demand_wh =
            home->demand_wh[CIRCUIT_CRITICAL] + home->demand_wh[CIRCUIT_ESSENTIAL];
        double share = demand_wh > 0 ? (home->served_wh[CIRCUIT_CRITICAL] +
                                        home->served_wh[CIRCUIT_ESSENTIAL]) /
                                           demand_wh
                                     : 1;

        n++;
        sum += share;
        squares += share * share;
        if (!m->worst_home || share < m->worst_share) {
            m->worst_share = share;
            m->worst_home = m->community->homes[h].id;
        }
        if (home->first_loss_step >= 0 &&
            (m->first_loss_step < 0 || home->first_loss_step < m->first_loss_step))
            m->first_loss_step = home->first_loss_step;
    }
    m->fairness = squares > 0 ? sum * sum / (n * squares) : 0;
}

static void sum_switches(struct metrics *m, const struct plant *plant)
{
    unsigned n = m->community->n_homes * N_CIRCUITS, worst = 0;
    double days = m->n_steps * plant->dt_h / 24, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += plant->relays[i].n_changes;
        if (plant->relays[i].n_changes > plant->relays[worst].n_changes)
            worst = i;
    }
    m->switches_per_day = sum / n / days;
    m->worst_switches_per_day = plant->relays[worst].n_changes / days;
    snprintf(m->worst_circuit, sizeof m->worst_circuit, "%u.%s",
             m->community->homes[worst / N_CIRCUITS].id,
             circuit_name((enum sim_circuit)(worst % N_CIRCUITS)));
}

static void finish(struct metrics *m, const struct plant *plant)
{
    sum_energy(m);
    compare_with_bound(m);
    sum_fairness(m);
    sum_switches(m, plant);
    m->n_early_offs = plant->n_early_offs;
    m->n_lock_outs = plant->n_lock_outs;
    m->n_departures = plant->n_departures;
    m->n_let_down = plant->n_let_down;
    m->n_below_reserve = plant->n_below_reserve;
    m->grid_unserved_percent =
        m->grid_demand_wh > 0 ? 100 * m->grid_unserved_wh / m->grid_demand_wh : 0;
    m->is_rankable =
        m->n_below_reserve == 0 && m->grid_unserved_percent <= UNSERVED_MAX_PERCENT;
}

void metrics_step(void *ctx, const struct plant *plant, unsigned step,
                  const struct plant_commands *commands)
{
    struct metrics *m = ctx;
    bool is_outage = !plant->scenario->is_grid_up[step];

    (void)commands;
    m->n_steps++;
    m->n_outage_steps += is_outage;
    m->n_collapses += plant->has_collapsed;
    m->n_dark_steps += plant->is_dark;
    m->n_home_trips += plant->n_tripped;
    for (unsigned h = 0; h < m->community->n_homes; h++)
        if (is_outage)
            add_outage_home(m, plant, step, h);
        else
            add_grid_home(m, plant, step, h);
    if (step + 1 == plant->scenario->axis.n_steps)
        finish(m, plant);
}

/* ---- results --------------------------------------------------------------------- */

unsigned metrics_held_steps(const struct metrics *metrics,
                            const struct scenario *scenario)
{
    unsigned n = 0;

    for (unsigned t = 0; t < scenario->axis.n_steps && (int)t != metrics->first_loss_step;
         t++)
        n += !scenario->is_grid_up[t];
    return n;
}

unsigned metrics_lost_homes(const struct metrics *metrics, unsigned *ret_longest_steps)
{
    unsigned n = 0;

    *ret_longest_steps = 0;
    for (unsigned h = 0; h < metrics->community->n_homes; h++) {
        unsigned lost = metrics->n_outage_steps - metrics->homes[h].n_critical_steps;

        n += lost > 0;
        if (lost > *ret_longest_steps)
            *ret_longest_steps = lost;
    }
    return n;
}

bool metrics_is_bad_news(const struct metrics *m)
{
    return m->n_collapses || m->n_let_down || !m->is_rankable ||
           m->critical_percent < CRITICAL_LEAST_PERCENT;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *by_class(const double *kwh)
{
    json_t *object = json_object();

    for (unsigned c = 0; c < N_CIRCUITS; c++)
        json_object_set_new(object, circuit_name((enum sim_circuit)c), json_real(kwh[c]));
    return object;
}

json_t *metrics_to_json(const struct metrics *m)
{
    json_t *root = json_object();
    const struct {
        const char *key;
        json_t *value;
    } rows[] = {
        {"energy_kwh",                     by_class(m->energy_kwh)              },
        {"demand_kwh",                     by_class(m->demand_kwh)              },
        {"weighted_kwh",                   number(m->weighted_kwh)              },
        {"bound_weighted_kwh",
         number(m->bound.is_known ? m->bound.weighted_kwh : (double)NAN)        },
        {"fraction",                       number(m->fraction)                  },
        {"fraction_nc",                    number(m->fraction_nc)               },
        {"critical_percent",               number(m->critical_percent)          },
        {"critical_time_percent",          number(m->critical_time_percent)     },
        {"medical_percent",                number(m->medical_percent)           },
        {"first_critical_loss_step",
         m->first_loss_step < 0 ? json_null() : json_integer(m->first_loss_step)},
        {"collapses",                      json_integer(m->n_collapses)         },
        {"dark_steps",                     json_integer(m->n_dark_steps)        },
        {"home_trips",                     json_integer(m->n_home_trips)        },
        {"fairness",                       number(m->fairness)                  },
        {"worst_home",                     json_integer(m->worst_home)          },
        {"worst_home_share",               number(m->worst_share)               },
        {"switches_per_circuit_day",       number(m->switches_per_day)          },
        {"worst_circuit",                  json_string(m->worst_circuit)        },
        {"worst_circuit_switches_per_day", number(m->worst_switches_per_day)    },
        {"early_offs",                     json_integer(m->n_early_offs)        },
        {"lock_outs",                      json_integer(m->n_lock_outs)         },
        {"ev_departures",                  json_integer(m->n_departures)        },
        {"ev_let_down",                    json_integer(m->n_let_down)          },
        {"ev_below_reserve_steps",         json_integer(m->n_below_reserve)     },
        {"grid_unserved_percent",          number(m->grid_unserved_percent)     },
        {"rankable",                       json_boolean(m->is_rankable)         },
        {"bad_rows",                       json_integer(m->n_bad_rows)          },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_object_set_new(root, rows[i].key, rows[i].value);
    return root;
}
