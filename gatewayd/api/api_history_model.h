/* SPDX-License-Identifier: Apache-2.0 */
/* What the ports of the API take and give of the local history, as
 * gatewayd/history/query.h, which says more; and of restores. Plain data. */
#ifndef GATEWAYD_API_API_HISTORY_MODEL_H
#define GATEWAYD_API_API_HISTORY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define API_HISTORY_POINTS_MAX 64
#define API_HISTORY_CELLS_MAX 100000 /* rows times points of one answer */
#define API_HISTORY_ROWS_MAX 20000

struct api_history_query {
    const char *points[API_HISTORY_POINTS_MAX]; /* "device.point" */
    uint32_t n_points, max_rows;
    int64_t from_ms, to_ms, step_ms; /* step 0: every reading */
};

struct api_history_cell {
    uint32_t n; /* good readings; 0: no value */
    double value, min, max;
    uint8_t quality, clock; /* enum gw_quality, enum clock_trust */
};
/* cells: one per point asked for. */
typedef void (*api_history_fn)(void *visit_ctx, int64_t t_ms,
                               const struct api_history_cell *cells);

enum api_energy_slot { API_ENERGY_15_MIN, API_ENERGY_30_MIN, API_ENERGY_DAY };

struct api_energy_query {
    int64_t from_ms, to_ms;
    enum api_energy_slot slot;
    const char *device; /* NULL: all */
    uint32_t max_rows;
};

struct api_energy_row {
    const char *device, *role, *flow;
    int64_t start_ms, end_ms, wh;
    uint32_t known_s;
    int32_t off_grid_s; /* < 0: not known */
    bool is_open, is_measured, is_integrated, is_recovered, is_missing;
};
/* By start, device, flow. */
typedef void (*api_energy_fn)(void *visit_ctx, const struct api_energy_row *row);

struct api_history_answer {
    uint32_t n_rows;
    bool is_truncated;
    int64_t next_ms; /* go on from there */
    int64_t raw_from_ms, minutes_from_ms; /* kept since; 0: none */
    int64_t newest_ms; /* of values: nothing is kept behind it */
};

struct api_restore_request {
    uint64_t bytes;
    char sha256[65];
    bool is_forced;
};

struct api_restore { /* how far the last one is */
    const char *phase; /* "idle", "receiving", ..., "done", "failed" */
    uint32_t id;
    uint64_t bytes, received;
    char code[40], text[480];
};

#endif
