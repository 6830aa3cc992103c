/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's documents: values of api_model.h, handed over by the ports, become JSON in
 * the order of docs/openapi.yaml. Runs under the latest-value lock for points: memory
 * only.
 */
#include "gatewayd/api/api_json.h"

#include "config.h"

static void put_string(struct strbuf *buf, const char *key, const char *text)
{
    strbuf_puts(buf, key);
    strbuf_put_json_string(buf, text ? text : "");
}

static void put_u64(struct strbuf *buf, const char *key, uint64_t number)
{
    strbuf_puts(buf, key);
    strbuf_put_u64(buf, number);
}

/* 0 stands for "none": null. */
static void put_time(struct strbuf *buf, const char *key, int64_t t_wall_ms)
{
    strbuf_puts(buf, key);
    if (t_wall_ms)
        strbuf_put_i64(buf, t_wall_ms);
    else
        strbuf_puts(buf, "null");
}

static void put_alarms(const struct api_status *status, struct strbuf *buf)
{
    strbuf_puts(buf, ",\"alarms\":[");
    for (uint32_t i = 0; i < status->n_alarms && i < API_ALARMS_MAX; i++) {
        const struct api_alarm *alarm = &status->alarms[i];

        put_string(buf, i ? ",{\"code\":" : "{\"code\":", alarm->code);
        put_string(buf, ",\"text\":", alarm->text);
        put_time(buf, ",\"since\":", alarm->since_wall_ms);
        strbuf_putc(buf, '}');
    }
    strbuf_putc(buf, ']');
}

static void put_store(const struct api_status *status, struct strbuf *buf)
{
    strbuf_puts(buf, ",\"store\":{\"on_disk\":");
    strbuf_puts(buf, status->store.on_disk ? "true" : "false");
    put_u64(buf, ",\"records\":", status->store.n_records);
    put_u64(buf, ",\"readings\":", status->store.n_readings);
    put_u64(buf, ",\"events\":", status->store.n_events);
    put_u64(buf, ",\"dropped\":", status->store.n_dropped);
    put_u64(buf, ",\"size_bytes\":", status->store.size_bytes);
    put_u64(buf, ",\"max_bytes\":", status->store.max_bytes);
    put_u64(buf, ",\"written_bytes\":", status->store.bytes_written);
    put_u64(buf, ",\"commits\":", status->store.commits);
    put_u64(buf, ",\"first_seq\":", status->store.first_seq);
    put_u64(buf, ",\"last_seq\":", status->store.last_seq);
    put_u64(buf, ",\"commit_last_us\":", status->store.commit_last_us);
    put_u64(buf, ",\"commit_max_us\":", status->store.commit_max_us);
    strbuf_putc(buf, '}');
}

static void put_qualities(const uint64_t n_points[API_JSON_QUALITIES], struct strbuf *buf)
{
    for (unsigned i = 0; i < API_JSON_QUALITIES; i++) {
        strbuf_puts(buf, i ? "," : ",\"qualities\":{");
        put_string(buf, "", quality_name((enum gw_quality)i));
        put_u64(buf, ":", n_points[i]);
    }
    strbuf_putc(buf, '}');
}

void api_json_status(const struct api_status *status, const char *listen,
                     const uint64_t n_points[API_JSON_QUALITIES], struct strbuf *buf)
{
    int64_t up_ns = status->start_boot_ns ? clock_boot_ns() - status->start_boot_ns : 0;

    put_string(buf, "{\"gateway\":", status->gateway_id);
    put_string(buf, ",\"site\":", status->site);
    put_string(buf, ",\"version\":", PACKAGE_VERSION);
    put_string(buf, ",\"state\":", status->state[0] ? status->state : "running");
    put_time(buf, ",\"t\":", clock_wall_ms());
    put_string(buf, ",\"clock\":", clock_trust_name(status->clock));
    put_u64(buf, ",\"uptime_s\":", (uint64_t)(up_ns > 0 ? up_ns / CLOCK_NS_PER_S : 0));
    put_string(buf, ",\"boot\":", status->boot);
    put_string(buf, ",\"epoch\":", status->epoch);
    put_string(buf, ",\"listen\":", listen);
    put_u64(buf, ",\"generation\":", status->generation);
    put_u64(buf, ",\"devices\":", status->n_devices);
    put_u64(buf, ",\"points\":", status->n_points);
    put_qualities(n_points, buf);
    put_store(status, buf);
    put_alarms(status, buf);
    strbuf_putc(buf, '}');
}

void api_json_point(const struct api_point *point, struct strbuf *buf)
{
    put_string(buf, "{\"device\":", point->device);
    put_string(buf, ",\"point\":", point->point);
    strbuf_puts(buf, ",\"value\":");
    if (point->value.type == GW_TYPE_NONE)
        strbuf_puts(buf, "null");
    else
        value_put_json(&point->value, buf);
    put_string(buf, ",\"unit\":", point->unit);
    put_string(buf, ",\"quality\":", quality_name(point->quality));
    if (point->quality == GW_DEVICE_ERROR) {
        strbuf_puts(buf, ",\"detail\":");
        strbuf_put_i64(buf, point->detail);
    }
    put_time(buf, ",\"t\":", point->t_wall_ms);
    strbuf_puts(buf, ",\"age_ms\":");
    if (point->age_ms < 0)
        strbuf_puts(buf, "null}");
    else
        strbuf_printf(buf, "%lld}", (long long)point->age_ms);
}

static const char *breaker_name(enum api_breaker breaker)
{
    if (breaker == API_BREAKER_OPEN)
        return "open";
    return breaker == API_BREAKER_PROBING ? "probing" : "closed";
}

static void put_plan(const struct api_unit *unit, struct strbuf *buf)
{
    strbuf_puts(buf, ",\"plan\":[");
    for (uint32_t i = 0; i < unit->n_requests; i++) {
        const struct api_plan_request *request = &unit->requests[i];

        put_u64(buf,
                i ? ",{\"interval_ms\":" : "{\"interval_ms\":", request->interval_ms);
        put_u64(buf, ",\"cost_us\":", request->cost_us);
        put_u64(buf, ",\"points\":", request->n_points);
        put_string(buf, ",\"text\":", request->text);
        strbuf_putc(buf, '}');
    }
    strbuf_putc(buf, ']');
}

static void put_unit(const struct api_unit *unit, const struct api_device_health *health,
                     struct strbuf *buf)
{
    put_string(buf, "{\"device\":", unit->device);
    put_string(buf, ",\"breaker\":", breaker_name(unit->breaker));
    put_u64(buf, ",\"points\":", health->n_points);
    put_u64(buf, ",\"good\":", health->n_good);
    put_string(buf, ",\"quality\":", quality_name(health->quality));
    put_u64(buf, ",\"ok\":", unit->n_ok);
    put_u64(buf, ",\"failed\":", unit->n_failed);
    put_u64(buf, ",\"next_try_ms\":", unit->next_try_ms);
    put_string(buf, ",\"last_error\":", unit->last_error);
    put_u64(buf, ",\"pace\":", unit->pace);
    put_plan(unit, buf);
    strbuf_putc(buf, '}');
}

void api_json_bus(const struct api_bus *bus, const struct api_health *health,
                  struct strbuf *buf)
{
    const char *state, *text;

    api_health_judge(health, bus, &state, &text);
    put_string(buf, "{\"name\":", bus->name);
    put_string(buf, ",\"plugin\":", bus->plugin);
    put_string(buf, ",\"host\":", bus->host);
    put_u64(buf, ",\"pid\":", bus->host_pid > 0 ? (uint64_t)bus->host_pid : 0);
    put_string(buf, ",\"state\":", state);
    put_string(buf, ",\"text\":", text);
    put_u64(buf, ",\"load_permille\":", bus->load_permille);
    put_u64(buf, ",\"requests\":", bus->n_requests);
    put_u64(buf, ",\"errors\":", bus->n_errors);
    put_u64(buf, ",\"overruns\":", bus->n_overruns);
    put_u64(buf, ",\"busy_us\":", bus->busy_us);
    put_u64(buf, ",\"restarts\":", bus->n_restarts);
    strbuf_puts(buf, ",\"units\":[");
    for (uint32_t i = 0; i < bus->n_units; i++) {
        if (i)
            strbuf_putc(buf, ',');
        put_unit(&bus->units[i], api_health_find(health, bus->units[i].device), buf);
    }
    strbuf_puts(buf, "]}");
}

void api_json_route(const struct api_route *route, struct strbuf *buf)
{
    put_string(buf, "{\"name\":", route->name);
    put_string(buf, ",\"state\":", route->state);
    put_string(buf, ",\"text\":", route->text);
    put_u64(buf, ",\"backlog\":", route->backlog);
    put_time(buf, ",\"oldest_t\":", route->oldest_wall_ms);
    strbuf_puts(buf, ",\"full_in_h\":");
    if (route->full_in_h < 0)
        strbuf_puts(buf, "null");
    else
        strbuf_put_double(buf, route->full_in_h);
    put_u64(buf, ",\"sent\":", route->n_sent);
    put_u64(buf, ",\"confirmed\":", route->n_confirmed);
    put_u64(buf, ",\"resent\":", route->n_resent);
    put_u64(buf, ",\"refused\":", route->n_refused);
    strbuf_putc(buf, '}');
}

void api_json_event(const struct api_event *event, struct strbuf *buf)
{
    put_u64(buf, "{\"seq\":", event->seq);
    put_time(buf, ",\"t\":", event->t_wall_ms);
    put_string(buf, ",\"device\":", event->device);
    put_string(buf, ",\"code\":", event->code);
    put_string(buf, ",\"severity\":", event->severity);
    put_string(buf, ",\"text\":", event->text);
    strbuf_putc(buf, '}');
}

void api_json_result(const struct api_post_result *result, struct strbuf *buf)
{
    put_string(buf, "{\"result\":", api_outcome_name(result->outcome));
    put_string(buf, ",\"reason\":", result->text);
    strbuf_puts(buf, ",\"readback\":");
    if (result->readback.type == GW_TYPE_NONE)
        strbuf_puts(buf, "null");
    else
        value_put_json(&result->readback, buf);
    strbuf_puts(buf, "}\n");
}
