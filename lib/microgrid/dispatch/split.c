/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-points of storages in an island and after it; called by area and site.
 */
#include "lib/microgrid/dispatch/split.h"

#include "lib/microgrid/dispatch/solo.h"

#include <math.h>

/* Held above what is due: a gauge is not exact. */
#define DUE_MARGIN 0.01
#define RESERVE_MARGIN 0.004
/* Part of the measured balance that EVs may carry; the rest shows its direction. */
#define BALANCE_SHARE 0.85
#define CORRECT_S 3600.0
/* Of what the grid-forming storages hold, a car may draw so much in a step. */
#define DUE_POWER_SHARE 0.4
#define TOP_UP_PART 0.12
#define TOP_UP_S 1200.0

double split_floor_soc(const struct dispatch_storage *storage, double depart_in_s)
{
    double floor = storage->soc_reserve + RESERVE_MARGIN;

    if (depart_in_s >= 0 && depart_in_s < SPLIT_BOOKED_S)
        floor = fmax(floor, storage->soc_depart + DUE_MARGIN);
    return floor;
}

/* It must charge now, whatever the balance, to leave as promised. */
static bool is_due(const struct split_ev *ev)
{
    double lack_wh =
        (ev->storage->soc_depart + DUE_MARGIN - ev->soc) * ev->storage->capacity_wh;
    double charge_w = 0.7 * ev->storage->max_charge_w * ev->storage->eta_charge;

    return ev->depart_in_s >= 0 && lack_wh > 0 &&
           ev->depart_in_s <= lack_wh / charge_w * 3600 + 1800;
}

/* A grid-forming storage near its floor is filled from the cars, at the price of a round
 * trip: it alone absorbs what no forecast foresees. */
static double top_up_w(const struct split_island *island)
{
    double room_wh = island->forming_wh + island->forming_charge_wh;
    double lack_wh = (TOP_UP_PART - island->forming_part) * room_wh;

    return fmax(lack_wh, 0) * 3600 / TOP_UP_S;
}

static double want_w(const struct split_ev *ev, const struct split_island *island)
{
    const struct dispatch_storage *storage = ev->storage;
    double floor = split_floor_soc(storage, ev->depart_in_s),
           room = storage->soc_max - storage->soc_reserve;
    double target = storage->soc_reserve + room * solo_ev_part(island->forming_part);
    double gap_wh = (ev->soc - fmax(target, floor)) * storage->capacity_wh;
    double above_wh = (ev->soc - floor) * storage->capacity_wh;
    double w = gap_wh * 3600 / CORRECT_S;

    if (above_wh < 0) /* booked: sun fills it before the rest */
        w = fmin(w, above_wh * 3600 / CORRECT_S);
    if (top_up_w(island) > 0 && gap_wh > 0) /* at once: the limits below share it out */
        w = storage->max_discharge_w;
    /* sun is being curtailed: take all that this one can */
    if (island->spare_pv_w > 0 && island->forming_part > 0.95)
        w = -storage->max_charge_w;

    /* never below the floor within the step */
    w = fmin(w, fmax(above_wh, 0) * storage->eta_discharge * 3600 / island->step_s);
    return fmin(fmax(w, -storage->max_charge_w), storage->max_discharge_w);
}

/* What cars that must charge now may draw: the sun that is over, and of the grid-forming
 * storages what P0 does not need; an island that collapses charges nobody. */
static double due_most_w(const struct split_island *island, double sun_w)
{
    double spare_wh = fmax(island->forming_wh - island->keep_wh, 0);

    return sun_w + fmin(spare_wh * 3600 / CORRECT_S,
                        DUE_POWER_SHARE * island->forming_wh * 3600 / island->step_s);
}

void split_evs(const struct split_ev *evs, unsigned n, const struct split_island *island,
               double *ret_w)
{
    double give_w = 0, take_w = 0, net_w = island->net_w - island->spare_pv_w;
    double most_give = fmax(net_w, 0) * BALANCE_SHARE + top_up_w(island);
    /* the grid-forming storages first: near their floor nothing backs a cloud */
    double most_take = fmax(-net_w, 0) * BALANCE_SHARE *
                       fmin(fmax(island->forming_part, 0) / TOP_UP_PART, 1);
    double due_w = due_most_w(island, most_take);

    for (unsigned i = 0; i < n; i++) {
        ret_w[i] = evs[i].is_connected ? want_w(&evs[i], island) : 0;
        give_w += fmax(ret_w[i], 0);
        take_w += fmax(-ret_w[i], 0);
    }
    for (unsigned i = 0; i < n; i++) {
        if (ret_w[i] > 0 && give_w > most_give)
            ret_w[i] *= most_give / give_w;
        if (ret_w[i] < 0 && take_w > most_take)
            ret_w[i] *= most_take / take_w;
        if (!evs[i].is_connected || !is_due(&evs[i]))
            continue;
        ret_w[i] = -fmin(evs[i].storage->max_charge_w, due_w);
        due_w += ret_w[i];
    }
}

void split_refill(const struct split_ev *evs, unsigned n, double spare_w, double *ret_w)
{
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < n; i++) {
            bool is_booked =
                evs[i].depart_in_s >= 0 && evs[i].depart_in_s < SPLIT_BOOKED_S;

            if (is_booked != (pass == 0))
                continue;
            ret_w[i] = 0;
            if (!evs[i].is_connected || evs[i].soc >= evs[i].storage->soc_max - 0.001)
                continue;
            ret_w[i] = -fmin(evs[i].storage->max_charge_w, fmax(spare_w, 0));
            spare_w += ret_w[i];
        }
}

double split_battery_w(const struct dispatch_storage *storage, double soc,
                       double mean_soc, double mean_net_w)
{
    double off = (soc - mean_soc) / 0.25, w;

    if (mean_net_w < 0)
        off = -off;
    w = 0.7 * mean_net_w * fmin(fmax(1 + off, 0), 2);
    return fmin(fmax(w, -storage->max_charge_w), storage->max_discharge_w);
}
