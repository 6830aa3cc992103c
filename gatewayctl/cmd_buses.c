/* SPDX-License-Identifier: Apache-2.0 */
/* buses, plan: both from the document /buses. */
#include "gatewayctl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/table.h"

static enum tint state_tint(const char *state)
{
    if (strcmp(state, "online") == 0)
        return TINT_GOOD;
    return strcmp(state, "starting") == 0 || strcmp(state, "degraded") == 0 ? TINT_WARN
                                                                            : TINT_BAD;
}

static enum tint load_tint(int64_t permille)
{
    if (permille > 950)
        return TINT_BAD;
    return permille > 800 ? TINT_WARN : TINT_NONE;
}

static void add_bus(struct table *table, const json_t *bus)
{
    int64_t load_permille = ctl_number(bus, "load_permille");
    const char *state = ctl_text(bus, "state");

    table_add(table, ctl_text(bus, "name"), TINT_NONE);
    table_add(table, ctl_text(bus, "plugin"), TINT_NONE);
    table_add(table, ctl_text(bus, "host"), TINT_NONE);
    table_add(table, state, state_tint(state));
    table_addf(table, load_tint(load_permille), "%.1f %%", (double)load_permille / 10);
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(bus, "requests"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(bus, "errors"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(bus, "restarts"));
    table_add(table, ctl_text(bus, "text"), TINT_NONE);
}

/* One word for how the device is. */
static const char *unit_state(const json_t *unit, enum tint *ret_tint)
{
    const char *breaker = ctl_text(unit, "breaker");
    int64_t n_points = ctl_number(unit, "points"), n_good = ctl_number(unit, "good");

    *ret_tint = TINT_BAD;
    if (strcmp(breaker, "open") == 0)
        return "silent";
    if (strcmp(breaker, "probing") == 0)
        return "probing";
    if (n_points && !n_good)
        return ctl_text(unit, "quality");
    *ret_tint = n_good < n_points ? TINT_WARN : TINT_GOOD;
    return n_good < n_points ? "partly" : "answers";
}

static void add_unit(struct table *table, const json_t *bus, const json_t *unit)
{
    char next[HUMAN_MAX] = "";
    enum tint tint;
    const char *state = unit_state(unit, &tint);

    table_add(table, ctl_text(unit, "device"), TINT_NONE);
    table_add(table, ctl_text(bus, "name"), TINT_NONE);
    table_add(table, state, tint);
    table_addf(table, TINT_NONE, "%lld/%lld", (long long)ctl_number(unit, "good"),
               (long long)ctl_number(unit, "points"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(unit, "ok"));
    table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(unit, "failed"));
    if (ctl_number(unit, "next_try_ms"))
        human_duration(ctl_number(unit, "next_try_ms"), next);
    table_add(table, next, TINT_NONE);
    table_add(table, ctl_text(unit, "last_error"), TINT_NONE);
}

static void print_buses(const struct ctl *ctl, const json_t *buses)
{
    struct table *table = table_new("bus|plugin|host|state|>load|>requests|>errors|"
                                    ">restarts|why",
                                    ctl->has_colour);
    struct table *units = table_new(
        "device|bus|state|>good|>ok|>failed|>next try|last error", ctl->has_colour);

    for (size_t i = 0; i < json_array_size(buses); i++) {
        const json_t *bus = json_array_get(buses, i),
                     *list = json_object_get(bus, "units");

        add_bus(table, bus);
        for (size_t k = 0; k < json_array_size(list); k++)
            add_unit(units, bus, json_array_get(list, k));
    }
    table_print(table);
    putchar('\n');
    table_print(units);
    table_free(table);
    table_free(units);
}

int cmd_buses(const struct ctl *ctl)
{
    json_t *buses;
    char *body;
    int rc = ctl_get(ctl, "/api/v1/buses", &buses, &body);

    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json)
        fputs(body, stdout);
    else if (json_array_size(buses))
        print_buses(ctl, buses);
    else
        puts("no buses are configured");
    free(body);
    json_decref(buses);
    return EXIT_OK;
}

/* ---- plan ------------------------------------------------------------------------ */

/* {"device","bus","requests":[...]} for the wanted ones. New reference. */
static json_t *gather_plans(const json_t *buses, const char *wanted)
{
    json_t *plans = json_array();

    for (size_t i = 0; i < json_array_size(buses); i++) {
        const json_t *bus = json_array_get(buses, i),
                     *units = json_object_get(bus, "units");

        for (size_t k = 0; k < json_array_size(units); k++) {
            const json_t *unit = json_array_get(units, k);

            if (wanted && strcmp(ctl_text(unit, "device"), wanted) != 0)
                continue;
            json_array_append_new(plans,
                                  json_pack("{s:O,s:O,s:O,s:O}", "device",
                                            json_object_get(unit, "device"), "bus",
                                            json_object_get(bus, "name"), "pace",
                                            json_object_get(unit, "pace"), "requests",
                                            json_object_get(unit, "plan")));
        }
    }
    return plans;
}

static void print_plan(const struct ctl *ctl, const json_t *plan)
{
    struct table *table = table_new("  every|>cost|>points|request", ctl->has_colour);
    const json_t *requests = json_object_get(plan, "requests");
    char text[HUMAN_MAX];

    printf("%s on %s: %zu request%s\n", ctl_text(plan, "device"), ctl_text(plan, "bus"),
           json_array_size(requests), json_array_size(requests) == 1 ? "" : "s");
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *request = json_array_get(requests, i);

        if (ctl_number(request, "interval_ms"))
            human_duration(ctl_number(request, "interval_ms"), text);
        else
            strcpy(text, "event");
        table_addf(table, TINT_NONE, "  %s", text);
        table_addf(table, TINT_NONE, "%.1f ms",
                   (double)ctl_number(request, "cost_us") / 1e3);
        table_addf(table, TINT_NONE, "%lld", (long long)ctl_number(request, "points"));
        table_add(table, ctl_text(request, "text"), TINT_NONE);
    }
    if (json_array_size(requests))
        table_print(table);
    if (ctl_number(plan, "pace") > 1)
        printf("  to save energy each waits %lld times as long now\n",
               (long long)ctl_number(plan, "pace"));
    table_free(table);
}

int cmd_plan(const struct ctl *ctl)
{
    const char *wanted = ctl->n_args ? ctl->args[0] : NULL;
    json_t *buses, *plans;
    int rc = ctl_get(ctl, "/api/v1/buses", &buses, NULL);

    if (rc != EXIT_OK)
        return rc;
    plans = gather_plans(buses, wanted);
    if (wanted && !json_array_size(plans)) {
        fprintf(stderr, "gatewayctl: there is no device '%s'\n", wanted);
        rc = EXIT_BAD_NEWS;
    }
    if (ctl->is_json)
        ctl_print_json(plans);
    else
        for (size_t i = 0; i < json_array_size(plans); i++)
            print_plan(ctl, json_array_get(plans, i));
    json_decref(plans);
    json_decref(buses);
    return rc;
}
