/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter knows, as bytes; see meter_state.h. Called by flows.c. */
#include "lib/energy/meter_state.h"

#include <string.h>

#include "lib/base/varint.h"

#define HAS_COUNTER 1u
#define HAS_POWER 2u
#define IS_OPEN 4u

bool meter_peek(const struct meter *meter, struct meter_slot *ret)
{
    if (!meter->is_open)
        return false;
    *ret = meter->open;
    ret->wh = meter->open_mwh / 1000;
    ret->known_s = (uint32_t)(meter->open_known_ms / 1000);
    return true;
}

static void put_time(int64_t *numbers, const struct meter_time *time)
{
    numbers[0] = time->boot;
    numbers[1] = time->t_boot_ms;
    numbers[2] = time->t_wall_ms;
}

static struct meter_time get_time(const int64_t *numbers)
{
    return (struct meter_time){numbers[0], numbers[1], numbers[2]};
}

/* In the order of the blob: signed, then the power's bits. */
enum { FLAGS, POLL, LAST, POWER_AT = LAST + 3, COUNTER = POWER_AT + 3, N_HELD, HELD,
       HELD_FIRST, START, SLOT_FLAGS, OPEN, KNOWN, GLITCHES, N_NUMBERS };

void meter_save(const struct meter *meter, struct strbuf *buf)
{
    uint8_t data[(N_NUMBERS + 1) * VARINT_MAX];
    int64_t numbers[N_NUMBERS] = {
        [FLAGS] = (meter->has_counter ? HAS_COUNTER : 0) |
                  (meter->has_power ? HAS_POWER : 0) | (meter->is_open ? IS_OPEN : 0),
        [POLL] = meter->poll_ms,
        [COUNTER] = meter->counter_mwh,
        [N_HELD] = meter->n_held,
        [HELD] = meter->held_mwh,
        [HELD_FIRST] = meter->held_first_mwh,
        [START] = meter->open.start_ms,
        [SLOT_FLAGS] = meter->open.flags,
        [OPEN] = meter->open_mwh,
        [KNOWN] = meter->open_known_ms,
        [GLITCHES] = (int64_t)meter->n_glitches,
    };
    uint64_t power;
    size_t n = 0;

    put_time(numbers + LAST, &meter->last);
    put_time(numbers + POWER_AT, &meter->last_power);
    for (int i = 0; i < N_NUMBERS; i++)
        n += varint_put(data + n, varint_zigzag(numbers[i]));
    memcpy(&power, &meter->power_w, sizeof power);
    n += varint_put(data + n, power);
    strbuf_add(buf, data, n);
}

bool meter_load(struct meter *meter, const void *data, size_t len, size_t *pos)
{
    int64_t numbers[N_NUMBERS];
    uint64_t power;

    for (int i = 0; i < N_NUMBERS; i++)
        if (!varint_get_signed(data, len, pos, &numbers[i]))
            return false;
    if (!varint_get(data, len, pos, &power))
        return false;
    meter->has_counter = numbers[FLAGS] & HAS_COUNTER;
    meter->has_power = numbers[FLAGS] & HAS_POWER;
    meter->is_open = numbers[FLAGS] & IS_OPEN;
    meter->poll_ms = numbers[POLL];
    meter->last = get_time(numbers + LAST);
    meter->last_power = get_time(numbers + POWER_AT);
    meter->counter_mwh = numbers[COUNTER];
    meter->n_held = (uint32_t)numbers[N_HELD];
    meter->held_mwh = numbers[HELD];
    meter->held_first_mwh = numbers[HELD_FIRST];
    meter->open = (struct meter_slot){.start_ms = numbers[START],
                                      .flags = (uint8_t)numbers[SLOT_FLAGS]};
    meter->open_mwh = numbers[OPEN];
    meter->open_known_ms = numbers[KNOWN];
    meter->n_glitches = (uint64_t)numbers[GLITCHES];
    memcpy(&meter->power_w, &power, sizeof power);
    return true;
}
