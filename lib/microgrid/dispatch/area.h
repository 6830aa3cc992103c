/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch of the charge area's gateway, once per step: set-points of the EVs and of a
 * central battery from its own readings, with or without a coordinator. In an island the
 * grid-forming storages take what is left; while the grid is up everything is refilled
 * within the receiving point's limit. The daemon and the simulator call the same
 * function.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_AREA_H
#define GATEWAYD_MICROGRID_DISPATCH_AREA_H

#include "lib/microgrid/dispatch/dispatch.h"

#define AREA_STORAGES_MAX DISPATCH_AREA_STORAGES
#define AREA_TRIPS_MAX 16

struct area_trip {
    unsigned storage; /* index in the setup */
    double depart_s;
};

struct area {
    const struct dispatch_setup *setup; /* borrowed */
    unsigned n_storages;
    unsigned
        storages[AREA_STORAGES_MAX]; /* those of the charge area, in the setup's order */
    unsigned n_trips;
    struct area_trip trips[AREA_TRIPS_MAX];
    double last_soc; /* of the grid-forming storages; < 0: not known */
};

struct area_storage {
    double soc, power_w;
    bool is_connected;
};

struct area_in {
    struct dispatch_time time;
    double step_s;
    bool is_grid_up, was_dark;
    double frequency_hz;                      /* of the island; <= 0: unknown */
    double pv_available_w, pv_used_w, grid_w; /* step before */
    struct area_storage storages[AREA_STORAGES_MAX];
};

void area_init(struct area *area, const struct dispatch_setup *setup);
/* A booked departure; at most AREA_TRIPS_MAX are kept, the rest is dropped. */
void area_book(struct area *area, unsigned storage, double depart_s);
/* A set-point for each storage of the area, in order. */
void area_step(struct area *area, const struct area_in *in, double *ret_w);
void area_report(const struct area *area, const struct area_in *in,
                 struct dispatch_area_report *ret);

#endif
