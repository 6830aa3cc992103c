/* SPDX-License-Identifier: Apache-2.0 */
/* gateway-devhost --options, --check, --scan; see ask.h. Runs on the main thread. */
#include "devhost/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "lib/host/bus.h"
#include "lib/host/plugin_load.h"
#include "lib/host/plugin_options.h"
#include "lib/model/value.h"

#define MAX_INPUT_BYTES (64 * 1024 * 1024)

static int print(struct strbuf *buf)
{
    bool failed = buf->failed || fwrite(buf->data, 1, buf->len, stdout) != buf->len ||
                  fflush(stdout) != 0;

    strbuf_done(buf);
    return failed ? 1 : 0;
}

int ask_options(const char *dirs, const char *name)
{
    struct gw_plugin *plugin;
    struct gw_error error;
    struct strbuf buf;

    if (plugin_load(dirs, name, &plugin, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    strbuf_init(&buf);
    plugin_options_print(plugin, &buf);
    free(plugin);
    return print(&buf);
}

static int read_input(const char *path, struct strbuf *buf)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char block[65536];
    ssize_t size = fd < 0 ? -1 : 1;

    while (size > 0 && buf->len < MAX_INPUT_BYTES && !buf->failed) {
        size = read(fd, block, sizeof block);
        if (size > 0)
            strbuf_add(buf, block, (size_t)size);
        else if (size < 0 && errno == EINTR)
            size = 1;
    }
    if (fd > STDIN_FILENO)
        close(fd);
    return size == 0 && !buf->failed ? 0 : -EIO;
}

/* ---- lines ------------------------------------------------------------------------- */

/* What the plugin logs while it is asked becomes a line about this bus and device. */
struct question {
    struct bus *bus;
    const char *device;
    bool failed, told;
};

static void put_string(struct strbuf *buf, const char *key, const char *text)
{
    strbuf_printf(buf, ",\"%s\":", key);
    strbuf_put_json_string(buf, text);
}

static void print_message(const struct question *question, const char *kind,
                          const char *text)
{
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_printf(&buf, "{\"kind\":\"%s\"", kind);
    put_string(&buf, "bus", question->bus->config->name);
    put_string(&buf, "device", question->device);
    put_string(&buf, "text", text);
    strbuf_puts(&buf, "}\n");
    print(&buf);
}

static void catch_log(void *ctx, enum log_level level, const char *subject,
                      const char *text)
{
    struct question *question = ctx;

    (void)subject;
    if (level <= LOG_LEVEL_ERROR)
        question->told = true;
    if (level <= LOG_LEVEL_WARNING)
        print_message(question, level <= LOG_LEVEL_ERROR ? "error" : "warning", text);
}

/* An error class without a word of the plugin still needs one. */
static void tell_result(struct question *question, enum gw_result result,
                        const char *what)
{
    char text[300];

    if (result == GW_OK)
        return;
    question->failed = true;
    if (!question->told) {
        snprintf(text, sizeof text, "plugin '%s' refuses this %s (%s)",
                 question->bus->plugin->name, what, result_name(result));
        print_message(question, "error", text);
    }
    question->told = false;
}

static void print_plan(const struct bus *bus, const struct bus_device *device)
{
    for (uint32_t i = 0; i < device->plan.n; i++) {
        const struct plan_request *request = &device->plan.requests[i];
        struct strbuf buf;

        strbuf_init(&buf);
        strbuf_puts(&buf, "{\"kind\":\"plan\"");
        put_string(&buf, "bus", bus->config->name);
        strbuf_printf(&buf, ",\"bus_index\":%u", bus->config->index);
        put_string(&buf, "device", device->config->name);
        strbuf_printf(
            &buf,
            ",\"device_index\":%u,\"id\":%u,\"interval_ms\":%u,\"cost_us\":%llu,"
            "\"timeout_ms\":%u,\"n_points\":%u",
            device->config->index, request->id, request->interval_ms,
            (unsigned long long)request->cost_us, request->timeout_ms, request->n_points);
        put_string(&buf, "text", request->text);
        strbuf_puts(&buf, "}\n");
        print(&buf);
    }
}

/* ---- the questions ----------------------------------------------------------------- */

static void ask_check(struct question *question)
{
    struct bus *bus = question->bus;
    int result;

    if (!bus->plugin->check)
        return;
    sink_begin_bare(bus->sink, clock_boot_ns());
    result = bus->plugin->check(services_table(bus->services), &bus->view, bus->sink);
    if (*sink_text(bus->sink)) {
        print_message(question, result == GW_OK ? "warning" : "error",
                      sink_text(bus->sink));
        question->told = result != GW_OK;
    }
    tell_result(question, (enum gw_result)result, "bus");
}

static void print_found(void *ctx, const char *text, const char *yaml)
{
    const struct question *question = ctx;
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_puts(&buf, "{\"kind\":\"found\"");
    put_string(&buf, "bus", question->bus->config->name);
    put_string(&buf, "text", text ? text : "");
    put_string(&buf, "yaml", yaml ? yaml : "");
    strbuf_puts(&buf, "}\n");
    print(&buf);
}

static void ask_scan(struct question *question)
{
    struct bus *bus = question->bus;

    if (!bus->plugin->scan) {
        print_message(question, "error", "this plugin cannot scan");
        question->failed = true;
        return;
    }
    tell_result(question,
                (enum gw_result)bus->plugin->scan(bus->handle, print_found, question),
                "scan");
}

static void ask_devices(struct question *question)
{
    struct bus *bus = question->bus;

    for (uint32_t i = 0; i < bus->config->n_devices; i++) {
        question->device = bus->config->devices[i].name;
        tell_result(question, bus_describe(bus, i), "device");
        print_plan(bus, &bus->devices[i]);
    }
}

static bool ask_bus(const struct host_bus *config, const struct gw_plugin *plugin,
                    bool scan)
{
    struct bus bus;
    struct question question = {.bus = &bus, .device = ""};
    struct outbox *nowhere = outbox_new(NULL, config->index, -1);
    struct bus_setup setup = {.config = config, .plugin = plugin, .outbox = nowhere};

    if (!nowhere || bus_init(&bus, &setup) < 0) {
        outbox_free(nowhere);
        return false;
    }
    log_set_sink(catch_log, &question);
    if (!scan)
        ask_check(&question);
    tell_result(&question, bus_open(&bus), "bus");
    if (bus.handle && scan)
        ask_scan(&question);
    else if (bus.handle)
        ask_devices(&question);
    bus_close(&bus);
    log_set_sink(NULL, NULL);
    bus_done(&bus);
    outbox_free(nowhere);
    return !question.failed;
}

int ask_config(const char *path, bool scan)
{
    struct host_config config;
    struct gw_plugin *plugin = NULL;
    struct gw_error error;
    struct strbuf input;
    bool is_good = true;
    int rc;

    strbuf_init(&input);
    rc = read_input(path, &input);
    if (rc == 0)
        rc = host_config_decode(input.data, input.len, &config);
    strbuf_done(&input);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", path, error_errno_text(rc));
        return 1;
    }
    if (plugin_load(config.plugin_dir, config.plugin, &plugin, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        is_good = false;
    }
    for (uint32_t i = 0; plugin && i < config.n_buses; i++)
        is_good &= ask_bus(&config.buses[i], plugin, scan);
    free(plugin);
    host_config_done(&config);
    return is_good ? 0 : 1;
}
