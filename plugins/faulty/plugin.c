/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that misbehaves on order, to prove what a host stands: it counts its reads and
 * emits the count, until its mode says otherwise. Neighbours: only <gateway/plugin.h>.
 */
#include <errno.h>
#include <gateway/plugin.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEVICES 64
#define FLOOD_READINGS 200000
#define SCRIBBLE_BYTES ((SIZE_MAX / 4))
#define LEAK_BYTES (256 * 1024)

enum mode { OK, DELAY, HANG, ERROR, GARBAGE, ABORT, SCRIBBLE, LEAK, FLOOD, N_MODES };

static const char mode_words[] = "ok delay hang error garbage abort scribble leak flood";
static const char kind_words[] = "counter output mode never";
static const char error_words[] =
    "timeout link protocol device config unsupported busy mismatch internal";

struct device {
    const struct gw_device *info;
    int mode, error;
    int64_t after, delay_ms;
    uint64_t n_reads;
    double *outputs;
};

struct bus {
    const struct gw_services *services;
    const char *output_file, *host;
    bool wants_resource;
    struct device devices[MAX_DEVICES];
};

static const struct gw_option options[] = {
    {.key = "output_file",
     .scope = GW_SCOPE_BUS,
     .type = GW_OPT_STRING,
     .help = "each write is appended here as 'DEVICE POINT VALUE'"},
    {.key = "resource",
     .scope = GW_SCOPE_BUS,
     .type = GW_OPT_STRING,
     .flags = GW_OPTION_RESOURCE,
     .help = "a device node that every read wants to have"},
    {.key = "host",
     .scope = GW_SCOPE_BUS,
     .type = GW_OPT_STRING,
     .help = "a name that every read wants to have resolved"},
    {.key = "mode",
     .scope = GW_SCOPE_DEVICE,
     .type = GW_OPT_ENUM,
     .fallback = "ok",
     .words = mode_words,
     .help = "how it misbehaves"},
    {.key = "after",
     .scope = GW_SCOPE_DEVICE,
     .type = GW_OPT_INT,
     .fallback = "0",
     .help = "good reads before it begins"},
    {.key = "delay",
     .scope = GW_SCOPE_DEVICE,
     .type = GW_OPT_DURATION,
     .fallback = "100 ms",
     .help = "mode delay: how long a read takes"},
    {.key = "error",
     .scope = GW_SCOPE_DEVICE,
     .type = GW_OPT_ENUM,
     .fallback = "timeout",
     .words = error_words,
     .help = "mode error: which"},
    {.key = "timeout",
     .scope = GW_SCOPE_DEVICE,
     .type = GW_OPT_DURATION,
     .fallback = "500 ms",
     .help = "what the plan says about the longest attempt"},
    {.key = "kind",
     .scope = GW_SCOPE_POINT,
     .type = GW_OPT_ENUM,
     .fallback = "counter",
     .words = kind_words,
     .help = "counter: number of reads; output: what was written; mode: writing sets the "
             "mode"},
    {.key = NULL},
};

/* The place of the word in the list, 0 when it is not there. */
static int word_index(const char *words, const char *word)
{
    size_t len = strlen(word);
    int index = 0;

    for (const char *p = words; *p; index++) {
        size_t n = strcspn(p, " ");

        if (n == len && memcmp(p, word, len) == 0)
            return index;
        p += n;
        p += *p == ' ';
    }
    return 0;
}

static void wait_ms(int64_t ms)
{
    poll(NULL, 0, (int)ms);
}

static int faulty_open(const struct gw_services *services, const struct gw_config *config,
                       void **ret_bus)
{
    struct bus *bus = calloc(1, sizeof *bus);

    if (!bus)
        return GW_ERR_INTERNAL;
    bus->services = services;
    bus->output_file = services->get_string(config, "output_file");
    bus->host = services->get_string(config, "host");
    bus->wants_resource = services->get_string(config, "resource") != NULL;
    *ret_bus = bus;
    return GW_OK;
}

static const struct gw_point *point_at(const struct device *device, uint32_t index)
{
    const char *first = (const char *)device->info->points;

    return (const struct gw_point *)(const void *)(first +
                                                   index * device->info->point_stride);
}

static const char *kind_of(const struct bus *bus, const struct device *device,
                           uint32_t index)
{
    return bus->services->get_string(point_at(device, index)->config, "kind");
}

static int add_requests(const struct bus *bus, const struct device *device,
                        struct gw_plan *plan)
{
    uint32_t n = device->info->n_points;

    for (uint32_t i = 0; i < n; i++) {
        struct gw_request request = {
            .struct_size = sizeof request,
            .id = i,
            .interval_ms = point_at(device, i)->interval_ms,
            .cost_us = 1000 + i,
            .timeout_ms =
                (uint32_t)bus->services->get_int(device->info->config, "timeout", 500),
            .n_points = 1,
            .points = &i,
            .text = point_at(device, i)->name};
        int result;

        if (strcmp(kind_of(bus, device, i), "never") == 0)
            continue;
        result = bus->services->plan_add(plan, &request);
        if (result != GW_OK)
            return result;
    }
    return GW_OK;
}

static int faulty_describe(void *handle, uint32_t number, const struct gw_device *info,
                           struct gw_plan *plan)
{
    struct bus *bus = handle;
    const struct gw_services *services = bus->services;
    struct device *device;

    if (number >= MAX_DEVICES)
        return GW_ERR_CONFIG;
    device = &bus->devices[number];
    device->info = info;
    device->mode = word_index(mode_words, services->get_string(info->config, "mode"));
    device->error =
        1 + word_index(error_words, services->get_string(info->config, "error"));
    device->after = services->get_int(info->config, "after", 0);
    device->delay_ms = services->get_int(info->config, "delay", 100);
    free(device->outputs);
    device->outputs = calloc(info->n_points + 1, sizeof *device->outputs);
    return device->outputs ? add_requests(bus, device, plan) : GW_ERR_INTERNAL;
}

/* ---- misbehaviour ------------------------------------------------------------------ */

static int misbehave_delay(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    (void)bus;
    (void)sink;
    wait_ms(device->delay_ms);
    return GW_OK;
}

static int misbehave_hang(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    (void)bus;
    (void)sink;
    while (device->mode == HANG)
        wait_ms(1000);
    return GW_OK;
}

static int misbehave_error(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    bus->services->fail(sink, 42, "ordered to fail");
    return device->error;
}

static int misbehave_garbage(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    static const struct gw_value nan = {.type = GW_TYPE_FLOAT64,
                                        .v.d = __builtin_nan("")};
    static const struct gw_value infinite = {.type = GW_TYPE_FLOAT32,
                                             .v.f = __builtin_inff()};
    static const struct gw_value unknown = {.type = 99, .v.u = UINT64_MAX};
    static const struct gw_value no_text = {.type = GW_TYPE_STRING, .v.s = NULL};
    static char noise[2000];
    struct gw_value text = {.type = GW_TYPE_STRING, .v.s = noise};
    uint32_t last = device->info->n_points - 1;

    memset(noise, 0xC3, sizeof noise - 1);
    bus->services->emit(sink, 0, &nan, GW_GOOD, 0);
    bus->services->emit(sink, 0, &infinite, GW_GOOD, 0);
    bus->services->emit(sink, 1000000, &nan, GW_GOOD, 0);
    bus->services->emit(sink, UINT32_MAX, NULL, 77, -1);
    bus->services->emit(sink, last, &unknown, GW_GOOD, 0);
    bus->services->emit(sink, last, &no_text, 1234, 0);
    bus->services->emit(sink, last, &text, GW_GOOD, 0);
    bus->services->emit(sink, last, NULL, GW_GOOD, 0);
    bus->services->fail(sink, -1, NULL);
    return 4711;
}

static int misbehave_abort(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    (void)bus;
    (void)device;
    (void)sink;
    abort();
}

/* Through a volatile pointer, so that no compiler proves it wrong: the page after
 * nothing. */
static int misbehave_scribble(struct bus *bus, struct device *device,
                              struct gw_sink *sink)
{
    char *volatile p = (char *)bus;

    (void)device;
    (void)sink;
    for (size_t i = 0; i < SCRIBBLE_BYTES; i += 4096)
        p[i] = 'x';
    return GW_OK;
}

static int misbehave_leak(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    char *volatile lost = malloc(LEAK_BYTES);

    (void)bus;
    (void)device;
    (void)sink;
    if (lost)
        memset(lost, 1, LEAK_BYTES);
    return GW_OK;
}

static int misbehave_flood(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    for (uint64_t i = 0; i < FLOOD_READINGS; i++) {
        struct gw_value value = {.type = GW_TYPE_UINT, .v.u = i};

        bus->services->emit(sink, (uint32_t)(i % device->info->n_points), &value, GW_GOOD,
                            0);
    }
    return GW_OK;
}

static int (*const misbehave[N_MODES])(struct bus *, struct device *,
                                       struct gw_sink *) = {
    [DELAY] = misbehave_delay, [HANG] = misbehave_hang,
    [ERROR] = misbehave_error, [GARBAGE] = misbehave_garbage,
    [ABORT] = misbehave_abort, [SCRIBBLE] = misbehave_scribble,
    [LEAK] = misbehave_leak,   [FLOOD] = misbehave_flood,
};

/* ---- reading and writing ----------------------------------------------------------- */

static int want_resources(struct bus *bus, struct gw_sink *sink)
{
    if (bus->wants_resource &&
        bus->services->get_fd(bus->services->ctx, "resource") < 0) {
        bus->services->fail(sink, errno, "the resource is not there");
        return GW_ERR_LINK;
    }
    if (bus->host && !bus->services->resolve(bus->services->ctx, bus->host)) {
        bus->services->fail(sink, 0, "the name is not resolved");
        return GW_ERR_LINK;
    }
    return GW_OK;
}

static int faulty_read(void *handle, uint32_t number, uint32_t id, struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct device *device = &bus->devices[number];
    const char *kind = kind_of(bus, device, id);
    struct gw_value value = {.type = GW_TYPE_UINT};
    int result = want_resources(bus, sink);

    if (result != GW_OK)
        return result;
    value.v.u = ++device->n_reads;
    if (device->mode != OK && (int64_t)device->n_reads > device->after)
        result = misbehave[device->mode](bus, device, sink);
    if (result != GW_OK)
        return result;
    if (strcmp(kind, "counter") != 0) {
        value.type = GW_TYPE_FLOAT64;
        value.v.d =
            strcmp(kind, "mode") == 0 ? (double)device->mode : device->outputs[id];
    }
    bus->services->emit(sink, id, &value, GW_GOOD, 0);
    return GW_OK;
}

static double number_of(const struct gw_value *value)
{
    return value->type == GW_TYPE_BOOL  ? (double)value->v.b
           : value->type == GW_TYPE_INT ? (double)value->v.i
                                        : value->v.d;
}

/* A dead unit: the write takes its whole timeout and ends in the ordered error. */
static int refuse_slowly(struct bus *bus, struct device *device, struct gw_sink *sink)
{
    wait_ms(bus->services->get_int(device->info->config, "timeout", 500));
    return misbehave_error(bus, device, sink);
}

static int faulty_write(void *handle, uint32_t number, uint32_t point,
                        const struct gw_value *value, struct gw_value *ret_readback,
                        struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct device *device = &bus->devices[number];
    double wanted = number_of(value);
    FILE *file;

    if (strcmp(kind_of(bus, device, point), "mode") == 0)
        device->mode = wanted >= 0 && wanted < N_MODES ? (int)wanted : OK;
    else if (device->mode == ERROR)
        return refuse_slowly(bus, device, sink);
    device->outputs[point] = wanted;
    if (bus->output_file) {
        file = fopen(bus->output_file, "ae");
        if (!file) {
            bus->services->fail(sink, errno, "the output file cannot be written");
            return GW_ERR_DEVICE;
        }
        fprintf(file, "%s %s %g\n", device->info->name, point_at(device, point)->name,
                wanted);
        fclose(file);
    }
    *ret_readback = *value;
    return GW_OK;
}

static void faulty_close(void *handle)
{
    struct bus *bus = handle;

    for (int i = 0; i < MAX_DEVICES; i++)
        free(bus->devices[i].outputs);
    free(bus);
}

static int faulty_check(const struct gw_services *services,
                        const struct gw_config *config, struct gw_sink *sink)
{
    if (services->get_string(config, "output_file"))
        services->fail(sink, 0, "outputs go to a file, not to a device");
    return GW_OK;
}

static int faulty_scan(void *handle, gw_found_fn found, void *ctx)
{
    (void)handle;
    found(ctx, "a device that misbehaves", "{name: faulty1, mode: ok}");
    return GW_OK;
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi = GW_PLUGIN_ABI,
    .name = "faulty",
    .version = "1",
    .description = "misbehaves on order, for tests",
    .options = options,
    .open = faulty_open,
    .describe = faulty_describe,
    .read = faulty_read,
    .close = faulty_close,
    .write = faulty_write,
    .check = faulty_check,
    .scan = faulty_scan,
};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi >= GW_PLUGIN_ABI ? &plugin : NULL;
}
