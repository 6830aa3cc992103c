/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts one outage out of a scenario: everything moves so that it begins at step 0. */
#include "gatewayctl/simulate/promise_slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_STEPS 6

static unsigned back(unsigned step, unsigned start)
{
    return step > start ? step - start : 0;
}

static void cut_bookings(const struct scenario *from, unsigned start, struct scenario *to)
{
    for (unsigned i = 0; i < from->n_bookings; i++) {
        struct sim_booking b = from->bookings[i];

        if (b.return_step <= start)
            continue;
        b.depart_step = back(b.depart_step, start);
        b.return_step -= start;
        to->bookings[to->n_bookings++] = b;
    }
    for (unsigned i = 0; i < from->n_events; i++) {
        struct scenario_event e = from->events[i];

        if (e.end_step <= start)
            continue;
        e.start_step = back(e.start_step, start);
        e.end_step -= start;
        to->events[to->n_events++] = e;
    }
}

/* The newest forecast at the start counts as issued there; older ones are forgotten. */
static void cut_forecasts(const struct scenario *from, unsigned start,
                          struct scenario *to)
{
    unsigned newest = 0;

    for (unsigned i = 0; i < from->n_forecasts; i++)
        if (from->forecasts[i].issue_step <= start)
            newest = from->forecasts[i].issue_step;
    for (unsigned i = 0; i < from->n_forecasts; i++) {
        struct sim_forecast f = from->forecasts[i];

        if (f.issue_step < newest || f.target_step < start)
            continue;
        f.issue_step = back(f.issue_step, start);
        f.target_step -= start;
        to->forecasts[to->n_forecasts++] = f;
    }
}

/* One half hour before the start: from the profiles, or from the history before them. */
static struct sim_history past(const struct promise *promise, unsigned start,
                               unsigned home, unsigned row)
{
    const struct scenario *from = promise->scenario;
    long first = (long)start + HISTORY_STEPS * ((long)row - SCENARIO_HISTORY_ROWS);
    struct sim_history mean = {0};

    if (first < 0) {
        long at = SCENARIO_HISTORY_ROWS + (first - HISTORY_STEPS + 1) / HISTORY_STEPS;

        mean = from->history[(size_t)home * SCENARIO_HISTORY_ROWS +
                             (size_t)(at > 0 ? at : 0)];
    }
    for (long t = first; first >= 0 && t < first + HISTORY_STEPS; t++) {
        const struct profile_cell *cell =
            scenario_cell(from, promise->community, (unsigned)t, home);

        for (unsigned c = 0; c < N_CIRCUITS; c++)
            mean.circuit_w[c] += cell->circuit_w[c] / HISTORY_STEPS;
        mean.pv_w += cell->pv_w / HISTORY_STEPS;
    }
    mean.step = HISTORY_STEPS * ((int)row - (int)SCENARIO_HISTORY_ROWS);
    return mean;
}

static int allocate(const struct promise *promise, struct scenario *to)
{
    const struct scenario *from = promise->scenario;

    to->outages = calloc(1, sizeof *to->outages);
    to->estimates = calloc(1, sizeof *to->estimates);
    to->bookings = calloc(from->n_bookings + 1u, sizeof *to->bookings);
    to->events = calloc(from->n_events + 1u, sizeof *to->events);
    to->forecasts = calloc(from->n_forecasts + 1u, sizeof *to->forecasts);
    to->initial_soc =
        calloc(promise->community->n_storages + 1u, sizeof *to->initial_soc);
    to->is_grid_up = calloc(promise->n_steps, sizeof *to->is_grid_up);
    to->history = calloc((size_t)promise->community->n_homes * SCENARIO_HISTORY_ROWS,
                         sizeof *to->history);
    return to->outages && to->estimates && to->bookings && to->events && to->forecasts &&
                   to->initial_soc && to->is_grid_up && to->history
               ? 0
               : -ENOMEM;
}

int promise_slice(const struct promise *promise, unsigned start_step,
                  struct scenario *ret_slice)
{
    const struct scenario *from = promise->scenario;
    const struct community *c = promise->community;

    *ret_slice = (struct scenario){.axis = from->axis};
    memcpy(ret_slice->name, from->name, sizeof ret_slice->name);
    if (allocate(promise, ret_slice) < 0)
        return -ENOMEM;
    ret_slice->axis.start_utc_s += (int64_t)start_step * from->axis.step_s;
    ret_slice->axis.n_steps = promise->n_steps;
    ret_slice->n_outages = 1;
    ret_slice->outages[0].end_step = promise->n_steps;
    ret_slice->profiles = from->profiles + (size_t)start_step * c->n_homes;
    for (unsigned i = 0; i < c->n_storages; i++) {
        const struct community_storage *is = &c->storages[i];

        ret_slice->initial_soc[i] =
            is->is_ev ? from->initial_soc[i]
                      : is->soc_min + promise->reserve * (is->soc_max - is->soc_min);
    }
    cut_bookings(from, start_step, ret_slice);
    cut_forecasts(from, start_step, ret_slice);
    for (unsigned h = 0; h < c->n_homes; h++)
        for (unsigned i = 0; i < SCENARIO_HISTORY_ROWS; i++)
            ret_slice->history[(size_t)h * SCENARIO_HISTORY_ROWS + i] =
                past(promise, start_step, h, i);
    return 0;
}

void promise_slice_done(struct scenario *slice)
{
    slice->profiles = NULL; /* the scenario's */
    scenario_done(slice);
}
