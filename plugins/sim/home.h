/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physics of a simulated home: sun, battery, car, switched loads and a grid that can
 * fail. Pure: time comes in as an argument, the same seed gives the same day. Signs as in
 * docs/names.md: grid + import, pv + production, battery and ev + discharge; in every
 * step grid + pv + battery + ev = loads.
 */
#ifndef GATEWAYD_SIM_HOME_H
#define GATEWAYD_SIM_HOME_H

#include <stdbool.h>
#include <stdint.h>

#define HOME_RELAYS 4 /* lights, outlets, air conditioner, water heater */
#define HOME_STEP_S 1.0

struct home_settings {
    double pv_peak_w;
    double battery_capacity_wh, battery_max_w;
    double battery_floor, battery_start; /* 0..1: not discharged below; at the start */
    double one_way_efficiency;           /* of charging, and of discharging */
    double ev_capacity_wh, ev_max_w, ev_start;
    double base_load_w, relay_load_w[HOME_RELAYS];
    double nominal_v, nominal_hz;
    double start_s; /* of the day at time 0 */
    uint64_t seed;
};

struct home_counters {
    double import_wh, export_wh, pv_wh, charge_wh, discharge_wh, load_wh, ev_charge_wh;
};

struct home {
    struct home_settings settings;
    double t_s; /* since the start */
    /* set from outside (script, relays, registers) */
    bool grid_available, ev_plugged, relay_on[HOME_RELAYS];
    double clouds; /* 0 clear .. 1 dark */
    double extra_load_w;
    double pv_limit_w;   /* < 0: none */
    bool battery_manual; /* else: own consumption first */
    double battery_target_w;
    /* state */
    double battery_wh, ev_wh;
    bool dark; /* islanded and overloaded or empty: nothing is supplied */
    double dark_until_s;
    uint64_t random;
    /* of the last step */
    double grid_w, pv_w, battery_w, ev_w, load_w, relay_w[HOME_RELAYS];
    double voltage_v, frequency_hz;
    struct home_counters counters;
};

/* 5 kW of roof, 9.8 kWh and 3 kW of battery, a 40 kWh car, 101 V and 50 Hz, at 06:00. */
struct home_settings home_default_settings(void);
void home_init(struct home *home, const struct home_settings *settings);

/* Moves time on to t_s (seconds since the start) in steps of at most HOME_STEP_S; a jump
 * of more than a day is taken as one day. */
void home_advance(struct home *home, double t_s);

double home_soc(const struct home *home);    /* 0..1 */
double home_ev_soc(const struct home *home); /* 0..1 */
double home_day_s(const struct home *home);  /* second of the day */
bool home_islanded(const struct home *home); /* no grid, but supplied */

#endif
