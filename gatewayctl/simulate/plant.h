/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The community as it behaves: relays, demand, tanks, storages, one bus without losses.
 * Deterministic; takes the commands of a step, gives what became of them. The rules and
 * their order are those of docs/scenario-format.md, "The plant". One thread per plant.
 */
#ifndef GATEWAYCTL_SIMULATE_PLANT_H
#define GATEWAYCTL_SIMULATE_PLANT_H

#include "gatewayctl/simulate/scenario.h"

/* What the controllers command; holds until changed. */
struct plant_commands {
    bool *is_on;       /* [home * N_CIRCUITS + circuit] */
    double *storage_w; /* set-points, + discharge */
    double pv_limit_w; /* below 0: none */
};

struct plant_relay {
    bool is_on;
    int64_t since_step; /* of this state; far in the past at the start */
    unsigned n_changes;
};

struct plant_storage {
    double energy_wh, power_w;
    double charge_limit_w, discharge_limit_w; /* in this step */
    bool is_connected;
};

struct plant_trip {
    unsigned storage, depart_step, return_step;
    double trip_wh;
    bool is_booked;
};

/* The state and, after plant_step, what happened in the step. */
struct plant {
    const struct community *community;
    const struct scenario *scenario;
    double dt_h;
    struct plant_relay *relays; /* [home * N_CIRCUITS + circuit] */
    double *demand_w;           /* what the circuits that are on want */
    double *served_w;           /* what they got */
    double *tank_debt_wh;       /* of every home's water heater */
    unsigned *tripped_until;    /* of every home: first step it may be served again */
    struct plant_storage *storages;
    unsigned n_trips;
    struct plant_trip *trips;
    unsigned dark_until; /* first step the island may be up again */
    /* of the last step: */
    bool is_dark, has_collapsed;
    double load_w, pv_available_w, pv_used_w, grid_w; /* grid: + import */
    unsigned n_tripped; /* homes whose breaker opened in it */
    /* since the start: */
    unsigned n_early_offs, n_lock_outs;
    unsigned n_departures, n_let_down, n_below_reserve;
};

/* 0 or -ENOMEM; plant_done in any case. Community and scenario stay borrowed. */
int plant_init(struct plant *plant, const struct community *community,
               const struct scenario *scenario);
void plant_step(struct plant *plant, unsigned step,
                const struct plant_commands *commands);
void plant_done(struct plant *plant);

/* Hz of an island that is up; 0 when nothing can form one. */
double plant_frequency_hz(const struct plant *plant);

/* "All on, no set-points": what holds before the first command. 0 or -ENOMEM. */
int plant_commands_init(struct plant_commands *commands,
                        const struct community *community);
void plant_commands_done(struct plant_commands *commands);

#endif
