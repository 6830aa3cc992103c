/* SPDX-License-Identifier: Apache-2.0 */
/* The low mark and the delivered ranges above it; see cursor.h. For forward.c; pure. */
#include "gatewayd/forward/cursor.h"

#include <string.h>

static void remove_ranges(struct forward_cursor *cursor, uint32_t from, uint32_t n)
{
    memmove(&cursor->ranges[from], &cursor->ranges[from + n],
            (cursor->n_ranges - from - n) * sizeof cursor->ranges[0]);
    cursor->n_ranges -= n;
}

static void insert_range(struct forward_cursor *cursor, uint32_t at, uint64_t first,
                         uint64_t last)
{
    if (cursor->n_ranges == FORWARD_CURSOR_RANGES) {
        if (at == 0)
            return; /* it is the lowest itself */
        remove_ranges(cursor, 0, 1);
        at--;
    }
    memmove(&cursor->ranges[at + 1], &cursor->ranges[at],
            (cursor->n_ranges - at) * sizeof cursor->ranges[0]);
    cursor->ranges[at].first = first;
    cursor->ranges[at].last = last;
    cursor->n_ranges++;
}

static void absorb(struct forward_cursor *cursor)
{
    if (cursor->n_ranges && cursor->ranges[0].first <= cursor->low + 1) {
        cursor->low = cursor->ranges[0].last;
        remove_ranges(cursor, 0, 1);
    }
}

bool cursor_add(struct forward_cursor *cursor, uint64_t first, uint64_t last)
{
    uint32_t i = 0, n = 0;

    if (last > CURSOR_SEQ_MAX)
        last = CURSOR_SEQ_MAX;
    if (first <= cursor->low)
        first = cursor->low + 1;
    if (first > last)
        return false;
    while (i < cursor->n_ranges && cursor->ranges[i].last + 1 < first)
        i++;
    if (i < cursor->n_ranges && cursor->ranges[i].first <= first &&
        cursor->ranges[i].last >= last)
        return false;
    for (; i + n < cursor->n_ranges && cursor->ranges[i + n].first <= last + 1; n++) {
        if (cursor->ranges[i + n].first < first)
            first = cursor->ranges[i + n].first;
        if (cursor->ranges[i + n].last > last)
            last = cursor->ranges[i + n].last;
    }
    remove_ranges(cursor, i, n);
    if (first == cursor->low + 1)
        cursor->low = last;
    else
        insert_range(cursor, i, first, last);
    absorb(cursor);
    return true;
}

bool cursor_has(const struct forward_cursor *cursor, uint64_t seq)
{
    uint64_t first, last;

    cursor_next_free(cursor, seq, &first, &last);
    return first != seq;
}

void cursor_next_free(const struct forward_cursor *cursor, uint64_t from,
                      uint64_t *ret_first, uint64_t *ret_last)
{
    if (from <= cursor->low)
        from = cursor->low + 1;
    for (uint32_t i = 0; i < cursor->n_ranges; i++) {
        if (cursor->ranges[i].first > from) {
            *ret_first = from;
            *ret_last = cursor->ranges[i].first - 1;
            return;
        }
        if (cursor->ranges[i].last >= from)
            from = cursor->ranges[i].last + 1;
    }
    *ret_first = from;
    *ret_last = CURSOR_SEQ_MAX;
}

uint64_t cursor_count_free(const struct forward_cursor *cursor, uint64_t upto)
{
    uint64_t n = upto > cursor->low ? upto - cursor->low : 0;

    for (uint32_t i = 0; i < cursor->n_ranges; i++) {
        uint64_t last = cursor->ranges[i].last < upto ? cursor->ranges[i].last : upto;

        if (cursor->ranges[i].first <= last)
            n -= last - cursor->ranges[i].first + 1;
    }
    return n;
}

void cursor_hold(struct forward_cursor *cursor, uint64_t low)
{
    uint64_t last = cursor->low;

    if (low >= last)
        return;
    cursor->low = low;
    insert_range(cursor, 0, low + 1, last);
}

bool cursor_release(struct forward_cursor *cursor)
{
    bool held = cursor->n_ranges && cursor->ranges[0].first <= cursor->low + 1;

    absorb(cursor);
    return held;
}
