/* SPDX-License-Identifier: Apache-2.0 */
/* What a report is drawn from: powers, charge and switch states of every step. An
 * observer of a run. One thread. */
#ifndef GATEWAYCTL_SIMULATE_REPORT_DATA_H
#define GATEWAYCTL_SIMULATE_REPORT_DATA_H

#include "gatewayctl/simulate/run.h"

enum report_source {
    REPORT_PV,
    REPORT_BATTERY, /* + discharge */
    REPORT_EV,
    REPORT_GRID, /* + import */
    N_REPORT_SOURCES
};

enum report_state {
    REPORT_OFF,
    REPORT_SERVED,
    REPORT_LOST, /* switched on, but dark */
};

struct report_step {
    double served_w[N_CIRCUITS], source_w[N_REPORT_SOURCES];
    double wanted_w; /* demand of all circuits, on or off */
    double pv_available_w;
    bool is_dark;
};

struct report_data {
    const struct community *community;
    const struct scenario *scenario;
    struct report_step *steps;
    double *soc;          /* [step * n_storages + storage]; below 0: away */
    unsigned char *state; /* [relay * n_steps + step], relay as in plant.h */
    unsigned *n_changes;  /* of every relay */
};

/* 0 or -ENOMEM; report_data_done in any case. */
int report_data_init(struct report_data *data, const struct community *community,
                     const struct scenario *scenario);
void report_data_done(struct report_data *data);
/* For run_observe; ctx is the data. */
void report_data_step(void *ctx, const struct plant *plant, unsigned step,
                      const struct plant_commands *commands);

#endif
