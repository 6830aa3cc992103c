/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of unanswered reads on a serial line, one per unit. A serial reply names only
 * unit, function and number of bytes (its *shape*): a late reply to an earlier request
 * looks exactly like the answer to the next one of that shape. The guard knows which
 * shapes may still arrive late, and which read would be told apart from all of them.
 * Pure; the reasoning stands in README.md, "Late replies".
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_GUARD_H
#define GATEWAYD_PLUGINS_MODBUS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/modbus/ranges.h"

/* Without any sign of a distinguishable answer, a reply is taken for lost after this. */
#define GUARD_GIVE_UP_MS 30000

struct guard {
    uint64_t lost[4][4]; /* a bit per data size, for functions 1 to 4 */
    int64_t t_lost_boot_ns;
    uint32_t turn; /* which kind of probe comes next */
    bool suspects;
};

struct guard_read {
    uint8_t function;
    uint16_t address, count;
};

/* Whether a reply to an earlier request could be taken for the reply to this read. */
bool guard_is_ambiguous(const struct guard *guard, const struct guard_read *read);
/* The read was sent and got no usable reply: one may still come. */
void guard_lose(struct guard *guard, const struct guard_read *read, int64_t t_boot_ns);
/* The read, not ambiguous when sent, got its data: nothing sent before can come now. */
void guard_answer(struct guard *guard);
/* The read got an exception; that too may be a late one, of any read of this function. */
void guard_except(struct guard *guard, const struct guard_read *read, int64_t t_boot_ns);
/* A read near `wanted` whose reply cannot be mistaken, of at most max_count and touching
 * nothing of `never_read`; false: there is none. Advances with guard->turn, so that a
 * device that ignores one kind of probe is asked another. */
bool guard_choose_probe(const struct guard *guard, const struct guard_read *wanted,
                        uint32_t max_count, const struct ranges *never_read,
                        struct guard_read *ret);

#endif
