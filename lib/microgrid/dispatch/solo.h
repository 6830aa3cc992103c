/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home without word from the coordinator: what share of each class it should serve,
 * from its own readings, the community's file and the island's frequency, which tells how
 * full the grid-forming storage is. All homes run the same programme on nearly the same
 * inputs, so that they act alike; a share is rounded by a rotation that needs no message.
 * Plain values, about 6 KiB; the setup is borrowed.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_SOLO_H
#define GATEWAYD_MICROGRID_DISPATCH_SOLO_H

#include "lib/microgrid/dispatch/forecast_demand.h"
#include "lib/microgrid/dispatch/forecast_pv.h"
#include "lib/microgrid/dispatch/value.h"

struct solo {
    const struct dispatch_setup *setup;
    unsigned home;
    struct forecast_demand circuits[DISPATCH_CLASSES];
    struct forecast_pv pv; /* of the own roof */
    double pv_scale;       /* all roofs over the own */
    bool is_island, is_solved;
    double since_s, solved_s;
    struct value value;
    double weight[DISPATCH_CLASSES], eta_charge, eta_discharge, charge_w;
    double demand_w[DISPATCH_CLASSES]; /* of the community, now */
    double share[DISPATCH_CLASSES];
    bool is_empty; /* not even P0 can be carried in this home's turn */
    double energy_wh, price;
};

void solo_init(struct solo *solo, const struct dispatch_setup *setup, unsigned home);
void solo_history(struct solo *solo, unsigned slot,
                  const double circuit_w[DISPATCH_CLASSES], double pv_w);
/* The step that ended: a class counts only when its bit in on_mask says that it was on
 * throughout. */
void solo_measure(struct solo *solo, const struct dispatch_time *time, double step_s,
                  const double circuit_w[DISPATCH_CLASSES], unsigned on_mask,
                  double pv_w);

/* While the grid is there: forget the last outage. */
void solo_grid(struct solo *solo);
/* In an island whose grid-forming storages are so full (0..1 of their capacity): the last
 * class this home should have on now; see is_empty. */
enum dispatch_class solo_decide(struct solo *solo, const struct dispatch_time *time,
                                double step_s, double soc);

/* When, in s of the same clock as now, the sun is next likely to carry P0 and P1 (after a
 * solo_decide); 0: not within a day. */
double solo_sun_s(const struct solo *solo, const struct dispatch_time *time);

/* Usable energy of all storages of the community, if its grid-forming ones are so full.
 */
double solo_energy_wh(const struct dispatch_setup *setup, double soc,
                      double *ret_room_wh);
/* The part of its room an EV should hold when the grid-forming storages hold this part of
 * theirs: it gives first and is filled last, so that the storage that absorbs every
 * mismatch never stands empty beside a full car. */
double solo_ev_part(double forming_part);

#endif
