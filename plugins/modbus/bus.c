/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a bus and its devices, from configuration to plan. */
#include "plugins/modbus/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a point whose address the device refused is tried again. */
#define ILLEGAL_RETRY_MS 600000u
#define BOUNDARIES_MAX 1024u

static void say(const struct gw_services *services, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct gw_services *services, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    services->log(services->ctx, GW_LOG_ERROR, text);
}

bool bus_is_serial(const struct bus *bus)
{
    return bus->settings.transport != SETTINGS_TCP;
}

int bus_new(const struct gw_services *services, const struct gw_config *config,
            struct bus **ret)
{
    struct bus *bus = calloc(1, sizeof(*bus));
    const char *error;
    int rc;

    if (!bus)
        return GW_ERR_INTERNAL;
    bus->services = services;
    error = settings_read_bus(services, config, &bus->settings);
    if (error) {
        say(services, "modbus: %s", error);
        free(bus);
        return GW_ERR_CONFIG;
    }
    rc = link_init(&bus->link, &bus->settings, services);
    if (rc) {
        free(bus);
        return rc;
    }
    *ret = bus;
    return GW_OK;
}

static void device_free(struct bus_device *device)
{
    if (!device)
        return;
    for (uint32_t i = 0; device->points && i < device->info->n_points; i++)
        settings_point_done(&device->points[i]);
    settings_device_done(&device->settings);
    plan_done(&device->plan);
    free(device->boundaries);
    free(device->is_illegal);
    free(device->points);
    free(device);
}

void bus_free(struct bus *bus)
{
    if (!bus)
        return;
    for (uint32_t i = 0; i < bus->n_devices; i++)
        device_free(bus->devices[i]);
    for (int i = 0; i < 256; i++)
        free(bus->guards[i]);
    free(bus->devices);
    link_done(&bus->link);
    free(bus);
}

const struct gw_point *bus_point_info(const struct gw_device *info, uint32_t point)
{
    const void *base = (const char *)info->points + point * info->point_stride;

    return base;
}

static int read_settings(const struct bus *bus, struct bus_device *device)
{
    const struct gw_device *info = device->info;
    const char *error = settings_read_device(bus->services, info->config, &bus->settings,
                                             &device->settings);

    if (error) {
        say(bus->services, "modbus: device %s: %s", info->name, error);
        return GW_ERR_CONFIG;
    }
    for (uint32_t i = 0; i < info->n_points; i++) {
        const struct gw_point *point = bus_point_info(info, i);

        error = settings_read_point(bus->services, point->config, &device->settings,
                                    &device->points[i]);
        if (error) {
            say(bus->services, "modbus: point %s.%s: %s", info->name, point->name, error);
            return GW_ERR_CONFIG;
        }
    }
    return GW_OK;
}

static struct guard *get_guard(struct bus *bus, uint8_t unit)
{
    if (!bus->guards[unit])
        bus->guards[unit] = calloc(1, sizeof(struct guard));
    return bus->guards[unit];
}

static int make_device(struct bus *bus, const struct gw_device *info,
                       struct bus_device **ret)
{
    struct bus_device *device = calloc(1, sizeof(*device));
    size_t n = info->n_points ? info->n_points : 1;
    int rc = GW_ERR_INTERNAL;

    if (!device)
        return rc;
    device->info = info;
    device->points = calloc(n, sizeof(*device->points));
    device->is_illegal = calloc(n, sizeof(*device->is_illegal));
    if (device->points && device->is_illegal)
        rc = read_settings(bus, device);
    if (!rc) {
        device->guard = get_guard(bus, device->settings.unit);
        rc = device->guard ? GW_OK : GW_ERR_INTERNAL;
    }
    if (rc) {
        device_free(device);
        return rc;
    }
    *ret = device;
    return GW_OK;
}

int bus_bind(struct bus *bus, uint32_t number, const struct gw_device *info)
{
    if (number >= bus->n_devices) {
        struct bus_device **devices =
            realloc(bus->devices, (number + 1u) * sizeof(struct bus_device *));

        if (!devices)
            return GW_ERR_INTERNAL;
        while (bus->n_devices <= number)
            devices[bus->n_devices++] = NULL;
        bus->devices = devices;
    }
    if (bus->devices[number])
        return GW_OK;
    return make_device(bus, info, &bus->devices[number]);
}

struct bus_device *bus_find(const struct bus *bus, uint32_t device)
{
    return device < bus->n_devices ? bus->devices[device] : NULL;
}

static struct plan_cost get_cost(const struct bus *bus, const struct bus_device *device)
{
    const struct settings_bus *s = &bus->settings;

    if (s->transport == SETTINGS_TCP)
        return plan_cost_tcp();
    return plan_cost_serial(s->character_ns, s->silence_ns,
                            device->settings.turnaround_ms * UINT64_C(1000000));
}

static int make_plan(const struct bus *bus, struct bus_device *device)
{
    const struct gw_device *info = device->info;
    struct plan_item *items = calloc(info->n_points + 1u, sizeof(*items));
    struct plan_limits limits = {
        .max_registers = device->settings.max_registers,
        .max_bits = device->settings.max_bits,
        .max_gap = device->settings.max_gap,
        .never_read = &device->settings.never_read,
        .n_boundaries = device->n_boundaries,
        .boundaries = device->boundaries,
        .cost = get_cost(bus, device),
    };
    int rc;

    if (!items)
        return GW_ERR_INTERNAL;
    for (uint32_t i = 0; i < info->n_points; i++) {
        uint32_t interval_ms = bus_point_info(info, i)->interval_ms;
        bool alone = device->is_illegal[i];

        items[i] = (struct plan_item){
            .point = i,
            .address = device->points[i].address,
            .count = device->points[i].count,
            .interval_ms = alone && interval_ms && interval_ms < ILLEGAL_RETRY_MS
                               ? ILLEGAL_RETRY_MS
                               : interval_ms,
            .table = device->points[i].table,
            .alone = alone,
        };
    }
    plan_done(&device->plan);
    rc = plan_make(items, info->n_points, &limits, &device->plan);
    free(items);
    return rc ? GW_ERR_INTERNAL : GW_OK;
}

static void write_text(const struct bus_device *device, const struct plan_request *r,
                       char *text, size_t size)
{
    static const char *const tables[] = {"coil", "discrete", "input", "holding"};
    const char *what = codec_is_bit_table(r->table) ? "bit" : "register";
    char unused[40] = "";

    if (r->n_unused)
        snprintf(unused, sizeof(unused), ", %u unused", r->n_unused);
    snprintf(text, size, "unit %u %s %u..%u (%u %s%s%s, %u point%s%s)",
             device->settings.unit, tables[r->table], r->address,
             r->address + r->count - 1, r->count, what, r->count == 1 ? "" : "s", unused,
             r->n_items, r->n_items == 1 ? "" : "s",
             r->alone ? ", refused: tried rarely" : "");
}

int bus_plan(struct bus *bus, struct bus_device *device, struct gw_plan *plan)
{
    /* Nobody answers unit 0 of a serial line: its points can only be written. */
    bool is_broadcast = bus_is_serial(bus) && !device->settings.unit;
    int rc = make_plan(bus, device);

    for (uint32_t i = 0; !rc && !is_broadcast && i < device->plan.n_requests; i++) {
        const struct plan_request *r = &device->plan.requests[i];
        unsigned bytes = codec_is_bit_table(r->table) ? (r->count + 7) / 8 : 2 * r->count;
        char text[120];
        struct gw_request request = {
            .struct_size = sizeof(request),
            .id = i,
            .interval_ms = r->interval_ms,
            .cost_us = (r->cost_ns + 999) / 1000,
            /* Twice: after an unanswered read, another may have to come before it. */
            .timeout_ms = 2 * link_longest_ms(&bus->link, bytes),
            .n_points = r->n_items,
            .points = device->plan.points + r->first,
            .text = text,
        };

        write_text(device, r, text, sizeof(text));
        rc = bus->services->plan_add(plan, &request) ? GW_ERR_INTERNAL : GW_OK;
    }
    return rc;
}

bool bus_learn_boundary(struct bus_device *device, enum codec_table table,
                        uint32_t address)
{
    struct plan_boundary *boundaries;

    if (device->n_boundaries >= BOUNDARIES_MAX)
        return false;
    boundaries =
        realloc(device->boundaries, (device->n_boundaries + 1) * sizeof(*boundaries));
    if (!boundaries)
        return false;
    device->boundaries = boundaries;
    boundaries[device->n_boundaries++] = (struct plan_boundary){table, address};
    return true;
}

void bus_forget_learned(struct bus_device *device)
{
    device->n_boundaries = 0;
    memset(device->is_illegal, 0, device->info->n_points * sizeof(*device->is_illegal));
}
