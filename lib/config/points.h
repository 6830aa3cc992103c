/* SPDX-License-Identifier: Apache-2.0 */
/* Points of a device or map: value, scale, limits of writing. Part of a load. */
#ifndef GATEWAYD_CONFIG_POINTS_H
#define GATEWAYD_CONFIG_POINTS_H

#include "lib/config/load.h"

struct point_list {
    uint32_t n, capacity;
    struct config_point *points;
};

/* Reads a list of points, checked against the plugin's table; NULL list: none. NULL
 * options: the plugin is unknown, its keys pass. True when nothing was wrong. */
bool points_read(struct load *load, const struct tree_node *list,
                 const struct gw_option *options, struct point_list *out);

/* Appends a copy, or replaces the point of that name; false: no memory (noted) . */
bool points_put_copy(struct load *load, struct point_list *list,
                     const struct config_point *point);

void points_done(struct point_list *list);
void points_point_done(struct config_point *point);

#endif
