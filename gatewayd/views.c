/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API shows, gathered from the rooms into the API's own plain structs. On the
 * API's threads: the latest-value table copies itself, hosts and alarms are read under
 * view_lock, the rest has locks of its own.
 */
#include "gatewayd/backup.h"
#include "gatewayd/fullness.h"
#include "gatewayd/gateway.h"
#include "gatewayd/views_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/device/host.h"
#include "lib/base/clock.h"

#define LOOP_LIMIT_NS (2 * CLOCK_NS_PER_S)

static void enter_view(struct gateway *gateway)
{
    if (__atomic_fetch_add(&gateway->n_views, 1, __ATOMIC_ACQ_REL) == 0)
        __atomic_store_n(&gateway->viewing_boot_ns, clock_boot_ns(), __ATOMIC_RELAXED);
}

static void leave_view(struct gateway *gateway)
{
    __atomic_sub_fetch(&gateway->n_views, 1, __ATOMIC_ACQ_REL);
}

static void fill_store(struct api_status *status, struct gateway *gateway)
{
    struct store_stats stats;

    store_get_stats(gateway->store, &stats);
    snprintf(status->epoch, sizeof status->epoch, "%s", stats.epoch);
    status->store.on_disk = stats.on_disk;
    status->store.n_records = stats.n_records;
    status->store.n_readings = stats.n_readings;
    status->store.n_events = stats.n_events;
    status->store.n_dropped = stats.n_dropped;
    status->store.size_bytes = stats.size_bytes;
    status->store.max_bytes = stats.max_bytes;
    status->store.bytes_written = stats.bytes_written;
    status->store.commits = stats.commits;
    status->store.first_seq = stats.first_seq;
    status->store.last_seq = stats.last_seq;
    status->store.commit_last_us = stats.commit_last_us;
    status->store.commit_max_us = stats.commit_max_us;
}

static void view_status(void *ctx, struct api_status *ret_status)
{
    struct gateway *gateway = ctx;

    enter_view(gateway);
    fill_store(ret_status, gateway);
    snprintf(ret_status->boot, sizeof ret_status->boot, "%s", clock_boot_id());
    ret_status->clock = clock_trust_now();
    ret_status->start_boot_ns = gateway->start_boot_ns;
    pthread_mutex_lock(&gateway->view_lock);
    snprintf(ret_status->gateway_id, sizeof ret_status->gateway_id, "%s",
             gateway->config->gateway_id);
    snprintf(ret_status->site, sizeof ret_status->site, "%s", gateway->config->site);
    if (gateway->stopping)
        snprintf(ret_status->state, sizeof ret_status->state, "stopping");
    ret_status->generation = gateway->generation;
    ret_status->n_devices = gateway->catalog->n_devices;
    ret_status->n_points = gateway->catalog->n_points;
    for (uint32_t i = 0; i < gateway->alarms.n && i < API_ALARMS_MAX; i++) {
        const struct alarm *alarm = &gateway->alarms.list[i];
        struct api_alarm *out = &ret_status->alarms[ret_status->n_alarms++];

        snprintf(out->code, sizeof out->code, "%s", alarm->code);
        snprintf(out->text, sizeof out->text, "%s", alarm->text);
        out->since_wall_ms = alarm->since_wall_ms;
    }
    pthread_mutex_unlock(&gateway->view_lock);
    leave_view(gateway);
}

static uint64_t view_points(void *ctx, api_point_fn visit, void *visit_ctx)
{
    struct gateway *gateway = ctx;
    struct latest_snapshot snapshot;
    uint64_t change;

    enter_view(gateway);
    if (latest_snapshot(gateway->latest, &snapshot) < 0) {
        leave_view(gateway);
        return 0;
    }
    for (uint32_t i = 0; i < snapshot.n; i++) {
        const struct latest_entry *entry = &snapshot.entries[i];
        const struct catalog_device *device = &snapshot.catalog->devices[entry->device];
        struct api_point point = {
            .device = device->name,
            .point = device->points[entry->point].name,
            .unit = device->points[entry->point].unit,
            .value = entry->value,
            .quality = entry->quality,
            .detail = entry->detail,
            .t_wall_ms = entry->t_boot_ns ? entry->t_wall_ms : 0,
            .change = entry->change,
            .age_ms = entry->t_boot_ns
                          ? (snapshot.taken_boot_ns - entry->t_boot_ns) / CLOCK_NS_PER_MS
                          : -1};

        visit(visit_ctx, &point);
    }
    change = snapshot.change;
    latest_snapshot_free(&snapshot);
    leave_view(gateway);
    return change;
}

/* ---- buses ------------------------------------------------------------------------- */

static const char *bus_state(const struct host *host, const struct host_bus_state *bus,
                             const char **ret_text)
{
    unsigned n_open = 0;

    *ret_text = "";
    if (!bus->ok) {
        *ret_text = bus->error ? bus->error : "";
        return "failed";
    }
    if (!child_is_running(host->child) || !host->ready) {
        *ret_text = "its host process is starting";
        return "starting";
    }
    for (uint32_t i = 0; i < bus->n_units; i++)
        n_open += bus->units[i].breaker != 0;
    if (n_open == 0)
        return "online";
    for (uint32_t i = 0; i < bus->n_units; i++)
        if (bus->units[i].last_error)
            *ret_text = bus->units[i].last_error;
    return n_open == bus->n_units ? "link-down" : "degraded";
}

static void fill_unit(const struct hosts *hosts, const struct host_unit *from,
                      struct api_unit *unit, struct api_plan_request *requests)
{
    for (uint32_t i = 0; i < from->n_plan; i++)
        requests[i] = (struct api_plan_request){.interval_ms = from->plan[i].interval_ms,
                                                .cost_us = from->plan[i].cost_us,
                                                .n_points = from->plan[i].n_points,
                                                .text = from->plan[i].text};
    *unit = (struct api_unit){.device = from->name,
                              .breaker = from->breaker,
                              .n_ok = from->n_ok,
                              .n_failed = from->n_failed,
                              .next_try_ms = from->breaker ? from->next_try_ms : 0,
                              .last_error = from->last_error ? from->last_error : "",
                              .pace = hosts_pace_of(hosts, from->index),
                              .n_requests = from->n_plan,
                              .requests = requests};
}

static void visit_bus(const struct host *host, const struct host_bus_state *bus,
                      api_bus_fn visit, void *visit_ctx)
{
    struct api_unit *units = calloc(bus->n_units + 1, sizeof *units);
    struct api_plan_request *requests;
    uint32_t n_requests = 0, at = 0;
    struct api_bus out = {.name = bus->name, .plugin = host->plugin, .host = host->key,
                          .host_pid = (int)child_pid(host->child),
                          .n_requests = bus->n_requests, .n_errors = bus->n_errors,
                          .n_overruns = bus->n_overruns, .busy_us = bus->busy_us,
                          .n_restarts = child_n_restarts(host->child),
                          .load_permille = bus->load_permille,
                          .n_units = bus->n_units, .units = units};

    for (uint32_t i = 0; i < bus->n_units; i++)
        n_requests += bus->units[i].n_plan;
    requests = calloc(n_requests + 1, sizeof *requests);
    for (uint32_t i = 0; units && requests && i < bus->n_units; i++) {
        fill_unit(host->set, &bus->units[i], &units[i], requests + at);
        at += bus->units[i].n_plan;
    }
    out.state = bus_state(host, bus, &out.text);
    if (units && requests)
        visit(visit_ctx, &out);
    free(units);
    free(requests);
}

static void view_buses(void *ctx, api_bus_fn visit, void *visit_ctx)
{
    struct gateway *gateway = ctx;

    enter_view(gateway);
    pthread_mutex_lock(&gateway->view_lock);
    for (unsigned i = 0; i < hosts_count(gateway->hosts); i++) {
        const struct host *host = hosts_get(gateway->hosts, i);

        for (uint32_t j = 0; j < host->n_buses; j++)
            visit_bus(host, &host->buses[j], visit, visit_ctx);
    }
    pthread_mutex_unlock(&gateway->view_lock);
    leave_view(gateway);
}

/* ---- routes, events, health -------------------------------------------------------- */

struct route_visit {
    api_route_fn visit;
    void *ctx;
    struct store_stats stats;
    double hours; /* since start */
};

static void visit_route(void *ctx, const struct forwarding_view *view)
{
    const struct route_visit *to = ctx;
    struct api_route route = {.name = view->name,
                              .state = view->state,
                              .text = view->text,
                              .backlog = view->stats.backlog,
                              .oldest_wall_ms = view->stats.oldest_wall_ms,
                              .full_in_h = fullness_hours(&to->stats, view->stats.backlog,
                                                         to->hours),
                              .n_sent = view->stats.n_sent,
                              .n_confirmed = view->stats.n_confirmed,
                              .n_resent = view->stats.n_resent,
                              .n_refused = view->stats.n_refused};

    to->visit(to->ctx, &route);
}

static void view_routes(void *ctx, api_route_fn visit, void *visit_ctx)
{
    struct gateway *gateway = ctx;
    struct route_visit to = {
        .visit = visit,
        .ctx = visit_ctx,
        .hours = (double)(clock_boot_ns() - gateway->start_boot_ns) / 3.6e12};

    store_get_stats(gateway->store, &to.stats);
    enter_view(gateway);
    forwarding_visit(gateway->forwarding, visit_route, &to);
    leave_view(gateway);
}

struct event_visit {
    api_event_fn visit;
    void *ctx;
};

static void visit_event(void *ctx, const struct stored_record *record)
{
    const struct event_visit *to = ctx;
    struct api_event event = {.seq = record->seq,
                              .t_wall_ms = record->t_wall_ms,
                              .device = record->device,
                              .code = record->code,
                              .severity = record->severity,
                              .text = record->text};

    to->visit(to->ctx, &event);
}

static int view_events(void *ctx, int64_t from_ms, unsigned limit, api_event_fn visit,
                       void *visit_ctx)
{
    struct gateway *gateway = ctx;
    struct event_visit to = {visit, visit_ctx};
    int rc;

    enter_view(gateway);
    rc = store_read_events(gateway->store, from_ms, limit, visit_event, &to);
    leave_view(gateway);
    return rc;
}

static const char *view_unwell(void *ctx)
{
    struct gateway *gateway = ctx;
    int64_t turned = __atomic_load_n(&gateway->turned_boot_ns, __ATOMIC_RELAXED);

    return clock_boot_ns() - turned > LOOP_LIMIT_NS ? "the loop has not turned for 2 s"
                                                    : NULL;
}

static void view_metrics(void *ctx, struct strbuf *buf)
{
    struct gateway *gateway = ctx;

    strbuf_printf(
        buf,
        "# HELP gatewayd_readings_polled_total Readings received from hosts.\n"
        "# TYPE gatewayd_readings_polled_total counter\n"
        "gatewayd_readings_polled_total %llu\n",
        (unsigned long long)__atomic_load_n(&gateway->n_readings, __ATOMIC_RELAXED));
    controlling_put_metrics(gateway->controlling, buf);
}

void views_fill_ports(struct gateway *gateway, struct api_ports *ports)
{
    *ports = (struct api_ports){.ctx = gateway,
                                .status = view_status,
                                .points = view_points,
                                .buses = view_buses,
                                .routes = view_routes,
                                .events = view_events,
                                .metrics = view_metrics,
                                .unwell = view_unwell,
                                .post = requests_post};
    backup_fill_ports(ports);
    controlling_fill_ports(ports);
    views_history_fill_ports(ports);
}
