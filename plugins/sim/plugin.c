/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugin "sim": a scripted home as a bus, for demos, tests and first steps without any
 * hardware. One home per bus; its devices are views of it. The home's time runs `speed`
 * times as fast as the host's and is moved on at each read. Bus thread only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/plugin.h"
#include "plugins/sim/home.h"
#include "plugins/sim/home_script.h"
#include "plugins/sim/home_signal.h"

#define REQUESTS_MAX 8 /* different intervals of one device */

struct sim_request {
    uint32_t interval_ms;
    uint32_t n_points;
    uint32_t *points;
};

struct sim_device {
    bool bound;
    uint32_t n_points, n_requests;
    const struct home_signal **signals; /* by point */
    struct sim_request requests[REQUESTS_MAX];
};

struct sim_bus {
    const struct gw_services *services;
    struct home home;
    struct home_script script;
    double speed;
    int64_t t0_boot_ns;
    uint32_t n_devices;
    struct sim_device *devices;
};

#define OPTION(scope, type, flags, key, fallback, min, max, words, help)                 \
    {                                                                                    \
        key, GW_SCOPE_##scope, GW_OPT_##type, flags, 0, fallback, min, max, words, help  \
    }

static const struct gw_option options[] = {
    OPTION(BUS, STRING, 0, "script", "day", 0, 0, NULL,
           "the home's day: 'day' or a file of lines HH:MM WORD ARGUMENT"),
    OPTION(BUS, FLOAT, 0, "speed", "1", 0.001, 100000, NULL,
           "seconds of the home in one second"),
    OPTION(BUS, INT, 0, "start", "6", 0, 23, NULL, "hour of the day at which it begins"),
    OPTION(BUS, INT, 0, "seed", "1", 0, 1e9, NULL, "the same seed gives the same day"),
    OPTION(DEVICE, ENUM, GW_OPTION_REQUIRED, "model", NULL, 0, 0, HOME_MODEL_WORDS,
           "which part of the home this device is"),
    OPTION(POINT, STRING, 0, "signal", NULL, 0, 0, NULL,
           "which of the model's signals; default: the point's name"),
    {0},
};

static int load_script(const struct gw_services *services, const struct gw_config *config,
                       struct home_script *script, char *ret_text, size_t size)
{
    const char *path = services->get_string(config, "script");
    unsigned line = 0;

    if (home_script_load(script, path, &line) == 0)
        return GW_OK;
    if (line)
        snprintf(ret_text, size, "script %s, line %u: not HH:MM WORD ARGUMENT in order",
                 path, line);
    else
        snprintf(ret_text, size, "script %s: cannot be read", path);
    return GW_ERR_CONFIG;
}

static int sim_check(const struct gw_services *services, const struct gw_config *config,
                     struct gw_sink *sink)
{
    struct home_script script;
    char text[300] = "";
    int rc = load_script(services, config, &script, text, sizeof text);

    if (rc != GW_OK)
        services->fail(sink, 0, text);
    return rc;
}

static int sim_open(const struct gw_services *services, const struct gw_config *config,
                    void **ret_bus)
{
    struct home_settings settings = home_default_settings();
    struct sim_bus *bus = calloc(1, sizeof *bus);
    char text[300] = "";

    if (!bus)
        return GW_ERR_INTERNAL;
    if (load_script(services, config, &bus->script, text, sizeof text) != GW_OK) {
        services->log(services->ctx, GW_LOG_ERROR, text);
        free(bus);
        return GW_ERR_CONFIG;
    }
    settings.start_s = 3600.0 * (double)services->get_int(config, "start", 6);
    settings.seed = (uint64_t)services->get_int(config, "seed", 1);
    bus->services = services;
    bus->speed = services->get_float(config, "speed", 1);
    bus->t0_boot_ns = services->get_boot_ns(services->ctx);
    home_init(&bus->home, &settings);
    *ret_bus = bus;
    return GW_OK;
}

static void release(struct sim_device *device)
{
    for (uint32_t i = 0; i < device->n_requests; i++)
        free(device->requests[i].points);
    free(device->signals);
    memset(device, 0, sizeof *device);
}

static struct sim_device *device_at(struct sim_bus *bus, uint32_t index)
{
    struct sim_device *grown;

    if (index < bus->n_devices) {
        release(&bus->devices[index]);
        return &bus->devices[index];
    }
    grown = realloc(bus->devices, (index + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    memset(grown + bus->n_devices, 0, (index + 1 - bus->n_devices) * sizeof *grown);
    bus->devices = grown;
    bus->n_devices = index + 1;
    return &grown[index];
}

static const struct gw_point *point_at(const struct gw_device *info, uint32_t i)
{
    return (const void *)((const char *)info->points + i * info->point_stride);
}

static int bind_point(struct sim_bus *bus, const struct gw_device *info, uint32_t i,
                      enum home_model model, const struct home_signal **ret_signal)
{
    const struct gw_point *point = point_at(info, i);
    const char *name = bus->services->get_string(point->config, "signal");
    char text[300];

    if (!name)
        name = point->name;
    *ret_signal = home_signal_find(model, name);
    if (*ret_signal && (!point->writable || (*ret_signal)->set))
        return GW_OK;
    snprintf(text, sizeof text, "device '%s': %s signal '%s'", info->name,
             *ret_signal ? "cannot write" : "the model has no", name);
    bus->services->log(bus->services->ctx, GW_LOG_ERROR, text);
    return GW_ERR_CONFIG;
}

/* The request of that interval; beyond the last one the last one takes all. */
static struct sim_request *request_for(struct sim_device *device, uint32_t interval_ms)
{
    struct sim_request *request;

    for (uint32_t i = 0; i < device->n_requests; i++)
        if (device->requests[i].interval_ms == interval_ms)
            return &device->requests[i];
    if (device->n_requests == REQUESTS_MAX)
        return &device->requests[REQUESTS_MAX - 1];
    request = &device->requests[device->n_requests];
    request->points = calloc(device->n_points, sizeof *request->points);
    if (!request->points)
        return NULL;
    request->interval_ms = interval_ms;
    device->n_requests++;
    return request;
}

static int add_requests(struct sim_bus *bus, const struct sim_device *device,
                        struct gw_plan *plan)
{
    for (uint32_t i = 0; i < device->n_requests; i++) {
        struct gw_request request = {
            .struct_size = sizeof request,
            .id = i,
            .interval_ms = device->requests[i].interval_ms,
            .cost_us = 10,
            .timeout_ms = 100,
            .n_points = device->requests[i].n_points,
            .points = device->requests[i].points,
            .text = "simulated home",
        };

        if (bus->services->plan_add(plan, &request) != 0)
            return GW_ERR_INTERNAL;
    }
    return GW_OK;
}

static int sim_describe(void *ctx, uint32_t index, const struct gw_device *info,
                        struct gw_plan *plan)
{
    struct sim_bus *bus = ctx;
    struct sim_device *device = device_at(bus, index);
    const char *word = bus->services->get_string(info->config, "model");
    int model = word ? home_model_from_name(word) : -1;

    if (model < 0)
        return GW_ERR_CONFIG;
    if (!device || !(device->signals = calloc(info->n_points + 1, sizeof(void *))))
        return GW_ERR_INTERNAL;
    device->n_points = info->n_points;
    for (uint32_t i = 0; i < info->n_points; i++) {
        struct sim_request *request;
        int rc = bind_point(bus, info, i, (enum home_model)model, &device->signals[i]);

        if (rc != GW_OK)
            return rc;
        request = request_for(device, point_at(info, i)->interval_ms);
        if (!request)
            return GW_ERR_INTERNAL;
        request->points[request->n_points++] = i;
    }
    device->bound = true;
    return add_requests(bus, device, plan);
}

static void move_on(struct sim_bus *bus)
{
    int64_t ns = bus->services->get_boot_ns(bus->services->ctx) - bus->t0_boot_ns;

    home_script_run(&bus->script, &bus->home, (double)ns / 1e9 * bus->speed);
}

static struct gw_value value_of(const struct home_signal *signal, const struct home *home)
{
    double number = home_signal_read(signal, home);

    if (signal->is_bool)
        return (struct gw_value){.type = GW_TYPE_BOOL, .v.b = number > 0};
    if (signal->resolution >= 1)
        return (struct gw_value){.type = GW_TYPE_INT, .v.i = (int64_t)number};
    return (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = number};
}

static int sim_read(void *ctx, uint32_t index, uint32_t request_id, struct gw_sink *sink)
{
    struct sim_bus *bus = ctx;
    struct sim_device *device = index < bus->n_devices ? &bus->devices[index] : NULL;

    if (!device || !device->bound || request_id >= device->n_requests)
        return GW_ERR_INTERNAL;
    move_on(bus);
    for (uint32_t i = 0; i < device->requests[request_id].n_points; i++) {
        uint32_t point = device->requests[request_id].points[i];
        struct gw_value value = value_of(device->signals[point], &bus->home);

        bus->services->emit(sink, point, &value, GW_GOOD, 0);
    }
    return GW_OK;
}

static double number_of(const struct gw_value *value)
{
    switch (value->type) {
    case GW_TYPE_BOOL:
        return value->v.b;
    case GW_TYPE_INT:
        return (double)value->v.i;
    case GW_TYPE_UINT:
        return (double)value->v.u;
    case GW_TYPE_FLOAT32:
        return (double)value->v.f;
    default:
        return value->v.d;
    }
}

static int sim_write(void *ctx, uint32_t index, uint32_t point,
                     const struct gw_value *value, struct gw_value *ret_readback,
                     struct gw_sink *sink)
{
    struct sim_bus *bus = ctx;
    struct sim_device *device = index < bus->n_devices ? &bus->devices[index] : NULL;
    const struct home_signal *signal;

    if (!device || !device->bound || point >= device->n_points)
        return GW_ERR_INTERNAL;
    signal = device->signals[point];
    if (!signal->set || value->type == GW_TYPE_STRING || value->type == GW_TYPE_NONE) {
        bus->services->fail(sink, 0, "this signal cannot be set so");
        return GW_ERR_UNSUPPORTED;
    }
    move_on(bus);
    signal->set(&bus->home, signal->index, number_of(value));
    *ret_readback = value_of(signal, &bus->home);
    return GW_OK;
}

static void sim_close(void *ctx)
{
    struct sim_bus *bus = ctx;

    for (uint32_t i = 0; i < bus->n_devices; i++)
        release(&bus->devices[i]);
    free(bus->devices);
    free(bus);
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi = GW_PLUGIN_ABI,
    .name = "sim",
    .version = "1",
    .description = "a scripted home: grid, sun, battery, car, loads and relays",
    .options = options,
    .open = sim_open,
    .describe = sim_describe,
    .read = sim_read,
    .close = sim_close,
    .write = sim_write,
    .check = sim_check,
};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi >= GW_PLUGIN_ABI ? &plugin : NULL;
}
