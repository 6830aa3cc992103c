/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route has delivered: everything up to a low mark and at most 64 ranges above it
 * (ascending, disjoint). Beyond 64 the lowest range is forgotten and sent again. Pure.
 */
#ifndef GATEWAYD_FORWARD_CURSOR_H
#define GATEWAYD_FORWARD_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/forward/forward.h"

#define CURSOR_SEQ_MAX (UINT64_MAX - 1)

/* Marks first..last delivered and merges. True when that was news. */
bool cursor_add(struct forward_cursor *cursor, uint64_t first, uint64_t last);
bool cursor_has(const struct forward_cursor *cursor, uint64_t seq);
/* The first undelivered range that ends at or after `from`, cut to begin there; its last
 * is CURSOR_SEQ_MAX above all ranges. */
void cursor_next_free(const struct forward_cursor *cursor, uint64_t from,
                      uint64_t *ret_first, uint64_t *ret_last);
/* How many of 1..upto are not delivered. */
uint64_t cursor_count_free(const struct forward_cursor *cursor, uint64_t upto);

/* For means: the same cursor as it is stored, with its low mark held down at `low`, and
 * what is delivered above it as a range that touches the low mark. */
void cursor_hold(struct forward_cursor *cursor, uint64_t low);
/* Undoes it after loading: true when the low mark had been held down. */
bool cursor_release(struct forward_cursor *cursor);

#endif
