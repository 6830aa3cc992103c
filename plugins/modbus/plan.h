/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading plan: merges the points of a device into the requests that take the least
 * time on the line. Pure: points and limits in, requests out; no clock, no I/O.
 *
 * A request covers a run of points, sorted by table and address. That the best plan is
 * made of such runs is shown in README.md; so dynamic programming over the sorted points
 * finds the least cost.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_PLAN_H
#define GATEWAYD_PLUGINS_MODBUS_PLAN_H

#include "plugins/modbus/codec.h"

struct plan_item {
    uint32_t point; /* index of the caller */
    uint32_t address, count;
    uint32_t interval_ms;
    enum codec_table table;
    bool alone; /* flagged as illegal: own request, and nobody reads through it */
};

/* Cost of one request: request_ns + reply bytes (data only) * byte_ns. */
struct plan_cost {
    uint64_t request_ns, byte_ns;
};

/* A place that no request may span: points from below `address` and points from there on.
 */
struct plan_boundary {
    enum codec_table table;
    uint32_t address;
};

struct plan_limits {
    uint32_t max_registers, max_bits;
    int64_t max_gap; /* longest hole read through; < 0: whatever is cheaper */
    const struct ranges *never_read;
    uint32_t n_boundaries;
    const struct plan_boundary *boundaries;
    struct plan_cost cost;
};

struct plan_request {
    enum codec_table table;
    uint32_t address, count;
    uint32_t interval_ms;
    uint32_t first, n_items; /* plan.items[first .. first + n_items) */
    uint32_t n_unused;       /* registers or bits read for nothing */
    uint64_t cost_ns;
    bool alone;
};

struct plan {
    uint32_t n_items, n_requests;
    struct plan_item *items; /* sorted: interval, table, address */
    uint32_t *points;        /* their points, in the same order */
    struct plan_request *requests;
};

/* Serial line: 8 characters of request and 5 of reply besides the data, two silences and
 * the device's turnaround. Over TCP: a fixed cost that no saved register outweighs. */
struct plan_cost plan_cost_serial(uint64_t character_ns, uint64_t silence_ns,
                                  uint64_t turnaround_ns);
struct plan_cost plan_cost_tcp(void);

/* Copies the items. 0 or -ENOMEM; on failure *ret is empty. An item alone longer than the
 * limits, or touching never_read, is the caller's mistake to find; it gets a request. */
int plan_make(const struct plan_item *items, uint32_t n, const struct plan_limits *limits,
              struct plan *ret);
void plan_done(struct plan *plan);

uint64_t plan_request_cost(const struct plan_limits *limits, enum codec_table table,
                           uint32_t count);
/* Where to cut items first..first+n-1 (n >= 2) that could not be read together: before
 * the item returned; at the widest hole, the nearest to the middle of equals. */
uint32_t plan_split(const struct plan_item *items, uint32_t first, uint32_t n);

#endif
