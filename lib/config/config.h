/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole checked configuration as plain data (CONTRACT: gatewayd.yaml). Built by
 * config_load from YAML files and maps, immutable afterwards.
 */
#ifndef GATEWAYD_CONFIG_CONFIG_H
#define GATEWAYD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/config/report.h"
#include "lib/model/catalog.h"
#include "lib/model/options.h"

/* Where a thing stands in the files, for later messages. */
struct config_mark {
    const char *file; /* lives as long as the configuration */
    uint32_t line, col;
};

struct config_point {
    char *name, *unit;
    double scale, offset;
    uint32_t interval_ms;
    bool writable, is_bool, is_float; /* is_float: written as a float */
    bool is_number; /* for sure; of some plugins' points nothing tells */
    double write_min, write_max, failsafe, max_rate;
    uint32_t lease_ms;
    bool persistent;          /* flash-backed: never refreshed cyclically */
    struct option_set options; /* of the plugin, scope point */
    struct config_mark mark;
};

struct config_device {
    char *name, *map; /* map: "" for inline points */
    uint32_t bus;     /* index in config.buses */
    enum role role;
    enum category category;
    uint32_t interval_ms;
    uint32_t n_points;
    struct config_point *points;
    struct option_set options; /* scope device, the map's included */
    struct config_mark mark;
};

struct config_bus {
    char *name, *plugin;
    char *process; /* "" = the plugin's shared host, "inline", or a host's own name */
    struct option_set options;
    struct config_mark mark;
};

enum forward_format { FORMAT_JSON, FORMAT_HOMEASSISTANT, FORMAT_SPARKPLUG };

struct config_route {
    char *name, *url, *recipient; /* url: mqtt://HOST[:PORT] or mqtts:// */
    char *host;                   /* parsed out of url, IPv6 without brackets */
    uint16_t port;
    bool tls;
    enum forward_format format;
    bool confirm_receiver; /* else: broker */
    bool strict_order;     /* else: live-first */
    double rate_per_s;     /* readings/s of the backlog; 0: no limit */
    struct config_mark mark;
};

enum granularity {
    GRANULARITY_RAW, GRANULARITY_1MIN, GRANULARITY_30MIN, GRANULARITY_EVENT,
    GRANULARITY_AGGREGATE, GRANULARITY_COUNT
};
const char *granularity_name(enum granularity granularity); /* "raw", "1 min", ... */
int granularity_from_name(const char *name);                /* spaces optional; -1 */

struct config_grant {
    char *id, *recipient, *purpose;
    uint32_t categories; /* bit 1 << enum category */
    enum granularity granularity;
    int64_t until_ms;    /* end of that day in the site's zone, wall ms */
    char *hash;          /* of its content, hex: tells a changed grant of the same id */
    struct config_mark mark;
};

struct config_allow {
    char *by;
    uint32_t n_points;
    char **points; /* "device.point" */
};

struct config_outage;

struct config {
    char *gateway_id, *site, *timezone;
    char *store_directory;
    uint64_t store_max_bytes;
    uint32_t commit_interval_ms;
    char *api_socket, *api_listen; /* listen "" = off */
    uint32_t n_buses, n_devices, n_routes, n_grants, n_allows;
    struct config_bus *buses;
    struct config_device *devices;
    struct config_route *routes;
    struct config_grant *grants;
    struct config_allow *allows;
    /* circuits, outage, policies: outage_data.h; never NULL */
    struct config_outage *outage;
    char **files;    /* every file read, NULL-terminated, for last-good */
};

struct config_sources {
    const char *file;       /* gatewayd.yaml; required */
    const char *config_dir; /* NULL: "conf.d" beside file if it is there */
    const char *const *map_dirs; /* searched in order, NULL-terminated */
    /* Options table of a plugin by name (borrowed, terminated by key NULL), or NULL and a
     * reason. Asked once per plugin and load. */
    const struct gw_option *(*plugin_options)(void *ctx, const char *plugin,
                                              const char **ret_reason);
    void *ctx;
};

/* Reads, merges and checks everything. On success *ret_config and 0 (the report may hold
 * warnings); on any error -EINVAL with the report filled, -ENOMEM otherwise. */
int config_load(const struct config_sources *sources, struct config **ret_config,
                struct config_report *report);
void config_free(struct config *config);

/* The catalogue of this configuration: device i of it is devices[i]. NULL: no memory. */
struct catalog *config_make_catalog(const struct config *config, uint32_t generation);

/* For reload: nothing of the bus, its devices and points changed. */
bool config_bus_equal(const struct config *a, uint32_t bus_a, const struct config *b,
                      uint32_t bus_b);
bool config_route_equal(const struct config_route *a, const struct config_route *b);

#endif
