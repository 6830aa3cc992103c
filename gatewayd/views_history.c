/* SPDX-License-Identifier: Apache-2.0 */
/* From questions of the API to questions of the history, and back; see
 * views_history.h. */
#include "gatewayd/views_history.h"

#include <errno.h>
#include <stdio.h>

#include "gatewayd/gateway.h"
#include "gatewayd/history/query.h"
#include "lib/energy/meter.h"
#include "lib/model/catalog.h"

_Static_assert(API_HISTORY_POINTS_MAX <= HISTORY_POINTS_MAX, "points of a question");
_Static_assert(API_HISTORY_CELLS_MAX <= HISTORY_CELLS_MAX, "cells of an answer");
_Static_assert(API_HISTORY_ROWS_MAX <= HISTORY_STEPS_MAX, "rows of an answer");

struct history_visit {
    api_history_fn visit;
    void *ctx;
    uint32_t n_points;
};

static void visit_row(void *ctx, const struct history_row *row)
{
    const struct history_visit *to = ctx;
    struct api_history_cell cells[API_HISTORY_POINTS_MAX];

    for (uint32_t i = 0; i < to->n_points; i++) {
        const struct history_cell *cell = &row->cells[i];

        cells[i] = (struct api_history_cell){cell->n,       cell->value,   cell->min,
                                             cell->max,     cell->quality, cell->clock};
    }
    to->visit(to->ctx, row->t_ms, cells);
}

static void tell(const struct history_answer *answer, struct api_history_answer *ret)
{
    *ret = (struct api_history_answer){.n_rows = answer->n_rows,
                                       .is_truncated = answer->is_truncated,
                                       .next_ms = answer->next_ms,
                                       .raw_from_ms = answer->raw_from_ms,
                                       .minutes_from_ms = answer->minutes_from_ms,
                                       .newest_ms = answer->newest_ms};
}

static int view_history(void *ctx, const struct api_history_query *query,
                        api_history_fn visit, void *visit_ctx,
                        struct api_history_answer *ret_answer)
{
    struct gateway *gateway = ctx;
    struct history_visit to = {visit, visit_ctx, query->n_points};
    const struct history_query ask = {.points = query->points,
                                      .n_points = query->n_points,
                                      .from_ms = query->from_ms,
                                      .to_ms = query->to_ms,
                                      .step_ms = query->step_ms,
                                      .max_rows = query->max_rows,
                                      .ctx = &to,
                                      .row = visit_row};
    struct history_answer answer = {0};
    struct history *history;
    int rc = history_open(gateway->store, &history);

    if (rc < 0)
        return rc;
    rc = history_query(history, &ask, &answer);
    history_close(history);
    tell(&answer, ret_answer);
    return rc;
}

struct energy_visit {
    api_energy_fn visit;
    void *ctx;
};

static void visit_energy(void *ctx, const struct energy_row *row)
{
    const struct energy_visit *to = ctx;
    const struct api_energy_row out = {.device = row->device,
                                       .role = role_name(row->role),
                                       .flow = energy_flow_name(row->flow),
                                       .start_ms = row->start_ms,
                                       .end_ms = row->end_ms,
                                       .wh = row->wh,
                                       .known_s = row->known_s,
                                       .off_grid_s = row->off_grid_s,
                                       .is_open = row->is_open,
                                       .is_measured = row->flags & METER_MEASURED,
                                       .is_integrated = row->flags & METER_INTEGRATED,
                                       .is_recovered = row->flags & METER_RECOVERED,
                                       .is_missing = row->flags & METER_MISSING};

    to->visit(to->ctx, &out);
}

static int view_energy(void *ctx, const struct api_energy_query *query,
                       api_energy_fn visit, void *visit_ctx,
                       struct api_history_answer *ret_answer)
{
    static const enum energy_slot slots[] = {[API_ENERGY_15_MIN] = ENERGY_15_MIN,
                                             [API_ENERGY_30_MIN] = ENERGY_30_MIN,
                                             [API_ENERGY_DAY] = ENERGY_DAY};
    struct gateway *gateway = ctx;
    struct energy_visit to = {visit, visit_ctx};
    char zone[100];
    const struct energy_query ask = {.from_ms = query->from_ms,
                                     .to_ms = query->to_ms,
                                     .slot = slots[query->slot],
                                     .timezone = zone,
                                     .device = query->device,
                                     .max_rows = query->max_rows,
                                     .ctx = &to,
                                     .row = visit_energy};
    struct history_answer answer = {0};
    struct history *history;
    int rc = history_open(gateway->store, &history);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&gateway->view_lock); /* a reload exchanges the configuration */
    snprintf(zone, sizeof zone, "%s", gateway->config->timezone);
    pthread_mutex_unlock(&gateway->view_lock);
    rc = energy_query(history, &ask, &answer);
    history_close(history);
    tell(&answer, ret_answer);
    return rc;
}

void views_history_fill_ports(struct api_ports *ports)
{
    ports->history = view_history;
    ports->energy = view_energy;
}
