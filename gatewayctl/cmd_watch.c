/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: asks twice a second for the points. On a terminal the table stays in place;
 * elsewhere each change is one line (with --json one object), so that it can be piped.
 */
#include "gatewayctl/commands.h"

#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/points.h"

#define PAUSE_MS 500

/* 'meter' is every point of meter, 'meter.*_w' what it says. */
static bool is_wanted(const json_t *point, const void *pattern)
{
    char name[160];

    snprintf(name, sizeof name, "%s.%s", ctl_text(point, "device"),
             ctl_text(point, "point"));
    return !pattern || fnmatch(pattern, name, 0) == 0 ||
           strcmp(ctl_text(point, "device"), pattern) == 0;
}

static void print_line(const struct ctl *ctl, const json_t *point)
{
    char time[HUMAN_MAX], *value;

    if (ctl->is_json) {
        ctl_print_json(point);
        return;
    }
    value = human_value(json_object_get(point, "value"));
    human_time(ctl_number(point, "t"), time);
    printf("%s  %s.%s  %s%s%s  %s\n", time, ctl_text(point, "device"),
           ctl_text(point, "point"), value, *ctl_text(point, "unit") ? " " : "",
           ctl_text(point, "unit"), ctl_text(point, "quality"));
    free(value);
}

/* Another value or quality than the round before had, which `seen` keeps by name. */
static bool is_new(json_t *seen, const json_t *point)
{
    const json_t *value = json_object_get(point, "value"), *before;
    char name[160];

    snprintf(name, sizeof name, "%s.%s", ctl_text(point, "device"),
             ctl_text(point, "point"));
    before = json_object_get(seen, name);
    if (before && json_equal(json_object_get(before, "value"), value) &&
        strcmp(ctl_text(before, "quality"), ctl_text(point, "quality")) == 0 &&
        ctl_number(before, "detail") == ctl_number(point, "detail"))
        return false;
    json_object_set(seen, name, (json_t *)(uintptr_t)point);
    return true;
}

/* Prints what is new; true when --count lines are out. */
static bool print_lines(const struct ctl *ctl, const json_t *points, json_t *seen,
                        uint64_t *n)
{
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);

        if (!is_new(seen, point))
            continue;
        print_line(ctl, point);
        if (++*n == ctl->count)
            return true;
    }
    return false;
}

static bool redraw(const struct ctl *ctl, const json_t *points, uint64_t *n)
{
    fputs("\033[H\033[J", stdout);
    points_print(ctl, points);
    return ++*n == ctl->count;
}

/* One round. All points are asked for: one that went stale has no new reading. */
static int watch_once(const struct ctl *ctl, json_t *seen, uint64_t *n, bool *ret_done)
{
    json_t *root, *points;
    int rc = ctl_get(ctl, "/api/v1/points", &root, NULL);

    if (rc != EXIT_OK)
        return rc;
    points = json_object_get(root, "points");
    points_keep(points, is_wanted, ctl->n_args ? ctl->args[0] : NULL);
    if (ctl->is_terminal && !ctl->is_json)
        *ret_done = redraw(ctl, points, n);
    else
        *ret_done = print_lines(ctl, points, seen, n);
    json_decref(root);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_BAD_NEWS;
}

int cmd_watch(const struct ctl *ctl)
{
    json_t *seen = json_object();
    uint64_t n = 0;
    bool is_done = false;
    int rc;

    while ((rc = watch_once(ctl, seen, &n, &is_done)) == EXIT_OK && !is_done)
        poll(NULL, 0, PAUSE_MS);
    json_decref(seen);
    return rc;
}
