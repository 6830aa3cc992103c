/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How devices are, told from the quality of their points: a bus whose link is down has no
 * open breaker, yet none of its devices is up.
 */
#ifndef GATEWAYD_API_API_HEALTH_H
#define GATEWAYD_API_API_HEALTH_H

#include "gatewayd/api/api.h"

struct api_device_health {
    char device[64];
    uint32_t n_points, n_good;
    enum gw_quality quality; /* of its first point that is not good, else GW_GOOD */
};

struct api_health {
    uint32_t n, capacity;
    struct api_device_health *devices;
};

/* Asks ports->points once. Free with api_health_done, also when memory was short. */
void api_health_gather(const struct api_ports *ports, struct api_health *ret_health);
void api_health_done(struct api_health *health);

/* Borrowed; never NULL: an unknown device has no points. */
const struct api_device_health *api_health_find(const struct api_health *health,
                                                const char *device);
/* Breaker closed, and a good point where there are points. */
bool api_health_is_up(const struct api_health *health, const struct api_unit *unit);
/* The port's state and text, or "link-down" or "degraded" when it says "online" while all
 * or some devices are not up. */
void api_health_judge(const struct api_health *health, const struct api_bus *bus,
                      const char **ret_state, const char **ret_text);

#endif
