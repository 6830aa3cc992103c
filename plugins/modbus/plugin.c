/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modbus plugin: Modbus TCP, RTU and RTU over TCP. This file is the edge to the host
 * (gateway/plugin.h); every callback runs on the bus's thread.
 */
#include <stdio.h>
#include <string.h>

#include "plugins/modbus/bus.h"
#include "plugins/modbus/read.h"
#include "plugins/modbus/scan.h"
#include "plugins/modbus/write.h"

static int plugin_open(const struct gw_services *services, const struct gw_config *config,
                       void **ret_bus)
{
    struct bus *bus;
    int rc = bus_new(services, config, &bus);

    if (!rc)
        *ret_bus = bus;
    return rc;
}

static int plugin_describe(void *bus, uint32_t device, const struct gw_device *info,
                           struct gw_plan *plan)
{
    int rc = bus_bind(bus, device, info);

    return rc ? rc : bus_plan(bus, bus_find(bus, device), plan);
}

static int plugin_read(void *bus, uint32_t device, uint32_t request, struct gw_sink *sink)
{
    struct bus_device *found = bus_find(bus, device);

    return found ? read_request(bus, found, request, sink) : GW_ERR_INTERNAL;
}

static int plugin_write(void *bus, uint32_t device, uint32_t point,
                        const struct gw_value *value, struct gw_value *ret_readback,
                        struct gw_sink *sink)
{
    struct bus *b = bus;
    struct bus_device *found = bus_find(b, device);

    if (!found || point >= found->info->n_points)
        return GW_ERR_INTERNAL;
    return write_point(b, found, point, value, b->text, ret_readback, sink);
}

static void plugin_close(void *bus)
{
    bus_free(bus);
}

static int plugin_check(const struct gw_services *services,
                        const struct gw_config *config, struct gw_sink *sink)
{
    struct settings_bus settings;
    const char *error = settings_read_bus(services, config, &settings);

    if (error) {
        services->fail(sink, 0, error);
        return GW_ERR_CONFIG;
    }
    if (settings.transport == SETTINGS_RTU &&
        (!strncmp(settings.device, "/dev/ttyUSB", 11) ||
         !strncmp(settings.device, "/dev/ttyACM", 11)))
        services->fail(
            sink, 0,
            "warning: names like /dev/ttyUSB0 change with the order of plugging "
            "in; use the name under /dev/serial/by-id");
    return GW_OK;
}

static int plugin_scan(void *bus, gw_found_fn found, void *ctx)
{
    return scan_bus(bus, found, ctx);
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof(struct gw_plugin),
    .abi = GW_PLUGIN_ABI,
    .name = "modbus",
    .version = "0.1.0",
    .description = "Modbus TCP, RTU and RTU over TCP",
    .options = settings_options,
    .open = plugin_open,
    .describe = plugin_describe,
    .read = plugin_read,
    .close = plugin_close,
    .write = plugin_write,
    .check = plugin_check,
    .scan = plugin_scan,
};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi == GW_PLUGIN_ABI ? &plugin : NULL;
}
