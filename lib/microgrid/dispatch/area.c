/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The charge area's set-points; see the header. Uses split for the arithmetic.
 */
#include "lib/microgrid/dispatch/area.h"

#include "lib/microgrid/dispatch/split.h"

#include <math.h>
#include <string.h>

/* Of the receiving point's limit; homes' loads move within a step. */
#define IMPORT_SHARE 0.8
/* By this time of day there is sun to charge from. */
#define SUN_BACK_S (9 * 3600)

void area_init(struct area *area, const struct dispatch_setup *setup)
{
    *area = (struct area){.setup = setup, .last_soc = -1};
    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].home < 0 && area->n_storages < AREA_STORAGES_MAX)
            area->storages[area->n_storages++] = i;
}

void area_book(struct area *area, unsigned storage, double depart_s)
{
    if (area->n_trips < AREA_TRIPS_MAX)
        area->trips[area->n_trips++] =
            (struct area_trip){.storage = storage, .depart_s = depart_s};
}

/* What P0 draws until the sun is back, by the homes' planning figures. */
static double keep_wh(const struct dispatch_setup *setup, unsigned local_s)
{
    double left_s = SUN_BACK_S - (double)local_s, p0_w = 0;

    for (unsigned h = 0; h < setup->n_homes; h++)
        p0_w += setup->homes[h].mean_w[DISPATCH_P0];
    return p0_w * (left_s < 0 ? left_s + DISPATCH_DAY_S : left_s) / 3600;
}

/* Grid-forming storages as a whole: full to empty by their own gauge, or by frequency. */
static void see_island(struct area *area, const struct area_in *in,
                       struct split_island *island)
{
    const struct dispatch_setup *setup = area->setup;
    double capacity = 0, stored = 0, floor = 0, top = 0, own = 0, forming_w = 0, soc;

    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].is_grid_forming) {
            capacity += setup->storages[i].capacity_wh;
            floor += setup->storages[i].soc_min * setup->storages[i].capacity_wh;
            top += setup->storages[i].soc_max * setup->storages[i].capacity_wh;
        }
    for (unsigned k = 0; k < area->n_storages; k++) {
        const struct dispatch_storage *storage = &setup->storages[area->storages[k]];

        island->net_w += in->storages[k].is_connected ? in->storages[k].power_w : 0;
        if (storage->is_grid_forming) {
            own += storage->capacity_wh;
            stored += in->storages[k].soc * storage->capacity_wh;
        }
    }
    island->keep_wh = keep_wh(setup, in->time.local_s);
    /* the first step after the grid: what it carried is what the island must carry */
    island->net_w += in->grid_w;
    if (capacity <= 0)
        return;
    soc = 0.5 + (in->frequency_hz - setup->frequency_hz) / setup->frequency_slope_hz;
    if (own >= capacity)
        soc = stored / capacity;
    else if (area->last_soc >= 0 && in->frequency_hz > 0)
        forming_w = (area->last_soc - soc) * capacity * 3600 / in->step_s;
    area->last_soc = in->is_grid_up || in->was_dark ? -1 : soc;
    island->net_w += forming_w;
    island->forming_wh = fmax(soc * capacity - floor, 0);
    island->forming_charge_wh = fmax(top - soc * capacity, 0);
    island->forming_part = top > floor ? (soc * capacity - floor) / (top - floor) : 0;
    island->spare_pv_w = fmax(in->pv_available_w - in->pv_used_w, 0);
}

static unsigned collect(const struct area *area, const struct area_in *in,
                        struct split_ev *ret, unsigned *ret_at)
{
    unsigned n = 0;

    for (unsigned k = 0; k < area->n_storages; k++) {
        const struct dispatch_storage *storage =
            &area->setup->storages[area->storages[k]];
        double depart_in_s = -1;

        if (storage->is_grid_forming && !in->is_grid_up)
            continue;
        for (unsigned i = 0; i < area->n_trips; i++) {
            double left = area->trips[i].depart_s - in->time.now_s;

            if (area->trips[i].storage == area->storages[k] && left >= 0 &&
                (depart_in_s < 0 || left < depart_in_s))
                depart_in_s = left;
        }
        ret_at[n] = k;
        ret[n++] = (struct split_ev){.storage = storage,
                                     .soc = in->storages[k].soc,
                                     .is_connected = in->storages[k].is_connected,
                                     .depart_in_s = depart_in_s};
    }
    return n;
}

void area_step(struct area *area, const struct area_in *in, double *ret_w)
{
    struct split_island island = {.step_s = in->step_s};
    struct split_ev evs[AREA_STORAGES_MAX];
    unsigned at[AREA_STORAGES_MAX], n = collect(area, in, evs, at);
    double w[AREA_STORAGES_MAX] = {0};

    see_island(area, in, &island);
    if (in->is_grid_up) {
        double charging = 0;

        for (unsigned k = 0; k < area->n_storages; k++)
            charging += fmax(-in->storages[k].power_w, 0);
        split_refill(evs, n,
                     area->setup->import_limit_w * IMPORT_SHARE - in->grid_w + charging,
                     w);
    } else {
        split_evs(evs, n, &island, w);
    }
    memset(ret_w, 0, area->n_storages * sizeof(*ret_w));
    for (unsigned i = 0; i < n; i++)
        ret_w[at[i]] = w[i];
}

void area_report(const struct area *area, const struct area_in *in,
                 struct dispatch_area_report *ret)
{
    *ret = (struct dispatch_area_report){.pv_w = in->pv_available_w,
                                         .n_storages = area->n_storages,
                                         .forming_soc = -1,
                                         .is_grid_up = in->is_grid_up};
    if (!in->is_grid_up && in->frequency_hz > 0 && area->setup->frequency_slope_hz > 0)
        ret->forming_soc = 0.5 + (in->frequency_hz - area->setup->frequency_hz) /
                                     area->setup->frequency_slope_hz;
    for (unsigned k = 0; k < area->n_storages; k++) {
        ret->soc[k] = in->storages[k].soc;
        ret->power_w[k] = in->storages[k].power_w;
        ret->is_connected[k] = in->storages[k].is_connected;
    }
}
