/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is not switched but set: batteries, cars, PV limits. One order for
 * each, numbered as configured: the sources of the map, then its PV limits. Each is a
 * forced mode: ordered only after the journal has it, so never without a journal on disk
 * (OUTAGE 6.6); the interlocks have the last word. Pure.
 */
#ifndef GATEWAYD_CONTROL_SETPOINTS_H
#define GATEWAYD_CONTROL_SETPOINTS_H

#include "gatewayd/control/cars.h"
#include "gatewayd/control/modes.h"
#include "gatewayd/control/pv_limit.h"

struct setpoints {
    struct modes modes;
    struct cars cars;
    struct pv_limit pv;
};

struct setpoints_in {
    int64_t t_boot_ms, local_ms;
    const struct site_map *map;
    const struct control_ports *ports;
    const struct grid_demand *demand;
    const struct policy_out *policy;
    const struct sense_power *power;
    const struct plan_content *plan; /* NULL: none in force */
    double usable_permille;          /* of what forms the island; NaN: unknown */
    bool is_held, is_clock_set;
};

struct setpoints_out {
    uint32_t n;
    struct setpoint limits[SETPOINT_MAX]; /* for the interlocks */
    struct setpoint_order orders[SETPOINT_MAX];
    const char *why[SETPOINT_MAX];     /* static; NULL: left to itself */
    const char *refused[SETPOINT_MAX]; /* what is in the way of that; NULL: nothing */
    bool is_pv_wanted;  /* a limit is asked for, with or without a device that can */
    const char *pv_why; /* of that */
};

void setpoints_step(struct setpoints *setpoints, const struct setpoints_in *in,
                    struct setpoints_out *ret);
/* The point of set-point i; is_there is false where the device has none. */
const struct control_ref *setpoints_ref(const struct site_map *map, uint32_t i);

#endif
