/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario as its files state it, the truth included: demand, PV, faults to come. Only
 * the plant and the sensors may see this; controllers get view.h. Read-only once loaded.
 */
#ifndef GATEWAYCTL_SIMULATE_SCENARIO_H
#define GATEWAYCTL_SIMULATE_SCENARIO_H

#include "gatewayctl/simulate/view.h"
#include "lib/base/err.h"
#include "lib/config/config.h"

#define SCENARIO_STEPS_MAX 20000u
#define SCENARIO_ROWS_MAX 10000000u /* homes x steps of the profiles */
#define SCENARIO_EVENTS_MAX 10000u  /* also of outages, bookings, estimates */
#define SCENARIO_POWER_MAX_W 1e9    /* of one circuit of a home */
#define SCENARIO_HISTORY_ROWS 48u   /* half hours of a day */

enum event_kind {
    EVENT_COORDINATOR_DOWN,
    EVENT_METER_FAULT,
    EVENT_RELAY_STUCK,
    EVENT_EV_DEPARTURE,
    EVENT_MESSAGES_LOST, /* each message with `probability`; not part of the plant */
};

enum meter_mode { METER_STUCK, METER_ZERO, METER_X3 };

struct scenario_event {
    enum event_kind kind;
    unsigned start_step, end_step; /* inclusive, exclusive */
    int home;                      /* index; -1: the community's meter */
    enum sim_circuit circuit;      /* N_CIRCUITS: pv */
    enum meter_mode mode;
    bool is_on; /* the state in which a relay sticks */
    unsigned storage;
    double trip_wh, probability;
};

struct scenario_outage {
    unsigned start_step, end_step;
};

struct profile_cell {
    double circuit_w[N_CIRCUITS], pv_w;
};

struct scenario {
    char name[COMMUNITY_NAME_MAX];
    struct sim_axis axis;
    unsigned n_outages, n_estimates, n_bookings, n_events, n_forecasts;
    struct scenario_outage *outages;
    struct sim_estimate *estimates;
    struct sim_booking *bookings;
    struct scenario_event *events;
    double *initial_soc;           /* of every storage of the community */
    bool *is_grid_up;              /* of every step */
    struct profile_cell *profiles; /* [step * n_homes + home] */
    struct sim_history *history;   /* [home * SCENARIO_HISTORY_ROWS + i] */
    struct sim_forecast *forecasts;
};

/* Reads the YAML and the CSV files it names, in its folder, for this community. 0, or
 * -EINVAL with *report or *reterr filled, or -ENOMEM. scenario_done in any case. */
int scenario_load(const char *path, const struct community *community,
                  struct scenario *scenario, struct config_report *report,
                  struct gw_error *reterr);
void scenario_done(struct scenario *scenario);

static inline const struct profile_cell *scenario_cell(const struct scenario *scenario,
                                                       const struct community *community,
                                                       unsigned step, unsigned home)
{
    return &scenario->profiles[(size_t)step * community->n_homes + home];
}

/* Marks is_grid_up by the outages; after a change of them. */
void scenario_mark_grid(struct scenario *scenario);

#endif
