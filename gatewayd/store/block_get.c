/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a block; format and interface: block_get.h. The blob comes from a disk that
 * may lie: every length is checked, every form known, before a byte is believed.
 */
#include "gatewayd/store/block_get.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_state.h"
#include "lib/base/decimal.h"
#include "lib/base/varint.h"
#include "lib/model/value.h"

void block_reader_init(struct block_reader *reader, const struct layouts *layouts)
{
    *reader = (struct block_reader){.layouts = layouts};
}

void block_reader_done(struct block_reader *reader)
{
    free(reader->values);
    block_states_free(reader->states);
    *reader = (struct block_reader){0};
}

int block_reader_begin(struct block_reader *reader, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    if (len < 1 || len > BLOCK_BYTES_MAX || bytes[0] != BLOCK_VERSION)
        return -EBADMSG;
    reader->data = bytes;
    reader->len = len;
    reader->pos = 1;
    reader->t_us = 0;
    if (reader->states)
        block_states_next_block(reader->states);
    return 0;
}

static bool get_byte(struct block_reader *reader, uint8_t *ret)
{
    if (reader->pos >= reader->len)
        return false;
    *ret = reader->data[reader->pos++];
    return true;
}

static bool get_low_first(struct block_reader *reader, unsigned n, uint64_t *ret_bits)
{
    uint64_t bits = 0;

    if (reader->len - reader->pos < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        bits |= (uint64_t)reader->data[reader->pos++] << (8 * i);
    *ret_bits = bits;
    return true;
}

static bool form_is_known(uint8_t form)
{
    uint8_t kind = block_form_kind(form), exponent = block_form_exponent(form);

    if (kind == FORM_DECIMAL32 || kind == FORM_DECIMAL64)
        return exponent <= DECIMAL_MAX_EXPONENT;
    return kind < FORM_COUNT && exponent == 0;
}

static bool get_forms(struct block_reader *reader, struct block_state *state)
{
    for (uint32_t i = 0; i < state->n_slots; i++) {
        uint8_t form;

        if (!get_byte(reader, &form) || !form_is_known(form))
            return false;
        if (state->forms[i] != form)
            state->bits[i] = 0;
        state->forms[i] = form;
    }
    return true;
}

static bool get_quality(struct block_reader *reader, struct block_value *value)
{
    uint8_t byte;
    int64_t detail = 0;

    if (!get_byte(reader, &byte))
        return false;
    if ((byte & 0x80) &&
        !varint_get_signed(reader->data, reader->len, &reader->pos, &detail))
        return false;
    value->quality = byte & 0x7f;
    value->detail = (int32_t)detail;
    return true;
}

static bool get_heads(struct block_reader *reader, const struct block_state *state,
                      bool qualities)
{
    for (uint32_t i = 0; i < state->n_slots; i++) {
        struct block_value *value = &reader->values[i];

        *value = (struct block_value){.is_present = state->forms[i] != FORM_ABSENT};
        if (qualities && value->is_present && !get_quality(reader, value))
            return false;
    }
    return true;
}

static bool get_difference(struct block_reader *reader, uint64_t *bits)
{
    int64_t difference;

    if (!varint_get_signed(reader->data, reader->len, &reader->pos, &difference))
        return false;
    *bits += (uint64_t)difference;
    return true;
}

static bool get_string(struct block_reader *reader, uint64_t *bits,
                       struct gw_value *value)
{
    uint64_t size;

    if (!varint_get(reader->data, reader->len, &reader->pos, &size))
        return false;
    if (size > 0) {
        if (size > VALUE_STRING_MAX + 1 || size > reader->len - reader->pos ||
            memchr(reader->data + reader->pos, 0, size) !=
                reader->data + reader->pos + size - 1)
            return false;
        *bits = reader->pos;
        reader->pos += size;
    }
    value->type = GW_TYPE_STRING;
    value->v.s = (const char *)reader->data + *bits;
    return *bits != 0;
}

static bool get_number(struct block_reader *reader, uint8_t form, uint64_t *bits,
                       struct gw_value *value)
{
    double number;

    if (!get_difference(reader, bits))
        return false;
    switch (block_form_kind(form)) {
    case FORM_INT:
        *value = (struct gw_value){.type = GW_TYPE_INT, .v.i = (int64_t)*bits};
        return true;
    case FORM_UINT:
        *value = (struct gw_value){.type = GW_TYPE_UINT, .v.u = *bits};
        return true;
    default:
        break;
    }
    number = decimal_to_double((int64_t)*bits, block_form_exponent(form));
    if (block_form_kind(form) == FORM_DECIMAL32)
        *value = (struct gw_value){.type = GW_TYPE_FLOAT32, .v.f = (float)number};
    else
        *value = (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = number};
    return true;
}

static bool get_raw(struct block_reader *reader, uint8_t kind, struct gw_value *value)
{
    unsigned n = kind == FORM_BOOL ? 1 : kind == FORM_FLOAT32 ? 4 : 8;
    uint64_t bits;
    uint32_t low;

    if (!get_low_first(reader, n, &bits))
        return false;
    if (kind == FORM_BOOL) {
        *value = (struct gw_value){.type = GW_TYPE_BOOL, .v.b = bits != 0};
    } else if (kind == FORM_FLOAT32) {
        low = (uint32_t)bits;
        value->type = GW_TYPE_FLOAT32;
        memcpy(&value->v.f, &low, sizeof low);
    } else {
        value->type = GW_TYPE_FLOAT64;
        memcpy(&value->v.d, &bits, sizeof bits);
    }
    return true;
}

static bool get_value(struct block_reader *reader, struct block_state *state, uint32_t i)
{
    struct gw_value *value = &reader->values[i].value;
    uint8_t form = state->forms[i];

    switch ((enum block_form)block_form_kind(form)) {
    case FORM_ABSENT:
    case FORM_NONE:
        return true;
    case FORM_BOOL:
    case FORM_FLOAT32:
    case FORM_FLOAT64:
        return get_raw(reader, block_form_kind(form), value);
    case FORM_INT:
    case FORM_UINT:
    case FORM_DECIMAL32:
    case FORM_DECIMAL64:
        return get_number(reader, form, &state->bits[i], value);
    case FORM_STRING:
        return get_string(reader, &state->bits[i], value);
    case FORM_COUNT:
        break;
    }
    return false;
}

static int prepare(struct block_reader *reader, const struct layout *layout,
                   struct block_state **ret_state, bool *ret_fresh)
{
    struct block_value *bigger;

    if (!reader->states)
        reader->states = block_states_new();
    *ret_state =
        reader->states ? block_states_get(reader->states, layout, ret_fresh) : NULL;
    if (!*ret_state)
        return -ENOMEM;
    if (layout->n_points <= reader->values_capacity)
        return 0;
    bigger = realloc(reader->values, layout->n_points * sizeof *bigger);
    if (!bigger)
        return -ENOMEM;
    reader->values = bigger;
    reader->values_capacity = layout->n_points;
    return 0;
}

static int get_record(struct block_reader *reader, const struct layout *layout,
                      unsigned flags)
{
    struct block_state *state;
    bool is_fresh;
    int rc = prepare(reader, layout, &state, &is_fresh);

    if (rc < 0)
        return rc;
    if ((is_fresh && !(flags & 1)) || ((flags & 1) && !get_forms(reader, state)) ||
        !get_heads(reader, state, flags & 2))
        return -EBADMSG;
    for (uint32_t i = 0; i < state->n_slots; i++)
        if (!get_value(reader, state, i))
            return -EBADMSG;
    return 1;
}

int block_get(struct block_reader *reader, const struct layout **ret_layout,
              int64_t *ret_t_boot_ns)
{
    const struct layout *layout;
    uint64_t head;
    int rc;

    if (reader->pos >= reader->len)
        return 0;
    if (!varint_get(reader->data, reader->len, &reader->pos, &head) ||
        !get_difference(reader, &reader->t_us))
        return -EBADMSG;
    layout = layouts_get(reader->layouts, (head >> 2) + reader->layout_base);
    if (!layout || (int64_t)reader->t_us > INT64_MAX / 1000 ||
        (int64_t)reader->t_us < INT64_MIN / 1000)
        return -EBADMSG;
    rc = get_record(reader, layout, head & 3);
    if (rc > 0) {
        *ret_layout = layout;
        *ret_t_boot_ns = (int64_t)reader->t_us * 1000;
    }
    return rc;
}
