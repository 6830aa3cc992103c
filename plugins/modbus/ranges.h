/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of numbers and ranges ("1,16,20-29"), as GW_OPT_INT_LIST options arrive: the
 * addresses of never_read and the codes of invalid. Plain data, any thread.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_RANGES_H
#define GATEWAYD_PLUGINS_MODBUS_RANGES_H

#include <stdbool.h>
#include <stdint.h>

struct range {
    uint64_t first, last; /* both included */
};

struct ranges {
    uint32_t n;
    struct range *items;
};

/* Reads `text` (NULL: empty); each number gets `shift` added. Negative numbers are kept
 * in two's complement. 0, -EINVAL or -ENOMEM; on failure *ret is empty. */
int ranges_parse(const char *text, int64_t shift, struct ranges *ret);
/* Whether a number of first..last is in the list. */
bool ranges_touch(const struct ranges *ranges, uint64_t first, uint64_t last);
void ranges_done(struct ranges *ranges);

#endif
