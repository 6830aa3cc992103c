/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what every step did, for the report that is written at the end. */
#include "gatewayctl/simulate/report_data.h"

#include <errno.h>
#include <stdlib.h>

int report_data_init(struct report_data *data, const struct community *community,
                     const struct scenario *scenario)
{
    size_t n_steps = scenario->axis.n_steps;
    size_t n_relays = (size_t)community->n_homes * N_CIRCUITS;

    *data = (struct report_data){.community = community, .scenario = scenario};
    data->steps = calloc(n_steps, sizeof *data->steps);
    data->soc = calloc(n_steps * community->n_storages + 1, sizeof *data->soc);
    data->state = calloc(n_steps, n_relays);
    data->n_changes = calloc(n_relays, sizeof *data->n_changes);
    return data->steps && data->soc && data->state && data->n_changes ? 0 : -ENOMEM;
}

void report_data_done(struct report_data *data)
{
    free(data->steps);
    free(data->soc);
    free(data->state);
    free(data->n_changes);
    *data = (struct report_data){0};
}

static enum report_state state_of(const struct plant *plant, unsigned step, unsigned home,
                                  size_t relay)
{
    if (!plant->relays[relay].is_on)
        return REPORT_OFF;
    if (plant->is_dark ||
        (!plant->scenario->is_grid_up[step] && step < plant->tripped_until[home]))
        return REPORT_LOST;
    return REPORT_SERVED;
}

static void keep_home(struct report_data *data, const struct plant *plant, unsigned step,
                      unsigned home)
{
    const struct profile_cell *cell =
        scenario_cell(plant->scenario, plant->community, step, home);
    struct report_step *to = &data->steps[step];

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        size_t relay = (size_t)home * N_CIRCUITS + c;

        to->served_w[c] += plant->served_w[relay];
        to->wanted_w += cell->circuit_w[c];
        data->state[relay * data->scenario->axis.n_steps + step] =
            (unsigned char)state_of(plant, step, home, relay);
        data->n_changes[relay] = plant->relays[relay].n_changes;
    }
}

void report_data_step(void *ctx, const struct plant *plant, unsigned step,
                      const struct plant_commands *commands)
{
    struct report_data *data = ctx;
    struct report_step *to = &data->steps[step];
    unsigned n_storages = plant->community->n_storages;

    (void)commands;
    for (unsigned h = 0; h < plant->community->n_homes; h++)
        keep_home(data, plant, step, h);
    to->source_w[REPORT_PV] = plant->pv_used_w;
    to->source_w[REPORT_GRID] = plant->grid_w;
    to->pv_available_w = plant->pv_available_w;
    to->is_dark = plant->is_dark;
    for (unsigned i = 0; i < n_storages; i++) {
        const struct plant_storage *s = &plant->storages[i];
        const struct community_storage *is = &plant->community->storages[i];

        to->source_w[is->is_ev ? REPORT_EV : REPORT_BATTERY] += s->power_w;
        data->soc[(size_t)step * n_storages + i] =
            s->is_connected ? s->energy_wh / is->capacity_wh : -1;
    }
}
