/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The latest-value table: the last reading of every point. Control and the API read only
 * this. Written by the core's loop, copied by any thread under its one mutex.
 */
#ifndef GATEWAYD_DEVICE_LATEST_H
#define GATEWAYD_DEVICE_LATEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/record.h"

struct latest;

struct latest_entry {
    uint32_t device, point; /* in the catalogue */
    uint8_t quality;        /* GW_STALE when older than 3 polls, whatever it was */
    int32_t detail;
    struct gw_value value;  /* strings: valid until latest_snapshot_free */
    int64_t t_boot_ns;      /* of the value; 0: never read */
    int64_t t_wall_ms;      /* as believed when it came */
    uint64_t change;        /* number of the table's change that made it so */
};

/* A copy of the table with a reference on its catalogue. */
struct latest_snapshot {
    struct catalog *catalog;
    int64_t taken_boot_ns;
    uint64_t change; /* the table's latest */
    uint32_t n;
    struct latest_entry *entries;
    char *strings;
};

/* NULL: no memory. */
struct latest *latest_new(struct catalog *catalog);
void latest_free(struct latest *latest);
/* A new catalogue: points of the same device and name keep their value. Loop only. */
int latest_set_catalog(struct latest *latest, struct catalog *catalog);
/* Records of another catalogue are ignored. Loop only. */
void latest_update(struct latest *latest, const struct record_batch *batch);
/* It is read each `factor` intervals; forgotten with the catalogue. Loop only. */
void latest_set_pace(struct latest *latest, uint32_t device, uint32_t factor);
/* All points of the device get this quality, values kept (host gone). Loop only. */
void latest_mark_device(struct latest *latest, uint32_t device, enum gw_quality quality);

/* One point as in a snapshot; a text is not given (type NONE). Any thread. False: no such
 * point in the catalogue of the day. */
bool latest_get(struct latest *latest, uint32_t device, uint32_t point,
                struct latest_entry *ret_entry);

/* Any thread. 0 or -ENOMEM; free with latest_snapshot_free. */
int latest_snapshot(struct latest *latest, struct latest_snapshot *ret_snapshot);
void latest_snapshot_free(struct latest_snapshot *snapshot);

#endif
