/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a controller may know, split by who knows it, and the seam between the simulator
 * and the controllers. The views hold copies of readings, never the truth: a meter that
 * sticks sticks here. Gateways and coordinator learn of each other by messages alone.
 * Powers in W as means over a step; storage power + is discharge. One thread.
 */
#ifndef GATEWAYCTL_SIMULATE_VIEW_H
#define GATEWAYCTL_SIMULATE_VIEW_H

#include "gatewayctl/simulate/community.h"

#define SIM_MESSAGE_MAX 4096
#define SIM_OWN_STORAGES_MAX 64

/* A payload of the controllers' own making; size 0: nothing to send. */
struct sim_message {
    unsigned size; /* <= SIM_MESSAGE_MAX */
    unsigned char data[SIM_MESSAGE_MAX];
};

/* Mean of a half hour before the start: steps step .. step + 5, step from -288. */
struct sim_history {
    int step;
    double circuit_w[N_CIRCUITS], pv_w;
};

struct sim_booking {
    unsigned storage; /* index in the community */
    unsigned depart_step, return_step;
    double trip_wh;
};

struct sim_estimate {
    unsigned issue_step,
        end_step; /* from issue_step on: "the grid is back at end_step" */
};

/* Community PV, mean of the half hour that begins at target_step. */
struct sim_forecast {
    unsigned issue_step, target_step;
    double p10_w, p50_w, p90_w;
};

/* A storage's reading at the end of the step before. */
struct sim_storage_reading {
    unsigned storage; /* index in the community */
    bool is_connected;
    double soc;     /* 0..1 of the capacity; the last one seen while it is away */
    double power_w; /* mean of the step before */
};

/* What a gateway, a home's or the charge area's, sees by itself at the start of a step.
 */
struct sim_common_view {
    const struct community *community;
    const struct sim_axis *axis;
    unsigned step;
    bool is_grid_up;     /* in this step */
    bool has_readings;   /* false in step 0: no step lies behind */
    bool was_dark;       /* the island was down in the step before */
    double frequency_hz; /* now; nominal while the grid is up; 0 when dark */
    unsigned n_storages; /* its own; the order never changes */
    struct sim_storage_reading storages[SIM_OWN_STORAGES_MAX];
    /* The last message of the coordinator that arrived; NULL: never one. Age 0: it came
     * in this step (only act() sees that). */
    const struct sim_message *plan;
    unsigned plan_age_steps;
};

struct sim_home_view {
    struct sim_common_view common;
    unsigned home;                /* index in the community */
    double circuit_w[N_CIRCUITS]; /* meters, step before; 0 while a circuit is off */
    double pv_available_w;        /* irradiance sensor, step before */
    double pv_used_w;
    double tank_debt_wh; /* heat the tank lacks, 0 .. tank_wh; after the step before */
    unsigned n_history;  /* its own past day */
    const struct sim_history *history;
};

struct sim_area_view {
    struct sim_common_view common; /* storages: those with home -1 */
    double pv_available_w;         /* community PV meter, step before */
    double pv_used_w;
    double grid_w; /* receiving point, + import, step before */
    unsigned n_bookings;
    const struct sim_booking *bookings; /* of the EVs that stand here */
};

struct sim_coordinator_view {
    const struct community *community;
    const struct sim_axis *axis;
    unsigned step;
    /* One for each home, then the charge area's; NULL: none arrived in this step. */
    const struct sim_message *const *reports;
    unsigned n_bookings, n_estimates,
        n_forecasts; /* estimates, forecasts: issued so far */
    const struct sim_booking *bookings;
    const struct sim_estimate *estimates;
    const struct sim_forecast *forecasts; /* sorted by issue, then target */
    unsigned n_history;                   /* per home */
    const struct sim_history *history;    /* [home * n_history + i] */
};

/* Preset to what was commanded in the step before (at first: all on, 0 W). */
struct sim_home_commands {
    bool is_on[N_CIRCUITS];
    double storage_w[SIM_OWN_STORAGES_MAX]; /* in the order of common.storages */
};

struct sim_area_commands {
    double storage_w[SIM_OWN_STORAGES_MAX];
    double pv_limit_w; /* community PV; -1: none */
};

/*
 * One set of controllers. In every step the simulator calls, in this order: home_report
 * of every home, area_report, coordinate, home_act of every home, area_act. Each call
 * must use only its view and what the same actor kept from earlier calls. Reports and
 * plans may be lost on the way; while the coordinator is down none passes. `ret` messages
 * come with size 0. home_report, area_report and coordinate may be NULL (no coordination
 * at all).
 */
struct sim_controller {
    void *ctx;
    void (*home_report)(void *ctx, const struct sim_home_view *view,
                        struct sim_message *ret);
    void (*area_report)(void *ctx, const struct sim_area_view *view,
                        struct sim_message *ret);
    /* ret_plans: one for each home, then the charge area's. */
    void (*coordinate)(void *ctx, const struct sim_coordinator_view *view,
                       struct sim_message *ret_plans);
    void (*home_act)(void *ctx, const struct sim_home_view *view,
                     struct sim_home_commands *commands);
    void (*area_act)(void *ctx, const struct sim_area_view *view,
                     struct sim_area_commands *commands);
    /* Frees ctx; may be NULL. */
    void (*free)(void *ctx);
};

/* Makes the controllers of a community; false: no memory. A row of run.c's table. */
typedef bool sim_controller_new(const struct community *community,
                                const struct sim_axis *axis,
                                struct sim_controller *ret_controller);

#endif
