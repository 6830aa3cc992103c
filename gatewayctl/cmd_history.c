/* SPDX-License-Identifier: Apache-2.0 */
/* history: past values of a point as a table, page by page. */
#include "gatewayctl/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/table.h"
#include "lib/base/clock.h"

#define DEFAULT_SPAN_MS INT64_C(3600000)

static void add_cell(struct table *table, const json_t *point, const char *column,
                     size_t i)
{
    const json_t *value = json_array_get(json_object_get(point, column), i);
    char *text = human_value(value);

    table_add(table, json_is_null(value) ? "-" : text, TINT_NONE);
    free(text);
}

static void print_rows(const struct ctl *ctl, const json_t *root, const json_t *point)
{
    const json_t *times = json_object_get(root, "t");
    bool has_step = ctl_number(root, "step") > 0;
    struct table *table = table_new(has_step ? "time|>value|>min|>max|>n|quality|clock"
                                             : "time|>value|quality|clock",
                                    ctl->has_colour);

    for (size_t i = 0; i < json_array_size(times); i++) {
        const char *quality =
            json_string_value(json_array_get(json_object_get(point, "quality"), i));
        const char *clock =
            json_string_value(json_array_get(json_object_get(root, "clock"), i));
        char time[HUMAN_MAX];

        human_time(json_integer_value(json_array_get(times, i)), time);
        table_add(table, time, TINT_NONE);
        add_cell(table, point, "value", i);
        if (has_step) {
            add_cell(table, point, "min", i);
            add_cell(table, point, "max", i);
            add_cell(table, point, "n", i);
        }
        table_add(table, quality, TINT_BAD);
        table_add(table, clock && strcmp(clock, "synced") == 0 ? "" : clock, TINT_WARN);
    }
    table_print(table);
    table_free(table);
}

static int print_page(const struct ctl *ctl, const char *target, int64_t *ret_next_ms,
                      size_t *n_rows)
{
    json_t *root;
    char *body;
    int rc = ctl_get(ctl, target, &root, &body);

    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json)
        fputs(body, stdout);
    else if (json_array_size(json_object_get(root, "t")))
        print_rows(ctl, root, json_array_get(json_object_get(root, "points"), 0));
    *n_rows += json_array_size(json_object_get(root, "t"));
    *ret_next_ms = ctl_number(root, "next");
    json_decref(root);
    free(body);
    return EXIT_OK;
}

int cmd_history(const struct ctl *ctl)
{
    int64_t to_ms = ctl->to_ms ? ctl->to_ms : clock_wall_ms();
    int64_t next_ms = ctl->from_ms ? ctl->from_ms : to_ms - DEFAULT_SPAN_MS;
    char device[64], point[64], target[400];
    size_t n_rows = 0;
    int rc = EXIT_OK;

    if (!ctl_split_name(ctl->args[0], device, point) || !*point ||
        strpbrk(ctl->args[0], "&=+") || (ctl->step && strpbrk(ctl->step, "&=+#% /?"))) {
        fputs("gatewayctl: history wants DEVICE.POINT\n", stderr);
        return EXIT_USAGE;
    }
    while (rc == EXIT_OK && next_ms > 0) {
        snprintf(target, sizeof target,
                 "/api/v1/history?point=%s.%s&from=%" PRId64 "&to=%" PRId64 "%s%s",
                 device, point, next_ms, to_ms, ctl->step ? "&step=" : "",
                 ctl->step ? ctl->step : "");
        rc = print_page(ctl, target, &next_ms, &n_rows);
    }
    if (rc != EXIT_OK || n_rows > 0)
        return rc;
    if (!ctl->is_json)
        printf("nothing is known of %s.%s in this time\n", device, point);
    return EXIT_BAD_NEWS;
}
