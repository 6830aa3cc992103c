/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of host processes: grouping buses into hosts, restarting only what a reload
 * changed, quarantine, and the way of writes. On the core's loop.
 */
#include "gatewayd/device/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "gatewayd/device/host.h"
#include "gatewayd/device/pace.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/host/host.h"
#include "lib/host/host_msg.h"

#define KEY_MAX 80
#define STOP_TERM_MS 3200u
#define STOP_KILL_MS 3700u
#define QUARANTINE_MAX 64

struct hosts {
    sd_event *event;
    struct hosts_hooks hooks;
    char *devhost, *plugin_dir;
    struct hosts_options options;
    const struct config *config;
    struct catalog *catalog;
    struct pace_table paces;
    struct host **hosts;
    unsigned n, capacity;
    struct host **dying; /* stopped by a reload, not gone yet */
    unsigned n_dying, dying_capacity;
    /* buses with a host of their own, by misbehaviour */
    char *quarantined[QUARANTINE_MAX];
    unsigned n_quarantined;
    bool stopping, has_stopped;
    unsigned n_killed; /* while stopping */
    sd_event_source *regroup;
};

struct hosts *hosts_new(sd_event *event, const struct hosts_options *options,
                        const struct hosts_hooks *hooks)
{
    struct hosts *hosts = calloc(1, sizeof *hosts);

    if (!hosts)
        return NULL;
    hosts->event = sd_event_ref(event);
    hosts->hooks = *hooks;
    hosts->devhost = strdup(options->devhost);
    hosts->plugin_dir = strdup(options->plugin_dir);
    hosts->options = (struct hosts_options){hosts->devhost, hosts->plugin_dir,
                                            options->view_lock};
    return hosts;
}

void hosts_abandon(struct hosts *hosts)
{
    for (unsigned i = 0; i < hosts->n; i++)
        child_abandon(hosts->hosts[i]->child);
    for (unsigned i = 0; i < hosts->n_dying; i++)
        child_abandon(hosts->dying[i]->child);
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    sd_event_source_disable_unref(hosts->regroup);
    for (unsigned i = 0; i < hosts->n; i++)
        host_free(hosts->hosts[i]);
    for (unsigned i = 0; i < hosts->n_dying; i++)
        host_free(hosts->dying[i]);
    for (unsigned i = 0; i < hosts->n_quarantined; i++)
        free(hosts->quarantined[i]);
    pace_table_clear(&hosts->paces);
    free(hosts->hosts);
    free(hosts->dying);
    free(hosts->devhost);
    free(hosts->plugin_dir);
    catalog_unref(hosts->catalog);
    sd_event_unref(hosts->event);
    free(hosts);
}

const struct hosts_hooks *hosts_hooks_of(const struct hosts *hosts)
{
    return &hosts->hooks;
}

const struct hosts_options *hosts_options_of(const struct hosts *hosts)
{
    return &hosts->options;
}

struct catalog *hosts_catalog_of(const struct hosts *hosts)
{
    return hosts->catalog;
}

uint32_t hosts_pace_of(const struct hosts *hosts, uint32_t device)
{
    return pace_table_get(&hosts->paces, device);
}

sd_event *hosts_event_of(const struct hosts *hosts)
{
    return hosts->event;
}

unsigned hosts_count(const struct hosts *hosts)
{
    return hosts->n;
}

const struct host *hosts_get(const struct hosts *hosts, unsigned i)
{
    return hosts->hosts[i];
}

static int push(struct host ***array, unsigned *n, unsigned *capacity, struct host *host)
{
    if (*n == *capacity) {
        unsigned wanted = *capacity ? *capacity * 2 : 8;
        struct host **bigger = realloc(*array, wanted * sizeof(struct host *));

        if (!bigger)
            return -ENOMEM;
        *array = bigger;
        *capacity = wanted;
    }
    (*array)[(*n)++] = host;
    return 0;
}

/* ---- grouping ---------------------------------------------------------------------- */

static bool is_quarantined(const struct hosts *hosts, const char *bus)
{
    for (unsigned i = 0; i < hosts->n_quarantined; i++)
        if (strcmp(hosts->quarantined[i], bus) == 0)
            return true;
    return false;
}

/* Which host a bus belongs to: one per plugin, a named one, or one of its own. */
static void key_of(const struct hosts *hosts, const struct config_bus *bus,
                   char key[KEY_MAX])
{
    if (strcmp(bus->process, "inline") == 0)
        snprintf(key, KEY_MAX, "inline:%s", bus->name);
    else if (is_quarantined(hosts, bus->name))
        snprintf(key, KEY_MAX, "bus:%s", bus->name);
    else if (*bus->process)
        snprintf(key, KEY_MAX, "%s:%s", bus->plugin, bus->process);
    else
        snprintf(key, KEY_MAX, "%s", bus->plugin);
}

static uint32_t buses_of_key(const struct hosts *hosts, const struct config *config,
                             const char *key, uint32_t *ret_indexes)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < config->n_buses; i++) {
        char bus_key[KEY_MAX];

        key_of(hosts, &config->buses[i], bus_key);
        if (strcmp(bus_key, key) == 0)
            ret_indexes[n++] = i;
    }
    return n;
}

/* The host already runs exactly these buses, unchanged. */
static bool is_same(const struct hosts *hosts, const struct host *host,
                    const struct config *config, const uint32_t *indexes, uint32_t n)
{
    if (n != host->n_buses || !hosts->config)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct host_bus_state *bus = &host->buses[i];
        uint32_t old = 0;

        while (old < hosts->config->n_buses &&
               strcmp(hosts->config->buses[old].name, bus->name) != 0)
            old++;
        if (old == hosts->config->n_buses ||
            !config_bus_equal(hosts->config, old, config, indexes[i]))
            return false;
    }
    return true;
}

static bool has_same_points(const struct catalog_device *a,
                            const struct catalog_device *b)
{
    if (a->n_points != b->n_points)
        return false;
    for (uint32_t i = 0; i < a->n_points; i++)
        if (strcmp(a->points[i].name, b->points[i].name) != 0 ||
            strcmp(a->points[i].unit, b->points[i].unit) != 0)
            return false;
    return true;
}

/* A host that a reload ends still brings its last records, by the old numbers of
 * points. */
static uint32_t new_index(const struct hosts *hosts, const struct host_unit *unit,
                          const struct catalog *catalog)
{
    int index = unit->index == UINT32_MAX ? -1 : catalog_find_device(catalog, unit->name);

    return index >= 0 && has_same_points(&hosts->catalog->devices[unit->index],
                                         &catalog->devices[index])
               ? (uint32_t)index
               : UINT32_MAX;
}

/* From the numbers of hosts->catalog to those of this one. */
static void renumber(const struct hosts *hosts, struct host *host,
                     const struct catalog *catalog)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++)
            host->buses[i].units[j].index =
                new_index(hosts, &host->buses[i].units[j], catalog);
}

static void renumber_all(struct hosts *hosts, const struct catalog *catalog)
{
    for (unsigned i = 0; hosts->catalog && i < hosts->n; i++)
        renumber(hosts, hosts->hosts[i], catalog);
    for (unsigned i = 0; hosts->catalog && i < hosts->n_dying; i++)
        renumber(hosts, hosts->dying[i], catalog);
}

static struct host *take_by_key(struct hosts *hosts, const char *key)
{
    for (unsigned i = 0; i < hosts->n; i++) {
        struct host *host = hosts->hosts[i];

        if (host && strcmp(host->key, key) == 0) {
            hosts->hosts[i] = NULL;
            return host;
        }
    }
    return NULL;
}

static void stop_host(struct host *host)
{
    static const uint8_t to_failsafe = 1;

    host->stopping = true;
    child_stop(host->child, HOST_MSG_STOP, &to_failsafe, 1, STOP_TERM_MS, STOP_KILL_MS);
}

/* It writes its outputs to failsafe, but may be too slow or stuck: the host that comes
 * instead of it does it again. */
static void tell_lost(const struct hosts *hosts, const struct host *host)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++)
            if (host->buses[i].units[j].index != UINT32_MAX)
                hosts->hooks.device_lost(hosts->hooks.ctx, host->buses[i].units[j].index);
}

/* Keeps the old host of this key or makes a new one. */
static struct host *keep_or_make(struct hosts *hosts, const struct config *config,
                                 const char *key, uint32_t *indexes)
{
    uint32_t n = buses_of_key(hosts, config, key, indexes);
    struct host *host = take_by_key(hosts, key);

    if (host && is_same(hosts, host, config, indexes, n))
        return host;
    if (host && push(&hosts->dying, &hosts->n_dying, &hosts->dying_capacity, host) < 0)
        host_free(host);
    return host_new(hosts, key, config, indexes, n);
}

static bool has_key(struct host *const *list, unsigned n, const char *key)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(list[i]->key, key) == 0)
            return true;
    return false;
}

static bool shares_bus(const struct host *a, const struct host *b)
{
    for (uint32_t i = 0; i < a->n_buses; i++)
        for (uint32_t j = 0; j < b->n_buses; j++)
            if (strcmp(a->buses[i].name, b->buses[j].name) == 0)
                return true;
    return false;
}

/* Two masters on one bus would undo each other: a host waits for the one that still
 * writes its failsafes there. */
static void start_when_free(struct hosts *hosts, struct host *host)
{
    host->waits = false;
    for (unsigned i = 0; i < hosts->n_dying; i++)
        host->waits |= shares_bus(host, hosts->dying[i]);
    if (!host->waits)
        host_start(host);
}

static int regroup(struct hosts *hosts, const struct config *config,
                   struct catalog *catalog)
{
    uint32_t *indexes = calloc(config->n_buses + 1, sizeof *indexes);
    struct host **kept = NULL;
    unsigned n_kept = 0, capacity = 0, n_dying = hosts->n_dying;
    int rc = indexes ? 0 : -ENOMEM;

    renumber_all(hosts, catalog);
    if (catalog != hosts->catalog)
        pace_table_clear(&hosts->paces);
    catalog_ref(catalog);
    catalog_unref(hosts->catalog);
    hosts->catalog = catalog;
    for (uint32_t i = 0; i < config->n_buses && rc == 0; i++) {
        char key[KEY_MAX];
        struct host *host;

        key_of(hosts, &config->buses[i], key);
        if (has_key(kept, n_kept, key))
            continue;
        host = keep_or_make(hosts, config, key, indexes);
        rc = host ? push(&kept, &n_kept, &capacity, host) : -ENOMEM;
    }
    for (unsigned i = 0; i < hosts->n; i++)
        if (hosts->hosts[i])
            push(&hosts->dying, &hosts->n_dying, &hosts->dying_capacity, hosts->hosts[i]);
    free(hosts->hosts);
    free(indexes);
    hosts->hosts = kept;
    hosts->n = n_kept;
    hosts->capacity = capacity;
    hosts->config = config;
    for (unsigned i = hosts->n_dying; i > n_dying; i--) {
        tell_lost(hosts, hosts->dying[i - 1]);
        stop_host(hosts->dying[i - 1]);
    }
    for (unsigned i = 0; i < n_kept; i++)
        if (!child_is_running(kept[i]->child))
            start_when_free(hosts, kept[i]);
    return rc;
}

int hosts_apply(struct hosts *hosts, const struct config *config, struct catalog *catalog)
{
    return regroup(hosts, config, catalog);
}

/* ---- deaths ------------------------------------------------------------------------ */

static int on_regroup(sd_event_source *source, void *ctx)
{
    struct hosts *hosts = ctx;

    sd_event_source_disable_unref(source);
    hosts->regroup = NULL;
    pthread_mutex_lock(hosts->options.view_lock);
    if (!hosts->stopping)
        regroup(hosts, hosts->config, hosts->catalog);
    pthread_mutex_unlock(hosts->options.view_lock);
    return 0;
}

void hosts_on_down(struct hosts *hosts, struct host *host)
{
    for (uint32_t i = 0; i < host->n_buses; i++) {
        struct host_bus_state *bus = &host->buses[i];
        char text[200];

        if (bus->blamed_boot_ns != -1)
            continue;
        bus->blamed_boot_ns = clock_boot_ns();
        if (hosts->n_quarantined == QUARANTINE_MAX || is_quarantined(hosts, bus->name))
            continue;
        hosts->quarantined[hosts->n_quarantined++] = strdup(bus->name);
        snprintf(text, sizeof text,
                 "bus '%s' ended its host twice in 10 min and gets a host of "
                 "its own",
                 bus->name);
        hosts->hooks.event(hosts->hooks.ctx, "", "bus-quarantined", "warning", text);
        /* not from inside the dying host's own callback */
        if (!hosts->regroup)
            sd_event_add_defer(hosts->event, &hosts->regroup, on_regroup, hosts);
    }
}

static int on_reap(sd_event_source *source, void *ctx)
{
    sd_event_source_disable_unref(source);
    host_free(ctx);
    return 0;
}

/* An alarm at the end of the daemon; in a reload the next host of its buses takes
 * over. */
static void tell_killed(struct hosts *hosts, const struct host *host)
{
    int status = child_stop_status(host->child);
    char line[300];

    if (status == 0)
        return;
    hosts->n_killed += hosts->stopping;
    snprintf(line, sizeof line,
             WIFEXITED(status) && WEXITSTATUS(status) == HOST_EXIT_UNSAFE
                 ? "host '%s' could not bring all its outputs to failsafe"
                 : "host '%s' did not end by itself: its outputs may not be at failsafe",
             host->key);
    hosts->hooks.event(hosts->hooks.ctx, "", "host-killed",
                       hosts->stopping ? "alarm" : "warning", line);
}

void hosts_on_stopped(struct hosts *hosts, struct host *host)
{
    bool all_gone = true;

    tell_killed(hosts, host);
    for (unsigned i = 0; i < hosts->n_dying; i++)
        if (hosts->dying[i] == host) {
            sd_event_source *source;

            hosts->dying[i] = hosts->dying[--hosts->n_dying];
            /* its own callback is on the stack: free it from the loop */
            if (sd_event_add_defer(hosts->event, &source, on_reap, host) < 0)
                log_warning(host->key, "leaking a stopped host: no memory");
            break;
        }
    for (unsigned i = 0; !hosts->stopping && i < hosts->n; i++)
        if (hosts->hosts[i]->waits)
            start_when_free(hosts, hosts->hosts[i]);
    if (!hosts->stopping || hosts->has_stopped)
        return;
    for (unsigned i = 0; i < hosts->n; i++)
        all_gone &= !child_is_running(hosts->hosts[i]->child) &&
                    child_pid(hosts->hosts[i]->child) == 0;
    if (all_gone && hosts->n_dying == 0) {
        hosts->has_stopped = true;
        hosts->hooks.stopped(hosts->hooks.ctx, hosts->n_killed);
    }
}

void hosts_stop(struct hosts *hosts)
{
    unsigned n = hosts->n;

    hosts->stopping = true;
    if (n == 0 && hosts->n_dying == 0) {
        hosts->has_stopped = true;
        hosts->hooks.stopped(hosts->hooks.ctx, hosts->n_killed);
        return;
    }
    /* all of them: one in its back-off would come back */
    for (unsigned i = 0; i < n; i++)
        stop_host(hosts->hosts[i]);
}

void hosts_tick(struct hosts *hosts)
{
    for (unsigned i = 0; i < hosts->n; i++) {
        child_tick(hosts->hosts[i]->child);
        host_tell_flood(hosts->hosts[i]);
    }
}

/* ---- writes ------------------------------------------------------------------------ */

static struct host *host_of(struct hosts *hosts, uint32_t device,
                            struct host_unit **ret_unit)
{
    for (unsigned i = 0; i < hosts->n; i++) {
        struct host_unit *unit = host_find_unit(hosts->hosts[i], device);

        if (unit) {
            *ret_unit = unit;
            return hosts->hosts[i];
        }
    }
    return NULL;
}

static int send_request(struct hosts *hosts, uint16_t type, uint64_t id, uint32_t device,
                        struct strbuf *rest)
{
    struct host_unit *unit;
    struct host *host = host_of(hosts, device, &unit);
    struct strbuf buf;
    int rc = -ENOMEM;

    if (!host || host->stopping) { /* after the failsafes nothing is written any more */
        strbuf_done(rest);
        return host ? -ENOTCONN : -ENODEV;
    }
    strbuf_init(&buf);
    wire_put_u64(&buf, id);
    wire_put_u32(&buf, unit->wire);
    strbuf_add(&buf, rest->data, rest->len);
    if (!buf.failed && !rest->failed)
        rc = child_send(host->child, type, buf.data, buf.len, -1);
    strbuf_done(&buf);
    strbuf_done(rest);
    return rc;
}

int hosts_write(struct hosts *hosts, uint64_t id, uint32_t device, uint32_t point,
                const struct gw_value *value, uint32_t lease_ms, uint32_t valid_ms)
{
    struct strbuf rest;

    strbuf_init(&rest);
    wire_put_u32(&rest, point);
    wire_put_value(&rest, value);
    wire_put_u32(&rest, lease_ms);
    wire_put_u32(&rest, valid_ms);
    return send_request(hosts, HOST_MSG_WRITE, id, device, &rest);
}

int hosts_release(struct hosts *hosts, uint64_t id, uint32_t device, uint32_t point)
{
    struct strbuf rest;

    strbuf_init(&rest);
    wire_put_u32(&rest, point);
    return send_request(hosts, HOST_MSG_RELEASE, id, device, &rest);
}

int hosts_read(struct hosts *hosts, uint64_t id, uint32_t device)
{
    struct strbuf rest;

    strbuf_init(&rest);
    return send_request(hosts, HOST_MSG_READ, id, device, &rest);
}

void hosts_set_pace(struct hosts *hosts, uint32_t device, uint32_t factor)
{
    struct host_unit *unit;
    struct host *host = host_of(hosts, device, &unit);
    bool is_kept;

    if (!host)
        return;
    pthread_mutex_lock(hosts->options.view_lock);
    is_kept = pace_table_set(&hosts->paces, device, factor) == 0;
    pthread_mutex_unlock(hosts->options.view_lock);
    /* a slower pace that no later host would be told is not begun */
    if (is_kept || factor == 1)
        host_send_pace(host, unit, factor);
}
