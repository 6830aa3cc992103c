/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing records into a block; format and interface: block_put.h. On the store's thread,
 * for every reading: the costs that count are here.
 *
 * A point keeps its form through a block where it can: a short decimal (230.1 and then
 * 230) keeps the larger exponent, so that differences stay small and no new forms are
 * written.
 */
#include "gatewayd/store/block_put.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_state.h"
#include "lib/base/decimal.h"
#include "lib/base/varint.h"

/* Above these many digits the raw number is the shorter one. */
#define DECIMAL32_DIGITS_MAX 1000000
#define DECIMAL64_DIGITS_MAX INT64_C(1000000000000)

void block_writer_init(struct block_writer *writer)
{
    *writer = (struct block_writer){0};
}

void block_writer_done(struct block_writer *writer)
{
    free(writer->data);
    block_states_free(writer->states);
    *writer = (struct block_writer){0};
}

void block_writer_clear(struct block_writer *writer)
{
    writer->len = 0;
    writer->n_records = 0;
    writer->t_us = 0;
    if (writer->states)
        block_states_next_block(writer->states);
}

static bool reserve(struct block_writer *writer, size_t more)
{
    size_t capacity = writer->capacity ? writer->capacity : 1024;
    uint8_t *bigger;

    while (capacity < writer->len + more)
        capacity *= 2;
    if (capacity == writer->capacity)
        return true;
    bigger = realloc(writer->data, capacity);
    if (!bigger)
        return false;
    writer->data = bigger;
    writer->capacity = capacity;
    return true;
}

static bool digits_fit(double value, bool is_single, uint8_t exponent,
                       int64_t *ret_digits)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double scaled = value * powers[exponent];
    int64_t digits;
    double back;

    if (!(fabs(scaled) < (is_single ? 1e6 : 1e12)))
        return false;
    digits = llrint(scaled);
    back = decimal_to_double(digits, exponent);
    if (is_single)
        back = (double)(float)back;
    if (back < value || back > value || (digits == 0 && signbit(value)))
        return false;
    *ret_digits = digits;
    return true;
}

/* The form for a float: as before, else decimal when it is short, else raw. */
static uint8_t float_form(double value, bool is_single, uint8_t before,
                          uint64_t *ret_bits)
{
    uint8_t decimal = is_single ? FORM_DECIMAL32 : FORM_DECIMAL64;
    uint8_t raw = is_single ? FORM_FLOAT32 : FORM_FLOAT64;
    uint8_t kind = block_form_kind(before);
    unsigned exponent;
    int64_t digits;

    if (kind == raw)
        return before;
    if (kind == decimal &&
        digits_fit(value, is_single, block_form_exponent(before), &digits)) {
        *ret_bits = (uint64_t)digits;
        return before;
    }
    if (is_single ? !decimal_from_float((float)value, &digits, &exponent)
                  : !decimal_from_double(value, &digits, &exponent))
        return raw;
    if (llabs(digits) > (is_single ? DECIMAL32_DIGITS_MAX : DECIMAL64_DIGITS_MAX))
        return raw;
    *ret_bits = (uint64_t)digits;
    return (uint8_t)(decimal | exponent << 4);
}

static uint8_t choose_form(const struct reading *reading, uint8_t before,
                           uint64_t *ret_bits)
{
    if (!reading)
        return FORM_ABSENT;
    switch ((enum gw_type)reading->value.type) {
    case GW_TYPE_NONE:
        return FORM_NONE;
    case GW_TYPE_BOOL:
        *ret_bits = reading->value.v.b;
        return FORM_BOOL;
    case GW_TYPE_INT:
        *ret_bits = (uint64_t)reading->value.v.i;
        return FORM_INT;
    case GW_TYPE_UINT:
        *ret_bits = reading->value.v.u;
        return FORM_UINT;
    case GW_TYPE_FLOAT32:
        return float_form((double)reading->value.v.f, true, before, ret_bits);
    case GW_TYPE_FLOAT64:
        return float_form(reading->value.v.d, false, before, ret_bits);
    case GW_TYPE_STRING:
        return FORM_STRING;
    }
    return FORM_NONE;
}

static void put_byte(struct block_writer *writer, uint8_t byte)
{
    writer->data[writer->len++] = byte;
}

static void put_varint(struct block_writer *writer, uint64_t value)
{
    writer->len += varint_put(writer->data + writer->len, value);
}

static void put_low_first(struct block_writer *writer, uint64_t bits, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_byte(writer, (uint8_t)(bits >> (8 * i)));
}

static void put_string(struct block_writer *writer, const char *text, uint64_t *bits)
{
    size_t size = strlen(text) + 1;

    /* *bits is where the last one lies; the blob's first byte is its version, so 0 is
     * none */
    if (*bits && strcmp((const char *)writer->data + *bits, text) == 0) {
        put_varint(writer, 0);
        return;
    }
    put_varint(writer, size);
    *bits = writer->len;
    memcpy(writer->data + writer->len, text, size);
    writer->len += size;
}

static void put_value(struct block_writer *writer, struct block_state *state, uint32_t i,
                      const struct reading *reading)
{
    uint64_t difference = state->next_bits[i] - state->bits[i];
    uint64_t bits = 0;

    switch ((enum block_form)block_form_kind(state->forms[i])) {
    case FORM_BOOL:
        put_byte(writer, (uint8_t)state->next_bits[i]);
        break;
    case FORM_INT:
    case FORM_UINT:
    case FORM_DECIMAL32:
    case FORM_DECIMAL64:
        put_varint(writer, varint_zigzag((int64_t)difference));
        state->bits[i] = state->next_bits[i];
        break;
    case FORM_FLOAT32:
        memcpy(&bits, &reading->value.v.f, 4);
        put_low_first(writer, bits, 4);
        break;
    case FORM_FLOAT64:
        memcpy(&bits, &reading->value.v.d, 8);
        put_low_first(writer, bits, 8);
        break;
    case FORM_STRING:
        put_string(writer, reading->value.v.s, &state->bits[i]);
        break;
    case FORM_ABSENT:
    case FORM_NONE:
    case FORM_COUNT:
        break;
    }
}

/* Takes the new forms over; a slot whose form changed starts again from 0. */
static void put_forms(struct block_writer *writer, struct block_state *state)
{
    for (uint32_t i = 0; i < state->n_slots; i++) {
        if (state->forms[i] != state->next_forms[i])
            state->bits[i] = 0;
        state->forms[i] = state->next_forms[i];
        put_byte(writer, state->forms[i]);
    }
}

static void put_qualities(struct block_writer *writer, uint32_t n,
                          const struct reading *const *slots)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!slots[i])
            continue;
        put_byte(writer,
                 (uint8_t)((slots[i]->quality & 0x7f) | (slots[i]->detail ? 0x80 : 0)));
        if (slots[i]->detail)
            put_varint(writer, varint_zigzag(slots[i]->detail));
    }
}

/* The most bytes this record can take, and what it needs in its head. */
static size_t look(struct block_state *state, const struct reading *const *slots,
                   bool *ret_forms, bool *ret_qualities)
{
    size_t size = 2 * VARINT_MAX + 1;

    for (uint32_t i = 0; i < state->n_slots; i++) {
        const struct reading *reading = slots[i];

        state->next_bits[i] = 0;
        state->next_forms[i] =
            choose_form(reading, state->forms[i], &state->next_bits[i]);
        *ret_forms |= state->next_forms[i] != state->forms[i];
        *ret_qualities |= reading && (reading->quality != GW_GOOD || reading->detail);
        size += 2 + 2 * VARINT_MAX;
        if (state->next_forms[i] == FORM_STRING)
            size += strlen(reading->value.v.s) + 1;
    }
    return size;
}

int block_put(struct block_writer *writer, const struct layout *layout, int64_t t_boot_ns,
              const struct reading *const *slots)
{
    uint64_t t_us = (uint64_t)(t_boot_ns / 1000);
    struct block_state *state;
    bool forms, qualities = false;

    if (!writer->states)
        writer->states = block_states_new();
    state = writer->states ? block_states_get(writer->states, layout, &forms) : NULL;
    if (!state || !reserve(writer, look(state, slots, &forms, &qualities)))
        return -ENOMEM;
    if (writer->len == 0)
        put_byte(writer, BLOCK_VERSION);
    put_varint(writer, (uint64_t)layout->id << 2 | (unsigned)qualities << 1 | forms);
    put_varint(writer, varint_zigzag((int64_t)(t_us - writer->t_us)));
    writer->t_us = t_us;
    if (forms)
        put_forms(writer, state);
    if (qualities)
        put_qualities(writer, layout->n_points, slots);
    for (uint32_t i = 0; i < layout->n_points; i++)
        put_value(writer, state, i, slots[i]);
    writer->n_records++;
    return 0;
}
