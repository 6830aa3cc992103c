/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gives and who takes among the storages: set-points of the EVs at the charge area
 * and of home batteries, from what their own gateway reads. The grid-forming storages
 * absorb every mismatch and must not stand empty beside a full car, nor a booked car
 * leave below what its driver was promised. Pure.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_SPLIT_H
#define GATEWAYD_MICROGRID_DISPATCH_SPLIT_H

#include "lib/microgrid/dispatch/dispatch.h"

struct split_ev {
    const struct dispatch_storage *storage;
    double soc;
    bool is_connected;
    double depart_in_s; /* of its next booking; < 0: none */
};

struct split_island {
    double forming_part; /* 0..1 of the usable room of the grid-forming storages */
    double forming_wh, forming_charge_wh; /* usable now, and room left */
    double net_w;      /* load - PV used: what all storages together give */
    double spare_pv_w; /* curtailed in the step before */
    double keep_wh;    /* of forming_wh: P0's, until the sun is back */
    double step_s;
};

/* What it keeps for its driver now, 0..1 of its capacity; depart_in_s < 0: no booking. */
double split_floor_soc(const struct dispatch_storage *storage, double depart_in_s);
#define SPLIT_BOOKED_S (16 * 3600.0) /* a booked EV is spared from this long before */

/* A set-point for each EV; 0 for one that is away. */
void split_evs(const struct split_ev *evs, unsigned n, const struct split_island *island,
               double *ret_w);
/* While the grid is up: refill, the booked first, within the power that is over. */
void split_refill(const struct split_ev *evs, unsigned n, double spare_w, double *ret_w);

/* One grid-forming battery of many: its set-point, so that all empty and fill alike. */
double split_battery_w(const struct dispatch_storage *storage, double soc,
                       double mean_soc, double mean_net_w);

#endif
