/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of one device as its plugin described them, and when each is due: on a
 * grid of CLOCK_BOOTTIME with phase 0, so that buses and processes wake up together.
 * Pure.
 */
#ifndef GATEWAYD_HOST_PLAN_H
#define GATEWAYD_HOST_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/plugin.h"

#define PLAN_MAX_REQUESTS 4096

struct plan_request {
    uint32_t id, interval_ms, timeout_ms;
    uint64_t cost_us;
    uint32_t n_points;
    uint32_t *points; /* checked: below the device's n_points */
    char *text;
    int64_t due_boot_ns; /* INT64_MAX: never */
};

/* What a plugin sees as struct gw_plan; all zero but n_points: empty. */
struct gw_plan {
    uint32_t n_points; /* of the device */
    uint32_t pace;     /* each interval is so many times as long; 0 is 1 */
    uint32_t n, capacity;
    struct plan_request *requests;
};

void plan_done(struct gw_plan *plan);
/* gw_services.plan_add: GW_OK, GW_ERR_CONFIG (a wrong request) or GW_ERR_INTERNAL. */
int plan_add(struct gw_plan *plan, const struct gw_request *request);

/* Due times: requests known from `old` (by id and interval) keep theirs, all others are
 * due at the grid point at or before now. `old` may be NULL. */
void plan_schedule(struct gw_plan *plan, const struct gw_plan *old, int64_t now_boot_ns);
/* The cycle of this request of the plan that began at start_boot_ns is done: next grid
 * point after it. Returns how many grid points were skipped. */
uint64_t plan_advance(const struct gw_plan *plan, struct plan_request *request,
                      int64_t start_boot_ns);
/* From the next cycle on; a faster pace makes everything due at once, for what was read
 * at the slower one is old. */
void plan_set_pace(struct gw_plan *plan, uint32_t pace, int64_t now_boot_ns);
/* A device is back: everything is due once, now, but `done` (just made, or NULL): a slow
 * point must not stay without value until its next turn. Skipped cycles are not
 * counted. */
void plan_catch_up(struct gw_plan *plan, const struct plan_request *done,
                   int64_t now_boot_ns);
/* The scheduled request that costs least, or NULL. */
struct plan_request *plan_cheapest(struct gw_plan *plan);
uint32_t plan_max_timeout_ms(const struct gw_plan *plan);

#endif
