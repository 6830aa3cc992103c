/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the local history; see summary_names.h. Used by summary.c on the store's
 * thread and by queries with a copy of their own. */
#include "gatewayd/store/summary_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strbuf.h"
#include "lib/energy/minutes.h"
#include "lib/sqlite/stmt.h"

static void device_done(struct summary_device *device)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        free(device->points[i].name);
    free(device->points);
    free(device->is_counter);
    free(device->name);
}

void summary_names_free(struct summary_names *names)
{
    for (uint32_t i = 0; i < names->n; i++)
        device_done(&names->devices[i]);
    free(names->devices);
    *names = (struct summary_names){0};
}

uint32_t summary_names_find(const struct summary_names *names, const char *device)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (names->devices[i].name && strcmp(names->devices[i].name, device) == 0)
            return i;
    return UINT32_MAX;
}

uint32_t summary_names_find_point(const struct summary_device *device, const char *point)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        if (strcmp(device->points[i].name, point) == 0)
            return i;
    return UINT32_MAX;
}

static int grow(struct summary_names *names, uint32_t n)
{
    struct summary_device *bigger = realloc(names->devices, n * sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    names->devices = bigger;
    memset(bigger + names->n, 0, (n - names->n) * sizeof *bigger);
    names->n = n;
    return 0;
}

int summary_names_device(struct summary_names *names, const char *device,
                         uint32_t *ret_device)
{
    char *name;
    int rc;

    *ret_device = summary_names_find(names, device);
    if (*ret_device != UINT32_MAX)
        return 0;
    if (names->n >= SUMMARY_DEVICES_MAX)
        return -ENOSPC;
    name = strdup(device);
    rc = name ? grow(names, names->n + 1) : -ENOMEM;
    if (rc < 0) {
        free(name);
        return rc;
    }
    *ret_device = names->n - 1;
    names->devices[*ret_device].name = name;
    names->devices[*ret_device].is_dirty = true;
    return 0;
}

int summary_names_point(struct summary_device *device, const char *point,
                        uint32_t *ret_point)
{
    uint32_t n = device->n_points;
    struct summary_point *points, fresh = {.is_counter = minutes_is_counter(point)};
    bool *is_counter;

    *ret_point = summary_names_find_point(device, point);
    if (*ret_point != UINT32_MAX)
        return 0;
    points = realloc(device->points, (n + 1) * sizeof *points);
    if (points)
        device->points = points;
    is_counter = realloc(device->is_counter, (n + 1) * sizeof *is_counter);
    if (is_counter)
        device->is_counter = is_counter;
    fresh.name = strdup(point);
    if (!points || !is_counter || !fresh.name) {
        free(fresh.name);
        return -ENOMEM;
    }
    fresh.has_flow = flow_source_of(device->role, point, &fresh.flow);
    is_counter[n] = fresh.is_counter;
    points[n] = fresh;
    device->n_points++;
    device->is_dirty = true;
    *ret_point = n;
    return 0;
}

/* ---- as configured ---- */

static uint32_t poll_of(const struct catalog_device *device)
{
    struct flow_source source;
    uint32_t poll_ms = 0;

    for (uint32_t i = 0; i < device->n_points; i++)
        if (flow_source_of(device->role, device->points[i].name, &source) &&
            device->points[i].interval_ms > poll_ms)
            poll_ms = device->points[i].interval_ms;
    return poll_ms;
}

int summary_names_learn(struct summary_names *names, const struct catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->n_devices; i++) {
        const struct catalog_device *from = &catalog->devices[i];
        struct summary_device *device;
        uint32_t number, poll_ms = poll_of(from);
        int rc = summary_names_device(names, from->name, &number);

        if (rc < 0)
            return rc;
        device = &names->devices[number];
        device->is_dirty |= device->role != from->role || device->poll_ms != poll_ms;
        device->role = from->role;
        device->poll_ms = poll_ms;
        for (uint32_t p = 0; p < device->n_points; p++)
            device->points[p].has_flow = flow_source_of(
                device->role, device->points[p].name, &device->points[p].flow);
    }
    return 0;
}

/* ---- in the database ---- */

static int load_points(struct summary_device *device, const char *text)
{
    int rc = 0;

    while (*text && rc == 0) {
        size_t len = strcspn(text, "\n");
        char *name = strndup(text, len);
        uint32_t number;

        rc = name ? summary_names_point(device, name, &number) : -ENOMEM;
        free(name);
        text += len + (text[len] == '\n');
    }
    return rc;
}

int summary_names_load(struct summary_names *names, struct db *db)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        db, "SELECT no,name,role,poll_ms,points FROM device ORDER BY no", &stmt);

    summary_names_free(names);
    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        int64_t number = stmt_i64(stmt, 0), role = stmt_i64(stmt, 2);
        struct summary_device *device;

        if (number < names->n || number >= SUMMARY_DEVICES_MAX) {
            rc = -EUCLEAN;
            break;
        }
        rc = grow(names, (uint32_t)number + 1);
        if (rc < 0)
            break;
        device = &names->devices[number];
        device->name = strdup(stmt_text(stmt, 1));
        device->role = role > 0 && role < ROLE_COUNT ? (enum role)role : ROLE_NONE;
        device->poll_ms = (uint32_t)stmt_i64(stmt, 3);
        rc = device->name ? load_points(device, stmt_text(stmt, 4)) : -ENOMEM;
        device->is_dirty = false;
    }
    stmt_finish(&stmt);
    return rc;
}

static int save_device(const struct summary_device *device, uint32_t number,
                       struct sqlite3_stmt *stmt)
{
    struct strbuf points;
    int rc;

    strbuf_init(&points);
    strbuf_puts(&points, "");
    for (uint32_t i = 0; i < device->n_points; i++) {
        strbuf_puts(&points, device->points[i].name);
        strbuf_putc(&points, '\n');
    }
    if (points.failed) {
        strbuf_done(&points);
        return -ENOMEM;
    }
    stmt_bind_i64(stmt, 1, number);
    stmt_bind_text(stmt, 2, device->name);
    stmt_bind_i64(stmt, 3, device->role);
    stmt_bind_i64(stmt, 4, device->poll_ms);
    stmt_bind_text(stmt, 5, points.data ? points.data : "");
    rc = stmt_run(stmt);
    strbuf_done(&points);
    return rc;
}

int summary_names_save(struct summary_names *names, struct db *db)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = 0;

    for (uint32_t i = 0; i < names->n && rc == 0; i++) {
        if (!names->devices[i].is_dirty)
            continue;
        if (!stmt)
            rc = stmt_prepare(db, "INSERT OR REPLACE INTO device VALUES(?1,?2,?3,?4,?5)",
                              &stmt);
        if (rc == 0)
            rc = save_device(&names->devices[i], i, stmt);
        if (rc == 0)
            names->devices[i].is_dirty = false;
    }
    stmt_finish(&stmt);
    return rc;
}
