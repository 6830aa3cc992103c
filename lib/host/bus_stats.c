/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a bus on their way to the core; see bus_stats.h. */
#include "lib/host/bus_stats.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"

#define SPAN_NS (10 * CLOCK_NS_PER_S)
#define MIN_SPAN_US 1000000

void bus_stats_init(struct bus_stats *stats)
{
    *stats = (struct bus_stats){.last_boot_ns = clock_boot_ns()};
    stats->next_boot_ns = stats->last_boot_ns;
}

void bus_stats_ask(struct bus_stats *stats)
{
    stats->is_asked = true;
}

static void put_unit(struct strbuf *buf, const struct bus_device *device, int64_t now_ns)
{
    int64_t wait_ms = (device->breaker.next_try_boot_ns - now_ns) / CLOCK_NS_PER_MS;

    wire_put_u32(buf, device->config->index);
    wire_put_u8(buf, (uint8_t)device->breaker.state);
    wire_put_u64(buf, device->n_ok);
    wire_put_u64(buf, device->n_failed);
    wire_put_u32(buf, device->breaker.state != BREAKER_CLOSED && wait_ms > 0
                          ? (uint32_t)wait_ms
                          : 0);
    wire_put_string(buf, device->last_error);
}

static void log_rejected(struct bus_stats *stats, const struct bus *bus)
{
    uint64_t n = sink_rejected(bus->sink);

    if (n > stats->last_rejected)
        outbox_log(bus->outbox, LOG_LEVEL_WARNING, bus->subject,
                   "plugin '%s' gave %llu readings of points that do not exist; dropped",
                   bus->plugin->name, (unsigned long long)(n - stats->last_rejected));
    stats->last_rejected = n;
}

/* On the grid of all requests, so that it costs no wake-up of its own. */
static void begin_span(struct bus_stats *stats, const struct bus *bus, int64_t now_ns)
{
    uint64_t span_us = (uint64_t)((now_ns - stats->last_boot_ns) / 1000);

    if (span_us >= MIN_SPAN_US) /* the first moments after a start tell nothing */
        stats->load_permille =
            (uint32_t)((bus->busy_us - stats->last_busy_us) * 1000 / span_us);
    stats->last_busy_us = bus->busy_us;
    stats->last_boot_ns = now_ns;
    stats->next_boot_ns = now_ns - now_ns % SPAN_NS + SPAN_NS;
    log_rejected(stats, bus);
}

void bus_stats_send(struct bus_stats *stats, struct bus *bus)
{
    int64_t now_ns = clock_boot_ns();
    struct strbuf buf;

    if (now_ns < stats->next_boot_ns && !stats->is_asked)
        return;
    if (now_ns >= stats->next_boot_ns)
        begin_span(stats, bus, now_ns);
    stats->is_asked = false;
    strbuf_init(&buf);
    wire_put_u32(&buf, bus->config->index);
    wire_put_u64(&buf, bus->n_requests);
    wire_put_u64(&buf, bus->n_errors);
    wire_put_u64(&buf, bus->n_overruns);
    wire_put_u64(&buf, bus->busy_us);
    wire_put_u32(&buf, stats->load_permille);
    wire_put_u32(&buf, bus->config->n_devices);
    for (uint32_t i = 0; i < bus->config->n_devices; i++)
        put_unit(&buf, &bus->devices[i], now_ns);
    if (!buf.failed)
        outbox_try(bus->outbox, HOST_MSG_BUS_STATS, buf.data, buf.len);
    strbuf_done(&buf);
}

void bus_stats_read_done(struct bus *bus, uint64_t id, enum gw_result result,
                         const char *text)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u64(&buf, id);
    wire_put_u8(&buf, (uint8_t)result);
    wire_put_string(&buf, text);
    if (!buf.failed)
        outbox_send(bus->outbox, HOST_MSG_READ_DONE, buf.data, buf.len);
    strbuf_done(&buf);
}
