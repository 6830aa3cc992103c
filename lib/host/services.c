/* SPDX-License-Identifier: Apache-2.0 */
/* The table of services; see services.h. */
#include "lib/host/services.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/host/config_view.h"
#include "lib/host/host_msg.h"
#include "lib/host/plan.h"
#include "lib/host/sink.h"

#define MAX_RESOURCES 4
#define ASK_AGAIN_NS CLOCK_NS_PER_S
#define FIRST_WAIT_NS (200 * CLOCK_NS_PER_MS)
#define LOG_LINES_PER_10_S 20

struct resource {
    char key[64];
    int fd, err; /* fd -1: why, 0 while the core was not heard */
    int64_t asked_boot_ns;
    bool is_asked, was_answered;
};

struct services {
    struct gw_services table;
    struct services_setup setup;
    pthread_mutex_t lock; /* of the resources */
    pthread_cond_t answered;
    struct resource resources[MAX_RESOURCES];
    unsigned n_resources;
    bool was_waiting;
    char address[INET6_ADDRSTRLEN];
    int64_t log_window_boot_ns;
    unsigned n_log_lines;
};

/* ---- log and time ------------------------------------------------------------------ */

static void service_log(void *ctx, int level, const char *text)
{
    struct services *services = ctx;
    int64_t now_ns = clock_boot_ns();
    char subject[80];
    unsigned n;

    snprintf(subject, sizeof subject, "bus %s", services->setup.bus->name);
    if (!services->setup.resolver) {
        log_line((enum log_level)level, subject, "%s", text);
        return;
    }
    pthread_mutex_lock(&services->lock); /* plugins may log from threads of their own */
    if (now_ns - services->log_window_boot_ns > 10 * CLOCK_NS_PER_S) {
        services->log_window_boot_ns = now_ns;
        services->n_log_lines = 0;
    }
    n = ++services->n_log_lines;
    pthread_mutex_unlock(&services->lock);
    if (n <= LOG_LINES_PER_10_S)
        outbox_log(services->setup.outbox, level, subject, "%s", text);
    if (n == LOG_LINES_PER_10_S)
        outbox_log(services->setup.outbox, LOG_LEVEL_WARNING, subject,
                   "too many log lines, the rest of these 10 s is left out");
}

static int64_t service_boot_ns(void *ctx)
{
    (void)ctx;
    return clock_boot_ns();
}

static void service_progress(void *ctx)
{
    struct services *services = ctx;

    if (services->setup.progress_boot_ns)
        atomic_store(services->setup.progress_boot_ns, clock_boot_ns());
}

/* ---- descriptors ------------------------------------------------------------------- */

static void send_key(struct services *services, uint16_t type, const char *key)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, services->setup.bus->index);
    wire_put_string(&buf, key);
    if (!buf.failed)
        outbox_send(services->setup.outbox, type, buf.data, buf.len);
    strbuf_done(&buf);
}

static struct resource *find_resource(struct services *services, const char *key)
{
    struct resource *resource;

    for (unsigned i = 0; i < services->n_resources; i++)
        if (strcmp(services->resources[i].key, key) == 0)
            return &services->resources[i];
    if (services->n_resources == MAX_RESOURCES || strlen(key) >= sizeof resource->key)
        return NULL;
    resource = &services->resources[services->n_resources++];
    *resource = (struct resource){.fd = -1};
    snprintf(resource->key, sizeof resource->key, "%s", key);
    return resource;
}

/* With the lock held. */
static void ask_core(struct services *services, struct resource *resource)
{
    int64_t now_ns = clock_boot_ns();

    if (resource->is_asked && now_ns - resource->asked_boot_ns < ASK_AGAIN_NS)
        return;
    resource->is_asked = true;
    resource->asked_boot_ns = now_ns;
    send_key(services, HOST_MSG_WANT_FD, resource->key);
}

/* The very first answer is worth waiting for: it takes the core well under a millisecond,
 * the next attempt would come only after the back-off of the link. */
static void wait_first_answer(struct services *services, struct resource *resource)
{
    struct timespec until = clock_monotonic_after(FIRST_WAIT_NS);

    while (!resource->was_answered)
        if (pthread_cond_clockwait(&services->answered, &services->lock, CLOCK_MONOTONIC,
                                   &until) != 0)
            break;
}

static void open_in_place(struct services *services, struct resource *resource)
{
    struct gw_config config = {&services->setup.bus->options, services->setup.options,
                               GW_SCOPE_BUS};
    const char *path = config_view_string(&config, resource->key);

    resource->fd = open(path ? path : "", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    resource->err = resource->fd < 0 ? errno : 0;
    if (resource->fd >= 0 && flock(resource->fd, LOCK_EX | LOCK_NB) < 0) {
        close(resource->fd);
        resource->fd = -1;
        resource->err = EBUSY;
    }
}

static int service_get_fd(void *ctx, const char *key)
{
    struct services *services = ctx;
    struct resource *resource;
    int fd = -1, err = ENOENT;

    pthread_mutex_lock(&services->lock);
    resource = find_resource(services, key);
    if (resource && resource->fd < 0) {
        if (services->setup.resolver)
            ask_core(services, resource);
        else
            open_in_place(services, resource);
        if (services->setup.resolver && !resource->was_answered)
            wait_first_answer(services, resource);
    }
    if (resource) {
        fd = resource->fd;
        err = resource->err ? resource->err : EAGAIN;
        if (fd < 0 && !resource->was_answered)
            services->was_waiting = true;
    }
    pthread_mutex_unlock(&services->lock);
    if (fd < 0)
        errno = err;
    return fd;
}

static void service_drop_fd(void *ctx, const char *key)
{
    struct services *services = ctx;
    struct resource *resource;
    bool had_one;

    pthread_mutex_lock(&services->lock);
    resource = find_resource(services, key);
    had_one = resource && resource->fd >= 0;
    if (had_one) {
        close(resource->fd);
        resource->fd = -1;
        resource->err = 0;
        resource->is_asked = false;
    }
    pthread_mutex_unlock(&services->lock);
    if (had_one && services->setup.resolver)
        send_key(services, HOST_MSG_DROP_FD, key);
}

void services_give_fd(struct services *services, const char *key, int fd, int err)
{
    struct resource *resource;

    pthread_mutex_lock(&services->lock);
    resource = find_resource(services, key);
    if (resource && resource->fd < 0) {
        resource->fd = fd;
        resource->err = fd < 0 ? err : 0;
        resource->was_answered = true;
        fd = -1;
        pthread_cond_signal(&services->answered);
    }
    pthread_mutex_unlock(&services->lock);
    /* the plugin still uses the one it has: a second one is refused, never swapped in */
    if (fd >= 0)
        close(fd);
}

void services_prefetch(struct services *services)
{
    const struct gw_option *row = services->setup.options;
    struct resource *resource;

    for (; services->setup.resolver && row && row->key; row++) {
        if (row->scope != GW_SCOPE_BUS || !(row->flags & GW_OPTION_RESOURCE) ||
            !option_set_find(&services->setup.bus->options, row->key))
            continue;
        pthread_mutex_lock(&services->lock);
        resource = find_resource(services, row->key);
        if (resource)
            ask_core(services, resource);
        pthread_mutex_unlock(&services->lock);
    }
}

bool services_was_waiting(struct services *services)
{
    bool was_waiting = services->was_waiting;

    services->was_waiting = false;
    return was_waiting;
}

/* ---- addresses --------------------------------------------------------------------- */

static const char *service_resolve(void *ctx, const char *host_name)
{
    struct services *services = ctx;

    if (!services->setup.resolver)
        return resolver_lookup(host_name, services->address) ? services->address : NULL;
    if (resolver_get(services->setup.resolver, host_name, services->address))
        return services->address;
    services->was_waiting = true;
    return NULL;
}

/* ---- life -------------------------------------------------------------------------- */

struct services *services_new(const struct services_setup *setup)
{
    struct services *services = calloc(1, sizeof *services);

    if (!services)
        return NULL;
    services->setup = *setup;
    pthread_mutex_init(&services->lock, NULL);
    pthread_cond_init(&services->answered, NULL);
    services->table = (struct gw_services){
        .struct_size = sizeof services->table,
        .abi = GW_PLUGIN_ABI,
        .ctx = services,
        .log = service_log,
        .get_boot_ns = service_boot_ns,
        .get_string = config_view_string,
        .get_int = config_view_int,
        .get_float = config_view_float,
        .get_bool = config_view_bool,
        .get_fd = service_get_fd,
        .drop_fd = service_drop_fd,
        .plan_add = plan_add,
        .emit = sink_emit,
        .fail = sink_fail,
        .plan_changed = sink_plan_changed,
        .set_device = sink_set_device,
        .resolve = service_resolve,
        .progress = service_progress,
    };
    return services;
}

void services_free(struct services *services)
{
    if (!services)
        return;
    for (unsigned i = 0; i < services->n_resources; i++)
        if (services->resources[i].fd >= 0)
            close(services->resources[i].fd);
    pthread_cond_destroy(&services->answered);
    pthread_mutex_destroy(&services->lock);
    free(services);
}

const struct gw_services *services_table(const struct services *services)
{
    return &services->table;
}
