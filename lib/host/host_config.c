/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block a host is configured with, as bytes and back. Written by the core, read by
 * the host; every count is checked against the bytes that are left. Pure.
 */
#include "lib/host/host_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/channel/wire.h"

#define VERSION UINT32_C(0x48430001) /* "HC", 1 */
#define OPTION_MIN 27
#define POINT_MIN 68
#define DEVICE_MIN 17
#define BUS_MIN 17

/* ---- writing ----------------------------------------------------------------------- */

static void put_options(struct strbuf *buf, const struct option_set *set)
{
    wire_put_u32(buf, set->n);
    for (uint32_t i = 0; i < set->n; i++) {
        const struct option *option = &set->options[i];

        wire_put_string(buf, option->key);
        wire_put_string(buf, option->text);
        wire_put_i64(buf, option->integer);
        wire_put_f64(buf, option->number);
        wire_put_u8(buf, option->truth);
    }
}

static void put_point(struct strbuf *buf, const struct host_point *point)
{
    wire_put_string(buf, point->name);
    wire_put_f64(buf, point->scale);
    wire_put_f64(buf, point->offset);
    wire_put_u32(buf, point->interval_ms);
    wire_put_u8(buf, point->writable);
    wire_put_u8(buf, point->is_bool);
    wire_put_u8(buf, point->is_float);
    wire_put_f64(buf, point->write_min);
    wire_put_f64(buf, point->write_max);
    wire_put_f64(buf, point->failsafe);
    wire_put_f64(buf, point->max_rate);
    wire_put_u32(buf, point->lease_ms);
    put_options(buf, &point->options);
}

static void put_device(struct strbuf *buf, const struct host_device *device)
{
    wire_put_u32(buf, device->index);
    wire_put_string(buf, device->name);
    put_options(buf, &device->options);
    wire_put_u32(buf, device->n_points);
    for (uint32_t i = 0; i < device->n_points; i++)
        put_point(buf, &device->points[i]);
}

static void put_bus(struct strbuf *buf, const struct host_bus *bus)
{
    wire_put_u32(buf, bus->index);
    wire_put_string(buf, bus->name);
    put_options(buf, &bus->options);
    wire_put_u32(buf, bus->n_devices);
    for (uint32_t i = 0; i < bus->n_devices; i++)
        put_device(buf, &bus->devices[i]);
}

void host_config_encode(const struct host_config *config, struct strbuf *buf)
{
    wire_put_u32(buf, VERSION);
    wire_put_string(buf, config->plugin);
    wire_put_string(buf, config->plugin_dir);
    wire_put_u32(buf, config->n_buses);
    for (uint32_t i = 0; i < config->n_buses; i++)
        put_bus(buf, &config->buses[i]);
}

/* ---- reading: no memory sets `failed` as well, and *no_memory ---------------------- */

struct reader {
    struct wire wire;
    bool no_memory;
};

static void *get_array(struct reader *reader, uint32_t *ret_n, size_t min_size,
                       size_t size)
{
    uint32_t n = wire_get_count(&reader->wire, min_size);
    void *array = n ? calloc(n, size) : NULL;

    if (n && !array)
        reader->no_memory = reader->wire.failed = true;
    *ret_n = array ? n : 0;
    return array;
}

static char *get_string(struct reader *reader)
{
    char *text = strdup(wire_get_string(&reader->wire));

    if (!text)
        reader->no_memory = reader->wire.failed = true;
    return text;
}

static void get_options(struct reader *reader, struct option_set *set)
{
    uint32_t n = wire_get_count(&reader->wire, OPTION_MIN);

    for (uint32_t i = 0; i < n && !reader->wire.failed; i++) {
        const char *key = wire_get_string(&reader->wire);
        const char *text = wire_get_string(&reader->wire);
        int64_t integer = wire_get_i64(&reader->wire);
        double number = wire_get_f64(&reader->wire);
        bool truth = wire_get_u8(&reader->wire) != 0;

        if (!reader->wire.failed &&
            option_set_put(set, key, text, integer, number, truth) < 0)
            reader->no_memory = reader->wire.failed = true;
    }
}

static void get_point(struct reader *reader, struct host_point *point)
{
    struct wire *wire = &reader->wire;

    point->name = get_string(reader);
    point->scale = wire_get_f64(wire);
    point->offset = wire_get_f64(wire);
    point->interval_ms = wire_get_u32(wire);
    point->writable = wire_get_u8(wire) != 0;
    point->is_bool = wire_get_u8(wire) != 0;
    point->is_float = wire_get_u8(wire) != 0;
    point->write_min = wire_get_f64(wire);
    point->write_max = wire_get_f64(wire);
    point->failsafe = wire_get_f64(wire);
    point->max_rate = wire_get_f64(wire);
    point->lease_ms = wire_get_u32(wire);
    get_options(reader, &point->options);
}

static void get_device(struct reader *reader, struct host_device *device)
{
    device->index = wire_get_u32(&reader->wire);
    device->name = get_string(reader);
    get_options(reader, &device->options);
    device->points =
        get_array(reader, &device->n_points, POINT_MIN, sizeof *device->points);
    for (uint32_t i = 0; i < device->n_points && !reader->wire.failed; i++)
        get_point(reader, &device->points[i]);
}

static void get_bus(struct reader *reader, struct host_bus *bus)
{
    bus->index = wire_get_u32(&reader->wire);
    bus->name = get_string(reader);
    get_options(reader, &bus->options);
    bus->devices = get_array(reader, &bus->n_devices, DEVICE_MIN, sizeof *bus->devices);
    for (uint32_t i = 0; i < bus->n_devices && !reader->wire.failed; i++)
        get_device(reader, &bus->devices[i]);
}

int host_config_decode(const void *data, size_t len, struct host_config *ret)
{
    struct reader reader = {.wire = wire_of(data, len)};

    memset(ret, 0, sizeof *ret);
    if (wire_get_u32(&reader.wire) != VERSION)
        return -EBADMSG;
    ret->plugin = get_string(&reader);
    ret->plugin_dir = get_string(&reader);
    ret->buses = get_array(&reader, &ret->n_buses, BUS_MIN, sizeof *ret->buses);
    for (uint32_t i = 0; i < ret->n_buses && !reader.wire.failed; i++)
        get_bus(&reader, &ret->buses[i]);
    if (wire_done(&reader.wire))
        return 0;
    host_config_done(ret);
    return reader.no_memory ? -ENOMEM : -EBADMSG;
}

/* ---- freeing ----------------------------------------------------------------------- */

static void device_done(struct host_device *device)
{
    for (uint32_t i = 0; i < device->n_points; i++) {
        free(device->points[i].name);
        option_set_done(&device->points[i].options);
    }
    free(device->points);
    free(device->name);
    option_set_done(&device->options);
}

void host_config_done(struct host_config *config)
{
    for (uint32_t i = 0; i < config->n_buses; i++) {
        struct host_bus *bus = &config->buses[i];

        for (uint32_t j = 0; j < bus->n_devices; j++)
            device_done(&bus->devices[j]);
        free(bus->devices);
        free(bus->name);
        option_set_done(&bus->options);
    }
    free(config->buses);
    free(config->plugin);
    free(config->plugin_dir);
    memset(config, 0, sizeof *config);
}
