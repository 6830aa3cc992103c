/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home's own past for its programme: half hours of energy, as the store keeps them,
 * become what each class draws and the roof gives by time of day, and what is drawn
 * beside all circuits. Made by control, filled by whoever reads the store, on any one
 * thread at a time. Plain values, about 20 KiB.
 */
#ifndef GATEWAYD_CONTROL_PAST_H
#define GATEWAYD_CONTROL_PAST_H

#include "gatewayd/control/site_map.h"
#include "lib/energy/flows.h"
#include "lib/microgrid/dispatch/site.h"

#define PAST_DAYS 30     /* of the roof: the brightest of them tells its peak */
#define PAST_LOAD_DAYS 7 /* of loads: habits change */
#define PAST_SLOT_MS (INT64_C(1000) * DISPATCH_SLOT_S)

/* One flow of one device in one half hour; by start. */
struct past_row {
    const char *device;
    enum role role;
    enum energy_flow flow;
    int64_t start_ms; /* UTC */
    double wh;
    bool is_whole;      /* known throughout, and not a total over a down time */
    int32_t off_grid_s; /* < 0: not known */
};

struct past_sum {
    double w;
    unsigned n;
};

struct past {
    /* what is asked for */
    uint64_t serial; /* of the configuration it was made for */
    int64_t from_ms, until_ms;
    unsigned n_pv, n_grid, n_metered[DISPATCH_CLASSES];
    struct {
        char device[64];
        enum dispatch_class class;
    } circuits[CIRCUIT_MAX];
    unsigned n_circuits;
    double planned_w[DISPATCH_CLASSES]; /* of circuits that nobody meters */
    double most_other_w; /* beside the circuits, in an island; < 0: no limit */
    /* the half hour being read */
    struct {
        int64_t start_ms; /* 0: none yet */
        bool is_broken, was_off_grid;
        unsigned n_pv, n_grid, n_class[DISPATCH_CLASSES];
        double pv_wh, load_wh, class_wh[DISPATCH_CLASSES];
    } open;
    /* what was found; by half hour of UTC's day */
    struct past_sum class[DISPATCH_CLASSES][DISPATCH_SLOTS], other[DISPATCH_SLOTS];
    float pv_w[PAST_DAYS * DISPATCH_SLOTS]; /* from from_ms on; < 0: not known */
};

/* NULL: no memory. free() it. */
struct past *past_new(const struct site_map *map, int64_t now_wall_ms);
void past_add(struct past *past, const struct past_row *row);
/* After the last row. */
void past_end(struct past *past);
/* By how many half hours the site's day is ahead of UTC's. */
unsigned past_shift(int64_t zone_ms);
/* Into the programme: home's planning means are replaced where a day is known. Classes
 * and times of which nothing is known stay as they are. */
void past_feed(const struct past *past, int64_t zone_ms, struct site *site,
               struct dispatch_home *home);

#endif
