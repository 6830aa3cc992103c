/* SPDX-License-Identifier: Apache-2.0 */
/* Which replies may still be under way, and how to ask so that they cannot fool us. */
#include "plugins/modbus/guard.h"

#include "plugins/modbus/frame.h"

/* Reads of each kind: so many unanswered ones in a row leave nothing unmistakable. */
#define CANDIDATES 40u

static bool is_lost(const struct guard *guard, uint8_t function, unsigned bytes)
{
    return guard->lost[function - 1][bytes / 64] >> (bytes % 64) & 1;
}

static bool any_lost(const struct guard *guard, uint8_t function)
{
    const uint64_t *sizes = guard->lost[function - 1];

    return sizes[0] | sizes[1] | sizes[2] | sizes[3];
}

bool guard_is_ambiguous(const struct guard *guard, const struct guard_read *read)
{
    return guard->suspects &&
           is_lost(guard, read->function, frame_read_bytes(read->function, read->count));
}

void guard_lose(struct guard *guard, const struct guard_read *read, int64_t t_boot_ns)
{
    unsigned bytes = frame_read_bytes(read->function, read->count);

    guard->lost[read->function - 1][bytes / 64] |= UINT64_C(1) << (bytes % 64);
    guard->t_lost_boot_ns = t_boot_ns;
    guard->suspects = true;
}

void guard_answer(struct guard *guard)
{
    if (guard->suspects)
        *guard = (struct guard){0};
}

void guard_except(struct guard *guard, const struct guard_read *read, int64_t t_boot_ns)
{
    if (!guard->suspects)
        return;
    if (any_lost(guard, read->function))
        guard_lose(guard, read, t_boot_ns);
    else
        guard_answer(guard);
}

/* The other table of the same kind: 1 <-> 2, 3 <-> 4. */
static uint8_t other_function(uint8_t function)
{
    return (uint8_t)(((function - 1) ^ 1) + 1);
}

/* Read number `i` (1..) of a kind: 0 a little less of the same, 1 the other table, 2 a
 * little more of the same. Count 0: there is none. */
static struct guard_read candidate(const struct guard_read *wanted, uint32_t kind,
                                   uint32_t i)
{
    uint32_t step = wanted->function <= FRAME_READ_DISCRETE ? 8 : 1;
    struct guard_read read = *wanted;

    if (kind == 0) {
        read.count = wanted->count > i * step ? (uint16_t)(wanted->count - i * step) : 0;
    } else if (kind == 1) {
        read.function = other_function(wanted->function);
        read.count = (uint16_t)(1 + (i - 1) * step);
    } else {
        read.count = (uint16_t)(wanted->count + i * step);
    }
    return read;
}

bool guard_choose_probe(const struct guard *guard, const struct guard_read *wanted,
                        uint32_t max_count, const struct ranges *never_read,
                        struct guard_read *ret)
{
    for (uint32_t n = 0; n < 3 * CANDIDATES; n++) {
        struct guard_read read =
            candidate(wanted, (guard->turn + n / CANDIDATES) % 3, 1 + n % CANDIDATES);
        uint32_t end = (uint32_t)read.address + read.count;

        if (!read.count || read.count > max_count || end > 65536 ||
            ranges_touch(never_read, read.address, end - 1) ||
            guard_is_ambiguous(guard, &read))
            continue;
        *ret = read;
        return true;
    }
    return false;
}
