/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as plain data: free it, compare two of them for a reload, make the
 * catalogue that records refer to. No I/O; any thread, the configuration is immutable.
 */
#include "lib/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/outage_data.h"
#include "lib/config/points.h"

static const char *const granularity_names[GRANULARITY_COUNT] = {"raw", "1 min", "30 min",
                                                                 "event", "aggregate"};

const char *granularity_name(enum granularity granularity)
{
    return (unsigned)granularity < GRANULARITY_COUNT ? granularity_names[granularity]
                                                     : "";
}

static bool same_but_spaces(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (*a != *b || !*a)
            return *a == *b;
    }
}

int granularity_from_name(const char *name)
{
    for (int i = 0; i < GRANULARITY_COUNT; i++)
        if (same_but_spaces(granularity_names[i], name))
            return i;
    return -1;
}

static void free_device(struct config_device *device)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        points_point_done(&device->points[i]);
    free(device->points);
    free(device->name);
    free(device->map);
    option_set_done(&device->options);
}

static void free_bus(struct config_bus *bus)
{
    free(bus->name);
    free(bus->plugin);
    free(bus->process);
    option_set_done(&bus->options);
}

static void free_route(struct config_route *route)
{
    free(route->name);
    free(route->url);
    free(route->recipient);
    free(route->host);
}

static void free_grant(struct config_grant *grant)
{
    free(grant->id);
    free(grant->recipient);
    free(grant->purpose);
    free(grant->hash);
}

static void free_strings(char **strings, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(strings[i]);
    free(strings);
}

static void free_lists(struct config *config)
{
    for (uint32_t i = 0; i < config->n_buses; i++)
        free_bus(&config->buses[i]);
    for (uint32_t i = 0; i < config->n_devices; i++)
        free_device(&config->devices[i]);
    for (uint32_t i = 0; i < config->n_routes; i++)
        free_route(&config->routes[i]);
    for (uint32_t i = 0; i < config->n_grants; i++)
        free_grant(&config->grants[i]);
    for (uint32_t i = 0; i < config->n_allows; i++) {
        free(config->allows[i].by);
        free_strings(config->allows[i].points, config->allows[i].n_points);
    }
    free(config->buses);
    free(config->devices);
    free(config->routes);
    free(config->grants);
    free(config->allows);
}

void config_free(struct config *config)
{
    uint32_t n_files = 0;

    if (!config)
        return;
    free_lists(config);
    while (config->files && config->files[n_files])
        n_files++;
    free_strings(config->files, n_files);
    config_outage_free(config->outage);
    free(config->gateway_id);
    free(config->site);
    free(config->timezone);
    free(config->store_directory);
    free(config->api_socket);
    free(config->api_listen);
    free(config);
}

static bool fill_point(struct catalog_point *to, const struct config_point *from)
{
    to->name = strdup(from->name);
    to->unit = strdup(from->unit);
    to->interval_ms = from->interval_ms;
    to->writable = from->writable;
    to->is_bool = from->is_bool;
    to->write_min = from->write_min;
    to->write_max = from->write_max;
    to->failsafe = from->failsafe;
    to->max_rate = from->max_rate;
    to->lease_ms = from->lease_ms;
    return to->name && to->unit;
}

static bool fill_device(struct catalog_device *to, const struct config_device *from,
                        const struct config_bus *bus)
{
    to->name = strdup(from->name);
    to->bus = strdup(bus->name);
    to->role = from->role;
    to->category = from->category;
    to->points = calloc(from->n_points ? from->n_points : 1, sizeof *to->points);
    if (!to->name || !to->bus || !to->points)
        return false;
    to->n_points = from->n_points;
    for (uint32_t i = 0; i < from->n_points; i++)
        if (!fill_point(&to->points[i], &from->points[i]))
            return false;
    return true;
}

struct catalog *config_make_catalog(const struct config *config, uint32_t generation)
{
    struct catalog *catalog = catalog_new(generation, config->n_devices);

    for (uint32_t i = 0; catalog && i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];

        if (!fill_device(&catalog->devices[i], device, &config->buses[device->bus])) {
            catalog_unref(catalog);
            return NULL;
        }
    }
    if (catalog)
        catalog_seal(catalog);
    return catalog;
}

/* Numbers here came from the same text or they differ: bitwise equality is meant. */
static bool same_number(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool point_equal(const struct config_point *a, const struct config_point *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->unit, b->unit) == 0 &&
           same_number(a->scale, b->scale) && same_number(a->offset, b->offset) &&
           a->interval_ms == b->interval_ms && a->writable == b->writable &&
           a->is_bool == b->is_bool && a->is_float == b->is_float &&
           same_number(a->write_min, b->write_min) &&
           same_number(a->write_max, b->write_max) &&
           same_number(a->failsafe, b->failsafe) &&
           same_number(a->max_rate, b->max_rate) && a->lease_ms == b->lease_ms &&
           a->persistent == b->persistent && option_set_equal(&a->options, &b->options);
}

static bool device_equal(const struct config_device *a, const struct config_device *b)
{
    if (strcmp(a->name, b->name) != 0 || strcmp(a->map, b->map) != 0 ||
        a->role != b->role || a->category != b->category ||
        a->interval_ms != b->interval_ms || a->n_points != b->n_points ||
        !option_set_equal(&a->options, &b->options))
        return false;
    for (uint32_t i = 0; i < a->n_points; i++)
        if (!point_equal(&a->points[i], &b->points[i]))
            return false;
    return true;
}

/* The next device of that bus from *i on, or NULL. */
static const struct config_device *next_device(const struct config *config, uint32_t bus,
                                               uint32_t *i)
{
    while (*i < config->n_devices) {
        const struct config_device *device = &config->devices[(*i)++];

        if (device->bus == bus)
            return device;
    }
    return NULL;
}

bool config_bus_equal(const struct config *a, uint32_t bus_a, const struct config *b,
                      uint32_t bus_b)
{
    const struct config_bus *x = &a->buses[bus_a], *y = &b->buses[bus_b];
    uint32_t i = 0, j = 0;

    if (strcmp(x->name, y->name) != 0 || strcmp(x->plugin, y->plugin) != 0 ||
        strcmp(x->process, y->process) != 0 ||
        !option_set_equal(&x->options, &y->options))
        return false;
    for (;;) {
        const struct config_device *device_a = next_device(a, bus_a, &i);
        const struct config_device *device_b = next_device(b, bus_b, &j);

        if (!device_a || !device_b)
            return !device_a && !device_b;
        if (!device_equal(device_a, device_b))
            return false;
    }
}

bool config_route_equal(const struct config_route *a, const struct config_route *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->url, b->url) == 0 &&
           strcmp(a->recipient, b->recipient) == 0 && a->format == b->format &&
           a->confirm_receiver == b->confirm_receiver &&
           a->strict_order == b->strict_order &&
           same_number(a->rate_per_s, b->rate_per_s);
}
