/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics: asks each port once and sorts what it gives into families, since Prometheus
 * wants all samples of a name together. Runs on an API thread.
 */
#include "gatewayd/api/api_metrics.h"

#include "config.h"
#include "gatewayd/api/api_health.h"
#include "lib/base/clock.h"

struct family {
    const char *name, *type, *help;
};

#define FAMILIES_MAX 8

/* Samples of up to FAMILIES_MAX families, collected side by side. */
struct collector {
    const struct family *families;
    size_t n;
    struct strbuf samples[FAMILIES_MAX];
    const struct api_health *health; /* for buses */
};

void api_metrics_put_label(struct strbuf *buf, const char *text)
{
    strbuf_putc(buf, '"');
    for (; text && *text; text++) {
        if (*text == '\n') {
            strbuf_puts(buf, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            strbuf_putc(buf, '\\');
        strbuf_putc(buf, *text);
    }
    strbuf_putc(buf, '"');
}

static void collector_init(struct collector *collector, const struct family *families,
                           size_t n)
{
    *collector = (struct collector){.families = families, .n = n};
    for (size_t i = 0; i < n; i++)
        strbuf_init(&collector->samples[i]);
}

static void put_head(const struct family *family, struct strbuf *buf)
{
    strbuf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
                  family->name, family->type);
}

static void collector_finish(struct collector *collector, struct strbuf *buf)
{
    for (size_t i = 0; i < collector->n; i++) {
        if (collector->samples[i].len) {
            put_head(&collector->families[i], buf);
            strbuf_add(buf, collector->samples[i].data, collector->samples[i].len);
        }
        buf->failed |= collector->samples[i].failed;
        strbuf_done(&collector->samples[i]);
    }
}

struct label {
    const char *name, *text;
};

/* One sample of family number `i`, up to two labels (name NULL: none). */
static void put_sample(struct collector *collector, size_t i,
                       const struct label labels[2], double value)
{
    struct strbuf *buf = &collector->samples[i];

    strbuf_puts(buf, collector->families[i].name);
    for (int k = 0; k < 2 && labels[k].name; k++) {
        strbuf_putc(buf, k ? ',' : '{');
        strbuf_puts(buf, labels[k].name);
        strbuf_putc(buf, '=');
        api_metrics_put_label(buf, labels[k].text);
    }
    strbuf_puts(buf, labels[0].name ? "} " : " ");
    strbuf_put_double(buf, value);
    strbuf_putc(buf, '\n');
}

static void put_plain(const struct family *family, double value, struct strbuf *buf)
{
    put_head(family, buf);
    strbuf_puts(buf, family->name);
    strbuf_putc(buf, ' ');
    strbuf_put_double(buf, value);
    strbuf_putc(buf, '\n');
}

static void put_status(const struct api_status *status, struct strbuf *buf)
{
    int64_t up_ns = status->start_boot_ns ? clock_boot_ns() - status->start_boot_ns : 0;
    const struct {
        struct family family;
        double value;
    } rows[] = {
        {{"gatewayd_uptime_seconds", "gauge", "Time since the daemon started."},
         (double)up_ns / 1e9},
        {{"gatewayd_clock_synced", "gauge", "1 while the wall clock is synchronised."},
         status->clock == CLOCK_SYNCED},
        {{"gatewayd_config_generation", "gauge", "Configurations loaded since start."},
         status->generation},
        {{"gatewayd_alarms", "gauge", "Alarms now raised."}, status->n_alarms},
        {{"gatewayd_store_on_disk", "gauge", "0 while the store lives in RAM."},
         status->store.on_disk},
        {{"gatewayd_store_records_total", "counter", "Records stored."},
         (double)status->store.n_records},
        {{"gatewayd_store_readings_total", "counter", "Readings stored."},
         (double)status->store.n_readings},
        {{"gatewayd_store_events_total", "counter", "Events stored."},
         (double)status->store.n_events},
        {{"gatewayd_store_dropped_records_total", "counter",
          "Records lost before storing."},
         (double)status->store.n_dropped},
        {{"gatewayd_store_size_bytes", "gauge", "Size of the store."},
         (double)status->store.size_bytes},
        {{"gatewayd_store_max_bytes", "gauge", "Bound of the store."},
         (double)status->store.max_bytes},
        {{"gatewayd_store_written_bytes_total", "counter", "Bytes written to the disk."},
         (double)status->store.bytes_written},
        {{"gatewayd_store_commits_total", "counter", "Group commits."},
         (double)status->store.commits},
        {{"gatewayd_store_commit_last_seconds", "gauge", "Duration of the last commit."},
         status->store.commit_last_us / 1e6},
        {{"gatewayd_store_commit_max_seconds", "gauge", "Longest commit since start."},
         status->store.commit_max_us / 1e6},
        {{"gatewayd_store_last_seq", "gauge", "Highest sequence number committed."},
         (double)status->store.last_seq},
    };

    strbuf_puts(buf,
                "# HELP gatewayd_info Version and names.\n# TYPE gatewayd_info gauge\n"
                "gatewayd_info{version=\"" PACKAGE_VERSION "\",gateway=");
    api_metrics_put_label(buf, status->gateway_id);
    strbuf_puts(buf, ",epoch=");
    api_metrics_put_label(buf, status->epoch);
    strbuf_puts(buf, "} 1\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_plain(&rows[i].family, rows[i].value, buf);
}

/* ---- points ---------------------------------------------------------------------- */

#define QUALITIES 8

static void count_point(void *ctx, const struct api_point *point)
{
    uint64_t *counts = ctx;

    if ((unsigned)point->quality < QUALITIES)
        counts[point->quality]++;
}

static void put_points(const struct api_ports *ports, struct strbuf *buf)
{
    static const struct family family = {"gatewayd_points", "gauge",
                                         "Points by present quality."};
    uint64_t counts[QUALITIES] = {0};

    ports->points(ports->ctx, count_point, counts);
    put_head(&family, buf);
    for (unsigned i = 0; i < QUALITIES; i++)
        strbuf_printf(buf, "%s{quality=\"%s\"} %llu\n", family.name,
                      quality_name((enum gw_quality)i), (unsigned long long)counts[i]);
}

/* ---- buses and routes ------------------------------------------------------------ */

static const struct family bus_families[] = {
    {"gatewayd_bus_requests_total", "counter", "Requests made on the bus."},
    {"gatewayd_bus_errors_total", "counter", "Requests that failed."},
    {"gatewayd_bus_overruns_total", "counter", "Polls that came too late to be made."},
    {"gatewayd_bus_busy_seconds_total", "counter", "Time the line was in use."},
    {"gatewayd_bus_load_ratio", "gauge", "Share of the last 10 s the line was in use."},
    {"gatewayd_bus_host_restarts_total", "counter",
     "Restarts of the bus's host process."},
    {"gatewayd_device_requests_total", "counter", "Requests to the device by result."},
    {"gatewayd_device_up", "gauge", "1 while the device answers."},
};

static void put_units(struct collector *collector, const struct api_bus *bus)
{
    for (uint32_t i = 0; i < bus->n_units; i++) {
        const struct api_unit *unit = &bus->units[i];
        struct label labels[2] = {
            {"device", unit->device},
            {"result", "ok"        }
        };

        put_sample(collector, 6, labels, (double)unit->n_ok);
        labels[1].text = "failed";
        put_sample(collector, 6, labels, (double)unit->n_failed);
        labels[1].name = NULL;
        put_sample(collector, 7, labels, api_health_is_up(collector->health, unit));
    }
}

static void put_bus(void *ctx, const struct api_bus *bus)
{
    const struct label labels[2] = {
        {"bus", bus->name}
    };
    const double values[] = {
        (double)bus->n_requests,    (double)bus->n_errors,    (double)bus->n_overruns,
        (double)bus->busy_us / 1e6, bus->load_permille / 1e3, (double)bus->n_restarts,
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        put_sample(ctx, i, labels, values[i]);
    put_units(ctx, bus);
}

static const struct family route_families[] = {
    {"gatewayd_route_connected", "gauge", "1 while the route's broker is connected."},
    {"gatewayd_route_backlog_records", "gauge", "Records not confirmed yet."},
    {"gatewayd_route_oldest_timestamp_seconds", "gauge", "Time of the oldest of them."},
    {"gatewayd_route_sent_total", "counter", "Readings sent."},
    {"gatewayd_route_confirmed_total", "counter", "Readings confirmed."},
    {"gatewayd_route_resent_total", "counter", "Readings sent again."},
    {"gatewayd_route_refused_total", "counter", "Readings held back by consent."},
};

static void put_route(void *ctx, const struct api_route *route)
{
    const struct label labels[2] = {
        {"route", route->name}
    };
    const double values[] = {
        route->state[0] == 'o' && route->state[1] == 'n',
        (double)route->backlog,
        (double)route->oldest_wall_ms / 1e3,
        (double)route->n_sent,
        (double)route->n_confirmed,
        (double)route->n_resent,
        (double)route->n_refused,
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        put_sample(ctx, i, labels, values[i]);
}

void api_metrics(const struct api_ports *ports, struct strbuf *buf)
{
    struct api_status status = {0};
    struct collector collector;
    struct api_health health;

    ports->status(ports->ctx, &status);
    put_status(&status, buf);
    put_points(ports, buf);
    collector_init(&collector, bus_families, sizeof bus_families / sizeof *bus_families);
    api_health_gather(ports, &health);
    collector.health = &health;
    ports->buses(ports->ctx, put_bus, &collector);
    collector_finish(&collector, buf);
    api_health_done(&health);
    collector_init(&collector, route_families,
                   sizeof route_families / sizeof *route_families);
    ports->routes(ports->ctx, put_route, &collector);
    collector_finish(&collector, buf);
    if (ports->metrics)
        ports->metrics(ports->ctx, buf);
}
