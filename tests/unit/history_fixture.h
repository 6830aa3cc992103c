/* SPDX-License-Identifier: Apache-2.0 */
/* A home on injected time for the tests of the local history, and what can be asked of
 * it. Devices grid (import and export counters, power), pv (power only), room
 * (temperature, door). */
#ifndef GATEWAYD_TESTS_UNIT_HISTORY_FIXTURE_H
#define GATEWAYD_TESTS_UNIT_HISTORY_FIXTURE_H

#include <stdint.h>

#include "gatewayd/history/query.h"
#include "tests/unit/store_fixture.h"

#define HISTORY_T0_MS INT64_C(1763769600000) /* 2025-11-22 00:00 UTC */
#define HISTORY_BOOT_S 1000                  /* boot time at T0 */

struct home {
    struct catalog *catalog;
    uint32_t random;
    double import_wh, export_wh; /* the counters; tests may bend them */
    double temperature_c, pv_w;
    int64_t wall_error_ms; /* of the clock as believed */
    bool is_synced;
    int64_t boot_offset_s; /* boot time 0 is at this second of T0 */
};

void home_init(struct home *home);
void home_done(struct home *home);
/* One second, the from-th after T0, until `to`, in steps; a commit at the end. */
void home_feed(struct home *home, int64_t from_s, int64_t to_s, int64_t step_s);

/* Without waiting; how many records. */
uint64_t home_feed_nowait(struct home *home, int64_t from_s, int64_t to_s,
                          int64_t step_s);

/* All rows of a question. */
struct table {
    uint32_t n;
    struct table_row {
        int64_t t_ms;
        struct history_cell cells[4];
    } *rows;
    struct history_answer answer;
};
extern const char *const home_points[4]; /* grid.power_w, pv.power_w, room.temperature_c,
                                            grid.energy_import_wh */
struct table table_ask(int64_t from_s, int64_t to_s, int64_t step_ms);
void table_free(struct table *table);

struct energies {
    uint32_t n;
    struct energy_row rows[4096];
    struct history_answer answer;
};
void energies_ask(struct energies *energies, int64_t from_s, int64_t to_s,
                  enum energy_slot slot);
int64_t energies_sum(const struct energies *energies, const char *device,
                     enum energy_flow flow);
int history_rows(const char *sql); /* a count out of the store's database */
int history_exec(const char *sql); /* into it; the store is closed */

#endif
