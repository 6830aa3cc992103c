/* SPDX-License-Identifier: Apache-2.0 */
/* Health of devices from the latest values, for /buses and /metrics; see api_health.h. */
#include "gatewayd/api/api_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The entry of this device; points come device by device, so it is mostly the last one.
 */
static struct api_device_health *entry_of(struct api_health *health, const char *device)
{
    struct api_device_health *bigger;
    uint32_t capacity;

    if (health->n && strcmp(health->devices[health->n - 1].device, device) == 0)
        return &health->devices[health->n - 1];
    if (health->n == health->capacity) {
        capacity = health->capacity ? 2 * health->capacity : 16;
        bigger = realloc(health->devices, capacity * sizeof *bigger);
        if (!bigger)
            return NULL;
        health->devices = bigger;
        health->capacity = capacity;
    }
    bigger = &health->devices[health->n++];
    *bigger = (struct api_device_health){.quality = GW_GOOD};
    snprintf(bigger->device, sizeof bigger->device, "%s", device);
    return bigger;
}

static void count_point(void *ctx, const struct api_point *point)
{
    struct api_device_health *entry = entry_of(ctx, point->device);

    if (!entry)
        return;
    entry->n_points++;
    if (point->quality == GW_GOOD)
        entry->n_good++;
    else if (entry->quality == GW_GOOD)
        entry->quality = point->quality;
}

void api_health_gather(const struct api_ports *ports, struct api_health *ret_health)
{
    *ret_health = (struct api_health){0};
    ports->points(ports->ctx, count_point, ret_health);
}

void api_health_done(struct api_health *health)
{
    free(health->devices);
    *health = (struct api_health){0};
}

const struct api_device_health *api_health_find(const struct api_health *health,
                                                const char *device)
{
    static const struct api_device_health none = {.quality = GW_GOOD};

    for (uint32_t i = 0; i < health->n; i++)
        if (strcmp(health->devices[i].device, device) == 0)
            return &health->devices[i];
    return &none;
}

bool api_health_is_up(const struct api_health *health, const struct api_unit *unit)
{
    const struct api_device_health *device = api_health_find(health, unit->device);

    return unit->breaker == API_BREAKER_CLOSED && (!device->n_points || device->n_good);
}

void api_health_judge(const struct api_health *health, const struct api_bus *bus,
                      const char **ret_state, const char **ret_text)
{
    uint32_t n_down = 0;
    const char *why = "";

    for (uint32_t i = 0; i < bus->n_units; i++)
        if (!api_health_is_up(health, &bus->units[i])) {
            n_down++;
            why = bus->units[i].last_error;
        }
    *ret_state = bus->state;
    *ret_text = bus->text;
    if (n_down && strcmp(bus->state, "online") == 0) {
        *ret_state = n_down == bus->n_units ? "link-down" : "degraded";
        *ret_text = why;
    }
}
