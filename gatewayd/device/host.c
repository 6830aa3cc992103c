/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host process: building what it is told, its start, its death and whom to blame for
 * it. Messages from it: host_messages.c. On the core's loop.
 */
#include "gatewayd/device/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/host/host.h"
#include "lib/host/host_msg.h"
#include "lib/hostview/host_view.h"

#define SILENCE_LIMIT_S 10
#define RATE_MIN_PER_S 2000.0 /* readings/s any host may bring: bursts of edges */
#define RATE_FACTOR 10.0      /* above what its intervals ask for */

/* ---- the configuration of the host ------------------------------------------------- */

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int make_config_fd(struct host *host, const struct config *config,
                          const uint32_t *bus_indexes)
{
    struct host_config view;
    struct strbuf buf;
    int rc = host_view_make(config, bus_indexes, host->n_buses,
                            hosts_options_of(host->set)->plugin_dir, &view);

    if (rc < 0)
        return rc;
    strbuf_init(&buf);
    host_config_encode(&view, &buf);
    host_view_done(&view);
    host->config_fd = memfd_create("gatewayd-host", MFD_CLOEXEC);
    if (buf.failed)
        rc = -ENOMEM;
    else
        rc = host->config_fd < 0 ? -errno : write_all(host->config_fd, buf.data, buf.len);
    strbuf_done(&buf);
    return rc;
}

static int make_units(struct host_bus_state *bus, const struct config *config,
                      uint32_t index)
{
    bus->units = calloc(config->n_devices + 1, sizeof *bus->units);
    if (!bus->units)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];

        if (device->bus != index)
            continue;
        bus->units[bus->n_units++] = (struct host_unit){.index = i,
                                                        .wire = i,
                                                        .name = strdup(device->name),
                                                        .n_points = device->n_points};
    }
    return 0;
}

static void make_rate(struct host *host, const struct config *config)
{
    for (uint32_t i = 0; i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];

        for (uint32_t j = 0; host->by_wire[i] && j < device->n_points; j++)
            if (device->points[j].interval_ms > 0)
                host->rate_per_s += RATE_FACTOR * 1000 / device->points[j].interval_ms;
    }
    if (host->rate_per_s < RATE_MIN_PER_S)
        host->rate_per_s = RATE_MIN_PER_S;
}

static int make_buses(struct host *host, const struct config *config,
                      const uint32_t *indexes)
{
    host->buses = calloc(host->n_buses + 1, sizeof *host->buses);
    if (!host->buses)
        return -ENOMEM;
    for (uint32_t i = 0; i < host->n_buses; i++) {
        const struct config_bus *from = &config->buses[indexes[i]];
        struct host_bus_state *bus = &host->buses[i];

        bus->name = strdup(from->name);
        bus->index = indexes[i];
        bus->ok = true;
        for (uint32_t j = 0; j < from->options.n; j++) {
            const struct option *o = &from->options.options[j];

            option_set_put(&bus->options, o->key, o->text, o->integer, o->number,
                           o->truth);
        }
        if (make_units(bus, config, indexes[i]) < 0)
            return -ENOMEM;
    }
    host->n_wire = config->n_devices;
    host->by_wire = calloc(config->n_devices + 1, sizeof(struct host_unit *));
    for (uint32_t i = 0; host->by_wire && i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++) {
            host->buses[i].units[j].bus = i;
            host->by_wire[host->buses[i].units[j].wire] = &host->buses[i].units[j];
        }
    if (!host->by_wire)
        return -ENOMEM;
    make_rate(host, config);
    return 0;
}

static int make_blame(struct host *host)
{
    host->blame_fd = memfd_create("gatewayd-blame", MFD_CLOEXEC);
    if (host->blame_fd < 0 || ftruncate(host->blame_fd, sizeof(struct host_blame)) < 0)
        return -errno;
    host->blame = mmap(NULL, sizeof(struct host_blame), PROT_READ | PROT_WRITE,
                       MAP_SHARED, host->blame_fd, 0);
    if (host->blame == MAP_FAILED) {
        host->blame = NULL;
        return -errno;
    }
    return 0;
}

/* ---- the pace of its devices ------------------------------------------------------- */

void host_send_pace(struct host *host, const struct host_unit *unit, uint32_t factor)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, unit->wire);
    wire_put_u32(&buf, factor);
    if (!buf.failed)
        child_send(host->child, HOST_MSG_PACE, buf.data, buf.len, -1);
    strbuf_done(&buf);
}

static void send_paces(struct host *host)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++) {
            const struct host_unit *unit = &host->buses[i].units[j];
            uint32_t factor = hosts_pace_of(host->set, unit->index);

            if (factor > 1)
                host_send_pace(host, unit, factor);
        }
}

/* ---- life and death ---------------------------------------------------------------- */

static void on_up(void *ctx)
{
    struct host *host = ctx;

    /* an empty page: what a dead one left must not be blamed again */
    if (host->blame)
        memset(host->blame, 0, sizeof(struct host_blame));
    host->ready = false;
    child_send(host->child, HOST_MSG_CONFIG, NULL, 0, host->config_fd);
    send_paces(host);
}

static void describe_status(int status, char *ret_text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(ret_text, size, "killed by signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == HOST_EXIT_UNSAFE)
        snprintf(ret_text, size, "outputs of it are not at failsafe");
    else
        snprintf(ret_text, size, "exit status %d", WEXITSTATUS(status));
}

/* A crash notes the very thread (in_call 2); else every bus inside a call is suspect. */
static const char *find_blamed(struct host *host, unsigned *ret_position)
{
    const struct host_blame *blame = host->blame;
    unsigned best = 0;
    const char *name = NULL;

    for (unsigned slot = 0; blame && slot < HOST_BLAME_SLOTS; slot++) {
        unsigned bus = blame->slots[slot].bus, in_call = blame->slots[slot].in_call;

        for (uint32_t i = 0; in_call > best && i < host->n_buses; i++) {
            if (host->buses[i].index + 1 != bus)
                continue;
            best = in_call;
            name = host->buses[i].name;
            *ret_position = i;
        }
    }
    return name;
}

static void on_down(void *ctx, int status, bool again, unsigned restart_ms)
{
    struct host *host = ctx;
    const struct hosts_hooks *hooks = hosts_hooks_of(host->set);
    unsigned position = 0;
    const char *blamed = find_blamed(host, &position);
    char how[80], text[300];

    (void)again;
    describe_status(status, how, sizeof how);
    snprintf(text, sizeof text,
             "host %s ended (%s)%s%s%s; its points are stale, restart in %u ms",
             host->key, how, blamed ? ", bus '" : "", blamed ? blamed : "",
             blamed ? "' was inside its plugin" : "", restart_ms);
    hooks->event(hooks->ctx, "", "host-down", "warning", text);
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++)
            hooks->device_lost(hooks->ctx, host->buses[i].units[j].index);
    host->ready = false;
    if (blamed) {
        int64_t now_ns = clock_boot_ns(),
                before_ns = host->buses[position].blamed_boot_ns;

        host->buses[position].blamed_boot_ns = now_ns;
        if (host->n_buses > 1 && before_ns > 0 &&
            now_ns - before_ns < 600 * CLOCK_NS_PER_S)
            host->buses[position].blamed_boot_ns = -1; /* quarantine: hosts.c */
    }
    hosts_on_down(host->set, host);
}

static void on_stopped(void *ctx)
{
    struct host *host = ctx;

    hosts_on_stopped(host->set, host);
}

/* `process: inline`, a debugging aid: the same host on a thread of the core. */
static int run_inline(int fd)
{
    struct host_setup setup = {
        .channel_fd = fd, .blame_fd = -1, .stop_fd = -1, .is_inline = true};

    return host_run(&setup);
}

static int make_child(struct host *host)
{
    const struct hosts_options *options = hosts_options_of(host->set);
    const char *argv[] = {options->devhost, NULL};
    char subject[96];
    struct child_options child_options = {.subject = subject,
                                          .argv = argv,
                                          .thread_main =
                                              host->is_inline ? run_inline : NULL,
                                          .extra_fd = host->blame_fd,
                                          .heartbeat_type = HOST_MSG_HEARTBEAT,
                                          .silence_limit_s = SILENCE_LIMIT_S};
    struct child_hooks hooks = {.ctx = host,
                                .up = on_up,
                                .message = host_on_message,
                                .down = on_down,
                                .stopped = on_stopped};

    snprintf(subject, sizeof subject, "host %s", host->key);
    host->child = child_new(hosts_event_of(host->set), &child_options, &hooks);
    return host->child ? 0 : -ENOMEM;
}

struct host *host_new(struct hosts *set, const char *key, const struct config *config,
                      const uint32_t *bus_indexes, uint32_t n_buses)
{
    struct host *host = calloc(1, sizeof *host);
    int rc;

    if (!host)
        return NULL;
    host->set = set;
    host->key = strdup(key);
    host->plugin = strdup(config->buses[bus_indexes[0]].plugin);
    host->n_buses = n_buses;
    host->is_inline = strncmp(key, "inline:", 7) == 0;
    host->config_fd = host->blame_fd = -1;
    rc = make_buses(host, config, bus_indexes);
    if (rc == 0)
        rc = make_config_fd(host, config, bus_indexes);
    if (rc == 0)
        rc = make_blame(host);
    if (rc == 0)
        rc = make_child(host);
    if (rc < 0) {
        log_error(key, "cannot prepare the host: %s", error_errno_text(rc));
        host_free(host);
        return NULL;
    }
    return host;
}

static void free_unit(struct host_unit *unit)
{
    for (uint32_t i = 0; i < unit->n_plan; i++)
        free(unit->plan[i].text);
    free(unit->plan);
    free(unit->name);
    free(unit->last_error);
}

void host_free(struct host *host)
{
    if (!host)
        return;
    child_free(host->child);
    for (uint32_t i = 0; host->buses && i < host->n_buses; i++) {
        struct host_bus_state *bus = &host->buses[i];

        for (uint32_t j = 0; j < bus->n_units; j++)
            free_unit(&bus->units[j]);
        free(bus->units);
        free(bus->name);
        free(bus->error);
        option_set_done(&bus->options);
    }
    free(host->buses);
    free(host->by_wire);
    if (host->blame)
        munmap(host->blame, sizeof(struct host_blame));
    if (host->blame_fd >= 0)
        close(host->blame_fd);
    if (host->config_fd >= 0)
        close(host->config_fd);
    free(host->key);
    free(host->plugin);
    free(host);
}

void host_start(struct host *host)
{
    child_start(host->child);
}

struct host_unit *host_find_unit(struct host *host, uint32_t device)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->buses[i].n_units; j++)
            if (host->buses[i].units[j].index == device)
                return &host->buses[i].units[j];
    return NULL;
}
