/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the coordinator's planner remembers of homes and storages, shared by community.c
 * (what comes in), community_ration.c (how much of each class) and
 * community_choose.c (who is served). Of no interest elsewhere.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_COMMUNITY_STATE_H
#define GATEWAYD_MICROGRID_DISPATCH_COMMUNITY_STATE_H

#include "lib/microgrid/dispatch/community.h"
#include "lib/microgrid/dispatch/forecast_demand.h"
#include "lib/microgrid/dispatch/horizon.h"
#include "lib/microgrid/dispatch/rotate.h"

struct community_home {
    struct forecast_demand circuits[DISPATCH_CLASSES];
    struct dispatch_report report;
    bool has_report;                   /* one came in this step */
    bool was_on[DISPATCH_CLASSES];     /* by its last report */
    bool is_stuck[DISPATCH_CLASSES];   /* drew power though ordered off */
    double expect_w[DISPATCH_CLASSES]; /* this step, if on */
    double held_s[DISPATCH_CLASSES];   /* since the plan last changed it */
    bool is_on[DISPATCH_CLASSES];      /* by the plan */
    double lack_wh[DISPATCH_CLASSES];
    double tank_wh;
    struct dispatch_plan plan;
};

struct community_storage {
    double soc;
    bool is_known, is_connected, is_told; /* told: by its own gateway, in this step */
    double power_w;
};

struct community_planner {
    const struct dispatch_setup *setup;
    struct community_home *homes;
    struct community_storage *storages;
    struct rotate_home *rotation;
    unsigned *order;
    struct forecast_pv pv;
    double rated_wp, step_s;
    double area_pv_w;
    bool is_grid_up, has_area;
    bool is_area_told; /* the charge area reported in this step */
    double outage_since_s, grid_since_s;
    bool has_outage;    /* there was one */
    bool is_first_step; /* of the first outage in a day */
    bool has_announcement;
    unsigned n_broken; /* announcements of this outage that came due unfulfilled */
    double issued_s, end_s;
    unsigned n_trips;
    struct {
        unsigned storage;
        double depart_s, return_s, trip_wh;
    } trips[HORIZON_TRIPS_MAX];
    struct value value;
    struct value_model model;
    double target[DISPATCH_CLASSES]; /* shares by price, slowly followed */
    double share[DISPATCH_CLASSES];  /* in force, guarded */
    double energy_wh, price, pv_next_w;
};

/* Prices what is stored and sets the shares of this step. */
void community_ration(struct community_planner *planner,
                      const struct dispatch_time *time);
/* Who is served in this step, at the planner's shares, within the guards. */
void community_choose(struct community_planner *planner,
                      const struct dispatch_time *time);

#endif
