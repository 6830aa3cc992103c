/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host process is told: its plugin, buses, devices and points, as one flat block
 * (passed by memfd: any size). Device and point numbers are those of the catalogue.
 */
#ifndef GATEWAYD_HOST_HOST_CONFIG_H
#define GATEWAYD_HOST_HOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/model/options.h"

struct host_point {
    char *name;
    double scale, offset;
    uint32_t interval_ms;
    bool writable, is_bool, is_float;
    double write_min, write_max, failsafe, max_rate;
    uint32_t lease_ms;
    struct option_set options;
};

struct host_device {
    uint32_t index; /* in the catalogue */
    char *name;
    uint32_t n_points;
    struct host_point *points;
    struct option_set options;
};

struct host_bus {
    uint32_t index; /* of the bus in the core's configuration */
    char *name;
    uint32_t n_devices;
    struct host_device *devices;
    struct option_set options;
};

struct host_config {
    char *plugin;     /* name */
    char *plugin_dir;
    uint32_t n_buses;
    struct host_bus *buses;
};

void host_config_done(struct host_config *config);
void host_config_encode(const struct host_config *config, struct strbuf *buf);
/* 0, -EBADMSG or -ENOMEM; on failure *ret is empty. */
int host_config_decode(const void *data, size_t len, struct host_config *ret);

#endif
