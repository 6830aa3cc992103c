/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much PV may give: in an island no more than is taken once the battery is full, on
 * the grid's return no more than is used at home plus the ramp of the grid code, in doubt
 * no export. Limits are for all inverters together and shared by their rated power. Pure.
 */
#ifndef GATEWAYD_CONTROL_PV_LIMIT_H
#define GATEWAYD_CONTROL_PV_LIMIT_H

#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

struct pv_limit {
    bool is_full; /* the island's storage, until it has room again */
    bool is_limited;
    double total_w; /* as ordered; follows downwards at once, upwards slowly */
    int64_t raised_ms;
};

struct pv_limit_in {
    int64_t t_boot_ms;
    const struct site_map *map;
    const struct control_ports *ports;
    const struct grid_demand *demand;
    const struct sense_power *power;
    double usable_permille; /* of what forms the island; NaN: unknown */
    double charge_w;        /* most that the home's batteries take */
    bool may_feed_car;      /* a car may take more than it does */
    double cars_take_w;     /* now: no part of the load */
};

struct pv_limit_out {
    bool is_wanted; /* else all inverters are left to themselves */
    double total_w;
    bool is_over;    /* held back because nothing takes it */
    const char *why; /* static; NULL: nothing to say */
};

void pv_limit_step(struct pv_limit *limit, const struct pv_limit_in *in,
                   struct pv_limit_out *ret);
/* Rated W of this inverter, NaN: neither it nor its limit's range tells. */
double pv_limit_rated_w(const struct site_pv_limit *pv,
                        const struct control_ports *ports);
/* Its share of the total, as its point is written. NaN: cannot be said. */
double pv_limit_share(const struct pv_limit_in *in, double total_w, uint32_t i);

#endif
