/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: loads configurations as the daemon would (lib/config), asks the plugins for
 * their plans (check_plan.c), prints messages to stderr and plans to stdout. No daemon
 * needed.
 */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/check_plan.h"
#include "gatewayctl/commands.h"
#include "gatewayctl/human.h"
#include "gatewayctl/table.h"
#include "lib/config/config.h"
#include "lib/host/plugin_query.h"

/* One file's check; the plain loader's report besides, for its carets. */
struct result {
    unsigned n_errors, n_warnings;
    unsigned n_files, n_devices, n_points;
    json_t *buses, *messages;
};

static const struct gw_option *ask_options(void *ctx, const char *plugin,
                                           const char **ret_reason)
{
    const struct check_tools *tools = ctx;

    return plugin_query_options(tools->devhost, tools->plugin_dir, plugin, ret_reason);
}

static void take_report(struct result *result, const struct config_report *report)
{
    for (uint32_t i = 0; i < report->n; i++) {
        const struct config_message *from = &report->messages[i];
        struct config_mark mark = {
            .file = from->file, .line = from->line, .col = from->col};

        json_array_append_new(result->messages,
                              check_message(from->is_warning ? "warning" : "error",
                                            from->code, &mark, from->text));
    }
}

static void count(struct result *result, const struct config *config)
{
    while (config->files && config->files[result->n_files])
        result->n_files++;
    result->n_devices = config->n_devices;
    for (uint32_t i = 0; i < config->n_devices; i++)
        result->n_points += config->devices[i].n_points;
}

static void count_messages(struct result *result)
{
    for (size_t i = 0; i < json_array_size(result->messages); i++)
        if (strcmp(ctl_text(json_array_get(result->messages, i), "severity"), "error") ==
            0)
            result->n_errors++;
        else
            result->n_warnings++;
}

/* ---- for people ------------------------------------------------------------------ */

static void print_messages(const json_t *messages, size_t from)
{
    for (size_t i = from; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);

        if (*ctl_text(message, "file"))
            fprintf(stderr, "%s:%" PRId64 ":%" PRId64 ": ", ctl_text(message, "file"),
                    ctl_number(message, "line"), ctl_number(message, "col"));
        fprintf(stderr, "%s: %s [%s]\n", ctl_text(message, "severity"),
                ctl_text(message, "text"), ctl_text(message, "code"));
    }
}

static void add_device(struct table *table, const json_t *device)
{
    const json_t *requests = json_object_get(device, "requests");
    char every[HUMAN_MAX];

    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *request = json_array_get(requests, i);

        table_addf(table, TINT_NONE, "  %s", i ? "" : ctl_text(device, "device"));
        if (ctl_number(request, "interval_ms"))
            human_duration(ctl_number(request, "interval_ms"), every);
        else
            strcpy(every, "event");
        table_add(table, every, TINT_NONE);
        table_addf(table, TINT_NONE, "%.1f ms",
                   (double)ctl_number(request, "cost_us") / 1e3);
        table_addf(table, TINT_NONE, "%" PRId64, ctl_number(request, "points"));
        table_add(table, ctl_text(request, "text"), TINT_NONE);
    }
}

static void print_bus(const struct ctl *ctl, const json_t *bus)
{
    const json_t *devices = json_object_get(bus, "devices");
    int64_t n = ctl_number(bus, "requests");
    struct table *table;
    char load[120];

    printf("bus %s: %" PRId64 " request%s", ctl_text(bus, "name"), n, n == 1 ? "" : "s");
    if (check_load_text(bus, load, sizeof load))
        printf(", %s", load);
    putchar('\n');
    if (!n)
        return;
    table = table_new("  device|>every|>cost|>points|request", ctl->has_colour);
    for (size_t i = 0; i < json_array_size(devices); i++)
        add_device(table, json_array_get(devices, i));
    table_print(table);
    table_free(table);
}

static const char *plural(unsigned n)
{
    return n == 1 ? "" : "s";
}

static void print_summary(const char *file, const struct result *result)
{
    if (result->n_errors) {
        fprintf(stderr, "%s: %u error%s", file, result->n_errors,
                plural(result->n_errors));
        if (result->n_warnings)
            fprintf(stderr, ", %u warning%s", result->n_warnings,
                    plural(result->n_warnings));
        fputc('\n', stderr);
        return;
    }
    printf("%u file%s, %u device%s, %u point%s: ok", result->n_files,
           plural(result->n_files), result->n_devices, plural(result->n_devices),
           result->n_points, plural(result->n_points));
    if (result->n_warnings)
        printf(", %u warning%s", result->n_warnings, plural(result->n_warnings));
    putchar('\n');
}

/* ---- one file -------------------------------------------------------------------- */

static void check_file(const struct ctl *ctl, const char *file, struct check_tools *tools,
                       struct result *result)
{
    const char *default_maps[] = {GATEWAYD_SYSCONFDIR "/maps", GATEWAYD_MAPDIR, NULL};
    const char *own_maps[] = {ctl->map_dir, NULL};
    const struct config_sources sources = {
        .file = file,
        .config_dir = ctl->config_dir,
        .map_dirs = ctl->map_dir ? own_maps : default_maps,
        .plugin_options = ask_options,
        .ctx = tools,
    };
    struct config_report report;
    struct config *config = NULL;
    size_t n_told;
    int rc;

    config_report_init(&report);
    rc = config_load(&sources, &config, &report);
    if (rc < 0 && !report.n)
        json_array_append_new(result->messages,
                              check_message("error", "load", NULL, "out of memory"));
    take_report(result, &report);
    n_told = report.n;
    if (!ctl->is_json)
        ctl_print_report(&report);
    config_report_done(&report);
    if (config) {
        count(result, config);
        check_plan(config, tools, result->buses, result->messages);
    }
    if (!ctl->is_json)
        print_messages(result->messages, n_told);
    config_free(config);
}

static void show(const struct ctl *ctl, const char *file, struct result *result,
                 json_t *checks)
{
    if (ctl->is_json) {
        json_array_append_new(
            checks,
            json_pack("{s:s,s:b,s:i,s:i,s:i,s:O,s:O}", "file", file, "ok",
                      result->n_errors == 0, "files", (int)result->n_files, "devices",
                      (int)result->n_devices, "points", (int)result->n_points, "messages",
                      result->messages, "buses", result->buses));
        return;
    }
    for (size_t i = 0; i < json_array_size(result->buses); i++)
        print_bus(ctl, json_array_get(result->buses, i));
    fflush(stdout);
    print_summary(file, result);
}

int cmd_check(const struct ctl *ctl)
{
    const char *libexec = ctl->libexec_dir ? ctl->libexec_dir : GATEWAYD_LIBEXECDIR;
    char devhost[PATH_MAX];
    struct check_tools tools = {.devhost = devhost,
                                .plugin_dir = ctl->plugin_dir ? ctl->plugin_dir
                                                              : GATEWAYD_PLUGINDIR};
    json_t *checks = json_array(), *answer;
    unsigned n_errors = 0;

    snprintf(devhost, sizeof devhost, "%s/gateway-devhost", libexec);
    for (int i = 0; i < ctl->n_args || i == 0; i++) {
        const char *file =
            ctl->n_args ? ctl->args[i] : GATEWAYD_SYSCONFDIR "/gatewayd.yaml";
        struct result result = {.buses = json_array(), .messages = json_array()};

        check_file(ctl, file, &tools, &result);
        count_messages(&result);
        show(ctl, file, &result, checks);
        n_errors += result.n_errors;
        json_decref(result.buses);
        json_decref(result.messages);
    }
    plugin_query_forget();
    answer = json_pack("{s:b,s:o}", "ok", n_errors == 0, "checks", checks);
    if (ctl->is_json)
        ctl_print_json(answer);
    json_decref(answer);
    return n_errors ? EXIT_BAD_NEWS : EXIT_OK;
}
