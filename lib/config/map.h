/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device maps (docs/maps.md): found by name in the map directories, read and checked once
 * a load. Part of a load.
 */
#ifndef GATEWAYD_CONFIG_MAP_H
#define GATEWAYD_CONFIG_MAP_H

#include "lib/config/load.h"
#include "lib/config/points.h"

struct map {
    struct map *next;
    const char *name, *plugin;
    bool is_usable; /* false: had errors, all reported */
    bool is_draft;  /* no verified source: nothing of it is writable */
    uint32_t n_writes_dropped;
    uint32_t interval_ms; /* 0: none given */
    struct point_list points;
    struct option_set options; /* scope device */
};

/* NULL: there is no such map (reported at `place` with a hint) or no memory. Owned by the
 * load. */
const struct map *map_get(struct load *load, struct place place, const char *name);

void map_free_all(struct load *load);

#endif
