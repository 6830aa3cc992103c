/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET: asks the ports of gateway.c, formats with api_json. /points can be asked for what
 * changed since an earlier answer. Runs on an API thread.
 */
#include "gatewayd/api/api_get.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/api/api_json.h"
#include "gatewayd/api/api_metrics.h"
#include "lib/base/clock.h"

#define EVENTS_LIMIT 1000
#define EVENTS_DEFAULT 200

/* An array under way. */
struct array {
    struct strbuf *buf;
    bool has_items;
};

static void next_item(struct array *array)
{
    if (array->has_items)
        strbuf_putc(array->buf, ',');
    array->has_items = true;
}

/* A whole decimal query argument; absent: `fallback`. False with a problem when
 * malformed. */
static bool query_number(struct api_call *call, const char *key, int64_t fallback,
                         int64_t *ret)
{
    const char *text = http_request_query(call->request, key);
    size_t len = text ? strlen(text) : 0;

    if (!text) {
        *ret = fallback;
        return true;
    }
    if (!len || len > 15 || strspn(text, "0123456789") != len) {
        http_problem(call->response, 400, "bad-query", "%s= wants a whole number", key);
        return false;
    }
    *ret = strtoll(text, NULL, 10);
    return true;
}

static void count_point(void *ctx, const struct api_point *point)
{
    uint64_t *n_points = ctx;

    if ((unsigned)point->quality < API_JSON_QUALITIES)
        n_points[point->quality]++;
}

void api_get_status(struct api_call *call)
{
    struct api_status status = {0};
    uint64_t n_points[API_JSON_QUALITIES] = {0};

    call->ports->status(call->ports->ctx, &status);
    call->ports->points(call->ports->ctx, count_point, n_points);
    api_json_status(&status, call->listen, n_points, &call->response->body);
    strbuf_putc(&call->response->body, '\n');
}

/* ---- points ---------------------------------------------------------------------- */

/* Which points an answer holds. */
struct points_visit {
    struct array array;
    uint64_t since_change; /* 0: all */
    int64_t since_wall_ms;
    const char *device, *point; /* NULL: any */
};

static void put_point(void *ctx, const struct api_point *point)
{
    struct points_visit *visit = ctx;

    if (visit->since_change && point->change && point->change <= visit->since_change)
        return;
    if (visit->since_wall_ms && point->t_wall_ms <= visit->since_wall_ms)
        return;
    if (visit->device && strcmp(visit->device, point->device) != 0)
        return;
    if (visit->point && strcmp(visit->point, point->point) != 0)
        return;
    next_item(&visit->array);
    api_json_point(point, visit->array.buf);
}

/* "INSTANCE-CHANGE", the `next` of an earlier answer: what changed since, exactly; of
 * another run of the daemon: everything. Digits alone: newer than that wall time in ms.
 */
static bool parse_since(struct api_call *call, struct points_visit *visit)
{
    const char *text = http_request_query(call->request, "since");
    uint64_t change;
    uint32_t instance;
    char rest;

    if (!text || !strchr(text, '-'))
        return query_number(call, "since", 0, &visit->since_wall_ms);
    if (strlen(text) > 32 ||
        sscanf(text, "%" SCNx32 "-%" SCNu64 "%c", &instance, &change, &rest) != 2) {
        http_problem(call->response, 400, "bad-query",
                     "since= wants the 'next' of an earlier answer, or ms since 1970");
        return false;
    }
    if (instance == call->instance)
        visit->since_change = change;
    return true;
}

static bool etag_matches(struct api_call *call, uint64_t change)
{
    const char *seen = http_request_header(call->request, "If-None-Match");

    snprintf(call->response->etag, sizeof call->response->etag,
             "W/\"%08" PRIx32 "-%" PRIu64 "\"", call->instance, change);
    return seen && strcmp(seen, call->response->etag) == 0;
}

void api_get_points(struct api_call *call)
{
    struct strbuf *buf = &call->response->body, items;
    struct points_visit visit = {.array.buf = &items,
                                 .device = http_request_query(call->request, "device")};
    uint64_t change;

    if (!parse_since(call, &visit))
        return;
    strbuf_init(&items);
    change = call->ports->points(call->ports->ctx, put_point, &visit);
    if (change && etag_matches(call, change)) {
        call->response->status = 304;
    } else {
        strbuf_printf(buf, "{\"t\":%" PRId64 ",\"next\":\"%08" PRIx32 "-%" PRIu64 "\"",
                      clock_wall_ms(), call->instance, change);
        strbuf_puts(buf, ",\"points\":[");
        strbuf_add(buf, items.data, items.len);
        strbuf_puts(buf, "]}\n");
        buf->failed |= items.failed;
    }
    strbuf_done(&items);
}

void api_get_point(struct api_call *call)
{
    struct points_visit visit = {.array.buf = &call->response->body,
                                 .device = call->args[0],
                                 .point = call->args[1]};

    call->ports->points(call->ports->ctx, put_point, &visit);
    if (!visit.array.has_items)
        http_problem(call->response, 404, "unknown-point", "there is no point %s.%s",
                     call->args[0], call->args[1]);
    else
        strbuf_putc(&call->response->body, '\n');
}

/* ---- the rest -------------------------------------------------------------------- */

struct bus_visit {
    struct array array;
    struct api_health health;
};

static void put_bus(void *ctx, const struct api_bus *bus)
{
    struct bus_visit *visit = ctx;

    next_item(&visit->array);
    api_json_bus(bus, &visit->health, visit->array.buf);
}

void api_get_buses(struct api_call *call)
{
    struct bus_visit visit = {.array.buf = &call->response->body};

    api_health_gather(call->ports, &visit.health);
    strbuf_putc(visit.array.buf, '[');
    call->ports->buses(call->ports->ctx, put_bus, &visit);
    strbuf_puts(visit.array.buf, "]\n");
    api_health_done(&visit.health);
}

static void put_route(void *ctx, const struct api_route *route)
{
    struct array *array = ctx;

    next_item(array);
    api_json_route(route, array->buf);
}

void api_get_routes(struct api_call *call)
{
    struct array array = {.buf = &call->response->body};

    strbuf_putc(array.buf, '[');
    call->ports->routes(call->ports->ctx, put_route, &array);
    strbuf_puts(array.buf, "]\n");
}

static void put_event(void *ctx, const struct api_event *event)
{
    struct array *array = ctx;

    next_item(array);
    api_json_event(event, array->buf);
}

void api_get_events(struct api_call *call)
{
    struct array array = {.buf = &call->response->body};
    int64_t from_ms, limit;
    int rc;

    if (!query_number(call, "from", 0, &from_ms) ||
        !query_number(call, "limit", EVENTS_DEFAULT, &limit))
        return;
    if (limit > EVENTS_LIMIT)
        limit = EVENTS_LIMIT;
    strbuf_printf(array.buf, "{\"t\":%" PRId64 ",\"events\":[", clock_wall_ms());
    rc = call->ports->events(call->ports->ctx, from_ms, (unsigned)limit, put_event,
                             &array);
    if (rc < 0)
        http_problem(call->response, 503, "store-unreadable", "events cannot be read: %s",
                     error_errno_text(rc));
    else
        strbuf_puts(array.buf, "]}\n");
}

void api_get_metrics(struct api_call *call)
{
    call->response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    api_metrics(call->ports, &call->response->body);
}

void api_get_health(struct api_call *call)
{
    const char *reason =
        call->ports->unwell ? call->ports->unwell(call->ports->ctx) : NULL;

    if (reason)
        http_problem(call->response, 503, "unwell", "%s", reason);
    else
        strbuf_puts(&call->response->body, "{\"status\":\"ok\"}\n");
}
