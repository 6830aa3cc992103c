/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wiring of the home daemon: rooms made in dependency order, joined by small
 * callbacks, stopped exactly backwards. One sd-event loop; lock order: view_lock before
 * the locks of the rooms.
 */
#include "gatewayd/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

#define STOP_DEADLINE_US UINT64_C(4800000)
#define LATE_TURN_NS (2 * CLOCK_NS_PER_S)

/* The unit starts it again but after EXIT_MEND: configuration or store need a person. */
enum { EXIT_MEND = 1, EXIT_AGAIN = 3 };

/* ---- events and alarms ------------------------------------------------------------- */

bool gateway_raise_alarm(struct gateway *gateway, const char *code, const char *text)
{
    bool is_new;

    pthread_mutex_lock(&gateway->view_lock);
    is_new = alarms_raise(&gateway->alarms, code, text);
    pthread_mutex_unlock(&gateway->view_lock);
    return is_new;
}

static void tell(struct gateway *gateway, const char *device, enum category category,
                 const char *code, const char *severity, const char *text)
{
    bool is_alarm = strcmp(severity, "alarm") == 0;

    log_line(is_alarm                           ? LOG_LEVEL_ERROR
             : strcmp(severity, "warning") == 0 ? LOG_LEVEL_WARNING
                                                : LOG_LEVEL_INFO,
             *device ? device : NULL, "%s", text);
    if (is_alarm)
        gateway_raise_alarm(gateway, code, text);
    if (gateway->store)
        store_append_event(gateway->store, device, category, code, severity, text);
}

void gateway_event(struct gateway *gateway, const char *device, const char *code,
                   const char *severity, const char *text)
{
    tell(gateway, device, CATEGORY_STATUS, code, severity, text);
}

void gateway_tell(struct gateway *gateway, enum category category, const char *code,
                  const char *severity, const char *text)
{
    tell(gateway, "", category, code, severity, text);
}

void gateway_clear_alarm(struct gateway *gateway, const char *code, const char *text)
{
    bool stood;

    pthread_mutex_lock(&gateway->view_lock);
    stood = alarms_clear(&gateway->alarms, code);
    pthread_mutex_unlock(&gateway->view_lock);
    if (stood)
        gateway_event(gateway, "", code, "info", text);
}

/* ---- hooks of the hosts ------------------------------------------------------------ */

static void on_records(void *ctx, struct record_batch *batch, bool urgent)
{
    struct gateway *gateway = ctx;

    latest_update(gateway->latest, batch);
    if (gateway->controlling)
        controlling_readings(gateway->controlling, batch);
    __atomic_add_fetch(&gateway->n_readings, batch->n_readings, __ATOMIC_RELAXED);
    store_append(gateway->store, batch, urgent || !gateway->had_records);
    gateway->had_records = true;
}

static const char *device_name(const struct gateway *gateway, uint32_t device)
{
    return device < gateway->catalog->n_devices ? gateway->catalog->devices[device].name
                                                : "";
}

static void on_gap(void *ctx, uint32_t device, uint64_t n, int64_t from_ns, int64_t to_ns)
{
    struct gateway *gateway = ctx;

    log_warning(device_name(gateway, device),
                "%llu records dropped: its host's channel was full",
                (unsigned long long)n);
    store_append_gap(gateway->store, device_name(gateway, device), n, from_ns, to_ns,
                     "channel-full");
}

static void on_host_event(void *ctx, const char *device, const char *code,
                          const char *severity, const char *text)
{
    gateway_event(ctx, device, code, severity, text);
}

static void on_done(void *ctx, uint64_t id, enum gw_result result, int32_t detail,
                    const char *text, const struct gw_value *readback)
{
    struct gateway *gateway = ctx;

    (void)detail;
    writes_done(gateway->writes, id, result, text, readback);
}

static void on_device_lost(void *ctx, uint32_t device)
{
    struct gateway *gateway = ctx;

    if (device >= gateway->catalog->n_devices)
        return;
    latest_mark_device(gateway->latest, device, GW_STALE);
    writes_device_lost(gateway->writes, gateway->catalog->devices[device].name);
    if (gateway->controlling)
        controlling_device_lost(gateway->controlling, device);
}

static void on_lease_end(void *ctx, uint32_t device, uint32_t point,
                         enum gw_result result)
{
    struct gateway *gateway = ctx;
    const struct catalog_device *d = &gateway->catalog->devices[device];
    char text[200];

    snprintf(text, sizeof text, "lease of %s.%s ended, %s", d->name,
             d->points[point].name,
             result == GW_OK ? "its failsafe is written"
                             : "writing its failsafe failed, trying on");
    gateway_event(gateway, d->name, "lease-end", result == GW_OK ? "info" : "warning",
                  text);
    writes_lease_end(gateway->writes, d->name, d->points[point].name, result);
}

/* ---- hooks of the store and of forwarding ------------------------------------------ */

static void on_committed(void *ctx, uint64_t last_seq)
{
    struct gateway *gateway = ctx;

    if (gateway->forwarding)
        forwarding_committed(gateway->forwarding, last_seq);
}

static void on_store_tick(void *ctx)
{
    struct gateway *gateway = ctx;

    if (gateway->forwarding)
        forwarding_store_tick(gateway->forwarding);
}

/* Good news of the store end its alarms; NULL ends each list. */
static void end_store_alarms(struct gateway *gateway, const char *code)
{
    static const char *const table[][7] = {
        {"store-back", "store-disk-full", "store-disk-failed", "store-read-only",
         "store-deleted", "store-newer", NULL},
        {"store-reserve-back", "store-disk-full", NULL},
        {"store-has-room", "store-dropping", "store-dropping-all", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i][0], code) != 0)
            continue;
        pthread_mutex_lock(&gateway->view_lock);
        for (const char *const *alarm = table[i] + 1; *alarm; alarm++)
            (void)alarms_clear(&gateway->alarms, *alarm);
        pthread_mutex_unlock(&gateway->view_lock);
    }
}

/* Grants that the store knew and we did not may bring a refused route to life. */
static void apply_grants(void *arg)
{
    struct gateway *gateway = arg;

    if (!gateway->stopping)
        forwarding_apply(gateway->forwarding, gateway->store, gateway->config);
}

/* Another database: back from RAM, or restored. What is withdrawn there holds at once. */
static void on_epoch_changed(void *ctx, const char *epoch)
{
    struct gateway *gateway = ctx;

    (void)epoch;
    if (!gateway->forwarding)
        return;
    forwarding_epoch_changed(gateway->forwarding);
    loop_calls_post(gateway->calls, apply_grants, gateway);
}

/* The store writes its own events; here they are shown. */
static void on_store_event(void *ctx, const char *code, const char *severity,
                           const char *text)
{
    struct gateway *gateway = ctx;
    bool is_alarm = strcmp(severity, "alarm") == 0;

    log_line(is_alarm ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "store", "%s", text);
    if (is_alarm)
        gateway_raise_alarm(gateway, code, text);
    else
        end_store_alarms(gateway, code);
}

static void on_forward_event(void *ctx, const char *code, const char *severity,
                             const char *text)
{
    struct gateway *gateway = ctx;

    if (strcmp(code, "route-online") == 0) /* raised on the loop */
        gateway->had_records = false;
    gateway_event(ctx, "", code, severity, text);
}

static void on_forward_clear(void *ctx, const char *code, const char *text)
{
    gateway_clear_alarm(ctx, code, text);
}

/* ---- stopping ---------------------------------------------------------------------- */

static void on_routes_stopped(void *ctx)
{
    struct gateway *gateway = ctx;

    sd_event_exit(gateway->event, gateway->exit_code);
}

static void on_hosts_stopped(void *ctx, unsigned n_killed)
{
    struct gateway *gateway = ctx;

    writes_stop(gateway->writes);
    gateway_event(gateway, "", "gateway-stopped", n_killed ? "alarm" : "info",
                  n_killed
                      ? "stopped; outputs may not be at failsafe until the next start"
                      : "stopped; outputs are at failsafe");
    forwarding_stop(gateway->forwarding);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *ctx)
{
    struct gateway *gateway = ctx;

    (void)source;
    (void)usec;
    log_warning(NULL, "stopping took longer than 4.8 s, ending what is left");
    sd_event_exit(gateway->event, gateway->exit_code);
    return 0;
}

static void stop(struct gateway *gateway, int exit_code)
{
    if (gateway->stopping)
        return;
    pthread_mutex_lock(&gateway->view_lock);
    gateway->stopping = true;
    pthread_mutex_unlock(&gateway->view_lock);
    gateway->exit_code = exit_code;
    controlling_stop(gateway->controlling);
    sd_notify(0, "STOPPING=1\nSTATUS=Setting outputs to failsafe");
    log_info(NULL, "stopping");
    sd_event_add_time_relative(gateway->event, &gateway->deadline, CLOCK_BOOTTIME,
                               STOP_DEADLINE_US, 1000, on_deadline, gateway);
    hosts_stop(gateway->hosts);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                          void *ctx)
{
    (void)source;
    (void)info;
    stop(ctx, 0);
    return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
                            void *ctx)
{
    char *text = NULL;

    (void)source;
    (void)info;
    gateway_reload(ctx, &text);
    free(text);
    return 0;
}

/* ---- the second's tick ------------------------------------------------------------- */

static int on_tick(sd_event_source *source, uint64_t usec, void *ctx)
{
    struct gateway *gateway = ctx;
    int64_t now_ns = clock_boot_ns(),
            late_ns = now_ns - gateway->turned_boot_ns - CLOCK_NS_PER_S;

    (void)usec;
    __atomic_store_n(&gateway->turned_boot_ns, now_ns, __ATOMIC_RELAXED);
    if (late_ns > LATE_TURN_NS && !gateway->stopping)
        log_warning(NULL, "the loop was late by %lld ms",
                    (long long)(late_ns / CLOCK_NS_PER_MS));
    hosts_tick(gateway->hosts);
    forwarding_tick(gateway->forwarding);
    writes_tick(gateway->writes, gateway->catalog);
    watch_tick(gateway);
    sd_event_source_set_time_relative(source, 1000000);
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

/* ---- start ------------------------------------------------------------------------- */

static int open_store(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    /* the socket's directory lives as long as the boot and is this daemon's own */
    char witness[PATH_MAX];
    struct store_options options = {.directory = config->store_directory,
                                    .gateway_id = config->gateway_id,
                                    .max_bytes = config->store_max_bytes,
                                    .commit_interval_ms = config->commit_interval_ms,
                                    .witness = witness};
    struct store_hooks hooks = {.ctx = gateway,
                                .committed = on_committed,
                                .tick = on_store_tick,
                                .epoch_changed = on_epoch_changed,
                                .event = on_store_event};
    struct gw_error error;
    int rc;

    snprintf(witness, sizeof witness, "%s.seen",
             gateway->options->socket ? gateway->options->socket : config->api_socket);
    rc = store_open(&options, &hooks, &gateway->store, &error);
    if (rc < 0)
        log_error("store", "%s", error.text);
    return rc;
}

static int make_rooms(struct gateway *gateway)
{
    const struct gateway_options *options = gateway->options;
    struct hosts_options hosts_options = {.devhost = options->loader.devhost,
                                          .plugin_dir = options->loader.plugin_dir,
                                          .view_lock = &gateway->view_lock};
    struct hosts_hooks hosts_hooks = {.ctx = gateway,
                                      .records = on_records,
                                      .gap = on_gap,
                                      .event = on_host_event,
                                      .done = on_done,
                                      .device_lost = on_device_lost,
                                      .lease_end = on_lease_end,
                                      .stopped = on_hosts_stopped};
    struct forwarding_options forwarding_options = {.route_program =
                                                        options->route_program,
                                                    .credentials = options->credentials,
                                                    .version = PACKAGE_VERSION};
    struct forwarding_hooks forwarding_hooks = {.ctx = gateway,
                                                .command = requests_command,
                                                .plan = controlling_plan,
                                                .event = on_forward_event,
                                                .clear = on_forward_clear,
                                                .stopped = on_routes_stopped};
    struct catalog *catalog = config_make_catalog(gateway->config, 1);

    if (!catalog)
        return -ENOMEM;
    gateway->catalog = catalog;
    gateway->latest = latest_new(catalog);
    gateway->hosts = hosts_new(gateway->event, &hosts_options, &hosts_hooks);
    gateway->forwarding = forwarding_new(gateway->event, gateway->calls,
                                         &forwarding_options, &forwarding_hooks);
    if (!gateway->latest || !gateway->hosts || !gateway->forwarding)
        return -ENOMEM;
    return 0;
}

static int open_api(struct gateway *gateway)
{
    struct api_options options = {
        .socket = gateway->options->socket ? gateway->options->socket
                                           : gateway->config->api_socket,
        .socket_group = "gatewayd",
        .listen = gateway->config->api_listen};
    struct api_ports ports;
    struct gw_error error;
    int rc;

    views_fill_ports(gateway, &ports);
    rc = api_open(&options, &ports, &gateway->api, &error);
    if (rc < 0 && *options.listen) {
        /* a port that somebody else has is no reason for a dark house */
        gateway_event(gateway, "", error.code, "alarm", error.text);
        options.listen = "";
        rc = api_open(&options, &ports, &gateway->api, &error);
    }
    if (rc < 0)
        log_error("api", "%s", error.text);
    return rc;
}

static int add_sources(struct gateway *gateway)
{
    int rc = sd_event_add_signal(gateway->event, NULL, SIGTERM, on_stop_signal, gateway);

    if (rc >= 0)
        rc = sd_event_add_signal(gateway->event, NULL, SIGINT, on_stop_signal, gateway);
    if (rc >= 0)
        rc = sd_event_add_signal(gateway->event, NULL, SIGHUP, on_reload_signal, gateway);
    if (rc >= 0)
        rc = sd_event_add_time_relative(gateway->event, &gateway->tick, CLOCK_BOOTTIME,
                                        1000000, 20000, on_tick, gateway);
    if (rc >= 0)
        rc = sd_event_set_watchdog(gateway->event, true);
    return rc;
}

static void write_ready_file(const struct gateway *gateway)
{
    const char *path = gateway->options->ready_file;
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && !file)
        log_warning(NULL, "cannot write %s: %s", path, error_errno_text(errno));
    if (!file)
        return;
    fprintf(file, "pid=%d\nsocket=%s\nlisten=%s\n", (int)getpid(),
            gateway->options->socket ? gateway->options->socket
                                     : gateway->config->api_socket,
            api_bound_address(gateway->api));
    fclose(file);
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static void tell_ready(struct gateway *gateway)
{
    write_ready_file(gateway);
    if (gateway->running_last_good)
        gateway_event(
            gateway, "", "config-invalid", "alarm",
            "the configuration has errors: running the last one that was good; see the "
            "log, mend it, and reload");
    else if (loader_keep(&gateway->options->loader, gateway->config) < 0)
        log_warning("config", "cannot keep a copy of this configuration in %s",
                    gateway->options->loader.last_good_dir);
    gateway_event(gateway, "", "gateway-started", "info",
                  "gatewayd " PACKAGE_VERSION " started");
    sd_notifyf(0, "READY=1\nSTATUS=%u devices on %u buses, %u routes",
               gateway->config->n_devices, gateway->config->n_buses,
               gateway->config->n_routes);
    log_info(NULL, "running: %u bus%s, %u device%s, %u point%s, %u route%s",
             gateway->config->n_buses, gateway->config->n_buses == 1 ? "" : "es",
             gateway->config->n_devices, plural(gateway->config->n_devices),
             gateway->catalog->n_points, plural(gateway->catalog->n_points),
             gateway->config->n_routes, plural(gateway->config->n_routes));
}

static int start(struct gateway *gateway)
{
    int rc = configure_first(gateway);

    if (rc == 0)
        rc = make_rooms(gateway);
    if (rc == 0)
        rc = open_store(gateway);
    if (rc < 0)
        return rc;
    gateway->writes = writes_new(gateway->hosts, gateway->store, gateway->calls);
    gateway->controlling = gateway->writes ? controlling_new(gateway) : NULL;
    if (!gateway->controlling)
        return -ENOMEM;
    configure_use(gateway, gateway->config, gateway->catalog);
    writes_recover(gateway->writes);
    controlling_start(gateway->controlling);
    rc = open_api(gateway);
    if (rc == 0)
        rc = add_sources(gateway);
    if (rc >= 0)
        tell_ready(gateway);
    malloc_trim(0); /* the configuration as text and tree was the largest there will be */
    return rc;
}

static void finish(struct gateway *gateway)
{
    controlling_stop(gateway->controlling);
    writes_stop(gateway->writes);
    api_close(gateway->api);
    controlling_join(gateway->controlling);
    store_close(gateway->store);
    gateway->store = NULL;
    writes_free(gateway->writes);
    controlling_free(gateway->controlling);
    forwarding_free(gateway->forwarding);
    hosts_free(gateway->hosts);
    loop_calls_free(gateway->calls);
    latest_free(gateway->latest);
    catalog_unref(gateway->catalog);
    config_free(gateway->config);
    sd_event_unref(gateway->event);
    pthread_mutex_destroy(&gateway->view_lock);
}

/* Recursive: what happens while the hosts are regrouped may raise an alarm. */
static void make_view_lock(struct gateway *gateway)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&gateway->view_lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static int run_loop(struct gateway *gateway)
{
    int rc = sd_event_loop(gateway->event);

    if (rc < 0) {
        log_error(NULL, "the loop is broken: %s", error_errno_text(rc));
        hosts_abandon(gateway->hosts);
    }
    return rc;
}

int gateway_run(const struct gateway_options *options)
{
    struct gateway gateway = {.options = options, .start_boot_ns = clock_boot_ns()};
    sigset_t mask;
    int rc, status;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &mask, NULL); /* before the first thread */
    signal(SIGPIPE, SIG_IGN);
    gateway.turned_boot_ns = gateway.start_boot_ns;
    make_view_lock(&gateway);
    rc = sd_event_default(&gateway.event);
    if (rc >= 0) {
        gateway.calls = loop_calls_new(gateway.event);
        rc = gateway.calls ? start(&gateway) : -ENOMEM;
    }
    if (rc >= 0)
        rc = run_loop(&gateway);
    else if (gateway.store)
        log_error(NULL, "cannot start: %s", error_errno_text(rc));
    status = rc >= 0 ? rc : gateway.store ? EXIT_AGAIN : EXIT_MEND;
    finish(&gateway);
    return status;
}
