/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the local history back: values of points (raw, 1-minute means, as the question
 * needs and as it is still kept) and energy in slots. For the API's thread and exports;
 * a query has a read-only connection of its own and never delays the store's thread.
 * Docs: docs/history.md.
 */
#ifndef GATEWAYD_HISTORY_QUERY_H
#define GATEWAYD_HISTORY_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/store/store.h"
#include "lib/energy/flows.h" /* enum energy_flow, energy_flow_name */

#define HISTORY_LIMIT_MS 2000
#define HISTORY_POINTS_MAX 64
#define HISTORY_CELLS_MAX 100000 /* rows times points of one answer with a step */
#define HISTORY_STEPS_MAX 20000  /* rows of it */

struct history;

/* Any thread; used by one at a time. The store must outlive it. It sees one state of the
 * store; close it soon. -errno as lib/sqlite/db.h. */
int history_open(struct store *store, struct history **ret_history);
void history_close(struct history *history); /* NULL is fine */

/* ---- values ------------------------------------------------------------------------ */

struct history_cell {
    uint32_t n; /* good readings it stands for; 0: value, min and max mean nothing */
    double value, min, max; /* value: the mean; of a counter (*_wh) the last one */
    /* enum gw_quality: the last that was not good; 0 with n 0: nothing */
    uint8_t quality;
    uint8_t clock;   /* enum clock_trust of the time: the least sure */
};

struct history_row {
    int64_t t_ms; /* UTC; with a step: where it begins */
    const struct history_cell *cells; /* one per point asked for, in that order */
};

enum history_source { HISTORY_RAW = 1, HISTORY_MINUTES = 2 }; /* or both */

struct history_query {
    const char *const *points; /* "device.point" */
    uint32_t n_points;
    int64_t from_ms, to_ms; /* to: not in it */
    /* 0: every reading as it is, where raw ones are kept; else means over so long, at
     * :00 of UTC. Below a minute only where raw readings are kept. */
    int64_t step_ms;
    uint32_t max_rows; /* 0: HISTORY_STEPS_MAX */
    uint32_t limit_ms; /* 0: HISTORY_LIMIT_MS */
    void *ctx;
    void (*row)(void *ctx, const struct history_row *row); /* times ascend */
};

struct history_answer {
    unsigned sources;   /* bits of enum history_source */
    uint32_t n_rows;    /* told */
    bool is_truncated;  /* max_rows or limit_ms ended it: the rest is not there */
    int64_t next_ms;    /* is_truncated: from where to go on asking */
    int64_t raw_from_ms, minutes_from_ms; /* kept since; 0: none */
    int64_t newest_ms; /* of values: nothing is kept behind it */
};

/* Rows in which no point has anything are left out. -EINVAL: more points, cells or steps
 * than the bounds, one named twice, from >= to, step < 0; -errno. */
int history_query(struct history *history, const struct history_query *query,
                  struct history_answer *ret_answer);

/* ---- energy ------------------------------------------------------------------------ */

enum energy_slot { ENERGY_15_MIN, ENERGY_30_MIN, ENERGY_DAY }; /* a day: the site's */

/* One flow of one device in one slot. */
struct energy_row {
    const char *device; /* borrowed for the call */
    uint8_t role;       /* enum role */
    uint8_t flow;       /* enum energy_flow */
    /* enum meter_flag (lib/energy/meter.h); MISSING: not all of it known */
    uint8_t flags;
    bool is_open;       /* the slot is not over: the amount grows */
    int64_t start_ms, end_ms;
    int64_t wh;
    uint32_t known_s;    /* of the slot's seconds */
    int32_t off_grid_s;  /* < 0: not known */
};

struct energy_query {
    int64_t from_ms, to_ms; /* slots that begin in it; to: not in it */
    enum energy_slot slot;
    const char *timezone; /* of days, such as "Asia/Tokyo"; NULL: UTC */
    const char *device; /* NULL: all */
    uint32_t max_rows;  /* 0: HISTORY_CELLS_MAX */
    uint32_t limit_ms;  /* 0: HISTORY_LIMIT_MS */
    void *ctx;
    void (*row)(void *ctx, const struct energy_row *row); /* by start, device, flow */
};

/* Slots of which nothing is known are left out, not 0. Answer: is_truncated, next_ms and
 * n_rows as above. */
int energy_query(struct history *history, const struct energy_query *query,
                 struct history_answer *ret_answer);

#endif
