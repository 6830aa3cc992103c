/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every part of dispatch (OUTAGE.md 5) agrees on: classes of circuits, what is known
 * of homes and storages before an outage, and the two messages that join a home and the
 * coordinator. Plain values; whoever fills a struct owns what it points to. Powers in W
 * (consumption, production and discharge positive), energies in Wh, times in seconds of
 * any monotonic clock, the time of day in seconds since local midnight.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_DISPATCH_H
#define GATEWAYD_MICROGRID_DISPATCH_DISPATCH_H

#include <stdbool.h>

#define DISPATCH_CLASSES 5
#define DISPATCH_SLOTS 48
#define DISPATCH_SLOT_S 1800
#define DISPATCH_DAY_S 86400
#define DISPATCH_AREA_STORAGES 16 /* of one charge area; more are left at 0 W */

/* P0 is kept longest. */
enum dispatch_class {
    DISPATCH_P0,
    DISPATCH_P1,
    DISPATCH_P2,
    DISPATCH_P3, /* can wait: a tank, a cycle */
    DISPATCH_P4
};

struct dispatch_class_rule {
    double weight; /* what a served Wh is worth */
    double min_on_s, min_off_s;
    double rated_w, tank_wh; /* P3: the heater and what its tank can owe; else 0 */
};

struct dispatch_home {
    double pv_wp, service_limit_w;
    bool is_medical;
    bool learns_pv; /* pv_wp is not known: the most its roof was seen to give */
    double mean_w[DISPATCH_CLASSES]; /* planning figures, replaced by what is measured */
};

struct dispatch_storage {
    bool is_ev, is_grid_forming;
    int home; /* -1: at the charge area */
    double capacity_wh;
    double soc_min, soc_max, soc_reserve, soc_depart; /* 0..1 of the capacity */
    double max_charge_w, max_discharge_w;
    double eta_charge, eta_discharge;
};

/* A community as its file states it; every member knows it. */
struct dispatch_setup {
    struct dispatch_class_rule classes[DISPATCH_CLASSES];
    unsigned n_homes, n_storages;
    const struct dispatch_home *homes;
    const struct dispatch_storage *storages;
    double import_limit_w, max_island_w, pv_limit_w;
    double frequency_hz, frequency_slope_hz; /* of the island: Hz from SoC 0 to 1 */
};

/* Now: since the same start for all calls, and on the wall. */
struct dispatch_time {
    double now_s;
    unsigned local_s; /* since local midnight */
};

/* The slot of the day a moment lies in. */
static inline unsigned dispatch_slot(double local_s)
{
    return (unsigned)(local_s / DISPATCH_SLOT_S) % DISPATCH_SLOTS;
}

/* A home's report to the coordinator: what its meters say, faults included. */
struct dispatch_report {
    double circuit_w[DISPATCH_CLASSES]; /* mean of the step before; 0 when off */
    unsigned on_mask;                   /* bit c: class c was ordered on */
    double pv_w, tank_wh;               /* of its roof; heat the tank lacks */
    double stored_soc;                  /* of its batteries; < 0: none */
    bool was_dark;
};

/* The charge area's report. */
struct dispatch_area_report {
    double pv_w; /* community meter; < 0: unknown */
    double soc[DISPATCH_AREA_STORAGES];
    double power_w[DISPATCH_AREA_STORAGES];
    bool is_connected[DISPATCH_AREA_STORAGES]; /* in the order of the setup */
    unsigned n_storages;
    double forming_soc; /* of all grid-forming storages, by the frequency; < 0: unknown */
    bool is_grid_up;
};

enum dispatch_mode { DISPATCH_NORMAL, DISPATCH_STORM, DISPATCH_ISLAND };

/* The plan message of a home (CONTRACT.md 4); numbers only. */
struct dispatch_plan {
    enum dispatch_mode mode;
    unsigned soc_permille;
    /* most it may draw, now and within until_s; power 0: nothing, not even P0 */
    double power_w, energy_wh;
    double until_s, valid_s;   /* counted from reception */
    enum dispatch_class p_max; /* the last class that may be on */
};

#endif
