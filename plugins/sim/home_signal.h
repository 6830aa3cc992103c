/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read from and written to a simulated home, by model and name: the names are
 * those of docs/names.md. Pure. */
#ifndef GATEWAYD_SIM_HOME_SIGNAL_H
#define GATEWAYD_SIM_HOME_SIGNAL_H

#include <stdbool.h>

#include "plugins/sim/home.h"

#define HOME_MODEL_WORDS "grid pv battery load ev relay"

enum home_model {
    HOME_MODEL_GRID,
    HOME_MODEL_PV,
    HOME_MODEL_BATTERY,
    HOME_MODEL_LOAD,
    HOME_MODEL_EV,
    HOME_MODEL_RELAY
};

struct home_signal {
    enum home_model model;
    const char *name;
    bool is_bool;
    double resolution; /* of a real device's register */
    int index;         /* relays: 0.. */
    double (*get)(const struct home *home, int index);
    /* NULL: read only. The value is in range: the host sees to limits. */
    void (*set)(struct home *home, int index, double value);
};

int home_model_from_name(const char *name);                 /* -1: unknown */
const struct home_signal *home_signal_all(unsigned *ret_n); /* for tests and documents */
const struct home_signal *home_signal_find(enum home_model model, const char *name);
/* Rounded to the signal's resolution. */
double home_signal_read(const struct home_signal *signal, const struct home *home);

#endif
