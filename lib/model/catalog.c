/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of devices and points; see catalog.h. */
#include "lib/model/catalog.h"

#include <stdlib.h>
#include <string.h>

static const char *const role_names[ROLE_COUNT] = {
    "", "grid", "pv", "battery", "ev", "load", "circuit", "heater", "sensor", "mobility"};
static const char *const category_names[CATEGORY_COUNT] = {"energy", "grid", "status",
                                                           "health", "presence"};

const char *role_name(enum role role)
{
    return (unsigned)role < ROLE_COUNT ? role_names[role] : "";
}

int role_from_name(const char *name)
{
    for (int i = 1; i < ROLE_COUNT; i++)
        if (strcmp(name, role_names[i]) == 0)
            return i;
    return -1;
}

const char *category_name(enum category category)
{
    return (unsigned)category < CATEGORY_COUNT ? category_names[category] : "energy";
}

int category_from_name(const char *name)
{
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (strcmp(name, category_names[i]) == 0)
            return i;
    return -1;
}

struct catalog *catalog_new(uint32_t generation, uint32_t n_devices)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);

    if (!catalog)
        return NULL;
    catalog->devices = calloc(n_devices ? n_devices : 1, sizeof *catalog->devices);
    if (!catalog->devices) {
        free(catalog);
        return NULL;
    }
    catalog->generation = generation;
    catalog->n_devices = n_devices;
    catalog->refs = 1;
    return catalog;
}

void catalog_seal(struct catalog *catalog)
{
    catalog->n_points = 0;
    for (uint32_t i = 0; i < catalog->n_devices; i++) {
        catalog->devices[i].first_point = catalog->n_points;
        catalog->n_points += catalog->devices[i].n_points;
    }
}

struct catalog *catalog_ref(struct catalog *catalog)
{
    __atomic_add_fetch(&catalog->refs, 1, __ATOMIC_RELAXED);
    return catalog;
}

void catalog_unref(struct catalog *catalog)
{
    if (!catalog || __atomic_sub_fetch(&catalog->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (uint32_t i = 0; i < catalog->n_devices; i++) {
        struct catalog_device *device = &catalog->devices[i];

        for (uint32_t j = 0; j < device->n_points; j++) {
            free(device->points[j].name);
            free(device->points[j].unit);
        }
        free(device->points);
        free(device->name);
        free(device->bus);
    }
    free(catalog->devices);
    free(catalog);
}

int catalog_find_device(const struct catalog *catalog, const char *name)
{
    for (uint32_t i = 0; i < catalog->n_devices; i++)
        if (strcmp(catalog->devices[i].name, name) == 0)
            return (int)i;
    return -1;
}

int catalog_device_find_point(const struct catalog_device *device, const char *name)
{
    for (uint32_t i = 0; i < device->n_points; i++)
        if (strcmp(device->points[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool catalog_find(const struct catalog *catalog, const char *device_dot_point,
                  uint32_t *ret_device, uint32_t *ret_point)
{
    const char *dot = strrchr(device_dot_point, '.');
    size_t len = dot ? (size_t)(dot - device_dot_point) : 0;

    for (uint32_t i = 0; dot && i < catalog->n_devices; i++) {
        const struct catalog_device *device = &catalog->devices[i];
        int point;

        if (strlen(device->name) != len ||
            memcmp(device->name, device_dot_point, len) != 0)
            continue;
        point = catalog_device_find_point(device, dot + 1);
        if (point < 0)
            return false;
        *ret_device = i;
        *ret_point = (uint32_t)point;
        return true;
    }
    return false;
}
