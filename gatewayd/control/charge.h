/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the batteries of the site hold, each as it tells it. One that falls silent, or
 * whose charge stands still while it is drawn from, keeps what was last believed of it,
 * moved by its own measured power: taking a battery's word away empties nothing. On the
 * loop.
 */
#ifndef GATEWAYD_CONTROL_CHARGE_H
#define GATEWAYD_CONTROL_CHARGE_H

#include "gatewayd/control/site_map.h"

struct charge_battery {
    bool is_known;        /* it told its charge at least once */
    bool is_live;         /* it tells it now */
    bool is_stuck;        /* it tells the same whatever flows */
    double soc_permille;  /* as believed */
    double told_permille; /* as told last */
    int64_t told_ms;      /* boot time of that reading */
    double moved_wh;      /* measured since what it tells changed; + discharged */
    /* told, and too far from what is believed to be taken at once */
    double odd_permille;
    unsigned n_odd;
};

struct charge {
    int64_t t_ms; /* of the last step; 0: none */
    struct charge_battery batteries[SITE_BATTERIES_MAX]; /* as in the map */
    uint32_t told_stuck; /* bits of those the alarm names */
};

/* Other batteries from now on: nothing is known of them. */
void charge_forget(struct charge *charge);
/* The map's batteries are those of the step before; tells the alarm "battery-stuck". */
void charge_step(struct charge *charge, const struct site_map *map,
                 const struct control_ports *ports, int64_t t_boot_ms);
/* Of all batteries that form the island and whose charge is known, by their capacity.
 * NaN: no battery tells its charge now. */
struct charge_sum {
    double usable_wh, capacity_wh; /* above the cut-off */
    double usable_permille, soc_permille;
    int64_t t_ms; /* boot time of the newest reading */
};
void charge_sum(const struct charge *charge, const struct site_map *map,
                struct charge_sum *ret);

#endif
