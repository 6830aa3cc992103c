/* SPDX-License-Identifier: Apache-2.0 */
/* The home of the tests of the local history; see history_fixture.h. */
#include "tests/unit/history_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/sqlite/db.h"
#include "lib/sqlite/stmt.h"
#include "tests/unit/suite.h"

const char *const home_points[4] = {"grid.power_w", "pv.power_w", "room.temperature_c",
                                    "grid.energy_import_wh"};

static void add_device(struct catalog_device *device, const char *name, enum role role,
                       const char *const *points, uint32_t n)
{
    device->name = strdup(name);
    device->bus = strdup("bus");
    device->role = role;
    device->n_points = n;
    device->points = calloc(n, sizeof *device->points);
    for (uint32_t i = 0; i < n; i++) {
        device->points[i].name = strdup(points[i]);
        device->points[i].unit = strdup("");
        device->points[i].interval_ms = 5000;
    }
}

void home_init(struct home *home)
{
    static const char *const grid[] = {"power_w", "energy_import_wh", "energy_export_wh"};
    static const char *const pv[] = {"power_w"};
    static const char *const room[] = {"temperature_c", "door_open"};

    *home = (struct home){.random = 1,
                          .import_wh = 53700000,
                          .export_wh = 1000,
                          .temperature_c = 21.5,
                          .is_synced = true,
                          .boot_offset_s = -HISTORY_BOOT_S};
    home->catalog = catalog_new(1, 3);
    add_device(&home->catalog->devices[0], "grid", ROLE_GRID, grid, 3);
    add_device(&home->catalog->devices[1], "pv", ROLE_PV, pv, 1);
    add_device(&home->catalog->devices[2], "room", ROLE_SENSOR, room, 2);
    catalog_seal(home->catalog);
}

void home_done(struct home *home)
{
    catalog_unref(home->catalog);
    clock_fake(0, -1, CLOCK_UNSET);
}

static double noise(struct home *home)
{
    home->random = home->random * 1664525 + 1013904223;
    return (double)(home->random >> 8) / (1 << 24);
}

static void put(struct record_batch *batch, uint32_t point, enum gw_type type,
                double number)
{
    struct gw_value value = {.type = (uint8_t)type};

    if (type == GW_TYPE_FLOAT32)
        value.v.f = (float)number;
    else if (type == GW_TYPE_BOOL)
        value.v.b = number > 0;
    else
        value.v.d = number;
    record_batch_add(batch, point, GW_GOOD, 0, &value);
}

static void put_second(struct home *home, struct record_batch *batch, int64_t t_boot_ns,
                       int64_t step_s)
{
    double w = 1200 + 600 * noise(home);

    home->import_wh += w * (double)step_s / 3600;
    home->pv_w = 800 * noise(home);
    home->temperature_c += noise(home) - 0.5;
    record_batch_begin(batch, 0, t_boot_ns);
    put(batch, 0, GW_TYPE_FLOAT32, w);
    put(batch, 1, GW_TYPE_FLOAT64, home->import_wh);
    put(batch, 2, GW_TYPE_FLOAT64, home->export_wh);
    record_batch_begin(batch, 1, t_boot_ns + 100 * CLOCK_NS_PER_MS);
    put(batch, 0, GW_TYPE_FLOAT32, home->pv_w);
    record_batch_begin(batch, 2, t_boot_ns + 200 * CLOCK_NS_PER_MS);
    put(batch, 0, GW_TYPE_FLOAT32, home->temperature_c);
    put(batch, 1, GW_TYPE_BOOL, noise(home) > 0.5 ? 1 : 0);
}

uint64_t home_feed_nowait(struct home *home, int64_t from_s, int64_t to_s, int64_t step_s)
{
    struct record_batch *batch = record_batch_new(home->catalog);
    int64_t boot_ns = (to_s - home->boot_offset_s) * CLOCK_NS_PER_S;
    uint64_t n = 0;

    for (int64_t s = from_s; s < to_s; s += step_s, n += 3)
        put_second(home, batch, (s - home->boot_offset_s) * CLOCK_NS_PER_S, step_s);
    clock_fake(boot_ns, HISTORY_T0_MS + to_s * 1000 + home->wall_error_ms,
               home->is_synced ? CLOCK_SYNCED : CLOCK_UNSET);
    CU_ASSERT_EQUAL_FATAL(store_append(fixture_store, batch, true), 0);
    return n;
}

void home_feed(struct home *home, int64_t from_s, int64_t to_s, int64_t step_s)
{
    struct store_stats before;

    store_get_stats(fixture_store, &before);
    fixture_wait_committed(before.last_seq +
                           home_feed_nowait(home, from_s, to_s, step_s));
}

/* ---- asking ---- */

static void take_row(void *ctx, const struct history_row *row)
{
    struct table *table = ctx;

    if ((table->n & (table->n + 1)) == 0)
        table->rows = realloc(table->rows, 2 * (table->n + 1) * sizeof *table->rows);
    table->rows[table->n].t_ms = row->t_ms;
    memcpy(table->rows[table->n++].cells, row->cells, sizeof table->rows->cells);
}

struct table table_ask(int64_t from_s, int64_t to_s, int64_t step_ms)
{
    struct table table = {0};
    const struct history_query query = {.points = home_points,
                                        .n_points = 4,
                                        .from_ms = HISTORY_T0_MS + from_s * 1000,
                                        .to_ms = HISTORY_T0_MS + to_s * 1000,
                                        .step_ms = step_ms,
                                        .limit_ms = 60000,
                                        .ctx = &table,
                                        .row = take_row};
    struct history *history = NULL;

    CU_ASSERT_EQUAL_FATAL(history_open(fixture_store, &history), 0);
    CU_ASSERT_EQUAL(history_query(history, &query, &table.answer), 0);
    history_close(history);
    CU_ASSERT_EQUAL(table.answer.n_rows, table.n);
    return table;
}

void table_free(struct table *table)
{
    free(table->rows);
    *table = (struct table){0};
}

static void take_energy(void *ctx, const struct energy_row *row)
{
    struct energies *energies = ctx;
    const char *name = strcmp(row->device, "grid") == 0 ? "grid"
                       : strcmp(row->device, "pv") == 0 ? "pv"
                                                        : "?";

    CU_ASSERT_TRUE_FATAL(energies->n < sizeof energies->rows / sizeof *energies->rows);
    energies->rows[energies->n] = *row;
    energies->rows[energies->n++].device = name;
}

void energies_ask(struct energies *energies, int64_t from_s, int64_t to_s,
                  enum energy_slot slot)
{
    const struct energy_query query = {.from_ms = HISTORY_T0_MS + from_s * 1000,
                                       .to_ms = HISTORY_T0_MS + to_s * 1000,
                                       .slot = slot,
                                       .timezone = "Europe/Berlin",
                                       .limit_ms = 60000,
                                       .ctx = energies,
                                       .row = take_energy};
    struct history *history = NULL;

    energies->n = 0;
    CU_ASSERT_EQUAL_FATAL(history_open(fixture_store, &history), 0);
    CU_ASSERT_EQUAL(energy_query(history, &query, &energies->answer), 0);
    history_close(history);
}

int64_t energies_sum(const struct energies *energies, const char *device,
                     enum energy_flow flow)
{
    int64_t wh = 0;

    for (uint32_t i = 0; i < energies->n; i++)
        if (energies->rows[i].flow == flow &&
            strcmp(energies->rows[i].device, device) == 0)
            wh += energies->rows[i].wh;
    return wh;
}

int history_rows(const char *sql)
{
    struct sqlite3_stmt *stmt = NULL;
    struct db *db;
    int n = -1;

    CU_ASSERT_EQUAL_FATAL(store_open_db(fixture_store, &db), 0);
    if (stmt_prepare(db, sql, &stmt) == 0 && stmt_step(stmt) > 0)
        n = (int)stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    db_close(db);
    return n;
}

int history_exec(const char *sql)
{
    char path[300];
    const struct db_options options = {.path = path, .mode = DB_WRITER, .cache_kib = 64};
    struct db *db;
    int rc;

    snprintf(path, sizeof path, "%.250s/store.db", fixture_dir);
    rc = db_open(&options, &db, NULL);
    if (rc == 0)
        rc = db_exec(db, sql);
    db_close(db);
    return rc;
}
