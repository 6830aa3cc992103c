/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bus and its devices are: settings, the link, the plan of each device and what
 * was learned about it. Bus thread only.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_BUS_H
#define GATEWAYD_PLUGINS_MODBUS_BUS_H

#include "plugins/modbus/guard.h"
#include "plugins/modbus/link.h"
#include "plugins/modbus/plan.h"

struct bus_device {
    const struct gw_device *info;
    struct settings_device settings;
    struct codec_point *points; /* info->n_points of them */
    bool *is_illegal;           /* per point: the device refused its address */
    uint32_t n_boundaries;
    struct plan_boundary *boundaries; /* learned: reads across fail */
    struct plan plan;
    struct guard *guard;
    int64_t t_data_boot_ns; /* last time it gave data; 0: never */
    bool lacks_mask_write;
};

struct bus {
    const struct gw_services *services;
    struct settings_bus settings;
    struct link link;
    char text[CODEC_STRING_SIZE]; /* string of the last read-back */
    struct guard *guards[256];    /* per unit of a serial line, made when first used */
    uint32_t n_devices;
    struct bus_device **devices; /* by the host's number; NULL: refused */
};

/* GW_OK or an error class, after a text through `log`. */
int bus_new(const struct gw_services *services, const struct gw_config *config,
            struct bus **ret);
void bus_free(struct bus *bus);

/* Reads the device's settings; replaces an earlier binding only if there was none. GW_OK,
 * GW_ERR_CONFIG after a text through `log`, or GW_ERR_INTERNAL. */
int bus_bind(struct bus *bus, uint32_t device, const struct gw_device *info);
/* Makes the plan of the device from all that is known, and tells it to the host. */
int bus_plan(struct bus *bus, struct bus_device *device, struct gw_plan *plan);
/* NULL: no such device (it was refused). */
struct bus_device *bus_find(const struct bus *bus, uint32_t device);

const struct gw_point *bus_point_info(const struct gw_device *info, uint32_t point);
/* Keeps a boundary that no later request may span; false: no memory or too many. */
bool bus_learn_boundary(struct bus_device *device, enum codec_table table,
                        uint32_t address);
/* Starts afresh: the device changed its mind about what is legal. */
void bus_forget_learned(struct bus_device *device);
/* Whether replies carry nothing that ties them to a request. */
bool bus_is_serial(const struct bus *bus);

#endif
