/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gpio plugin: lines of a GPIO chip as points. This file is the edge to the host
 * (gateway/plugin.h); every callback runs on the bus's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/gpio/bus.h"
#include "plugins/gpio/edges.h"
#include "plugins/gpio/scan.h"

static int plugin_open(const struct gw_services *services, const struct gw_config *config,
                       void **ret_bus)
{
    const char *chip = services->get_string(config, "chip");
    struct bus *bus = bus_new(services, chip ? chip : "");

    if (!bus)
        return GW_ERR_INTERNAL;
    *ret_bus = bus;
    return GW_OK;
}

/* A line is a request of its own: a busy one must not spoil what the others say. */
static int plan_point(struct bus *bus, uint32_t device, const struct gw_device *info,
                      uint32_t i, struct gw_plan *plan)
{
    static const char *const words[] = {"in", "out", "count"};
    const struct gw_point *point =
        (const void *)((const char *)info->points + i * info->point_stride);
    const struct settings_point *settings = &bus_find(bus, device, i)->settings;
    char text[120];
    struct gw_request request = {.struct_size = sizeof request,
                                 .id = i,
                                 .interval_ms = point->interval_ms,
                                 .cost_us = 20,
                                 .timeout_ms = 200,
                                 .n_points = 1,
                                 .points = &i,
                                 .text = text};

    snprintf(text, sizeof text, "line %.60s (%s%s)", settings->line,
             words[settings->direction],
             settings->config.is_output ? "" : ", edges at once");
    return bus->services->plan_add(plan, &request) == GW_OK ? GW_OK : GW_ERR_INTERNAL;
}

static int plugin_describe(void *handle, uint32_t device, const struct gw_device *info,
                           struct gw_plan *plan)
{
    struct bus *bus = handle;
    int rc = bus_bind(bus, device, info);

    for (uint32_t i = 0; i < info->n_points && rc == GW_OK; i++)
        rc = plan_point(bus, device, info, i, plan);
    return rc;
}

static int fail(struct bus *bus, struct bus_point *point, int result,
                struct gw_sink *sink)
{
    bus->services->fail(sink, 0, bus->text);
    /* the host tells of a link that is down; a single line's trouble is ours to tell */
    if (result != GW_ERR_LINK && !point->was_told) {
        bus->services->log(bus->services->ctx, GW_LOG_WARNING, bus->text);
        point->was_told = true;
    }
    return result;
}

/* Edges that wait will tell the change with its own time. */
static int check_level(struct bus_point *point)
{
    int level = lines_get(point->line);

    if (level < 0)
        return level;
    if (point->settings.config.is_output)
        point->input.is_active = level > 0;
    else if (!lines_has_events(point->line))
        input_level(&point->input, level > 0);
    return 0;
}

static int plugin_read(void *handle, uint32_t device, uint32_t request,
                       struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct bus_point *point = bus_find(bus, device, request);
    int result, rc;

    if (!point)
        return GW_ERR_INTERNAL;
    result = bus_take(bus, point);
    if (result == GW_OK) {
        rc = check_level(point);
        if (rc < 0)
            result = bus_failed(bus, point, rc, "cannot be read");
    }
    if (result != GW_OK)
        return fail(bus, point, result, sink);
    point->was_told = false;
    edges_emit(bus, point, sink);
    return GW_OK;
}

static int plugin_write(void *handle, uint32_t device, uint32_t index,
                        const struct gw_value *value, struct gw_value *ret_readback,
                        struct gw_sink *sink)
{
    struct bus *bus = handle;
    struct bus_point *point = bus_find(bus, device, index);
    int result, rc;

    if (!point || !point->settings.config.is_output || value->type != GW_TYPE_BOOL)
        return GW_ERR_UNSUPPORTED;
    result = bus_take(bus, point);
    if (result != GW_OK)
        return fail(bus, point, result, sink);
    rc = lines_set(point->line, value->v.b);
    if (rc == 0)
        rc = lines_get(point->line);
    if (rc < 0)
        return fail(bus, point, bus_failed(bus, point, rc, "cannot be set"), sink);
    *ret_readback = (struct gw_value){.type = GW_TYPE_BOOL, .v.b = rc > 0};
    if ((rc > 0) == value->v.b)
        return GW_OK;
    snprintf(bus->text, sizeof bus->text, "line %.60s stays %s: something else drives it",
             point->settings.line, rc > 0 ? "on" : "off");
    bus->services->fail(sink, 0, bus->text);
    return GW_ERR_MISMATCH;
}

static int plugin_fd(void *handle)
{
    struct bus *bus = handle;

    return bus->epoll_fd;
}

static int plugin_ready(void *handle, struct gw_sink *sink)
{
    return edges_take(handle, sink);
}

static void plugin_close(void *handle)
{
    bus_free(handle);
}

static int plugin_scan(void *handle, gw_found_fn found, void *ctx)
{
    struct bus *bus = handle;
    int rc = scan_chips(bus->wanted, found, ctx, bus->text);

    if (rc != GW_OK)
        bus->services->log(bus->services->ctx, GW_LOG_ERROR, bus->text);
    return rc;
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof(struct gw_plugin),
    .abi = GW_PLUGIN_ABI,
    .name = "gpio",
    .version = "0.1.0",
    .description = "lines of GPIO chips: contacts, relays, pulse counters",
    .options = settings_options,
    .open = plugin_open,
    .describe = plugin_describe,
    .read = plugin_read,
    .close = plugin_close,
    .write = plugin_write,
    .fd = plugin_fd,
    .ready = plugin_ready,
    .scan = plugin_scan,
};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi == GW_PLUGIN_ABI ? &plugin : NULL;
}
