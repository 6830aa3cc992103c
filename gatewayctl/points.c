/* SPDX-License-Identifier: Apache-2.0 */
/* points, read, write; the rows of points.h. */
#include "gatewayctl/points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/commands.h"
#include "gatewayctl/human.h"
#include "gatewayctl/table.h"

bool points_is_good(const json_t *point)
{
    return strcmp(ctl_text(point, "quality"), "good") == 0;
}

static enum tint quality_tint(const json_t *point)
{
    const char *quality = ctl_text(point, "quality");

    if (strcmp(quality, "good") == 0)
        return TINT_GOOD;
    return strcmp(quality, "uncertain") == 0 || strcmp(quality, "substituted") == 0
               ? TINT_WARN
               : TINT_BAD;
}

static void add_row(struct table *table, const json_t *point)
{
    const json_t *age = json_object_get(point, "age_ms");
    char *value = human_value(json_object_get(point, "value")), ago[HUMAN_MAX] = "-";

    if (json_is_integer(age))
        human_duration(json_integer_value(age), ago);
    table_addf(table, TINT_NONE, "%s.%s", ctl_text(point, "device"),
               ctl_text(point, "point"));
    /* An old value must not look like a fresh one. */
    table_add(table, value, points_is_good(point) ? TINT_NONE : TINT_DIM);
    table_add(table, ctl_text(point, "unit"), TINT_NONE);
    if (json_object_get(point, "detail"))
        table_addf(table, quality_tint(point), "%s(%lld)", ctl_text(point, "quality"),
                   (long long)ctl_number(point, "detail"));
    else
        table_add(table, ctl_text(point, "quality"), quality_tint(point));
    if (json_is_integer(age))
        table_addf(table, TINT_NONE, "%s ago", ago);
    else
        table_add(table, "never", TINT_NONE);
    free(value);
}

void points_print(const struct ctl *ctl, const json_t *points)
{
    struct table *table = table_new("point|>value|unit|quality|read", ctl->has_colour);

    for (size_t i = 0; i < json_array_size(points); i++)
        add_row(table, json_array_get(points, i));
    table_print(table);
    table_free(table);
}

size_t points_keep(json_t *points, bool (*is_kept)(const json_t *point, const void *arg),
                   const void *arg)
{
    size_t i = 0;

    while (i < json_array_size(points))
        if (is_kept(json_array_get(points, i), arg))
            i++;
        else
            json_array_remove(points, i);
    return i;
}

static bool is_not_good(const json_t *point, const void *arg)
{
    (void)arg;
    return !points_is_good(point);
}

static bool is_named(const json_t *point, const void *name)
{
    return strcmp(ctl_text(point, "point"), name) == 0;
}

/* The points of a device (NULL: all), or an exit code. */
static int get_points(const struct ctl *ctl, const char *device, json_t **ret_root)
{
    char target[128], name[64], rest[64];

    if (device && (!ctl_split_name(device, name, rest) || *rest)) {
        fprintf(stderr, "gatewayctl: '%s' is no device's name\n", device);
        return EXIT_USAGE;
    }
    snprintf(target, sizeof target, "/api/v1/points%s%s", device ? "?device=" : "",
             device ? name : "");
    return ctl_get(ctl, target, ret_root, NULL);
}

static int tell_unknown(const char *name)
{
    fprintf(stderr, "gatewayctl: there is no '%s'; see 'gatewayctl points'\n", name);
    return EXIT_BAD_NEWS;
}

int cmd_points(const struct ctl *ctl)
{
    json_t *root, *points;
    int rc = get_points(ctl, ctl->device, &root);

    if (rc != EXIT_OK)
        return rc;
    points = json_object_get(root, "points");
    if (ctl->device && !json_array_size(points))
        rc = tell_unknown(ctl->device);
    else if (ctl->is_stale_only && points_keep(points, is_not_good, NULL))
        rc = EXIT_BAD_NEWS;
    if (ctl->is_json)
        ctl_print_json(root);
    else if (json_array_size(points))
        points_print(ctl, points);
    else if (rc == EXIT_OK)
        puts(ctl->is_stale_only ? "all points are good" : "no points are configured");
    json_decref(root);
    return rc;
}

/* Shows the device's rows after the poll; bad news when one of them is not good. */
static int show_read(const struct ctl *ctl, const char *device, const char *point)
{
    json_t *root, *points;
    int rc = get_points(ctl, device, &root);

    if (rc != EXIT_OK)
        return rc;
    points = json_object_get(root, "points");
    if (*point)
        points_keep(points, is_named, point);
    if (ctl->is_json)
        ctl_print_json(root);
    else if (json_array_size(points))
        points_print(ctl, points);
    if (!json_array_size(points))
        rc = tell_unknown(*point ? point : device);
    else if (points_keep(points, is_not_good, NULL))
        rc = EXIT_BAD_NEWS;
    json_decref(root);
    return rc;
}

int cmd_read(const struct ctl *ctl)
{
    char device[64], point[64], target[128];
    json_t *answer = NULL;
    int rc, shown;

    if (!ctl_split_name(ctl->args[0], device, point)) {
        fprintf(stderr, "gatewayctl: '%s': expected DEVICE or DEVICE.POINT\n",
                ctl->args[0]);
        return EXIT_USAGE;
    }
    snprintf(target, sizeof target, "/api/v1/devices/%s/read", device);
    rc = ctl_post(ctl, target, NULL, &answer);
    if (!answer)
        return rc;
    if (rc != EXIT_OK)
        fprintf(stderr, "gatewayctl: %s: %s: %s\n", device, ctl_text(answer, "result"),
                ctl_text(answer, "reason"));
    json_decref(answer);
    shown = show_read(ctl, device, point);
    return rc == EXIT_OK ? shown : rc;
}

static void tell_write(const struct ctl *ctl, const json_t *answer)
{
    const json_t *readback = json_object_get(answer, "readback");
    const char *reason = ctl_text(answer, "reason");
    char *value = human_value(readback);

    printf("%s: %s", ctl->args[0], ctl_text(answer, "result"));
    if (!json_is_null(readback))
        printf(", reads back %s", value);
    printf("%s%s\n", *reason ? ": " : "", reason);
    free(value);
}

int cmd_write(const struct ctl *ctl)
{
    char device[64], point[64], target[192];
    json_t *answer = NULL, *body;
    int rc;

    if (!ctl_split_name(ctl->args[0], device, point) || !*point) {
        fprintf(stderr, "gatewayctl: '%s': expected DEVICE.POINT\n", ctl->args[0]);
        return EXIT_USAGE;
    }
    body = json_pack("{s:o}", "value", human_parse_value(ctl->args[1]));
    if (ctl->lease_ms)
        json_object_set_new(body, "lease_s", json_real((double)ctl->lease_ms / 1e3));
    snprintf(target, sizeof target, "/api/v1/points/%s/%s", device, point);
    rc = ctl_post(ctl, target, body, &answer);
    if (!answer)
        return rc;
    if (ctl->is_json)
        ctl_print_json(answer);
    else
        tell_write(ctl, answer);
    json_decref(answer);
    return rc;
}
