/* SPDX-License-Identifier: Apache-2.0 */
/* routes, events. */
#include "gatewayctl/commands.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/table.h"
#include "lib/base/clock.h"

#define PAUSE_MS 1000

static void add_route(struct table *table, const json_t *route)
{
    const char *state = ctl_text(route, "state");
    const json_t *full = json_object_get(route, "full_in_h");
    int64_t oldest_ms = ctl_number(route, "oldest_t");
    char age[HUMAN_MAX] = "";

    table_add(table, ctl_text(route, "name"), TINT_NONE);
    table_add(table, state, strcmp(state, "online") == 0 ? TINT_GOOD : TINT_BAD);
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(route, "backlog"));
    if (oldest_ms)
        human_duration(clock_wall_ms() - oldest_ms, age);
    table_add(table, age, TINT_NONE);
    if (json_is_number(full))
        table_addf(table, json_number_value(full) < 24 ? TINT_WARN : TINT_NONE, "%.0f h",
                   json_number_value(full));
    else
        table_add(table, "", TINT_NONE);
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(route, "sent"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(route, "confirmed"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(route, "refused"));
    table_add(table, ctl_text(route, "text"), TINT_NONE);
}

int cmd_routes(const struct ctl *ctl)
{
    struct table *table;
    json_t *routes;
    char *body;
    int rc = ctl_get(ctl, "/api/v1/routes", &routes, &body);

    if (rc != EXIT_OK)
        return rc;
    table =
        table_new("route|state|>backlog|>oldest|>full in|>sent|>confirmed|>refused|why",
                  ctl->has_colour);
    for (size_t i = 0; i < json_array_size(routes); i++)
        add_route(table, json_array_get(routes, i));
    if (ctl->is_json)
        fputs(body, stdout);
    else if (json_array_size(routes))
        table_print(table);
    else
        puts("no routes are configured: readings stay here");
    table_free(table);
    free(body);
    json_decref(routes);
    return EXIT_OK;
}

/* ---- events ---------------------------------------------------------------------- */

static void print_event(const struct ctl *ctl, const json_t *event)
{
    const char *severity = ctl_text(event, "severity"), *colour = "";
    const char *device = ctl_text(event, "device");
    char time[HUMAN_MAX];

    if (ctl->has_colour && strcmp(severity, "alarm") == 0)
        colour = "\033[1;31m";
    else if (ctl->has_colour && strcmp(severity, "warning") == 0)
        colour = "\033[33m";
    human_time(ctl_number(event, "t"), time);
    printf("%s  %s%-7s%s  %s%s%s: %s\n", time, colour, severity, *colour ? "\033[0m" : "",
           device, *device ? " " : "", ctl_text(event, "code"), ctl_text(event, "text"));
}

/* Where a listing that goes on stands: what is after it is new. */
struct place {
    int64_t from_ms, seq;
    uint64_t n;
};

/* One answer's events; true when --count of them are out. */
static bool print_events(const struct ctl *ctl, const json_t *events, struct place *place)
{
    size_t n = json_array_size(events), i = 0;

    /* without --follow the newest are wanted */
    if (!ctl->is_following && ctl->count && n > ctl->count)
        i = n - ctl->count;
    for (; i < n; i++) {
        const json_t *event = json_array_get(events, i);

        if (ctl_number(event, "seq") <= place->seq)
            continue;
        place->seq = ctl_number(event, "seq");
        place->from_ms = ctl_number(event, "t");
        if (ctl->is_json)
            ctl_print_json(event);
        else
            print_event(ctl, event);
        if (++place->n == ctl->count)
            return true;
    }
    return false;
}

/* An hour earlier than the last event's time: the clock may have been set back, and the
 * sequence number tells anyway which ones are new. */
static int64_t ask_from(const struct ctl *ctl, const struct place *place)
{
    int64_t from_ms = place->from_ms - 3600 * 1000;

    return place->n == 0 || from_ms < ctl->from_ms ? ctl->from_ms : from_ms;
}

static int get_events(const struct ctl *ctl, const struct place *place, json_t **ret_root,
                      char **ret_body)
{
    char target[96];

    snprintf(target, sizeof target, "/api/v1/events?from=%" PRId64 "&limit=1000",
             ask_from(ctl, place));
    return ctl_get(ctl, target, ret_root, ret_body);
}

int cmd_events(const struct ctl *ctl)
{
    struct place place = {.seq = -1};
    bool is_done = false;
    json_t *root;
    char *body;
    int rc;

    while ((rc = get_events(ctl, &place, &root, &body)) == EXIT_OK) {
        if (ctl->is_json && !ctl->is_following && !ctl->count)
            fputs(body, stdout);
        else
            is_done = print_events(ctl, json_object_get(root, "events"), &place);
        json_decref(root);
        free(body);
        if (is_done || !ctl->is_following)
            break;
        fflush(stdout);
        poll(NULL, 0, PAUSE_MS);
    }
    return rc;
}
