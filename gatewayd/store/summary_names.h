/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and points of the local history by number: names are stored once. Numbers are
 * never given twice, so what is no longer configured can still be asked for. One thread
 * at a time; errors as lib/sqlite/db.h.
 */
#ifndef GATEWAYD_STORE_SUMMARY_NAMES_H
#define GATEWAYD_STORE_SUMMARY_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/energy/flows.h"
#include "lib/model/catalog.h"
#include "lib/sqlite/db.h"

#define SUMMARY_DEVICES_MAX 65535

struct summary_point {
    char *name;
    bool is_counter, has_flow;
    struct flow_source flow;
};

struct summary_device {
    char *name;
    enum role role;
    uint32_t poll_ms; /* of what tells its energy; 0: not known */
    uint32_t n_points;
    struct summary_point *points;
    bool *is_counter; /* by point, for minutes_pack */
    bool is_dirty;
};

struct summary_names {
    struct summary_device *devices; /* by number */
    uint32_t n;
};

int summary_names_load(struct summary_names *names, struct db *db);
void summary_names_free(struct summary_names *names);
/* In a transaction: those that changed. */
int summary_names_save(struct summary_names *names, struct db *db);

/* Roles and intervals as they are configured now. */
int summary_names_learn(struct summary_names *names, const struct catalog *catalog);

/* UINT32_MAX: unknown. */
uint32_t summary_names_find(const struct summary_names *names, const char *device);
uint32_t summary_names_find_point(const struct summary_device *device, const char *point);
/* Added when new. */
int summary_names_device(struct summary_names *names, const char *device,
                         uint32_t *ret_device);
int summary_names_point(struct summary_device *device, const char *point,
                        uint32_t *ret_point);

#endif
