/* SPDX-License-Identifier: Apache-2.0 */
/* From a checked configuration to what a host is told; see host_view.h. */
#include "lib/hostview/host_view.h"

#include <errno.h>
#include <stdlib.h>

static struct host_point point_of(const struct config_point *from)
{
    return (struct host_point){
        .name = from->name,
        .scale = from->scale,
        .offset = from->offset,
        .interval_ms = from->interval_ms,
        .writable = from->writable,
        .is_bool = from->is_bool,
        .is_float = from->is_float,
        .write_min = from->write_min,
        .write_max = from->write_max,
        .failsafe = from->failsafe,
        .max_rate = from->max_rate,
        .lease_ms = from->lease_ms,
        .options = from->options,
    };
}

static int add_device(struct host_bus *bus, const struct config_device *from,
                      uint32_t index)
{
    struct host_device *device = &bus->devices[bus->n_devices];

    *device = (struct host_device){
        .index = index,
        .name = from->name,
        .n_points = from->n_points,
        .points = calloc(from->n_points + 1, sizeof *device->points),
        .options = from->options,
    };
    if (!device->points)
        return -ENOMEM;
    for (uint32_t i = 0; i < from->n_points; i++)
        device->points[i] = point_of(&from->points[i]);
    bus->n_devices++;
    return 0;
}

static int add_bus(struct host_config *view, const struct config *config, uint32_t index)
{
    struct host_bus *bus = &view->buses[view->n_buses];
    int rc = 0;

    *bus = (struct host_bus){
        .index = index,
        .name = config->buses[index].name,
        .devices = calloc(config->n_devices + 1, sizeof *bus->devices),
        .options = config->buses[index].options,
    };
    if (!bus->devices)
        return -ENOMEM;
    view->n_buses++;
    for (uint32_t i = 0; i < config->n_devices && rc == 0; i++)
        if (config->devices[i].bus == index)
            rc = add_device(bus, &config->devices[i], i);
    return rc;
}

int host_view_make(const struct config *config, const uint32_t *buses, uint32_t n_buses,
                   const char *plugin_dir, struct host_config *ret_view)
{
    struct host_config view = {
        .plugin = config->buses[buses[0]].plugin,
        .plugin_dir = (char *)(uintptr_t)plugin_dir,
        .buses = calloc(n_buses + 1, sizeof *view.buses),
    };
    int rc = view.buses ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < n_buses && rc == 0; i++)
        rc = add_bus(&view, config, buses[i]);
    if (rc < 0)
        host_view_done(&view);
    else
        *ret_view = view;
    return rc;
}

void host_view_done(struct host_config *view)
{
    for (uint32_t i = 0; i < view->n_buses; i++) {
        for (uint32_t k = 0; k < view->buses[i].n_devices; k++)
            free(view->buses[i].devices[k].points);
        free(view->buses[i].devices);
    }
    free(view->buses);
}
