/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The day of a simulated home: what happens when. Lines "HH:MM[:SS] WORD ARGUMENT":
 *   grid on|off    clouds PERCENT    load WATTS    ev plug|unplug    relay N on|off
 * in the order of the day; '#' begins a comment. After midnight the day repeats.
 */
#ifndef GATEWAYD_SIM_HOME_SCRIPT_H
#define GATEWAYD_SIM_HOME_SCRIPT_H

#include <stdint.h>

#include "plugins/sim/home.h"

#define HOME_SCRIPT_EVENTS 64

struct home_event {
    double day_s;
    enum { HOME_GRID, HOME_CLOUDS, HOME_LOAD, HOME_EV, HOME_RELAY } what;
    int relay;    /* 0.. */
    double value; /* on 1, off 0 */
};

struct home_script {
    unsigned n;
    struct home_event events[HOME_SCRIPT_EVENTS];
};

/* The built-in day "day": sun, clouds at noon, grid away 17:30 to 20:00. */
extern const char home_script_day[];

/* 0, or -EINVAL with the number of the bad line. */
int home_script_parse(struct home_script *script, const char *text, unsigned *ret_line);
/* 0, -errno of reading, or -EINVAL as above. NULL or "day": the built-in one. */
int home_script_load(struct home_script *script, const char *path, unsigned *ret_line);

/* Makes one event happen now, whatever its time. */
void home_script_happen(const struct home_event *event, struct home *home);

/* Moves the home on to t_s, with all that happens on the way at its second. */
void home_script_run(const struct home_script *script, struct home *home, double t_s);

#endif
