/* SPDX-License-Identifier: Apache-2.0 */
/* A complete plugin: each point is a number in a file, such as /sys/class/thermal/.../temp. */
#include <errno.h>
#include <gateway/plugin.h>
#include <stdio.h>
#include <stdlib.h>

struct bus {
    const struct gw_services *services;
    const struct gw_device *devices[16];
};

static const struct gw_option options[] = {
    {.key = "path", .scope = GW_SCOPE_POINT, .flags = GW_OPTION_REQUIRED, .help = "the file"},
    {.key = NULL}};

static const struct gw_point *point_at(const struct gw_device *device, uint32_t i)
{
    return (const void *)((const char *)device->points + i * device->point_stride);
}

static int example_open(const struct gw_services *services, const struct gw_config *config,
                        void **ret_bus)
{
    struct bus *bus = calloc(1, sizeof *bus);

    (void)config; /* this kind of bus has no options */
    if (!bus)
        return GW_ERR_INTERNAL;
    bus->services = services;
    *ret_bus = bus;
    return GW_OK;
}

/* One request for each point: what a file yields is read by one read(). */
static int example_describe(void *handle, uint32_t number, const struct gw_device *device,
                            struct gw_plan *plan)
{
    struct bus *bus = handle;

    if (number >= 16)
        return GW_ERR_CONFIG;
    bus->devices[number] = device;
    for (uint32_t i = 0; i < device->n_points; i++) {
        struct gw_request request = {.struct_size = sizeof request, .id = i,
                                     .interval_ms = point_at(device, i)->interval_ms,
                                     .cost_us = 100, .timeout_ms = 100, .n_points = 1,
                                     .points = &i, .text = point_at(device, i)->name};

        if (bus->services->plan_add(plan, &request) != GW_OK)
            return GW_ERR_INTERNAL;
    }
    return GW_OK;
}

static int example_read(void *handle, uint32_t number, uint32_t id, struct gw_sink *sink)
{
    struct bus *bus = handle;
    const struct gw_point *point = point_at(bus->devices[number], id);
    struct gw_value value = {.type = GW_TYPE_FLOAT64};
    FILE *file = fopen(bus->services->get_string(point->config, "path"), "re");
    bool good = file && fscanf(file, "%lf", &value.v.d) == 1;

    if (file)
        fclose(file);
    if (!good) {
        bus->services->fail(sink, errno, "no number in the file");
        return GW_ERR_DEVICE;
    }
    bus->services->emit(sink, id, &value, GW_GOOD, 0);
    return GW_OK;
}

static const struct gw_plugin plugin = {
    .struct_size = sizeof plugin, .abi = GW_PLUGIN_ABI, .name = "example", .version = "1",
    .description = "numbers in files", .options = options, .open = example_open,
    .describe = example_describe, .read = example_read, .close = free};

const struct gw_plugin *gw_plugin_init(uint32_t host_abi)
{
    return host_abi >= GW_PLUGIN_ABI ? &plugin : NULL;
}
