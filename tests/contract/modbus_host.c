/* SPDX-License-Identifier: Apache-2.0 */
/* A host of a few lines: services, a sink that keeps readings, one device. */
#include "tests/contract/modbus_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void host_log(void *ctx, int level, const char *text)
{
    struct modbus_host *host = ctx;

    if (!host->is_quiet)
        fprintf(stderr, "<%d> %s\n", level, text);
}

static int64_t host_get_boot_ns(void *ctx)
{
    struct timespec ts;

    (void)ctx;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static const char *host_get_string(const struct gw_config *config, const char *key)
{
    for (unsigned i = 0; config && i < config->n; i++)
        if (!strcmp(config->keys[i], key))
            return config->values[i];
    return NULL;
}

static int64_t host_get_int(const struct gw_config *config, const char *key,
                            int64_t absent)
{
    const char *text = host_get_string(config, key);

    return text ? strtoll(text, NULL, 0) : absent;
}

static double host_get_float(const struct gw_config *config, const char *key,
                             double absent)
{
    const char *text = host_get_string(config, key);

    return text ? strtod(text, NULL) : absent;
}

static bool host_get_bool(const struct gw_config *config, const char *key, bool absent)
{
    const char *text = host_get_string(config, key);

    return text ? !strcmp(text, "true") : absent;
}

static int host_get_fd(void *ctx, const char *key)
{
    struct modbus_host *host = ctx;

    (void)key;
    errno = ENOENT;
    return host->fd;
}

static void host_drop_fd(void *ctx, const char *key)
{
    struct modbus_host *host = ctx;

    (void)key;
    host->n_dropped++;
}

static int host_plan_add(struct gw_plan *plan, const struct gw_request *request)
{
    if (plan->n == MODBUS_HOST_REQUESTS)
        return -ENOMEM;
    plan->requests[plan->n] = *request;
    plan->requests[plan->n].points = NULL;
    snprintf(plan->texts[plan->n], sizeof(plan->texts[0]), "%s", request->text);
    plan->n++;
    return 0;
}

static void host_emit(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
                      uint32_t quality, int32_t detail)
{
    struct modbus_host_reading *reading = &sink->readings[point];

    reading->n_emitted++;
    reading->value = *value;
    reading->quality = quality;
    reading->detail = detail;
    if (value->type == GW_TYPE_STRING)
        snprintf(reading->text, sizeof(reading->text), "%s", value->v.s);
}

static void host_fail(struct gw_sink *sink, int32_t detail, const char *text)
{
    sink->detail = detail;
    snprintf(sink->text, sizeof(sink->text), "%s", text);
}

static void host_plan_changed(struct gw_sink *sink)
{
    sink->has_changed = true;
}

static void host_set_device(struct gw_sink *sink, uint32_t device, int64_t t_boot_ns)
{
    (void)sink;
    (void)device;
    (void)t_boot_ns;
}

static const char *host_resolve(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "localhost") ? name : "127.0.0.1";
}

static void host_progress(void *ctx)
{
    (void)ctx;
}

static void parse(const char *text, struct gw_config *config)
{
    char copy[1024], *state = NULL;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok_r(copy, " ", &state);
         word && config->n < MODBUS_HOST_OPTIONS; word = strtok_r(NULL, " ", &state)) {
        char *equals = strchr(word, '=');

        if (!equals)
            continue;
        *equals = '\0';
        snprintf(config->keys[config->n], sizeof(config->keys[0]), "%s", word);
        snprintf(config->values[config->n++], sizeof(config->values[0]), "%s",
                 equals + 1);
    }
}

struct modbus_host *modbus_host_new(const struct gw_plugin *plugin, const char *bus,
                                    const char *device, int fd)
{
    struct modbus_host *host = calloc(1, sizeof(*host));

    if (!host)
        abort();
    host->plugin = plugin;
    host->fd = fd;
    parse(bus, &host->bus_config);
    parse(device, &host->device_config);
    host->services = (struct gw_services){
        .struct_size = sizeof(struct gw_services),
        .abi = GW_PLUGIN_ABI,
        .ctx = host,
        .log = host_log,
        .get_boot_ns = host_get_boot_ns,
        .get_string = host_get_string,
        .get_int = host_get_int,
        .get_float = host_get_float,
        .get_bool = host_get_bool,
        .get_fd = host_get_fd,
        .drop_fd = host_drop_fd,
        .plan_add = host_plan_add,
        .emit = host_emit,
        .fail = host_fail,
        .plan_changed = host_plan_changed,
        .set_device = host_set_device,
        .resolve = host_resolve,
        .progress = host_progress,
    };
    host->device = (struct gw_device){
        .struct_size = sizeof(struct gw_device),
        .name = "device",
        .config = &host->device_config,
        .points = host->points,
        .point_stride = sizeof(struct gw_point),
    };
    return host;
}

void modbus_host_add_point(struct modbus_host *host, const char *point)
{
    uint32_t i = host->device.n_points++;
    struct gw_config *config = &host->point_configs[i];

    if (i >= MODBUS_HOST_POINTS)
        abort();
    parse(point, config);
    host->points[i] = (struct gw_point){
        .struct_size = sizeof(struct gw_point),
        .name = "point",
        .config = config,
        .interval_ms = (uint32_t)host_get_int(config, "interval_ms", 1000),
        .writable = 1,
    };
}

static int describe(struct modbus_host *host)
{
    host->plan.n = 0;
    return host->plugin->describe(host->bus, 0, &host->device, &host->plan);
}

int modbus_host_start(struct modbus_host *host)
{
    int rc = host->plugin->open(&host->services, &host->bus_config, &host->bus);

    return rc ? rc : describe(host);
}

int modbus_host_read(struct modbus_host *host, uint32_t request)
{
    int rc;

    memset(&host->sink, 0, sizeof(host->sink));
    rc = host->plugin->read(host->bus, 0, host->plan.requests[request].id, &host->sink);
    if (host->sink.has_changed)
        describe(host);
    return rc;
}

int modbus_host_read_all(struct modbus_host *host)
{
    int worst = GW_OK;

    memset(&host->sink, 0, sizeof(host->sink));
    for (uint32_t i = 0; i < host->plan.n; i++) {
        int rc = host->plugin->read(host->bus, 0, host->plan.requests[i].id, &host->sink);

        if (rc)
            worst = rc;
    }
    if (host->sink.has_changed)
        describe(host);
    return worst;
}

int modbus_host_write(struct modbus_host *host, uint32_t point,
                      const struct gw_value *value, struct gw_value *ret_readback)
{
    memset(&host->sink, 0, sizeof(host->sink));
    return host->plugin->write(host->bus, 0, point, value, ret_readback, &host->sink);
}

void modbus_host_free(struct modbus_host *host)
{
    if (host && host->bus)
        host->plugin->close(host->bus);
    free(host);
}
