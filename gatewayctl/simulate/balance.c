/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balance of a step. With the grid: set-points hold, no export, the import limit.
 * As an island: the grid-forming storages take the mismatch in proportion to their
 * headroom; what they cannot give collapses the island. One thread.
 */
#include "gatewayctl/simulate/balance.h"

#include <math.h>
#include <string.h>

#define POWER_EPSILON_W 1e-6
#define TRIP_STEPS 4 /* the step of a trip and three more */

static double clip(const struct plant_storage *storage, double power_w)
{
    return fmin(fmax(power_w, -storage->charge_limit_w), storage->discharge_limit_w);
}

static double pv_ceiling_w(const struct plant *plant,
                           const struct plant_commands *commands)
{
    double pv_w = fmin(plant->pv_available_w, plant->community->pv_limit_w);

    return commands->pv_limit_w >= 0 ? fmin(pv_w, commands->pv_limit_w) : pv_w;
}

/* Takes `less_w` from all that discharge (sign 1) or charge (-1), each by its share. */
static void reduce(struct plant *plant, int sign, double less_w)
{
    double sum_w = 0, keep;

    for (unsigned i = 0; i < plant->community->n_storages; i++)
        sum_w += fmax(0, sign * plant->storages[i].power_w);
    if (sum_w <= 0)
        return;
    keep = fmax(0, 1 - less_w / sum_w);
    for (unsigned i = 0; i < plant->community->n_storages; i++)
        if (sign * plant->storages[i].power_w > 0)
            plant->storages[i].power_w *= keep;
}

static double storage_sum_w(const struct plant *plant)
{
    double sum_w = 0;

    for (unsigned i = 0; i < plant->community->n_storages; i++)
        sum_w += plant->storages[i].power_w;
    return sum_w;
}

static void serve_home(struct plant *plant, unsigned home)
{
    size_t at = (size_t)home * N_CIRCUITS;

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        plant->served_w[at + c] = plant->demand_w[at + c];
        plant->load_w += plant->demand_w[at + c];
    }
}

void balance_with_grid(struct plant *plant, const struct plant_commands *commands)
{
    const struct community *c = plant->community;
    double pv_w = pv_ceiling_w(plant, commands), over_w;

    plant->dark_until = 0;
    for (unsigned h = 0; h < c->n_homes; h++)
        serve_home(plant, h);
    for (unsigned i = 0; i < c->n_storages; i++)
        plant->storages[i].power_w = clip(&plant->storages[i], commands->storage_w[i]);
    over_w = pv_w + storage_sum_w(plant) - plant->load_w - c->grid_export_limit_w;
    if (over_w > 0) {
        double curtailed_w = fmin(pv_w, over_w);

        pv_w -= curtailed_w;
        if (over_w > curtailed_w)
            reduce(plant, 1, over_w - curtailed_w);
    }
    over_w = plant->load_w - pv_w - storage_sum_w(plant) - c->grid_import_limit_w;
    if (over_w > 0)
        reduce(plant, -1, over_w);
    plant->pv_used_w = pv_w;
    plant->grid_w = plant->load_w - pv_w - storage_sum_w(plant);
}

/* Main breakers: a home over its service limit is dark for four steps, the island is
 * not. */
static void serve_island(struct plant *plant, unsigned step)
{
    for (unsigned h = 0; h < plant->community->n_homes; h++) {
        const double *demand_w = &plant->demand_w[(size_t)h * N_CIRCUITS];
        double sum_w = 0;

        if (step < plant->tripped_until[h])
            continue;
        for (unsigned c = 0; c < N_CIRCUITS; c++)
            sum_w += demand_w[c];
        if (sum_w > plant->community->homes[h].service_limit_w + POWER_EPSILON_W) {
            plant->tripped_until[h] = step + TRIP_STEPS;
            plant->n_tripped++;
            continue;
        }
        serve_home(plant, h);
    }
}

/* Shares `need_w` (+: the island lacks it) among the grid-forming storages by headroom;
 * returns what they could not take. */
static double share(struct plant *plant, double need_w)
{
    double headroom_w = 0, part;

    for (unsigned i = 0; i < plant->community->n_storages; i++) {
        const struct plant_storage *s = &plant->storages[i];

        if (plant->community->storages[i].is_grid_forming)
            headroom_w += need_w > 0 ? s->discharge_limit_w - s->power_w
                                     : s->charge_limit_w + s->power_w;
    }
    if (headroom_w <= 0)
        return need_w;
    part = fmin(1, fabs(need_w) / headroom_w);
    for (unsigned i = 0; i < plant->community->n_storages; i++) {
        struct plant_storage *s = &plant->storages[i];

        if (plant->community->storages[i].is_grid_forming)
            s->power_w += need_w > 0 ? part * (s->discharge_limit_w - s->power_w)
                                     : -part * (s->charge_limit_w + s->power_w);
    }
    return need_w > 0 ? fmax(0, need_w - headroom_w) : fmin(0, need_w + headroom_w);
}

static void collapse(struct plant *plant, unsigned step)
{
    const struct community *c = plant->community;
    double penalty = ceil(c->restart_penalty_s / plant->scenario->axis.step_s - 1e-9);

    plant->has_collapsed = plant->is_dark = true;
    plant->dark_until = step + 1 + (unsigned)penalty;
    plant->load_w = plant->pv_used_w = 0;
    memset(plant->served_w, 0, (size_t)c->n_homes * N_CIRCUITS * sizeof *plant->served_w);
    for (unsigned i = 0; i < c->n_storages; i++)
        plant->storages[i].power_w = 0;
}

/* In variant A the grid-forming battery's own set-point is ignored. */
static void start_storages(struct plant *plant, const struct plant_commands *commands)
{
    const struct community *c = plant->community;

    for (unsigned i = 0; i < c->n_storages; i++)
        if (!c->storages[i].is_grid_forming || !c->is_central)
            plant->storages[i].power_w =
                clip(&plant->storages[i], commands->storage_w[i]);
}

void balance_island(struct plant *plant, unsigned step,
                    const struct plant_commands *commands)
{
    double pv_w = pv_ceiling_w(plant, commands), left_w, curtailed_w;

    if (step < plant->dark_until) {
        plant->is_dark = true;
        return;
    }
    serve_island(plant, step);
    if (plant->load_w > plant->community->max_island_load_w + POWER_EPSILON_W) {
        collapse(plant, step);
        return;
    }
    start_storages(plant, commands);
    left_w = share(plant, plant->load_w - pv_w - storage_sum_w(plant));
    if (left_w > POWER_EPSILON_W) {
        collapse(plant, step);
        return;
    }
    curtailed_w = fmin(pv_w, fmax(0, -left_w));
    plant->pv_used_w = pv_w - curtailed_w;
    left_w += curtailed_w;
    if (left_w < 0)
        reduce(plant, 1, -left_w);
}
