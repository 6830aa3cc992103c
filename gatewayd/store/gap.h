/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a gap record: what is missing, told once. Pure. */
#ifndef GATEWAYD_STORE_GAP_H
#define GATEWAYD_STORE_GAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAP_BYTES_MAX 400

/* A gap of records that never had a number: seq_from 0, times are boot times in ms of the
 * record's own boot. A gap of stored ones: their numbers, wall times in ms. */
struct gap {
    uint64_t seq_from, seq_to, count;
    int64_t from_ms, to_ms;
    char reason[32];
    char device[96]; /* "": several */
    char epoch[33];  /* of the numbers; "": that of the gap */
};

/* Bytes written to data, which has GAP_BYTES_MAX. */
size_t gap_put(const struct gap *gap, uint8_t *data);
/* 0 or -EBADMSG. */
int gap_get(const void *data, size_t len, struct gap *ret_gap);

#endif
