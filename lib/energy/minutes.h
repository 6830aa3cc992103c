/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1-minute means of the points of one device over one slot of 15 minutes: summing, and
 * the blob they are kept in. Means, lowest and highest keep at least five digits,
 * counters
 * (*_wh) a thousandth. Pure.
 *
 * Blob, version 1: byte 1; then per point
 *   varint   its number
 *   varint   bits of the minutes seen << 2 | has_qualities << 1 | is_counter
 *   byte     decimal exponent + 32
 *   qualities a byte per minute seen                            (else all good)
 *   per minute seen: zigzag difference of n; when n > 0 zigzag difference of the value;
 *   when n > 1 and no counter: value - lowest, highest - value
 */
#ifndef GATEWAYD_ENERGY_MINUTES_H
#define GATEWAYD_ENERGY_MINUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

#define MINUTE_MS INT64_C(60000)
#define MINUTES_PER_SLOT 15

struct minute_sum {
    double total; /* of a counter: the last */
    float min, max;
    uint32_t n; /* good numbers */
    uint8_t quality; /* the last that was not good */
    bool is_seen;
};

struct minutes {
    uint32_t n_points;
    struct minute_sum (*sums)[MINUTES_PER_SLOT]; /* by point */
};

void minutes_init(struct minutes *minutes);
void minutes_done(struct minutes *minutes);
/* Forgets the sums, keeps the memory. */
void minutes_clear(struct minutes *minutes);

/* Is a mean of it without a meaning? By its name, *_wh. */
bool minutes_is_counter(const char *point);

/* Room for points 0..n_points - 1. 0 or -ENOMEM. */
int minutes_reserve(struct minutes *minutes, uint32_t n_points);
/* Of a point there is room for. has_number: quality is good and it is one. */
void minutes_add(struct minutes *minutes, uint32_t point, unsigned minute,
                 uint8_t quality, bool has_number, double number, bool is_counter);
/* Is there anything? */
bool minutes_is_empty(const struct minutes *minutes);
/* is_counter: by point. buf->failed: no memory. */
void minutes_pack(const struct minutes *minutes, const bool *is_counter,
                  struct strbuf *buf);

struct minute_cell {
    bool is_seen;
    uint8_t quality;
    uint32_t n; /* 0: nothing good */
    double value, min, max;
};

struct minutes_reader {
    const uint8_t *data;
    size_t len, pos;
};
/* The data is borrowed. 0 or -EBADMSG. */
int minutes_reader_init(struct minutes_reader *reader, const void *data, size_t len);
/* 1: one point's; 0: end; -EBADMSG. */
int minutes_next(struct minutes_reader *reader, uint32_t *ret_point,
                 struct minute_cell cells[MINUTES_PER_SLOT]);

#endif
