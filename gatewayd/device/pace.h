/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By how much the intervals of each device are stretched while energy is saved. Told by
 * control, kept for hosts.c (what a host that starts is told) and latest.c (what is
 * stale). Whoever owns a table guards it.
 */
#ifndef GATEWAYD_DEVICE_PACE_H
#define GATEWAYD_DEVICE_PACE_H

#include <stdint.h>

struct pace_table { /* all zero: every device as configured */
    uint32_t n;
    uint32_t *factors; /* by the number of the device */
};

/* Also to begin with another catalogue. */
void pace_table_clear(struct pace_table *table);
/* 0 or -ENOMEM: it stays as it is. */
int pace_table_set(struct pace_table *table, uint32_t device, uint32_t factor);
/* 1: as configured. */
uint32_t pace_table_get(const struct pace_table *table, uint32_t device);

#endif
