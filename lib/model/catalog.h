/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: which devices and points exist under one generation of the
 * configuration. Immutable once built, shared by reference; records name devices and
 * points by index.
 */
#ifndef GATEWAYD_MODEL_CATALOG_H
#define GATEWAYD_MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a device means, vendor-free. */
enum role {
    ROLE_NONE, ROLE_GRID, ROLE_PV, ROLE_BATTERY, ROLE_EV, ROLE_LOAD, ROLE_CIRCUIT,
    ROLE_HEATER, ROLE_SENSOR, ROLE_MOBILITY, ROLE_COUNT
};
const char *role_name(enum role role); /* "" for ROLE_NONE */
int role_from_name(const char *name);  /* -1: unknown */

/* Data categories that consent is given for. */
enum category {
    CATEGORY_ENERGY, CATEGORY_GRID, CATEGORY_STATUS, CATEGORY_HEALTH, CATEGORY_PRESENCE,
    CATEGORY_COUNT
};
const char *category_name(enum category category);
int category_from_name(const char *name); /* -1: unknown */

struct catalog_point {
    char *name, *unit;    /* unit "" when it has none */
    uint32_t interval_ms;
    bool writable, is_bool;
    /* physical; max_rate 0: none, per s */
    double write_min, write_max, failsafe, max_rate;
    uint32_t lease_ms;
};

struct catalog_device {
    char *name;
    char *bus;
    enum role role;
    enum category category;
    uint32_t n_points;
    struct catalog_point *points;
    uint32_t first_point; /* index of points[0] when all points are numbered through */
};

struct catalog {
    uint32_t generation;
    uint32_t n_devices, n_points;
    struct catalog_device *devices;
    int refs; /* atomic; catalog_ref/unref only */
};

/* n_devices zeroed devices, refs 1; the builder fills them (strings become the
 * catalogue's, malloc'ed) and calls catalog_seal, which numbers the points. NULL: no
 * memory. */
struct catalog *catalog_new(uint32_t generation, uint32_t n_devices);
void catalog_seal(struct catalog *catalog);
struct catalog *catalog_ref(struct catalog *catalog);
void catalog_unref(struct catalog *catalog); /* NULL is fine; any thread */

/* Index, or -1. find_point takes "device.point". */
int catalog_find_device(const struct catalog *catalog, const char *name);
int catalog_device_find_point(const struct catalog_device *device, const char *name);
bool catalog_find(const struct catalog *catalog, const char *device_dot_point,
                  uint32_t *ret_device, uint32_t *ret_point);

#endif
