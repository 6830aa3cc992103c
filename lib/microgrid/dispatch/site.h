/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch of one gateway, once per step: the plan message while it is valid, else the
 * site's own programme (solo), then the shed plan and the set-points of its batteries.
 * The daemon and the simulator call the same function; what comes in and goes out is
 * plain data. Memory: one site_new, some 12 KiB; nothing is allocated after it. One
 * thread.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_SITE_H
#define GATEWAYD_MICROGRID_DISPATCH_SITE_H

#include "lib/microgrid/circuit.h"
#include "lib/microgrid/dispatch/dispatch.h"

#define SITE_STORAGES_MAX 8

struct site;

struct site_config {
    const struct dispatch_setup *setup; /* a lone home: a community of one; borrowed */
    unsigned home;                      /* index in it */
    const struct circuit *circuits;     /* borrowed; overrides may change between steps */
    unsigned n_circuits;
    struct circuit_limits limits;
    double breaker_w;
    double refill_delay_s; /* after the grid's return, for P3 and batteries */
    /* Of a medical device: so many hours of it stay in the own battery, above every plan.
     * Either 0: none. */
    double medical_w, medical_h;
};

struct site_storage {
    double soc, power_w; /* soc < 0: unknown */
};

struct site_in {
    struct dispatch_time time;
    double step_s;   /* since the call before */
    bool is_grid_up; /* the tie is closed */
    enum circuit_class
        class_max;       /* of the state machine; CIRCUIT_P4: no limit of its own */
    double frequency_hz; /* of the island; <= 0: unknown */
    bool was_dark;       /* nothing was fed in the step before */
    const struct circuit_now *now; /* of each circuit */
    double pv_w, tank_wh;
    unsigned n_storages;
    struct site_storage storages[SITE_STORAGES_MAX]; /* those of this home in the setup */
    const struct dispatch_plan *plan;                /* NULL: never one */
    double plan_age_s;
    double span_age_s; /* since its first message: its energy counts from there */
    double medical_w;  /* of the medical device, measured; NaN or <= 0: not known */
    double shed_w; /* load beside the circuits */
};

struct site_out {
    struct circuit_plan plan; /* set-points: one for each storage */
    enum dispatch_class last; /* class in force */
    bool is_empty;            /* nothing may be on, not even P0: there is no power */
    bool by_plan;             /* else by the own programme */
};

/* NULL: no memory. */
struct site *site_new(const struct site_config *config);
void site_free(struct site *site);
void site_history(struct site *site, unsigned slot,
                  const double circuit_w[DISPATCH_CLASSES], double pv_w);
/* What is expected of a class, and of the roof at its best, for whoever wants to look. */
double site_demand_w(const struct site *site, enum dispatch_class class, unsigned slot);
double site_pv_peak_w(const struct site *site);
/* What the coordinator is told (under the resident's grant): the step that ended. */
void site_report(struct site *site, const struct site_in *in,
                 struct dispatch_report *ret);
void site_step(struct site *site, const struct site_in *in, struct site_out *ret);

#endif
