/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw readings -> one record per device and period (1 or 30 minutes), for recipients who
 * may not have raw ones. Periods begin at whole multiples of their length in UTC. Pure
 * but for the memory it holds.
 */
#ifndef GATEWAYD_FORWARD_MEANS_H
#define GATEWAYD_FORWARD_MEANS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/record.h"

#define MEANS_DEVICES_MAX 1024

struct means;

/* A period that is over. record.seq is that of the last raw record in it, t_wall_ms its
 * beginning; strings are borrowed until means_drop. */
struct mean {
    struct stored_record record;
    uint64_t first_seq; /* of the first raw record in it */
};

struct means *means_new(void);
void means_free(struct means *means);
/* Forgets everything: the raw records will come again. */
void means_clear(struct means *means);

/* Takes one record of readings into its device's period; a record of another period or
 * boot closes the one before. Values: mean of the good numbers; counters (*_wh), booleans
 * and texts: the last good one. -ENOMEM, -ENOSPC (more than MEANS_DEVICES_MAX devices).
 */
int means_add(struct means *means, const struct stored_record *record, uint32_t period_ms,
              int64_t now_boot_ns);
/* Closes the periods that ended more than grace_ms ago, by the wall clock or, should that
 * stand wrong, by the time since their first record came. */
void means_close_due(struct means *means, int64_t now_wall_ms, int64_t now_boot_ns,
                     int64_t grace_ms);

/* Lowest first_seq over open and closed periods; UINT64_MAX: none. */
uint64_t means_first_seq(const struct means *means);
/* The lowest seq >= from that may yet turn out to be the last of its period; UINT64_MAX.
 */
uint64_t means_undecided(const struct means *means, uint64_t from);
/* Closed periods, ascending by seq; NULL past the end. */
const struct mean *means_ready(const struct means *means, uint32_t i);
uint32_t means_n_ready(const struct means *means);
/* Forgets the closed ones with seq in first..last. */
void means_drop(struct means *means, uint64_t first, uint64_t last);

#endif
