/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Summing records of the log into minutes and energy flows. No database: used by
 * summary.c for what is kept, and by queries for what is not summed yet. One thread at a
 * time; memory is bounded by the points.
 */
#ifndef GATEWAYD_STORE_SUMMING_H
#define GATEWAYD_STORE_SUMMING_H

#include "gatewayd/store/log_scan.h"
#include "gatewayd/store/summary_names.h"
#include "lib/energy/minutes.h"

struct summing_map;

struct summing {
    struct summary_names names;
    struct flows *flows;
    struct summing_map **maps; /* by layout */
    uint32_t n_maps;
};

/* The minutes of all devices in one slot. */
struct summing_part {
    int64_t slot; /* since 1970 */
    uint8_t clock; /* the least sure of its times */
    struct minutes *minutes; /* by device */
    uint32_t n_devices;
};

/* 0 or -ENOMEM. names are the caller's to load. */
int summing_init(struct summing *summing);
void summing_done(struct summing *summing);
/* The flows' state, as flows_save gave it. */
int summing_load_flows(struct summing *summing, const void *data, size_t len);

/* The slot of a time; before 1970: the first. */
int64_t summing_slot(int64_t t_wall_ms);

/* A record's flows, and its minutes where `part` is not NULL: the part is of its slot. 0
 * or -errno. */
int summing_add(struct summing *summing, const struct log_scan_record *record,
                struct summing_part *part);

void summing_part_done(struct summing_part *part);

#endif
