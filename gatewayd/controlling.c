/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outage control in the daemon; see controlling.h. Each port is a few lines: control
 * decides, this file only carries. Facts cross to the store's thread and back like those
 * of writes.c.
 */
#include "gatewayd/controlling.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/notices.h"
#include "gatewayd/gateway.h"
#include "gatewayd/own_past.h"
#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* times its interval. The energy slots take 3 polls as they were configured for one span
 * (lib/energy/meter.c): nothing is lost at this pace. */
#define SAVING_PACE 3
/* a store that hangs must not keep control off */
#define FACTS_LIMIT_NS (3 * CLOCK_NS_PER_S)

struct controlling {
    struct gateway *gateway;
    struct control *control;
    sd_event_source *timer;
    int64_t start_by_ns; /* 0: started */
    struct own_past *past;
};

/* ---- ports of control -------------------------------------------------------------- */

static bool port_read(void *ctx, const struct control_ref *ref,
                      struct control_reading *ret)
{
    struct controlling *controlling = ctx;
    struct latest_entry entry;

    if (!latest_get(controlling->gateway->latest, ref->device, ref->point, &entry))
        return false;
    *ret = (struct control_reading){.is_good = entry.quality == GW_GOOD,
                                    .t_boot_ns = entry.t_boot_ns};
    ret->has_value = entry.t_boot_ns && value_to_double(&entry.value, &ret->value);
    return true;
}

/* The answer's way back to whoever ordered. */
struct ordered {
    control_done_fn done;
    void *ctx;
};

static void on_answer(void *arg, enum write_outcome outcome, const char *text,
                      const struct gw_value *readback)
{
    static const enum control_outcome outcomes[] = {[WRITE_CONFIRMED] = CONTROL_CONFIRMED,
                                                    [WRITE_ACCEPTED] = CONTROL_ACCEPTED,
                                                    [WRITE_REFUSED] = CONTROL_REFUSED,
                                                    [WRITE_FAILED] = CONTROL_FAILED};
    struct ordered *ordered = arg;
    struct control_answer answer = {.outcome = outcomes[outcome], .text = text};

    answer.has_readback = value_to_double(readback, &answer.readback);
    ordered->done(ordered->ctx, &answer);
    free(ordered);
}

static struct gw_value value_of(const struct control_write *write)
{
    struct gw_value value = {.type = GW_TYPE_FLOAT64, .v.d = write->value};

    if (write->is_bool)
        value = (struct gw_value){.type = GW_TYPE_BOOL, .v.b = write->value >= 0.5};
    return value;
}

static void port_write(void *ctx, const struct control_write *write, control_done_fn done,
                       void *done_ctx)
{
    struct controlling *controlling = ctx;
    struct gateway *gateway = controlling->gateway;
    struct write_order order = {.value = value_of(write), .lease_ms = write->lease_ms,
                                .by = "control", .at_once = write->at_once};
    struct ordered *ordered = malloc(sizeof *ordered);
    struct control_answer failed = {.outcome = CONTROL_FAILED, .text = "no memory"};

    if (ordered &&
        !catalog_find(gateway->catalog, write->name, &order.device, &order.point)) {
        failed.text = "the point is gone from the configuration";
        free(ordered);
        ordered = NULL;
    }
    if (!ordered) {
        done(done_ctx, &failed);
        return;
    }
    *ordered = (struct ordered){done, done_ctx};
    if (write->is_release)
        writes_release(gateway->writes, gateway->catalog, order.device, order.point,
                       on_answer, ordered);
    else
        writes_order(gateway->writes, gateway->catalog, &order, on_answer, ordered);
}

static void port_event(void *ctx, const char *code, const char *severity,
                       const char *text)
{
    struct controlling *controlling = ctx;
    bool is_health = strcmp(code, NOTICES_MEDICAL_CODE) == 0; /* a grant of its own */

    gateway_tell(controlling->gateway, is_health ? CATEGORY_HEALTH : CATEGORY_GRID, code,
                 severity, text);
}

static void port_clear(void *ctx, const char *code, const char *text)
{
    struct controlling *controlling = ctx;

    gateway_clear_alarm(controlling->gateway, code, text);
}

struct fact {
    struct controlling *controlling;
    bool has_value;
    char key[140], value[400];
};

static void store_fact(void *arg)
{
    struct fact *fact = arg;
    struct store *store = fact->controlling->gateway->store;
    int rc;

    store_commit(store); /* the journal explains the state that a restart goes on from */
    rc = store_fact_put(store, fact->key, fact->has_value ? fact->value : NULL);
    if (rc < 0)
        log_warning("control", "cannot keep %s: %s", fact->key, strerror(-rc));
    free(fact);
}

static void port_keep(void *ctx, const char *key, const char *value)
{
    struct controlling *controlling = ctx;
    struct fact *fact = calloc(1, sizeof *fact);

    if (!fact)
        return;
    fact->controlling = controlling;
    fact->has_value = value != NULL;
    snprintf(fact->key, sizeof fact->key, "%s", key);
    snprintf(fact->value, sizeof fact->value, "%s", value ? value : "");
    if (store_post(controlling->gateway->store, store_fact, fact, true) < 0)
        free(fact);
}

static void port_publish(void *ctx, const char *payload)
{
    struct controlling *controlling = ctx;

    forwarding_publish_grid(controlling->gateway->forwarding, payload);
}

static bool port_is_on_disk(void *ctx)
{
    struct controlling *controlling = ctx;
    struct store_stats stats;

    store_get_stats(controlling->gateway->store, &stats);
    return stats.on_disk;
}

static void port_off_grid(void *ctx, int64_t slot_wall_ms, int32_t off_s)
{
    struct controlling *controlling = ctx;

    store_note_off_grid(controlling->gateway->store, slot_wall_ms, off_s);
}

static void port_ask_past(void *ctx, struct past *past)
{
    struct controlling *controlling = ctx;

    own_past_ask(controlling->past, past);
}

static void on_past(void *ctx, struct past *past)
{
    struct controlling *controlling = ctx;

    control_take_past(controlling->control, past);
}

static void port_save(void *ctx, const bool *needed)
{
    struct controlling *controlling = ctx;
    struct gateway *gateway = controlling->gateway;

    for (uint32_t i = 0; i < gateway->catalog->n_devices; i++) {
        uint32_t factor = needed && !needed[i] ? SAVING_PACE : 1;

        latest_set_pace(gateway->latest, i, factor);
        hosts_set_pace(gateway->hosts, i, factor);
    }
    forwarding_save(gateway->forwarding, needed != NULL);
}

/* ---- the machine's own end --------------------------------------------------------- */

static void flush_store(void *arg)
{
    struct controlling *controlling = arg;

    store_commit(controlling->gateway->store);
}

static void port_flush(void *ctx)
{
    struct controlling *controlling = ctx;

    store_post(controlling->gateway->store, flush_store, controlling, true);
}

/* Where gatewayd-halt.path looks; "" outside a unit. */
static void put_halt_path(char path[300])
{
    const char *directory = getenv("RUNTIME_DIRECTORY");

    path[0] = '\0';
    if (directory)
        snprintf(path, 300, "%s/halt", directory);
}

static void ask_halt(void *arg)
{
    struct controlling *controlling = arg;
    char path[300];
    int fd;

    store_commit(controlling->gateway->store);
    put_halt_path(path);
    fd = *path ? open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644) : -1;
    if (fd < 0)
        log_warning("control", "nobody can be asked to switch off: %s",
                    *path ? strerror(errno) : "no runtime directory");
    else
        close(fd);
}

static void port_halt(void *ctx, bool is_asked)
{
    struct controlling *controlling = ctx;
    char path[300];

    put_halt_path(path);
    if (is_asked)
        store_post(controlling->gateway->store, ask_halt, controlling, true);
    else if (*path)
        unlink(path);
}

/* ---- its turn ---------------------------------------------------------------------- */

static void set_timer(struct controlling *controlling, int64_t t_boot_ns)
{
    sd_event_source_set_time(controlling->timer,
                             t_boot_ns > 0 ? (uint64_t)(t_boot_ns + 999) / 1000 : 0);
    sd_event_source_set_enabled(controlling->timer, SD_EVENT_ONESHOT);
}

static void port_wake(void *ctx)
{
    struct controlling *controlling = ctx;

    set_timer(controlling, 0);
}

static void turn(struct controlling *controlling)
{
    if (controlling->start_by_ns && clock_boot_ns() >= controlling->start_by_ns) {
        controlling->start_by_ns = 0;
        log_warning("control", "the store is slow: beginning without what it kept");
        control_start(controlling->control);
    }
    if (controlling->start_by_ns)
        set_timer(controlling, controlling->start_by_ns);
    else
        set_timer(controlling, control_step(controlling->control));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
    (void)source;
    (void)usec;
    turn(ctx);
    return 0;
}

/* ---- what the store kept ----------------------------------------------------------- */

static void on_fact(void *arg)
{
    struct fact *fact = arg;

    control_restore(fact->controlling->control, fact->key, fact->value);
    free(fact);
}

static void each_fact(void *ctx, const char *key, const char *value)
{
    struct controlling *controlling = ctx;
    struct fact *fact = calloc(1, sizeof *fact);

    if (!fact)
        return;
    fact->controlling = controlling;
    snprintf(fact->key, sizeof fact->key, "%s", key);
    snprintf(fact->value, sizeof fact->value, "%s", value);
    if (loop_calls_post(controlling->gateway->calls, on_fact, fact) < 0)
        free(fact);
}

static void on_all_facts(void *arg)
{
    struct controlling *controlling = arg;

    controlling->start_by_ns = 0;
    control_start(controlling->control);
}

static void read_facts(void *arg)
{
    struct controlling *controlling = arg;

    store_fact_each(controlling->gateway->store, "control.", each_fact, controlling);
    loop_calls_post(controlling->gateway->calls, on_all_facts, controlling);
}

/* ---- life -------------------------------------------------------------------------- */

struct controlling *controlling_new(struct gateway *gateway)
{
    struct controlling *controlling = calloc(1, sizeof *controlling);
    const struct control_ports ports = {.ctx = controlling, .read = port_read,
                                        .write = port_write, .event = port_event,
                                        .clear = port_clear, .keep = port_keep,
                                        .publish = port_publish, .wake = port_wake,
                                        .flush = port_flush, .halt = port_halt,
                                        .is_on_disk = port_is_on_disk,
                                        .ask_past = port_ask_past,
                                        .off_grid = port_off_grid,
                                        .save = port_save};

    if (!controlling)
        return NULL;
    controlling->gateway = gateway;
    controlling->control = control_new(&ports);
    controlling->past =
        own_past_new(gateway->store, gateway->calls, on_past, controlling);
    if (!controlling->control || !controlling->past ||
        sd_event_add_time(gateway->event, &controlling->timer, CLOCK_BOOTTIME, UINT64_MAX,
                          1, on_timer, controlling) < 0) {
        controlling_free(controlling);
        return NULL;
    }
    return controlling;
}

void controlling_stop(struct controlling *controlling)
{
    if (!controlling)
        return;
    control_stop(controlling->control);
    own_past_stop(controlling->past);
    sd_event_source_set_enabled(controlling->timer, SD_EVENT_OFF);
}

void controlling_join(struct controlling *controlling)
{
    if (controlling)
        own_past_join(controlling->past);
}

void controlling_free(struct controlling *controlling)
{
    if (!controlling)
        return;
    own_past_free(controlling->past);
    control_free(controlling->control);
    sd_event_source_unref(controlling->timer);
    free(controlling);
}

void controlling_configure(struct controlling *controlling, const struct config *config,
                           const struct catalog *catalog)
{
    control_configure(controlling->control, config, catalog);
}

void controlling_start(struct controlling *controlling)
{
    port_halt(controlling, false); /* of a start before this one */
    controlling->start_by_ns = clock_boot_ns() + FACTS_LIMIT_NS;
    set_timer(controlling, controlling->start_by_ns);
    store_post(controlling->gateway->store, read_facts, controlling, false);
}

void controlling_readings(struct controlling *controlling,
                          const struct record_batch *batch)
{
    int64_t next_ns = control_readings(controlling->control, batch);

    if (next_ns)
        set_timer(controlling, next_ns);
}

void controlling_device_lost(struct controlling *controlling, uint32_t device)
{
    control_device_lost(controlling->control, device);
}

void controlling_plan(void *ctx, const char *route, const struct route_message *message)
{
    struct gateway *gateway = ctx;

    (void)route;
    if (gateway->controlling)
        control_plan(gateway->controlling->control, message->payload, message->len,
                     message->retained);
}

bool controlling_owns(struct controlling *controlling, uint32_t device, uint32_t point,
                      char *ret_text, size_t size)
{
    return control_owns(controlling->control, device, point, ret_text, size);
}

/* ---- the API ----------------------------------------------------------------------- */

void controlling_post(struct controlling *controlling, struct api_post *post)
{
    const struct api_post_request *request = api_post_get(post);
    struct control *control = controlling->control;
    char text[300] = "";
    int rc = -EINVAL;

    if (request->kind == API_POST_OVERRIDE)
        rc = control_override(control, request->device, request->point, request->lease_ms,
                              text, sizeof text);
    else if (request->kind == API_POST_HOLD)
        rc = control_hold(control, request->value.v.b, text, sizeof text);
    else if (request->kind == API_POST_CONFIRM)
        rc = control_confirm(control, request->value.v.b, text, sizeof text);
    else if (request->kind == API_POST_STORM)
        rc = control_storm(control, request->lease_ms, text, sizeof text);
    else if (request->kind == API_POST_ISLAND)
        rc = control_island(control, request->lease_ms, text, sizeof text);
    else if (request->kind == API_POST_DRILL)
        rc = control_drill(control, request->lease_ms, text, sizeof text);
    api_post_finish(post,
                    rc == 0         ? API_CONFIRMED
                    : rc == -ENOENT ? API_NOT_FOUND
                                    : API_REFUSED,
                    text, NULL);
}

static void view_grid(void *ctx, struct strbuf *buf)
{
    struct gateway *gateway = ctx;

    control_put_grid(gateway->controlling->control, buf);
}

static void view_circuits(void *ctx, struct strbuf *buf)
{
    struct gateway *gateway = ctx;

    control_put_circuits(gateway->controlling->control, buf);
}

static bool view_why(void *ctx, const char *circuit, struct strbuf *buf)
{
    struct gateway *gateway = ctx;

    return control_put_why(gateway->controlling->control, circuit, buf);
}

void controlling_fill_ports(struct api_ports *ports)
{
    ports->grid = view_grid;
    ports->circuits = view_circuits;
    ports->why = view_why;
}

void controlling_put_metrics(struct controlling *controlling, struct strbuf *buf)
{
    control_put_metrics(controlling->control, buf);
}
