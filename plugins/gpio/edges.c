/* SPDX-License-Identifier: Apache-2.0 */
/* From the kernel's events to readings; see edges.h. */
#include "plugins/gpio/edges.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "plugins/gpio/event_time.h"

#define AT_ONCE 64
/* Of one line in one turn: an oscillating input must not starve the others. */
#define TURN_MAX 1024

void edges_emit(struct bus *bus, struct bus_point *point, struct gw_sink *sink)
{
    struct gw_value value = {.type = GW_TYPE_BOOL, .v.b = point->input.is_active};
    uint32_t quality = GW_GOOD;

    if (point->settings.direction == SETTINGS_COUNT) {
        value.type = GW_TYPE_FLOAT64;
        value.v.d = (double)point->input.n_pulses * point->settings.per_pulse;
        if (input_take_gap(&point->input))
            quality = GW_UNCERTAIN;
    }
    bus->services->emit(sink, point->index, &value, quality, 0);
}

/* A counter is read by its interval: a record per pulse would be too many. */
static void emit_change(struct bus *bus, struct bus_point *point, int64_t t_boot_ns,
                        struct gw_sink *sink)
{
    if (point->settings.direction == SETTINGS_COUNT)
        return;
    bus->services->set_device(sink, point->device, t_boot_ns);
    edges_emit(bus, point, sink);
}

static void tell_lost(const struct bus *bus, const struct bus_point *point,
                      uint32_t n_lost)
{
    char text[160], number[16];

    snprintf(number, sizeof number, "%u", n_lost);
    snprintf(text, sizeof text, "line %.60s: %s edges came too fast and were lost",
             point->settings.line, n_lost ? number : "some");
    bus->services->log(bus->services->ctx, GW_LOG_WARNING, text);
}

static void take_event(struct bus *bus, struct bus_point *point,
                       const struct lines_event *event, struct gw_sink *sink)
{
    struct event_time_now now = event_time_read();
    int64_t t_boot_ns = event_time_boot_ns(event->t_ns, &now);

    if (event->n_lost > 0 || event->is_unsure)
        tell_lost(bus, point, event->n_lost);
    if (event->is_unsure)
        input_doubt(&point->input);
    if (input_edge(&point->input, event->is_active, event->n_lost, t_boot_ns))
        emit_change(bus, point, t_boot_ns, sink);
}

static int take_line(struct bus *bus, struct bus_point *point, struct gw_sink *sink)
{
    struct lines_event events[AT_ONCE];
    int n = 0;

    for (unsigned done = 0; done < TURN_MAX; done += (unsigned)n) {
        n = lines_read_events(point->line, events, AT_ONCE);
        if (n <= 0)
            break;
        for (int i = 0; i < n; i++)
            take_event(bus, point, &events[i], sink);
    }
    return n < 0 ? n : 0;
}

/* A software debounce that is over. */
static int settle(struct bus *bus, struct bus_point *point, int64_t now_ns,
                  struct gw_sink *sink)
{
    int64_t t_boot_ns;
    int level;

    if (!point->line || now_ns < input_deadline_ns(&point->input))
        return 0;
    level = lines_get(point->line);
    if (level < 0)
        return level;
    if (input_settle(&point->input, level > 0, now_ns, &t_boot_ns))
        emit_change(bus, point, t_boot_ns, sink);
    return 0;
}

static int settle_all(struct bus *bus, struct gw_sink *sink)
{
    int64_t now_ns = bus->services->get_boot_ns(bus->services->ctx);
    uint64_t expirations;
    int rc = 0;

    if (read(bus->timer_fd, &expirations, sizeof expirations) > 0)
        bus->armed_boot_ns = 0;
    for (uint32_t i = 0; i < bus->n_devices; i++)
        for (uint32_t j = 0; j < bus->devices[i].n_points; j++) {
            struct bus_point *point = bus->devices[i].points[j];

            rc = settle(bus, point, now_ns, sink);
            if (rc < 0) /* a lost chip takes all points along */
                return bus_failed(bus, point, rc, "cannot be read");
        }
    return GW_OK;
}

static int take_one(struct bus *bus, const struct epoll_event *event,
                    struct gw_sink *sink)
{
    struct bus_point *point = event->data.ptr;
    int rc;

    if (!point)
        return settle_all(bus, sink);
    rc = take_line(bus, point, sink);
    /* newer kernels say so when a chip goes */
    if (rc == 0 && (event->events & (EPOLLHUP | EPOLLERR)))
        rc = -ENODEV;
    return rc < 0 ? bus_failed(bus, point, rc, "its edges cannot be read") : GW_OK;
}

int edges_take(struct bus *bus, struct gw_sink *sink)
{
    struct epoll_event events[16];
    int n = epoll_wait(bus->epoll_fd, events, 16, 0), rc = GW_OK;

    for (int i = 0; i < n && rc == GW_OK; i++)
        rc = take_one(bus, &events[i], sink);
    bus_arm(bus);
    if (rc != GW_OK)
        bus->services->fail(sink, 0, bus->text);
    return rc;
}
