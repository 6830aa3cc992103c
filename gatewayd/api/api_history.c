/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /history: columns, one value per row and point, null where nothing is known. GET
 * /energy: slots with what each device took and gave. An answer that is not complete says
 * where to go on. On an API thread.
 */
#include "gatewayd/api/api_history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/api/api_json.h"
#include "lib/base/clock.h"
#include "lib/model/value.h"

#define ENERGY_ROWS_MAX 20000
#define DAY_MS INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)

/* ---- what is asked ---- */

struct asked {
    struct api_call *call;
    const char *const *known;
    const char *from, *to, *step, *slot, *device;
    const char *points[API_HISTORY_POINTS_MAX];
    uint32_t n_points;
    bool is_bad; /* the problem is told */
};

static bool refuse(struct asked *asked, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct asked *asked, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    asked->is_bad = true;
    http_problem(asked->call->response, 400, "bad-query", "%s", text);
    return false;
}

static bool take_point(struct asked *asked, const char *value)
{
    const char *dot = strrchr(value, '.');

    if (!dot || dot == value || !dot[1] || strlen(value) > 127)
        return refuse(asked, "point=%.60s: DEVICE.POINT is wanted", value);
    for (uint32_t i = 0; i < asked->n_points; i++)
        if (strcmp(asked->points[i], value) == 0)
            return refuse(asked, "point=%.60s stands there twice", value);
    if (asked->n_points == API_HISTORY_POINTS_MAX)
        return refuse(asked, "at most 64 times point=; ask again for the rest");
    asked->points[asked->n_points++] = value;
    return true;
}

static bool take_argument(void *ctx, const char *key, const char *value)
{
    struct asked *asked = ctx;
    const struct {
        const char *key;
        const char **place;
    } places[] = {{"from", &asked->from},
                  {"to", &asked->to},
                  {"step", &asked->step},
                  {"slot", &asked->slot},
                  {"device", &asked->device}};
    bool is_known = false;

    for (size_t i = 0; asked->known[i]; i++)
        is_known |= strcmp(asked->known[i], key) == 0;
    if (!is_known)
        return refuse(asked, "unknown argument '%.40s'", key);
    if (strcmp(key, "point") == 0)
        return take_point(asked, value);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].key, key) != 0)
            continue;
        if (*places[i].place)
            return refuse(asked, "%s= stands there twice", key);
        *places[i].place = value;
    }
    return true;
}

/* ms since 1970. */
static bool take_time(struct asked *asked, const char *text, int64_t fallback,
                      int64_t *ret)
{
    size_t len = text ? strlen(text) : 0;

    *ret = fallback;
    if (!text)
        return true;
    if (!len || len > 15 || strspn(text, "0123456789") != len)
        return refuse(
            asked, "'%.40s': ms since 1970 UTC are wanted, such as 1763760000000", text);
    *ret = strtoll(text, NULL, 10);
    return true;
}

static bool take_span(struct asked *asked, int64_t *ret_from_ms, int64_t *ret_to_ms)
{
    int64_t now_ms = clock_wall_ms();

    if (!take_time(asked, asked->to, now_ms, ret_to_ms) ||
        !take_time(asked, asked->from, *ret_to_ms > DAY_MS ? *ret_to_ms - DAY_MS : 0,
                   ret_from_ms))
        return false;
    if (*ret_from_ms >= *ret_to_ms)
        return refuse(asked, "from= must be earlier than to=");
    return true;
}

/* "10s", "1m", "15m", "1h", "1d", or "raw". */
static bool take_step(struct asked *asked, int64_t span_ms, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', MINUTE_MS}, {'h', 60 * MINUTE_MS}, {'d', DAY_MS}};
    const char *text = asked->step;
    char *end;
    long n;

    *ret_ms = span_ms <= DAY_MS ? MINUTE_MS
                                : (span_ms <= 14 * DAY_MS ? 15 : 60) * MINUTE_MS;
    if (!text)
        return true;
    *ret_ms = 0;
    if (strcmp(text, "raw") == 0)
        return true;
    n = *text >= '1' && *text <= '9' && strlen(text) <= 6 ? strtol(text, &end, 10) : 0;
    for (size_t i = 0; n > 0 && i < sizeof units / sizeof *units; i++)
        if (end[0] == units[i].letter && !end[1])
            *ret_ms = n * units[i].ms;
    if (*ret_ms > 0 && *ret_ms <= 366 * DAY_MS)
        return true;
    return refuse(asked, "step=%.40s: raw, or a duration such as 10s, 1m, 15m, 1h, 1d",
                  text);
}

/* ---- telling ---- */

static void tell_failure(struct api_call *call, int rc)
{
    if (rc == -EINVAL)
        http_problem(call->response, 400, "bad-query",
                     "this cannot be asked: see docs/openapi.yaml for the bounds");
    else
        http_problem(call->response, 503, "store-unreadable",
                     "the history cannot be read now: %s", error_errno_text(rc));
}

static void tell_slow(struct api_call *call)
{
    http_problem(
        call->response, 503, "too-much",
        "reading that takes longer than 2 s: ask for a shorter time, fewer points "
        "or a longer step");
}

static void put_answer(struct strbuf *buf, const struct api_history_answer *answer)
{
    strbuf_printf(buf, ",\"complete\":%s,\"next\":",
                  answer->is_truncated ? "false" : "true");
    if (answer->is_truncated)
        strbuf_put_i64(buf, answer->next_ms);
    else
        strbuf_puts(buf, "null");
}

/* ---- values ---- */

struct column {
    struct strbuf value, min, max, n, quality;
};

struct columns {
    uint32_t n_points;
    bool has_rows;
    struct strbuf t, clock;
    struct column *items;
};

static void put_number(struct strbuf *buf, bool is_first, bool is_known, double value)
{
    if (!is_first)
        strbuf_putc(buf, ',');
    if (is_known)
        strbuf_put_double(buf, value);
    else
        strbuf_puts(buf, "null");
}

static void put_cell(struct column *column, const struct api_history_cell *cell,
                     bool is_first)
{
    put_number(&column->value, is_first, cell->n > 0, cell->value);
    put_number(&column->min, is_first, cell->n > 0, cell->min);
    put_number(&column->max, is_first, cell->n > 0, cell->max);
    if (!is_first) {
        strbuf_putc(&column->n, ',');
        strbuf_putc(&column->quality, ',');
    }
    strbuf_put_u64(&column->n, cell->n);
    if (cell->quality == GW_GOOD)
        strbuf_puts(&column->quality, "null");
    else
        strbuf_put_json_string(&column->quality,
                               quality_name((enum gw_quality)cell->quality));
}

/* Of all points of a row the least sure. */
static enum clock_trust worst_clock(const struct columns *columns,
                                    const struct api_history_cell *cells)
{
    enum clock_trust worst = CLOCK_SYNCED;

    for (uint32_t i = 0; i < columns->n_points; i++) {
        enum clock_trust clock = (enum clock_trust)cells[i].clock;

        if (cells[i].n == 0 && cells[i].quality == GW_GOOD)
            continue; /* nothing there */
        if (clock == CLOCK_UNSET || (worst != CLOCK_UNSET && clock > worst))
            worst = clock;
    }
    return worst;
}

static void put_row(void *ctx, int64_t t_ms, const struct api_history_cell *cells)
{
    struct columns *columns = ctx;
    bool is_first = !columns->has_rows;

    if (!is_first) {
        strbuf_putc(&columns->t, ',');
        strbuf_putc(&columns->clock, ',');
    }
    strbuf_put_i64(&columns->t, t_ms);
    strbuf_put_json_string(&columns->clock,
                           clock_trust_name(worst_clock(columns, cells)));
    for (uint32_t i = 0; i < columns->n_points; i++)
        put_cell(&columns->items[i], &cells[i], is_first);
    columns->has_rows = true;
}

static void put_array(struct strbuf *buf, const char *name, struct strbuf *items)
{
    strbuf_printf(buf, ",\"%s\":[", name);
    if (items->len)
        strbuf_add(buf, items->data, items->len);
    strbuf_putc(buf, ']');
    buf->failed |= items->failed;
    strbuf_done(items);
}

static void free_column(struct column *column)
{
    strbuf_done(&column->value);
    strbuf_done(&column->min);
    strbuf_done(&column->max);
    strbuf_done(&column->n);
    strbuf_done(&column->quality);
}

static void put_columns(struct strbuf *buf, const struct api_history_query *query,
                        struct columns *columns)
{
    put_array(buf, "t", &columns->t);
    put_array(buf, "clock", &columns->clock);
    strbuf_puts(buf, ",\"points\":[");
    for (uint32_t i = 0; i < columns->n_points; i++) {
        struct column *column = &columns->items[i];

        strbuf_puts(buf, i ? ",{\"point\":" : "{\"point\":");
        strbuf_put_json_string(buf, query->points[i]);
        put_array(buf, "value", &column->value);
        if (query->step_ms > 0) { /* a reading alone is its own least and most */
            put_array(buf, "min", &column->min);
            put_array(buf, "max", &column->max);
            put_array(buf, "n", &column->n);
        }
        put_array(buf, "quality", &column->quality);
        strbuf_putc(buf, '}');
        free_column(column);
    }
    strbuf_putc(buf, ']');
}

/* A span of more rows than one answer holds is cut; the answer says where to go on. */
static int64_t cut_span(const struct api_history_query *query)
{
    int64_t most_ms = (int64_t)query->max_rows * query->step_ms;
    int64_t end_ms;

    if (query->step_ms == 0 || query->to_ms - query->from_ms < most_ms - query->step_ms)
        return query->to_ms;
    end_ms = query->from_ms / query->step_ms * query->step_ms + most_ms - query->step_ms;
    return end_ms < query->to_ms ? end_ms : query->to_ms;
}

/* Where to go on: not through years of which nothing is kept, before it or behind it. */
static void skip_empty(struct api_history_answer *answer, int64_t cut_ms, int64_t step_ms)
{
    int64_t first_ms = answer->minutes_from_ms;

    if (!first_ms || (answer->raw_from_ms && answer->raw_from_ms < first_ms))
        first_ms = answer->raw_from_ms;
    answer->is_truncated = first_ms != 0 && cut_ms <= answer->newest_ms;
    answer->next_ms = cut_ms;
    if (first_ms / step_ms * step_ms > cut_ms)
        answer->next_ms = first_ms / step_ms * step_ms;
}

static void answer_history(struct api_call *call, struct api_history_query *query)
{
    struct columns columns = {.n_points = query->n_points};
    struct api_history_answer answer = {0};
    struct strbuf *buf = &call->response->body;
    int64_t to_ms = query->to_ms;
    int rc;

    columns.items = calloc(query->n_points, sizeof *columns.items);
    query->to_ms = cut_span(query);
    rc = columns.items ? call->ports->history(call->ports->ctx, query, put_row, &columns,
                                              &answer)
                       : -ENOMEM;
    if (rc == 0 && query->to_ms < to_ms && !answer.is_truncated)
        skip_empty(&answer, query->to_ms, query->step_ms);
    if (answer.is_truncated && answer.next_ms >= to_ms)
        answer.is_truncated = false;
    strbuf_printf(buf, "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"step\":%" PRId64,
                  query->from_ms, to_ms, query->step_ms);
    if (columns.items)
        put_columns(buf, query, &columns);
    put_answer(buf, &answer);
    strbuf_puts(buf, ",\"raw_from\":");
    strbuf_put_i64(buf, answer.raw_from_ms);
    strbuf_puts(buf, ",\"minutes_from\":");
    strbuf_put_i64(buf, answer.minutes_from_ms);
    strbuf_puts(buf, "}\n");
    free(columns.items);
    if (rc < 0)
        tell_failure(call, rc);
    else if (answer.is_truncated && answer.next_ms <= query->from_ms)
        tell_slow(call);
}

static bool is_there(struct api_call *call, bool has_port)
{
    if (!has_port)
        http_problem(call->response, 404, "unknown-resource", "no history is kept here");
    return has_port;
}

void api_history_get(struct api_call *call)
{
    static const char *const known[] = {"point", "from", "to", "step", NULL};
    struct asked asked = {.call = call, .known = known};
    struct api_history_query query = {.n_points = 0};

    if (!is_there(call, call->ports->history))
        return;
    http_request_each_query(call->request, take_argument, &asked);
    if (asked.is_bad)
        return;
    if (asked.n_points == 0) {
        refuse(&asked, "point=DEVICE.POINT is wanted, once or more");
        return;
    }
    if (!take_span(&asked, &query.from_ms, &query.to_ms) ||
        !take_step(&asked, query.to_ms - query.from_ms, &query.step_ms))
        return;
    memcpy(query.points, asked.points, sizeof query.points);
    query.n_points = asked.n_points;
    query.max_rows = API_HISTORY_CELLS_MAX / asked.n_points < API_HISTORY_ROWS_MAX
                         ? API_HISTORY_CELLS_MAX / asked.n_points
                         : API_HISTORY_ROWS_MAX;
    answer_history(call, &query);
}

/* ---- energy ---- */

struct slots {
    struct strbuf *buf;
    int64_t start_ms; /* of the one that is open in the document */
    bool has_any;
};

static void put_flags(struct strbuf *buf, const struct api_energy_row *row)
{
    const struct {
        const char *name;
        bool is_set;
    } flags[] = {{"measured", row->is_measured},
                 {"integrated", row->is_integrated},
                 {"recovered", row->is_recovered},
                 {"missing", row->is_missing}};
    const char *separator = "";

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!flags[i].is_set)
            continue;
        strbuf_printf(buf, "%s\"%s\"", separator, flags[i].name);
        separator = ",";
    }
}

static void put_energy(void *ctx, const struct api_energy_row *row)
{
    struct slots *slots = ctx;
    struct strbuf *buf = slots->buf;

    if (!slots->has_any || row->start_ms != slots->start_ms) {
        strbuf_puts(buf, slots->has_any ? "]},{" : "{");
        strbuf_printf(buf,
                      "\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"open\":%s,\"flows\":[",
                      row->start_ms, row->end_ms, row->is_open ? "true" : "false");
        slots->start_ms = row->start_ms;
        slots->has_any = true;
    } else {
        strbuf_putc(buf, ',');
    }
    strbuf_puts(buf, "{\"device\":");
    strbuf_put_json_string(buf, row->device);
    strbuf_printf(buf, ",\"role\":\"%s\",\"flow\":\"%s\",\"wh\":%" PRId64
                       ",\"known_s\":%" PRIu32 ",\"off_grid_s\":",
                  row->role, row->flow, row->wh, row->known_s);
    if (row->off_grid_s < 0)
        strbuf_puts(buf, "null");
    else
        strbuf_put_i64(buf, row->off_grid_s);
    strbuf_puts(buf, ",\"flags\":[");
    put_flags(buf, row);
    strbuf_puts(buf, "]}");
}

static bool take_slot(struct asked *asked, enum api_energy_slot *ret)
{
    static const char *const names[] = {[API_ENERGY_15_MIN] = "15m",
                                        [API_ENERGY_30_MIN] = "30m",
                                        [API_ENERGY_DAY] = "1d"};

    *ret = API_ENERGY_30_MIN;
    for (size_t i = 0; asked->slot && i < sizeof names / sizeof *names; i++)
        if (strcmp(asked->slot, names[i]) == 0) {
            *ret = (enum api_energy_slot)i;
            return true;
        }
    return !asked->slot ||
           refuse(asked, "slot=%.40s: 15m, 30m or 1d is wanted", asked->slot);
}

void api_history_get_energy(struct api_call *call)
{
    static const char *const known[] = {"from", "to", "slot", "device", NULL};
    static const char *const names[] = {"15m", "30m", "1d"};
    struct asked asked = {.call = call, .known = known};
    struct api_energy_query query = {.max_rows = ENERGY_ROWS_MAX};
    struct api_history_answer answer = {0};
    struct slots slots = {.buf = &call->response->body};
    int rc;

    if (!is_there(call, call->ports->energy))
        return;
    http_request_each_query(call->request, take_argument, &asked);
    if (asked.is_bad || !take_span(&asked, &query.from_ms, &query.to_ms) ||
        !take_slot(&asked, &query.slot))
        return;
    query.device = asked.device;
    strbuf_printf(slots.buf,
                  "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"slot\":\"%s\",\"slots\":[",
                  query.from_ms, query.to_ms, names[query.slot]);
    rc = call->ports->energy(call->ports->ctx, &query, put_energy, &slots, &answer);
    strbuf_puts(slots.buf, slots.has_any ? "]}]" : "]");
    put_answer(slots.buf, &answer);
    strbuf_puts(slots.buf, "}\n");
    if (rc < 0)
        tell_failure(call, rc);
    else if (answer.is_truncated && answer.n_rows == 0)
        tell_slow(call);
}
