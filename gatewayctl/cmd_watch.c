/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: asks once a second what changed. On a terminal the table stays in place;
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

/* Prints what is new; true when --count lines are out. */
static bool print_lines(const struct ctl *ctl, const json_t *points, uint64_t *n)
{
    for (size_t i = 0; i < json_array_size(points); i++) {
        print_line(ctl, json_array_get(points, i));
        if (++*n == ctl->count)
            return true;
    }
    return false;
}

static bool redraw(const struct ctl *ctl, const json_t *points, uint64_t *n)
{
    char time[HUMAN_MAX];

    human_time(ctl_number(json_array_get(points, 0), "t"), time);
    fputs("\033[H\033[J", stdout);
    points_print(ctl, points);
    return ++*n == ctl->count;
}

/* One round; *since is the text that asks for what changed after it. */
static int watch_once(const struct ctl *ctl, char since[64], uint64_t *n, bool *ret_done)
{
    bool in_place = ctl->is_terminal && !ctl->is_json;
    char target[128];
    json_t *root, *points;
    int rc;

    /* In place the ages go on, so all rows are asked for. */
    snprintf(target, sizeof target, "/api/v1/points%s%s",
             *since && !in_place ? "?since=" : "", in_place ? "" : since);
    rc = ctl_get(ctl, target, &root, NULL);
    if (rc != EXIT_OK)
        return rc;
    snprintf(since, 64, "%s", ctl_text(root, "next"));
    points = json_object_get(root, "points");
    points_keep(points, is_wanted, ctl->n_args ? ctl->args[0] : NULL);
    *ret_done = in_place ? redraw(ctl, points, n) : print_lines(ctl, points, n);
    json_decref(root);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_BAD_NEWS;
}

int cmd_watch(const struct ctl *ctl)
{
    char since[64] = "";
    uint64_t n = 0;
    bool is_done = false;
    int rc;

    while ((rc = watch_once(ctl, since, &n, &is_done)) == EXIT_OK && !is_done)
        poll(NULL, 0, PAUSE_MS);
    return rc;
}
