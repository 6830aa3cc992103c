/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin compiled against the frozen copy of the first plugin.h, and never against
 * today's: it uses every service and every callback of ABI 1. Its one device has a counter
 * and an output; event readings come through a pipe.
 */
#include "plugin-1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bus {
    const struct gw_services *services;
    const struct gw_device *info;
    int pipe_fds[2];
    double output;
    uint64_t n_reads;
};

static const struct gw_option options[] = {
    {.key = "pace", .scope = GW_SCOPE_BUS, .type = GW_OPT_DURATION, .fallback = "2 s"},
    {.key = "factor", .scope = GW_SCOPE_DEVICE, .type = GW_OPT_FLOAT, .fallback = "1.5"},
    {.key = "on", .scope = GW_SCOPE_DEVICE, .type = GW_OPT_BOOL, .fallback = "true"},
    {.key = NULL},
};

static int abi1_open(const struct gw_services *services, const struct gw_config *config,
                     void **ret_bus)
{
    struct bus *bus = calloc(1, sizeof *bus);

    if (!bus || pipe(bus->pipe_fds) < 0) {
        free(bus);
        return GW_ERR_INTERNAL;
    }
    bus->services = services;
    if (services->abi < 1 || services->get_int(config, "pace", -1) != 2000 ||
        services->get_boot_ns(services->ctx) <= 0 ||
        services->get_string(config, "absent") != NULL)
        return GW_ERR_CONFIG;
    services->log(services->ctx, GW_LOG_INFO, "abi1 is open");
    *ret_bus = bus;
    return GW_OK;
}

static int abi1_describe(void *handle, uint32_t number, const struct gw_device *info,
                         struct gw_plan *plan)
{
    static const uint32_t points[] = {0, 1};
    struct bus *bus = handle;
    struct gw_request request = {.struct_size = sizeof request,
                                 .id = 7,
                                 .interval_ms = 100,
                                 .cost_us = 50,
                                 .timeout_ms = 200,
                                 .n_points = 2,
                                 .points = points,
                                 .text = "both"};
    double factor = bus->services->get_float(info->config, "factor", 0);

    if (number != 0 || info->n_points != 3 || factor < 1.4 || factor > 1.6 ||
        !bus->services->get_bool(info->config, "on", false))
        return GW_ERR_CONFIG;
    bus->info = info;
    return bus->services->plan_add(plan, &request);
}

static int abi1_read(void *handle, uint32_t device, uint32_t id, struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct gw_value count = {.type = GW_TYPE_UINT}, output = {.type = GW_TYPE_FLOAT64};
    const char *address = bus->services->resolve(bus->services->ctx, "127.0.0.1");

    bus->services->progress(bus->services->ctx);
    if (device != 0 || id != 7 || !address || strcmp(address, "127.0.0.1") != 0)
        return GW_ERR_INTERNAL;
    count.v.u = ++bus->n_reads;
    output.v.d = bus->output;
    bus->services->emit(sink, 0, &count, GW_GOOD, 0);
    bus->services->emit(sink, 1, &output, GW_GOOD, 0);
    if (bus->n_reads == 3)
        bus->services->plan_changed(sink);
    return GW_OK;
}

static int abi1_write(void *handle, uint32_t device, uint32_t point,
                      const struct gw_value *value, struct gw_value *ret_readback,
                      struct gw_sink *sink)
{
    struct bus *bus = handle;
    char byte = 'e';

    if (device != 0 || point != 1 || value->type != GW_TYPE_FLOAT64) {
        bus->services->fail(sink, 1, "not this point");
        return GW_ERR_UNSUPPORTED;
    }
    bus->output = value->v.d;
    *ret_readback = *value;
    return write(bus->pipe_fds[1], &byte, 1) == 1 ? GW_OK : GW_ERR_INTERNAL;
}

static int abi1_fd(void *handle)
{
    return ((struct bus *)handle)->pipe_fds[0];
}

static int abi1_ready(void *handle, struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct gw_value edge = {.type = GW_TYPE_BOOL, .v.b = true};
    char byte;

    if (read(bus->pipe_fds[0], &byte, 1) != 1)
        return GW_ERR_INTERNAL;
    bus->services->set_device(sink, 0, 0);
    bus->services->emit(sink, 2, &edge, GW_GOOD, 0);
    return GW_OK;
}

static void abi1_close(void *handle)
{
    struct bus *bus = handle;

    close(bus->pipe_fds[0]);
    close(bus->pipe_fds[1]);
    free(bus);
}

static int abi1_check(const struct gw_services *services, const struct gw_config *config,
                      struct gw_sink *sink)
{
    (void)config;
    services->fail(sink, 0, "abi1 was checked");
    return GW_OK;
}

static int abi1_scan(void *handle, gw_found_fn found, void *ctx)
{
    (void)handle;
    found(ctx, "one", "{name: one}");
    return GW_OK;
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi = 1,
    .name = "abi1",
    .version = "1",
    .description = "frozen",
    .options = options,
    .open = abi1_open,
    .describe = abi1_describe,
    .read = abi1_read,
    .close = abi1_close,
    .write = abi1_write,
    .fd = abi1_fd,
    .ready = abi1_ready,
    .check = abi1_check,
    .scan = abi1_scan,
};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi >= 1 ? &plugin : NULL;
}
