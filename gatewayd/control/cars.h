/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cars in an island: stopped at the first loss, filled only from what is over, discharged
 * into the home (V2H) once the reserve is low, down to what their owners keep for the
 * next departure. lib/microgrid/dispatch shares out; this file says when. Pure.
 */
#ifndef GATEWAYD_CONTROL_CARS_H
#define GATEWAYD_CONTROL_CARS_H

#include "gatewayd/control/plan_in.h"
#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

struct cars {
    bool is_giving; /* V2H: from low reserve until that is over */
};

struct cars_in {
    const struct site_map *map;
    const struct control_ports *ports;
    const struct grid_demand *demand;
    const struct sense_power *power;
    const struct plan_content *plan; /* NULL: none in force */
    bool is_pv_over;                 /* the battery is full, PV is held back */
    bool is_clock_set;
    int64_t local_ms; /* wall time of the site */
};

/* What is wanted of one source of the map. */
struct cars_order {
    bool is_wanted;  /* else it is left to itself */
    double value_w;  /* + into the home */
    const char *why; /* static; NULL: nothing to say */
};

/* One order for each source of the map; those that are no car are left alone. */
void cars_step(struct cars *cars, const struct cars_in *in,
               struct cars_order ret[SITE_BATTERIES_MAX]);
/* Seconds to this car's next departure, and what it shall hold then (0..1); < 0: none. */
double cars_departure_s(const struct config_outage *outage, const char *ev,
                        const struct cars_in *in, double *ret_soc);

#endif
