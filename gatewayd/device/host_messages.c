/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a host, checked field by field: a host may have been scribbled over by its
 * plugin, so nothing in a message is trusted. From the channel to hosts_hooks; core's
 * loop.
 */
#include "gatewayd/device/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayd/device/resource.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/host/host_msg.h"

#define MIN_READING_BYTES 10 /* point, quality, detail, type */
#define MIN_RECORD_BYTES 16
#define TYPICAL_READING_BYTES 20
#define PLAN_MAX 4096

static struct host_unit *unit_of(struct host *host, uint32_t wire_index)
{
    return wire_index < host->n_wire ? host->by_wire[wire_index] : NULL;
}

static struct host_bus_state *bus_of(struct host *host, uint32_t index)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        if (host->buses[i].index == index)
            return &host->buses[i];
    return NULL;
}

static void set_text(char **slot, const char *text)
{
    free(*slot);
    *slot = *text ? strdup(text) : NULL;
}

/* ---- readings ---------------------------------------------------------------------- */

/* A dead link opens no breaker: its first and last record tell. */
static void tell_link(struct host *host, const struct host_unit *unit, uint8_t quality)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    struct host_bus_state *bus = &host->buses[unit->bus];
    char text[200];

    if (quality == GW_LINK_DOWN && !bus->link_down) {
        bus->link_down = true;
        snprintf(text, sizeof text,
                 "bus '%s': its link is down, the points of its devices are "
                 "kept with their last values; trying on",
                 bus->name);
        hooks->event(hooks->ctx, "", "link-down", "warning", text);
    } else if (quality == GW_GOOD && bus->link_down) {
        bus->link_down = false;
        snprintf(text, sizeof text, "bus '%s': its link is up again", bus->name);
        hooks->event(hooks->ctx, "", "link-up", "info", text);
    }
}

/* Returns false when the record names what this host does not have. */
static bool get_record(struct host *host, struct wire *wire, struct record_batch *batch,
                       bool *ret_urgent)
{
    const struct host_unit *unit = unit_of(host, wire_get_u32(wire));
    int64_t t_boot_ns = wire_get_i64(wire);
    uint32_t n = wire_get_count(wire, MIN_READING_BYTES);
    bool wanted = unit && unit->index != UINT32_MAX;

    if (!unit)
        return false;
    if (wanted)
        record_batch_begin(batch, unit->index, t_boot_ns);
    for (uint32_t i = 0; i < n && !wire->failed; i++) {
        uint32_t point = wire_get_u32(wire);
        uint8_t quality = wire_get_u8(wire);
        int32_t detail = (int32_t)wire_get_u32(wire);
        struct gw_value value = wire_get_value(wire);

        if (point >= unit->n_points || quality > GW_SUBSTITUTED)
            return false;
        if (wanted && !wire->failed)
            record_batch_add(batch, point, quality, detail, &value);
        tell_link(host, unit, quality);
        *ret_urgent |= quality == GW_TIMEOUT || quality == GW_LINK_DOWN;
    }
    return !wire->failed;
}

/* Takes the message's share of what the host may bring; false when it brings too much.
 * The number of readings is bounded by the length, so nothing has to be decoded for
 * it. */
static bool within_rate(struct host *host, size_t len)
{
    int64_t now_ns = clock_boot_ns();
    double depth = 2 * host->rate_per_s, cost = (double)len / TYPICAL_READING_BYTES;

    if (host->filled_boot_ns == 0)
        host->tokens = depth;
    else
        host->tokens += host->rate_per_s * (double)(now_ns - host->filled_boot_ns) / 1e9;
    host->filled_boot_ns = now_ns;
    if (host->tokens > depth)
        host->tokens = depth;
    if (host->tokens < cost)
        return false;
    host->tokens -= cost;
    return true;
}

static int drop_flood(struct host *host, uint32_t n_records, uint32_t device)
{
    struct host_flood *flood = &host->flood;

    if (flood->n_records == 0)
        flood->from_boot_ns = clock_boot_ns();
    flood->to_boot_ns = clock_boot_ns();
    flood->device = device;
    flood->n_records += n_records;
    return 0;
}

void host_tell_flood(struct host *host)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    struct host_flood *flood = &host->flood;
    const struct host_unit *unit = unit_of(host, flood->device);
    char text[200];

    if (flood->n_records == 0)
        return;
    if (unit && unit->index != UINT32_MAX)
        hooks->gap(hooks->ctx, unit->index, flood->n_records, flood->from_boot_ns,
                   flood->to_boot_ns);
    if (flood->told_boot_ns == 0 ||
        flood->to_boot_ns - flood->told_boot_ns > 60 * CLOCK_NS_PER_S) {
        snprintf(text, sizeof text,
                 "host %s brings more than %.0f readings/s: what is above is "
                 "dropped and declared",
                 host->key, host->rate_per_s);
        hooks->event(hooks->ctx, "", "host-flood", "warning", text);
        flood->told_boot_ns = flood->to_boot_ns;
    }
    flood->n_records = 0;
}

static int on_records(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    struct record_batch *batch;
    bool urgent = false, good = true;
    uint32_t n;

    wire_get_u32(wire); /* the bus: told by the devices */
    n = wire_get_count(wire, MIN_RECORD_BYTES);
    if (!within_rate(host, wire->len))
        return drop_flood(host, n, wire_get_u32(wire));
    batch = record_batch_new(hosts_catalog_of(host->set));
    if (!batch)
        return 0;
    for (uint32_t i = 0; i < n && good; i++)
        good = get_record(host, wire, batch, &urgent);
    if (!good || !wire_done(wire)) {
        record_batch_free(batch);
        return -EBADMSG;
    }
    if (batch->failed || batch->n_records == 0)
        record_batch_free(batch);
    else
        hooks->records(hooks->ctx, batch, urgent);
    return 0;
}

static int on_gap(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    struct host_unit *unit;
    uint64_t count;
    int64_t from, to;

    wire_get_u32(wire);
    unit = unit_of(host, wire_get_u32(wire));
    count = wire_get_u64(wire);
    from = wire_get_i64(wire);
    to = wire_get_i64(wire);
    if (!wire_done(wire))
        return -EBADMSG;
    if (unit && unit->index != UINT32_MAX)
        hooks->gap(hooks->ctx, unit->index, count, from, to);
    return 0;
}

/* ---- plans and health -------------------------------------------------------------- */

static int on_ready(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    uint32_t n = wire_get_count(wire, 10);

    for (uint32_t i = 0; i < n; i++) {
        struct host_bus_state *bus = bus_of(host, wire_get_u32(wire));
        bool ok = wire_get_u8(wire) != 0;
        const char *text = wire_get_string(wire);
        char message[400];

        if (!bus || wire->failed)
            return -EBADMSG;
        bus->ok = ok;
        set_text(&bus->error, ok ? "" : text);
        if (!ok) {
            snprintf(message, sizeof message, "bus '%s' cannot run: %s", bus->name, text);
            hooks->event(hooks->ctx, "", "bus-refused", "alarm", message);
        }
    }
    host->ready = true;
    return wire_done(wire) ? 0 : -EBADMSG;
}

static int on_plan(struct host *host, struct wire *wire)
{
    struct host_unit *unit = unit_of(host, wire_get_u32(wire));
    uint32_t n = wire_get_count(wire, 25);
    struct host_plan_line *plan;

    if (!unit || wire->failed || n > PLAN_MAX)
        return -EBADMSG;
    plan = calloc(n + 1, sizeof *plan);
    if (!plan)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        wire_get_u32(wire);
        plan[i].interval_ms = wire_get_u32(wire);
        plan[i].cost_us = wire_get_u64(wire);
        plan[i].n_points = wire_get_u32(wire);
        plan[i].text = strdup(wire_get_string(wire));
    }
    for (uint32_t i = 0; i < unit->n_plan; i++)
        free(unit->plan[i].text);
    free(unit->plan);
    unit->plan = plan;
    unit->n_plan = n;
    return wire_done(wire) ? 0 : -EBADMSG;
}

static void tell_breaker(struct host *host, const struct host_unit *unit, uint8_t before)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    char text[400];

    if ((unit->breaker == 0) == (before == 0))
        return;
    if (unit->breaker == 0)
        snprintf(text, sizeof text, "device '%s' answers again", unit->name);
    else
        snprintf(text, sizeof text,
                 "device '%s' does not answer (%s), points stale, retrying "
                 "in %u s",
                 unit->name, unit->last_error ? unit->last_error : "no reply",
                 (unit->next_try_ms + 500) / 1000);
    hooks->event(hooks->ctx, unit->name,
                 unit->breaker == 0 ? "device-online" : "device-offline",
                 unit->breaker == 0 ? "info" : "warning", text);
}

static int on_bus_stats(struct host *host, struct wire *wire)
{
    struct host_bus_state *bus = bus_of(host, wire_get_u32(wire));
    uint32_t n;

    if (!bus)
        return -EBADMSG;
    bus->n_requests = wire_get_u64(wire);
    bus->n_errors = wire_get_u64(wire);
    bus->n_overruns = wire_get_u64(wire);
    bus->busy_us = wire_get_u64(wire);
    bus->load_permille = wire_get_u32(wire);
    n = wire_get_count(wire, 30);
    for (uint32_t i = 0; i < n; i++) {
        struct host_unit *unit = unit_of(host, wire_get_u32(wire));
        uint8_t before;

        if (!unit)
            return -EBADMSG;
        before = unit->breaker;
        unit->breaker = wire_get_u8(wire);
        unit->n_ok = wire_get_u64(wire);
        unit->n_failed = wire_get_u64(wire);
        unit->next_try_ms = wire_get_u32(wire);
        set_text(&unit->last_error, wire_get_string(wire));
        tell_breaker(host, unit, before);
    }
    return wire_done(wire) ? 0 : -EBADMSG;
}

/* ---- resources, logs, answers ------------------------------------------------------ */

static int on_want_fd(struct host *host, struct wire *wire)
{
    struct host_bus_state *bus = bus_of(host, wire_get_u32(wire));
    const char *key = wire_get_string(wire);
    const struct option *option;
    struct strbuf buf;
    int fd;

    if (!wire_done(wire) || !bus)
        return -EBADMSG;
    option = option_set_find(&bus->options, key);
    if (!option)
        return -EBADMSG;
    fd = resource_open(option->text);
    strbuf_init(&buf);
    wire_put_u32(&buf, bus->index);
    wire_put_string(&buf, key);
    if (fd < 0)
        wire_put_i64(&buf, -fd);
    if (!buf.failed)
        child_send(host->child, HOST_MSG_FD, buf.data, buf.len, fd);
    strbuf_done(&buf);
    if (fd >= 0)
        close(fd);
    return 0;
}

static int on_log(struct host *host, struct wire *wire)
{
    uint8_t level = wire_get_u8(wire);
    const char *subject = wire_get_string(wire), *text = wire_get_string(wire);

    (void)host;
    if (!wire_done(wire))
        return -EBADMSG;
    log_line(log_level_of(level), subject, "%s", text);
    return 0;
}

static int on_write_done(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    uint64_t id = wire_get_u64(wire);
    uint8_t result = wire_get_u8(wire);
    int32_t detail = (int32_t)wire_get_u32(wire);
    const char *text = wire_get_string(wire);
    struct gw_value readback = wire_get_value(wire);

    if (!wire_done(wire))
        return -EBADMSG;
    hooks->done(hooks->ctx, id, result, detail, text, &readback);
    return 0;
}

static int on_read_done(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    uint64_t id = wire_get_u64(wire);
    uint8_t result = wire_get_u8(wire);
    const char *text = wire_get_string(wire);
    struct gw_value none = {.type = GW_TYPE_NONE};

    if (!wire_done(wire))
        return -EBADMSG;
    hooks->done(hooks->ctx, id, result, 0, text, &none);
    return 0;
}

static int on_lease_end(struct host *host, struct wire *wire)
{
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    const struct host_unit *unit = unit_of(host, wire_get_u32(wire));
    uint32_t point = wire_get_u32(wire);
    uint8_t result = wire_get_u8(wire);

    if (!wire_done(wire) || !unit || point >= unit->n_points)
        return -EBADMSG;
    /* one that is being ended speaks for no output: another host may have written it
     * since */
    if (unit->index != UINT32_MAX && !host->stopping)
        hooks->lease_end(hooks->ctx, unit->index, point, result);
    return 0;
}

static int on_nothing(struct host *host, struct wire *wire)
{
    (void)host;
    (void)wire;
    return 0;
}

int host_on_message(void *ctx, const struct channel_message *message)
{
    static int (*const handlers[])(struct host *, struct wire *) = {
        [HOST_MSG_READY] = on_ready,
        [HOST_MSG_PLAN] = on_plan,             [HOST_MSG_BUS_STATS] = on_bus_stats,
        [HOST_MSG_LOG] = on_log,               [HOST_MSG_WRITE_DONE] = on_write_done,
        [HOST_MSG_GAP] = on_gap,               [HOST_MSG_ALIVE] = on_nothing,
        [HOST_MSG_WANT_FD] = on_want_fd,       [HOST_MSG_DROP_FD] = on_nothing,
        [HOST_MSG_LEASE_END] = on_lease_end,   [HOST_MSG_READ_DONE] = on_read_done,
    };
    struct wire wire = wire_of(message->body, message->len);
    struct host *host = ctx;
    pthread_mutex_t *lock = hosts_options_of(host->set)->view_lock;
    int rc;

    if (message->type == HOST_MSG_RECORDS)
        return on_records(host, &wire);
    if (message->type >= sizeof handlers / sizeof *handlers || !handlers[message->type])
        return -EBADMSG;
    pthread_mutex_lock(lock);
    rc = handlers[message->type](host, &wire);
    pthread_mutex_unlock(lock);
    return rc;
}
