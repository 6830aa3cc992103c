/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's planner: from the reports that arrive, one plan message for each
 * home. It prices the stored energy (value), turns prices into shares of the classes
 * (ration), rounds them to homes by rotation, and guards the power of the grid-forming
 * storage. A home that reports nothing is planned with its planning figures: the equal
 * share of its class. One thread; no clock: time is passed in. Memory: about 1.5 KiB a
 * home.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_COMMUNITY_H
#define GATEWAYD_MICROGRID_DISPATCH_COMMUNITY_H

#include "lib/microgrid/dispatch/dispatch.h"
#include "lib/microgrid/dispatch/forecast_pv.h"

struct community_planner;

/* The setup is borrowed until free. NULL: no memory. */
struct community_planner *community_new(const struct dispatch_setup *setup);
void community_free(struct community_planner *planner);

/* What is known beforehand: a half hour of a home's past day. */
void community_history(struct community_planner *planner, unsigned home, unsigned slot,
                       const double circuit_w[DISPATCH_CLASSES], double pv_w);
/* A forecast of the community's PV; begin, then its points in order. */
void community_forecast_begin(struct community_planner *planner);
void community_forecast_add(struct community_planner *planner,
                            const struct forecast_pv_point *point);
/* The utility says, since issued_s, that the grid is back at end_s. */
void community_announce(struct community_planner *planner, double issued_s, double end_s);
/* A booked departure of an EV; at most HORIZON_TRIPS_MAX are kept, the rest is dropped.
 */
void community_book(struct community_planner *planner, unsigned storage, double depart_s,
                    double return_s, double trip_wh);

/* Reports of the step that just ended; a lost one is not reported. */
void community_report(struct community_planner *planner, unsigned home,
                      const struct dispatch_report *report);
void community_area_report(struct community_planner *planner,
                           const struct dispatch_area_report *report);

/* Plans the step that begins now. Once per step, after the reports. */
void community_plan(struct community_planner *planner, const struct dispatch_time *time,
                    double step_s);
/* The message for a home; valid until the next community_plan. */
const struct dispatch_plan *community_plan_of(const struct community_planner *planner,
                                              unsigned home);
/* Of the last plan: usable stored Wh and what one more is worth, for the coordinator's
 * page. */
double community_stored_wh(const struct community_planner *planner);
double community_price(const struct community_planner *planner);

#endif
