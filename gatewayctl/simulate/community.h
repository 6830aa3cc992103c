/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A community as its YAML file states it: network, classes of circuits, homes, storages;
 * and the time axis of a simulation. Every controller may know all of this. Read-only
 * once loaded (community_load in community_load.h); indices of homes and storages are
 * those of the file's lists.
 */
#ifndef GATEWAYCTL_SIMULATE_COMMUNITY_H
#define GATEWAYCTL_SIMULATE_COMMUNITY_H

#include <stdbool.h>
#include <stdint.h>

#define COMMUNITY_HOMES_MAX 1000
#define COMMUNITY_STORAGES_MAX 1000
#define COMMUNITY_NAME_MAX 64

/* Circuits of every home; the order of the columns in the CSV files. */
enum sim_circuit {
    CIRCUIT_CRITICAL,
    CIRCUIT_ESSENTIAL,
    CIRCUIT_COMFORT,
    CIRCUIT_DEFERRABLE,
    CIRCUIT_HEAVY,
    N_CIRCUITS
};

struct community_class {
    unsigned priority; /* 1 is kept longest */
    double weight;
    double min_on_s, min_off_s;
    double rated_w, tank_wh; /* deferrable only: the water heater and its tank */
};

struct community_home {
    unsigned id;
    double pv_wp, service_limit_w;
    bool is_medical, has_ev_charger;
    double mean_w[N_CIRCUITS]; /* share of the home's load, a planning figure */
};

struct community_storage {
    char id[COMMUNITY_NAME_MAX];
    bool is_ev, is_grid_forming;
    int home; /* index of the home, -1: at the charge area */
    double capacity_wh;
    double soc_min, soc_max; /* hard limits, 0..1 of the capacity */
    double soc_reserve;      /* the driver's floor */
    double soc_depart;       /* wanted at a booked departure */
    double max_charge_w, max_discharge_w;
    double eta_charge, eta_discharge;
};

struct community {
    char name[COMMUNITY_NAME_MAX];
    bool is_central; /* variant A: the grid-forming battery takes the whole balance */
    double grid_import_limit_w, grid_export_limit_w, max_island_load_w, pv_limit_w;
    double restart_penalty_s, freq_nominal_hz, freq_soc_slope_hz;
    unsigned step_s; /* that of the scenarios it is made for */
    struct community_class classes[N_CIRCUITS];
    unsigned n_homes, n_storages;
    struct community_home *homes;
    struct community_storage *storages;
};

/* Steps are named by their start: UTC of a step is start_utc_s + step x step_s. */
struct sim_axis {
    int64_t start_utc_s;
    double timezone_offset_h;
    unsigned step_s, n_steps;
};

/* "critical" .. "heavy". */
const char *circuit_name(enum sim_circuit circuit);

#endif
