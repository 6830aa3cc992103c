/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least host a plugin can run in: configuration from text ("unit=1 order=CDAB", lists
 * with commas, durations in ms), readings kept in a table. For tests of the modbus
 * plugin.
 */
#ifndef GATEWAYD_TESTS_CONTRACT_MODBUS_HOST_H
#define GATEWAYD_TESTS_CONTRACT_MODBUS_HOST_H

#include <gateway/plugin.h>

#define MODBUS_HOST_POINTS 512
#define MODBUS_HOST_REQUESTS 512
#define MODBUS_HOST_OPTIONS 16

struct gw_config {
    unsigned n;
    char keys[MODBUS_HOST_OPTIONS][16];
    char values[MODBUS_HOST_OPTIONS][64];
};

struct modbus_host_reading {
    unsigned n_emitted;
    struct gw_value value; /* a string is in `text` */
    uint32_t quality;
    int32_t detail;
    char text[256];
};

struct gw_sink {
    struct modbus_host_reading readings[MODBUS_HOST_POINTS];
    bool has_changed;
    int32_t detail;
    char text[256];
};

struct gw_plan {
    unsigned n;
    struct gw_request requests[MODBUS_HOST_REQUESTS];
    char texts[MODBUS_HOST_REQUESTS][160];
    unsigned n_points[MODBUS_HOST_REQUESTS];
};

struct modbus_host {
    struct gw_services services;
    const struct gw_plugin *plugin;
    void *bus;
    int fd; /* of get_fd */
    unsigned n_dropped;
    bool is_quiet; /* log nothing */
    struct gw_config bus_config, device_config;
    struct gw_config point_configs[MODBUS_HOST_POINTS];
    struct gw_point points[MODBUS_HOST_POINTS];
    struct gw_device device;
    struct gw_plan plan;
    struct gw_sink sink;
};

/* Must be given a plugin and the text of bus and device; fd -1 for TCP. Big: allocate. */
struct modbus_host *modbus_host_new(const struct gw_plugin *plugin, const char *bus,
                                    const char *device, int fd);
/* "address=3 type=int32"; its own interval as "interval_ms=500" (default 1000). */
void modbus_host_add_point(struct modbus_host *host, const char *point);
/* Opens the bus, binds the device, makes the plan. GW_OK or the plugin's refusal. */
int modbus_host_start(struct modbus_host *host);
/* One read of a request, after clearing the sink; makes the plan anew if asked to. */
int modbus_host_read(struct modbus_host *host, uint32_t request);
/* All requests once; the worst result. */
int modbus_host_read_all(struct modbus_host *host);
int modbus_host_write(struct modbus_host *host, uint32_t point,
                      const struct gw_value *value, struct gw_value *ret_readback);
void modbus_host_free(struct modbus_host *host);

#endif
