/* SPDX-License-Identifier: Apache-2.0 */
/* Taking and losing the chip and its lines; see bus.h. */
#include "plugins/gpio/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct bus *bus_new(const struct gw_services *services, const char *chip)
{
    struct bus *bus = calloc(1, sizeof *bus);
    struct epoll_event event = {.events = EPOLLIN};

    if (!bus)
        return NULL;
    bus->services = services;
    bus->wanted = chip;
    bus->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bus->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (bus->epoll_fd < 0 || bus->timer_fd < 0 ||
        epoll_ctl(bus->epoll_fd, EPOLL_CTL_ADD, bus->timer_fd, &event) < 0) {
        bus_free(bus);
        return NULL;
    }
    return bus;
}

/* ---- letting go
 * ------------------------------------------------------------------------- */

static void release(struct bus *bus, struct bus_point *point)
{
    if (!point->line)
        return;
    if (lines_fd(point->line) >= 0)
        epoll_ctl(bus->epoll_fd, EPOLL_CTL_DEL, lines_fd(point->line), NULL);
    lines_release(point->line);
    point->line = NULL;
    point->input.is_settling = false;
}

static void release_device(struct bus *bus, struct bus_device *device)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        if (device->points[i])
            release(bus, device->points[i]);
}

static void lose_chip(struct bus *bus)
{
    for (uint32_t i = 0; i < bus->n_devices; i++)
        release_device(bus, &bus->devices[i]);
    lines_chip_close(bus->chip);
    bus->chip = NULL;
}

static void free_points(struct bus_device *device)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        free(device->points[i]);
    free(device->points);
    memset(device, 0, sizeof *device);
}

void bus_free(struct bus *bus)
{
    lose_chip(bus);
    for (uint32_t i = 0; i < bus->n_devices; i++)
        free_points(&bus->devices[i]);
    free(bus->devices);
    if (bus->epoll_fd >= 0)
        close(bus->epoll_fd);
    if (bus->timer_fd >= 0)
        close(bus->timer_fd);
    free(bus);
}

/* ---- configuration
 * ------------------------------------------------------------------------ */

struct bus_point *bus_find(struct bus *bus, uint32_t device, uint32_t point)
{
    if (device >= bus->n_devices || point >= bus->devices[device].n_points)
        return NULL;
    return bus->devices[device].points[point];
}

static const struct bus_point *find_line(const struct bus *bus, const char *line)
{
    for (uint32_t i = 0; i < bus->n_devices; i++)
        for (uint32_t j = 0; j < bus->devices[i].n_points; j++)
            if (bus->devices[i].points[j] &&
                strcmp(bus->devices[i].points[j]->settings.line, line) == 0)
                return bus->devices[i].points[j];
    return NULL;
}

static int refuse(struct bus *bus, const char *device, const char *point,
                  const char *reason)
{
    snprintf(bus->text, sizeof bus->text, "point '%.60s.%.60s': %.100s", device, point,
             reason);
    bus->services->log(bus->services->ctx, GW_LOG_ERROR, bus->text);
    return GW_ERR_CONFIG;
}

static int add_point(struct bus *bus, uint32_t device, const struct gw_device *info,
                     uint32_t i)
{
    const struct gw_point *point =
        (const void *)((const char *)info->points + i * info->point_stride);
    struct settings_point settings;
    const char *error = settings_read_point(bus->services, point, &settings);
    struct bus_point *made;

    if (error)
        return refuse(bus, info->name, point->name, error);
    if (find_line(bus, settings.line))
        return refuse(bus, info->name, point->name,
                      "another point has this line already");
    made = calloc(1, sizeof *made);
    if (!made)
        return GW_ERR_INTERNAL;
    made->device = device;
    made->index = i;
    made->settings = settings;
    made->input.debounce_ns = settings.debounce_ns;
    snprintf(made->consumer, sizeof made->consumer, "gatewayd:%.11s.%.10s", info->name,
             point->name);
    made->settings.config.consumer = made->consumer;
    bus->devices[device].points[i] = made;
    return GW_OK;
}

static bool has_room(struct bus *bus, uint32_t device)
{
    struct bus_device *bigger;

    if (device < bus->n_devices)
        return true;
    bigger = realloc(bus->devices, (device + 1) * sizeof *bigger);
    if (!bigger)
        return false;
    memset(bigger + bus->n_devices, 0, (device + 1 - bus->n_devices) * sizeof *bigger);
    bus->devices = bigger;
    bus->n_devices = device + 1;
    return true;
}

int bus_bind(struct bus *bus, uint32_t device, const struct gw_device *info)
{
    struct bus_device *made;
    int rc = GW_OK;

    if (!has_room(bus, device))
        return GW_ERR_INTERNAL;
    made = &bus->devices[device];
    release_device(bus, made);
    free_points(made);
    made->points = calloc(info->n_points + 1, sizeof *made->points);
    if (!made->points)
        return GW_ERR_INTERNAL;
    made->n_points = info->n_points;
    for (uint32_t i = 0; i < info->n_points && rc == GW_OK; i++)
        rc = add_point(bus, device, info, i);
    if (rc != GW_OK)
        free_points(made);
    return rc;
}

/* ---- taking
 * --------------------------------------------------------------------------------- */

int bus_failed(struct bus *bus, const struct bus_point *point, int rc, const char *what)
{
    if (rc == -ENODEV) {
        snprintf(bus->text, sizeof bus->text, "chip '%.60s' is gone", bus->wanted);
        lose_chip(bus);
        return GW_ERR_LINK;
    }
    if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
        return GW_ERR_INTERNAL;
    snprintf(bus->text, sizeof bus->text, "line %.60s: %s: %s", point->settings.line,
             what, strerror(-rc));
    return GW_ERR_DEVICE;
}

static int open_chip(struct bus *bus)
{
    int rc = chip_find(bus->wanted, &bus->chip, &bus->info, bus->text);

    if (rc < 0) {
        bus->chip = NULL;
        return GW_ERR_LINK;
    }
    return GW_OK;
}

static int tell_busy(struct bus *bus, const struct bus_point *point, uint32_t offset)
{
    struct lines_info info = {0};
    bool is_named = lines_get_info(bus->chip, offset, &info) == 0 && info.consumer[0];

    snprintf(bus->text, sizeof bus->text, "line %.60s is in use by %s%s%s",
             point->settings.line, is_named ? "'" : "another program", info.consumer,
             is_named ? "'" : "");
    return GW_ERR_BUSY;
}

/* The level comes after the request: an edge in between waits as an event. */
static int watch(struct bus *bus, struct bus_point *point)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = point};
    int level = lines_get(point->line);

    if (level < 0)
        return level;
    input_begin(&point->input, level > 0);
    if (epoll_ctl(bus->epoll_fd, EPOLL_CTL_ADD, lines_fd(point->line), &event) < 0)
        return -errno;
    return 0;
}

int bus_take(struct bus *bus, struct bus_point *point)
{
    uint32_t offset;
    int rc;

    if (point->line)
        return GW_OK;
    if (!bus->chip) {
        rc = open_chip(bus);
        if (rc != GW_OK)
            return rc;
    }
    bus->text[0] = '\0';
    rc = chip_find_line(bus->chip, &bus->info, point->settings.line, &offset, bus->text);
    if (rc < 0 && bus->text[0])
        return GW_ERR_DEVICE;
    if (rc == 0)
        rc = lines_request(bus->chip, offset, &point->settings.config, &point->line);
    if (rc == -EBUSY)
        return tell_busy(bus, point, offset);
    if (rc == 0 && !point->settings.config.is_output) {
        rc = watch(bus, point);
        if (rc < 0)
            release(bus, point);
    }
    return rc < 0 ? bus_failed(bus, point, rc, "cannot be taken") : GW_OK;
}

/* ---- the timer
 * --------------------------------------------------------------------------------- */

void bus_arm(struct bus *bus)
{
    int64_t next_ns = INT64_MAX;
    struct itimerspec at = {
        {0, 0},
        {0, 0}
    };

    for (uint32_t i = 0; i < bus->n_devices; i++)
        for (uint32_t j = 0; j < bus->devices[i].n_points; j++) {
            int64_t own_ns = input_deadline_ns(&bus->devices[i].points[j]->input);

            if (own_ns < next_ns)
                next_ns = own_ns;
        }
    if (next_ns == INT64_MAX)
        next_ns = 0;
    if (next_ns == bus->armed_boot_ns)
        return;
    at.it_value.tv_sec = (time_t)(next_ns / INT64_C(1000000000));
    at.it_value.tv_nsec = (long)(next_ns % INT64_C(1000000000));
    timerfd_settime(bus->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    bus->armed_boot_ns = next_ns;
}
