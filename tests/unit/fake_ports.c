/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed answers of fake_ports.h. */
#include "tests/unit/fake_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

static void fake_status(void *ctx, struct api_status *ret)
{
    const struct fake *fake = ctx;

    strcpy(ret->gateway_id, "home-017");
    strcpy(ret->site, "misono-e3");
    strcpy(ret->boot, "b0");
    strcpy(ret->epoch, "e0");
    ret->clock = CLOCK_SYNCED;
    ret->start_boot_ns = clock_boot_ns() - 3600 * CLOCK_NS_PER_S;
    ret->generation = 1;
    ret->n_devices = 2;
    ret->n_points = 3;
    ret->store.on_disk = true;
    ret->store.n_readings = 1234;
    ret->store.size_bytes = 1 << 20;
    ret->store.max_bytes = 1 << 29;
    ret->store.last_seq = 42;
    if (fake->has_alarm) {
        ret->n_alarms = 1;
        strcpy(ret->alarms[0].code, "config-invalid");
        strcpy(ret->alarms[0].text, "the last good configuration runs");
    }
}

static uint64_t fake_points(void *ctx, api_point_fn visit, void *visit_ctx)
{
    struct fake *fake = ctx;
    struct api_point points[] = {
        {.device = "meter",
         .point = "power_w",
         .unit = "W",
         .value = {.type = GW_TYPE_FLOAT64, .v.d = 230.1},
         .quality = GW_GOOD,
         .t_wall_ms = 1763760000123,
         .age_ms = 1200,
         .change = 7    },
        {.device = "meter",
         .point = "name",
         .unit = "",
         .value = {.type = GW_TYPE_STRING, .v.s = "a\"b"},
         .quality = GW_DEVICE_ERROR,
         .detail = 2,
         .t_wall_ms = 1763760000000,
         .age_ms = 90000,
         .change = 5},
        {.device = "relay",
         .point = "heater",
         .unit = "",
         .value = {.type = GW_TYPE_NONE},
         .quality = GW_TIMEOUT,
         .t_wall_ms = 0,
         .age_ms = -1,
         .change = fake->change   },
    };

    if (fake->changes_after && fake->n_point_visits >= fake->changes_after) {
        points[2].value = (struct gw_value){.type = GW_TYPE_BOOL};
        points[2].quality = GW_GOOD;
        points[2].t_wall_ms = 1763760005000;
    }
    fake->n_point_visits++;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        visit(visit_ctx, &points[i]);
    return fake->change;
}

static void fake_buses(void *ctx, api_bus_fn visit, void *visit_ctx)
{
    static const struct api_plan_request requests[] = {
        {.interval_ms = 1000,
         .cost_us = 42000,
         .n_points = 2,
         .text = "holding 100..139 (40 registers, 2 unused)"                       },
        {.interval_ms = 5000, .cost_us = 21000, .n_points = 1, .text = "input 0..9"},
    };
    static const struct api_unit units[] = {
        {.device = "meter",
         .n_ok = 100,
         .n_failed = 1,
         .last_error = "",
         .pace = 1,
         .n_requests = 2,
         .requests = requests},
        {.device = "relay",
         .breaker = API_BREAKER_OPEN,
         .n_failed = 9,
         .next_try_ms = 8000,
         .last_error = "no reply in 500 ms",
         .pace = 3},
    };
    static const struct api_bus bus = {
        .name = "line\"1",
        .plugin = "modbus",
        .host = "modbus",
        .host_pid = 4711,
        .state = "degraded",
        .text = "1 of 2 devices silent",
        .n_requests = 110,
        .n_errors = 10,
        .busy_us = 1500000,
        .load_permille = 126,
        .n_units = 2,
        .units = units,
    };

    (void)ctx;
    visit(visit_ctx, &bus);
}

static void fake_routes(void *ctx, api_route_fn visit, void *visit_ctx)
{
    static const struct api_route routes[] = {
        {.name = "community",
         .state = "online",
         .text = "",
         .backlog = 5,
         .oldest_wall_ms = 1763760000000,
         .full_in_h = 51.5,
         .n_sent = 100,
         .n_confirmed = 95},
        {.name = "cloud",
         .state = "offline",
         .text = "connection refused, retrying in 8 s",
         .backlog = 1000,
         .oldest_wall_ms = 1763750000000,
         .full_in_h = -1  },
    };

    (void)ctx;
    for (size_t i = 0; i < 2; i++)
        visit(visit_ctx, &routes[i]);
}

static int fake_events(void *ctx, int64_t from_ms, unsigned limit, api_event_fn visit,
                       void *visit_ctx)
{
    static const struct api_event events[] = {
        {1, 1763760000000, "", "started", "info", "gatewayd 0.1.0 started"},
        {2, 1763760001000, "relay", "device-offline", "warning", "no reply in 500 ms"},
        {3, 1763760002000, "", "config-invalid", "alarm", "2 errors"},
    };
    const struct fake *fake = ctx;

    if (fake->is_store_broken)
        return -EIO;
    for (size_t i = 0; i < 3 && limit; i++)
        if (events[i].t_wall_ms >= from_ms) {
            visit(visit_ctx, &events[i]);
            limit--;
        }
    return 0;
}

static void fake_metrics(void *ctx, struct strbuf *buf)
{
    (void)ctx;
    strbuf_puts(buf, "gatewayd_extra 1\n");
}

static const char *fake_unwell(void *ctx)
{
    return ((const struct fake *)ctx)->unwell;
}

static int fake_post(void *ctx, struct api_post *post)
{
    const struct gw_value readback = {.type = GW_TYPE_INT, .v.i = 2000};
    struct fake *fake = ctx;

    fake->n_posts++;
    fake->last = *api_post_get(post);
    if (fake->last.value.type == GW_TYPE_STRING)
        snprintf(fake->last_text, sizeof fake->last_text, "%s", fake->last.value.v.s);
    if (fake->mode == FAKE_POST_REFUSES)
        return -ENOBUFS;
    if (fake->mode == FAKE_POST_KEEPS) {
        fake->kept = post;
        return 0;
    }
    api_post_finish(post, fake->outcome, fake->text,
                    fake->last.kind == API_POST_WRITE && fake->outcome == API_CONFIRMED
                        ? &readback
                        : NULL);
    return 0;
}

/* Two rows; the second point is not known in the second row. */
static int fake_history(void *ctx, const struct api_history_query *query,
                        api_history_fn visit, void *visit_ctx,
                        struct api_history_answer *ret_answer)
{
    struct fake *fake = ctx;
    struct api_history_cell cells[API_HISTORY_POINTS_MAX];

    fake->history = *query;
    for (uint32_t row = 0; row < 2; row++) {
        for (uint32_t i = 0; i < query->n_points; i++)
            cells[i] = (struct api_history_cell){
                .n = 2, .value = 1.5, .min = 1, .max = 2, .clock = CLOCK_SYNCED};
        if (row == 1 && query->n_points > 1)
            cells[1] = (struct api_history_cell){.quality = GW_TIMEOUT,
                                                 .clock = CLOCK_HOLDOVER};
        visit(visit_ctx, query->from_ms + row, cells);
    }
    *ret_answer = (struct api_history_answer){.n_rows = 2, .raw_from_ms = 50000000000,
                                              .minutes_from_ms = 40000000000,
                                              .newest_ms = 90000000000};
    if (fake->is_slow) {
        ret_answer->is_truncated = true;
        ret_answer->next_ms = query->from_ms;
    }
    return 0;
}

static int fake_energy(void *ctx, const struct api_energy_query *query,
                       api_energy_fn visit, void *visit_ctx,
                       struct api_history_answer *ret_answer)
{
    struct api_energy_row row = {.device = "meter", .role = "grid", .flow = "import",
                                 .start_ms = query->from_ms, .end_ms = query->from_ms + 1,
                                 .wh = 12, .known_s = 900, .off_grid_s = -1,
                                 .is_measured = true};

    (void)ctx;
    visit(visit_ctx, &row);
    row.flow = "export";
    row.is_missing = true;
    visit(visit_ctx, &row);
    row.start_ms++;
    row.is_open = true;
    visit(visit_ctx, &row);
    *ret_answer = (struct api_history_answer){.n_rows = 3, .is_truncated = true,
                                              .next_ms = 77};
    return 0;
}

#define FAKE_BACKUP_BYTES 300000

static ssize_t read_backup(void *ctx, void *data, size_t size)
{
    struct fake *fake = ctx;
    size_t n = FAKE_BACKUP_BYTES - fake->n_read;

    if (fake->is_slow && fake->n_read > 100000)
        return -EIO;
    n = n < size ? n : size;
    memset(data, 'b', n);
    fake->n_read += n;
    return (ssize_t)n;
}

static void free_backup(void *ctx)
{
    struct fake *fake = ctx;

    atomic_fetch_add(&fake->n_freed, 1);
}

static int fake_backup(void *ctx, struct http_stream *ret_stream, struct gw_error *reterr)
{
    struct fake *fake = ctx;

    if (fake->is_store_broken)
        return error_set(reterr, -EROFS, "store-in-ram", "the store is in RAM");
    *ret_stream = (struct http_stream){FAKE_BACKUP_BYTES, read_backup, free_backup, fake};
    return 0;
}

struct api_ports fake_ports(struct fake *fake)
{
    return (struct api_ports){
        .ctx = fake,
        .status = fake_status,
        .points = fake_points,
        .buses = fake_buses,
        .routes = fake_routes,
        .events = fake_events,
        .metrics = fake_metrics,
        .unwell = fake_unwell,
        .post = fake_post,
        .history = fake_history,
        .energy = fake_energy,
        .backup = fake_backup,
    };
}
