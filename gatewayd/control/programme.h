/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site's own programme: lib/microgrid/dispatch for one home, the same code that the
 * simulator runs. Makes its setup from the configuration, its input from what is
 * measured.
 */
#ifndef GATEWAYD_CONTROL_PROGRAMME_H
#define GATEWAYD_CONTROL_PROGRAMME_H

#include "gatewayd/control/plan_in.h"
#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/dispatch/site.h"

struct programme {
    struct site *site; /* NULL: no memory, or nothing to plan for */
    struct dispatch_setup setup;
    struct dispatch_home home;
    struct dispatch_storage storages[SITE_STORAGES_MAX];
    int64_t last_ms;
};

struct programme_in {
    int64_t t_boot_ms, local_ms; /* local: wall time of the site */
    const struct site_map *map;
    const struct circuit_now *now;
    const struct sense_power *power;
    enum circuit_class class_max; /* of the state machine */
    bool is_grid_up, is_dark, is_plan_alive;
    const struct plan_content *plan; /* NULL: none in force */
    int64_t plan_ms, plan_first_ms;  /* its last and its first message */
    double other_w;
};

/* Zeroed before the first call; keeps nothing of an earlier map. The map is borrowed. */
void programme_configure(struct programme *programme, const struct site_map *map);
/* What cars have above what is due counts while they are here and can be told to give. */
void programme_see_cars(struct programme *programme, const struct site_map *map,
                        const struct charge *charge);
void programme_done(struct programme *programme);
/* One order for each circuit; false: there is no programme, the plan is untouched. */
bool programme_step(struct programme *programme, const struct programme_in *in,
                    struct circuit_plan *ret);
/* What a circuit draws in the mean, until measured. */
double programme_mean_w(double typical_w);
/* headroom x what the batteries may give, for a medical home less. */
struct circuit_limits programme_limits(const struct site_map *map);

#endif
