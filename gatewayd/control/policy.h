/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everyday policies, below outage control in rank: surplus into chosen circuits, the mean
 * power of a 30-minute slot, the reserve raised before storms and planned outages. Pure:
 * time and powers come in, wishes about circuits go out. Only while the grid is there.
 */
#ifndef GATEWAYD_CONTROL_POLICY_H
#define GATEWAYD_CONTROL_POLICY_H

#include "gatewayd/control/sense.h"
#include "gatewayd/control/site_map.h"

#define POLICY_NO_SLOT INT64_MIN /* a slot may have begun before the boot */
#define POLICY_SLOT_MS INT64_C(1800000)
#define POLICY_SURPLUS_MS 60000 /* the export has to last so long, either way */

struct policy {
    int64_t over_since_ms, under_since_ms; /* surplus; -1: not so */
    uint32_t n_surplus_on;  /* how many of the list are on */
    int64_t changed_ms;
    /* boot time of the 30-minute slot; POLICY_NO_SLOT: none yet */
    int64_t slot_begin_ms;
    double slot_wh;         /* drawn in it so far */
    int64_t last_ms;
    uint32_t n_peak_off;    /* circuits held back by the peak limit, from P4 up */
};

struct policy_in {
    int64_t t_boot_ms, t_wall_ms;
    bool is_grid_ok, is_clock_set;
    int64_t storm_until_ms; /* boot time; 0: none */
    bool is_plan_storm;     /* the coordinator announces one */
    const struct sense_power *power;
};

struct policy_out {
    uint64_t off;      /* bits of circuits that should be off now */
    uint64_t surplus;  /* of these, waiting for surplus; when on: on for it */
    uint64_t peak;     /* of these, held back by the peak limit */
    double surplus_w, slot_w; /* export; mean of the slot so far */
    int64_t slot_end_ms;
    double reserve;    /* % of usable energy to be kept on the grid */
    bool is_storm, is_planned_soon;
    int64_t planned_from_ms, planned_until_ms; /* wall; 0: none */
    int64_t next_ms;   /* boot time of the next look */
};

void policy_init(struct policy *policy);
void policy_step(struct policy *policy, const struct site_map *map,
                 const struct policy_in *in, struct policy_out *ret);

#endif
