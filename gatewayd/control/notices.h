/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people are told of an outage, as events that raise an alarm: that it lasts, and
 * how long the medical device still runs (at 8, 4, 2 and 1 h). No medical alarm. On the
 * loop.
 */
#ifndef GATEWAYD_CONTROL_NOTICES_H
#define GATEWAYD_CONTROL_NOTICES_H

#include "gatewayd/control/ports.h"
#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

#define NOTICES_DARK_KEY "control.dark"
#define NOTICES_MEDICAL_CODE "medical-hours"

struct notices {
    bool is_owner_told;
    unsigned medical_level; /* thresholds that were told; 0: none */
    double medical_h;       /* NaN: not known, or no outage */
    int64_t dark_ms; /* boot time since when nothing feeds the home; 0: it is fed */
    /* likewise, while the clock is not set to count from it; 0: known */
    int64_t dark_wall_ms;
};

struct notices_in {
    int64_t t_boot_ms;
    const struct site_map *map;
    const struct grid_demand *demand;
    const struct sense_power *power;
    double mean_load_w, runtime_s; /* NaN, < 0: not known */
    int64_t outage_ms;             /* boot time of its begin; -1: none */
    const char *off;               /* circuits that are off by us, "" none */
};

void notices_init(struct notices *notices);
/* The fact NOTICES_DARK_KEY read at start; another boot's is counted on the wall clock,
 * and again when that is set. */
void notices_restore(struct notices *notices, const char *value);
/* Is medical_h but a bound, because nobody knows yet how long the gateway was off? */
bool notices_is_at_most(const struct notices *notices);
/* There is no outage to tell of any more. */
void notices_end(struct notices *notices, const struct control_ports *ports);
void notices_step(struct notices *notices, const struct control_ports *ports,
                  const struct notices_in *in);

#endif
