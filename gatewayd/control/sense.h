/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the latest-value table to what lib/microgrid takes: evidence readings with time
 * and session, usable energy, powers. Unknown stays unknown: nothing here invents a
 * value.
 */
#ifndef GATEWAYD_CONTROL_SENSE_H
#define GATEWAYD_CONTROL_SENSE_H

#include "gatewayd/control/charge.h"

/* What is remembered of each source between two looks. */
struct sense {
    struct {
        bool was_good;
        uint32_t session;
    } sources[EVIDENCE_MAX];
};

/* NaN: not known. */
struct sense_power {
    double grid_w, pv_w, battery_w; /* + import, + production, + discharge */
    double load_w;                  /* grid + pv + battery */
    double usable_wh, capacity_wh;  /* of the batteries, above their cut-off */
    double usable_permille, soc_permille;
    double medical_w; /* of the medical device */
};

void sense_init(struct sense *sense);
/* One reading for each source of the map, in its order; the batteries' is their common
 * one. A voltage whose nominal one was not configured takes the nearest usual one. */
void sense_evidence(struct sense *sense, struct site_map *map,
                    const struct control_ports *ports, const struct charge_sum *charge,
                    struct evidence_reading *ret);
void sense_powers(const struct site_map *map, const struct control_ports *ports,
                  const struct charge_sum *charge, struct sense_power *ret);
/* A good value of the point, or NaN. */
double sense_value(const struct control_ports *ports, const struct control_ref *ref);
/* What the battery gives, or NaN when it is not told or more than it ever can. */
double sense_battery_w(const struct control_ports *ports,
                       const struct site_battery *battery);
/* Can a charge be so, in permille? A gauge may overshoot a little; 65535 and what is
 * below 0 are a device's "not available", and no full or empty battery. */
bool sense_is_charge(double soc_permille);
/* A good value of the point that can be a charge, or NaN. */
double sense_charge(const struct control_ports *ports, const struct control_ref *ref);
/* Does any battery or PCS say it has an alarm? */
bool sense_alarm(const struct site_map *map, const struct control_ports *ports);
/* Does any say that it carries more than it can for long? */
bool sense_overload(const struct site_map *map, const struct control_ports *ports);

#endif
