/* SPDX-License-Identifier: Apache-2.0 */
/* The calls into a plugin, for one bus; see bus.h. */
#include "lib/host/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/model/value.h"

#define MIN_PATIENCE_NS (3 * CLOCK_NS_PER_S)
#define PATIENCE_CYCLES 3

/* ---- life -------------------------------------------------------------------------- */

static int device_init(struct bus *bus, struct bus_device *device,
                       const struct host_device *config)
{
    uint32_t n = config->n_points ? config->n_points : 1;

    device->config = config;
    device->points = calloc(n, sizeof *device->points);
    device->point_views = calloc(n, sizeof *device->point_views);
    if (!device->points || !device->point_views)
        return -ENOMEM;
    device->view =
        (struct gw_config){&config->options, bus->plugin->options, GW_SCOPE_DEVICE};
    for (uint32_t i = 0; i < config->n_points; i++) {
        const struct host_point *point = &config->points[i];

        device->point_views[i] =
            (struct gw_config){&point->options, bus->plugin->options, GW_SCOPE_POINT};
        device->points[i] = (struct gw_point){.struct_size = sizeof(struct gw_point),
                                              .name = point->name,
                                              .config = &device->point_views[i],
                                              .interval_ms = point->interval_ms,
                                              .writable = point->writable};
    }
    device->info = (struct gw_device){.struct_size = sizeof(struct gw_device),
                                      .name = config->name,
                                      .config = &device->view,
                                      .n_points = config->n_points,
                                      .points = device->points,
                                      .point_stride = sizeof(struct gw_point)};
    device->plan.n_points = config->n_points;
    return 0;
}

int bus_init(struct bus *bus, const struct bus_setup *setup)
{
    const struct host_bus *config = setup->config;
    struct services_setup services = {config, setup->plugin->options, setup->outbox,
                                      setup->resolver, &bus->progress_boot_ns};

    memset(bus, 0, sizeof *bus);
    bus->config = config;
    bus->plugin = setup->plugin;
    bus->outbox = setup->outbox;
    bus->blame = setup->slot < HOST_BLAME_SLOTS ? setup->blame : NULL;
    bus->slot = setup->slot;
    bus->view =
        (struct gw_config){&config->options, setup->plugin->options, GW_SCOPE_BUS};
    snprintf(bus->subject, sizeof bus->subject, "bus %s", config->name);
    bus->sink = sink_new(config, setup->outbox);
    bus->services = services_new(&services);
    bus->devices =
        calloc(config->n_devices ? config->n_devices : 1, sizeof *bus->devices);
    if (!bus->sink || !bus->services || !bus->devices) {
        bus_done(bus);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < config->n_devices; i++)
        if (device_init(bus, &bus->devices[i], &config->devices[i]) < 0) {
            bus_done(bus);
            return -ENOMEM;
        }
    if (bus->blame)
        bus->blame->slots[bus->slot].bus = config->index + 1;
    return 0;
}

/* ---- the page: written before and after every call --------------------------------- */

static int64_t enter(struct bus *bus)
{
    int64_t now_ns = clock_boot_ns();

    atomic_store(&bus->progress_boot_ns, now_ns);
    atomic_store(&bus->call_since_boot_ns, now_ns);
    if (bus->blame) {
        __atomic_store_n(&bus->blame->slots[bus->slot].since_boot_ns, now_ns,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&bus->blame->slots[bus->slot].in_call, 1, __ATOMIC_RELEASE);
    }
    return now_ns;
}

static int64_t leave(struct bus *bus)
{
    int64_t now_ns = clock_boot_ns();

    if (bus->blame)
        __atomic_store_n(&bus->blame->slots[bus->slot].in_call, 0, __ATOMIC_RELEASE);
    atomic_store(&bus->call_since_boot_ns, 0);
    return now_ns;
}

void bus_close(struct bus *bus)
{
    if (!bus->handle)
        return;
    enter(bus);
    bus->plugin->close(bus->handle);
    leave(bus);
    bus->handle = NULL;
}

void bus_done(struct bus *bus)
{
    for (uint32_t i = 0; bus->devices && i < bus->config->n_devices; i++) {
        plan_done(&bus->devices[i].plan);
        free(bus->devices[i].points);
        free(bus->devices[i].point_views);
    }
    free(bus->devices);
    sink_free(bus->sink);
    services_free(bus->services);
    bus->devices = NULL;
    bus->sink = NULL;
    bus->services = NULL;
}

/* A plugin may return numbers that no enumeration knows. */
static enum gw_result known_result(int result)
{
    return result >= GW_OK && result <= GW_ERR_INTERNAL ? (enum gw_result)result
                                                        : GW_ERR_INTERNAL;
}

enum gw_result bus_open(struct bus *bus)
{
    enum gw_result result;
    void *handle = NULL;

    services_prefetch(bus->services);
    enter(bus);
    result = known_result(
        bus->plugin->open(services_table(bus->services), &bus->view, &handle));
    leave(bus);
    if (result == GW_OK && !handle)
        result = GW_ERR_INTERNAL;
    if (result == GW_OK)
        bus->handle = handle;
    return result;
}

/* ---- the plan ---------------------------------------------------------------------- */

static void send_plan(const struct bus *bus, const struct bus_device *device)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, device->config->index);
    wire_put_u32(&buf, device->plan.n);
    for (uint32_t i = 0; i < device->plan.n; i++) {
        const struct plan_request *request = &device->plan.requests[i];

        wire_put_u32(&buf, request->id);
        wire_put_u32(&buf, request->interval_ms);
        wire_put_u64(&buf, request->cost_us);
        wire_put_u32(&buf, request->n_points);
        wire_put_string(&buf, request->text);
    }
    if (!buf.failed)
        outbox_send(bus->outbox, HOST_MSG_PLAN, buf.data, buf.len);
    strbuf_done(&buf);
}

static void update_patience(struct bus *bus)
{
    uint32_t max_ms = 0;

    for (uint32_t i = 0; i < bus->config->n_devices; i++) {
        uint32_t device_ms = plan_max_timeout_ms(&bus->devices[i].plan);

        if (device_ms > max_ms)
            max_ms = device_ms;
    }
    atomic_store(&bus->max_timeout_ms, max_ms);
}

int64_t bus_patience_ns(const struct bus *bus)
{
    int64_t patience_ns =
        PATIENCE_CYCLES * (int64_t)atomic_load(&bus->max_timeout_ms) * CLOCK_NS_PER_MS;

    return patience_ns > MIN_PATIENCE_NS ? patience_ns : MIN_PATIENCE_NS;
}

enum gw_result bus_describe(struct bus *bus, uint32_t number)
{
    struct bus_device *device = &bus->devices[number];
    struct gw_plan old = device->plan;
    enum gw_result result;
    int64_t now_ns;

    device->plan = (struct gw_plan){.n_points = old.n_points, .pace = old.pace};
    enter(bus);
    result = known_result(
        bus->plugin->describe(bus->handle, number, &device->info, &device->plan));
    now_ns = leave(bus);
    device->is_refused = result != GW_OK;
    if (device->is_refused)
        plan_done(&device->plan);
    plan_schedule(&device->plan, &old, now_ns);
    plan_done(&old);
    device->plan_serial++;
    for (uint32_t i = 0; i < device->plan.n; i++)
        for (uint32_t j = 0; j < device->plan.requests[i].n_points; j++)
            sink_plan_point(bus->sink, number, device->plan.requests[i].points[j]);
    update_patience(bus);
    send_plan(bus, device);
    return result;
}

/* ---- attempts ---------------------------------------------------------------------- */

static void count(struct bus *bus, struct bus_device *device, enum gw_result result,
                  int64_t busy_ns)
{
    const char *text = sink_text(bus->sink);

    bus->n_requests++;
    bus->busy_us += (uint64_t)(busy_ns / 1000);
    if (result == GW_OK) {
        device->n_ok++;
        return;
    }
    bus->n_errors++;
    device->n_failed++;
    snprintf(device->last_error, sizeof device->last_error, "%s",
             *text ? text : result_name(result));
}

enum gw_result bus_read(struct bus *bus, uint32_t number,
                        const struct plan_request *request)
{
    int64_t start_ns = enter(bus), end_ns;
    enum gw_result result;

    sink_begin(bus->sink, number, start_ns);
    result = known_result(bus->plugin->read(bus->handle, number, request->id, bus->sink));
    end_ns = leave(bus);
    sink_end(bus->sink, request->points, result == GW_ERR_LINK ? 0 : request->n_points,
             result, end_ns);
    count(bus, &bus->devices[number], result, end_ns - start_ns);
    return result;
}

enum gw_result bus_write(struct bus *bus, uint32_t number, uint32_t point,
                         const struct gw_value *raw, struct gw_value *ret_readback)
{
    int64_t start_ns, end_ns;
    enum gw_result result;

    *ret_readback = (struct gw_value){.type = GW_TYPE_NONE};
    start_ns = enter(bus);
    sink_begin_bare(bus->sink, start_ns);
    result = known_result(
        bus->plugin->write(bus->handle, number, point, raw, ret_readback, bus->sink));
    end_ns = leave(bus);
    if (ret_readback->type >
        GW_TYPE_FLOAT64) /* a number or nothing: texts are not written */
        ret_readback->type = GW_TYPE_NONE;
    count(bus, &bus->devices[number], result, end_ns - start_ns);
    return result;
}

int bus_event_fd(struct bus *bus)
{
    int fd;

    if (!bus->plugin->fd || !bus->plugin->ready)
        return -1;
    enter(bus);
    fd = bus->plugin->fd(bus->handle);
    leave(bus);
    return fd;
}

enum gw_result bus_ready(struct bus *bus)
{
    enum gw_result result;

    sink_begin_bare(bus->sink, enter(bus));
    result = known_result(bus->plugin->ready(bus->handle, bus->sink));
    leave(bus);
    return result;
}
