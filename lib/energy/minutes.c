/* SPDX-License-Identifier: Apache-2.0 */
/* 1-minute means and their blob; see minutes.h. Written by the store's summary, read by
 * queries. Numbers are kept as whole multiples of a power of ten, as differences. */
#include "lib/energy/minutes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/varint.h"

#define VERSION 1
#define EXPONENT_MAX 22 /* powers of ten that a double holds exactly */
#define EXPONENT_BIAS 32
#define COUNTER_EXPONENT (-3)
#define WHOLE_MAX 9e15

static const double powers[EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

void minutes_init(struct minutes *minutes)
{
    *minutes = (struct minutes){0};
}

void minutes_done(struct minutes *minutes)
{
    free(minutes->sums);
    *minutes = (struct minutes){0};
}

void minutes_clear(struct minutes *minutes)
{
    if (minutes->n_points)
        memset(minutes->sums, 0, minutes->n_points * sizeof *minutes->sums);
}

bool minutes_is_counter(const char *point)
{
    size_t len = strlen(point);

    return len > 3 && strcmp(point + len - 3, "_wh") == 0;
}

int minutes_reserve(struct minutes *minutes, uint32_t n_points)
{
    void *bigger;

    if (n_points <= minutes->n_points)
        return 0;
    bigger = realloc(minutes->sums, n_points * sizeof *minutes->sums);
    if (!bigger)
        return -ENOMEM;
    minutes->sums = bigger;
    memset(minutes->sums + minutes->n_points, 0,
           (n_points - minutes->n_points) * sizeof *minutes->sums);
    minutes->n_points = n_points;
    return 0;
}

void minutes_add(struct minutes *minutes, uint32_t point, unsigned minute,
                 uint8_t quality, bool has_number, double number, bool is_counter)
{
    struct minute_sum *sum = &minutes->sums[point][minute];

    sum->is_seen = true;
    if (quality)
        sum->quality = quality;
    if (!has_number || !isfinite(number))
        return;
    if (sum->n == 0 || (float)number < sum->min)
        sum->min = (float)number;
    if (sum->n == 0 || (float)number > sum->max)
        sum->max = (float)number;
    sum->total = is_counter ? number : sum->total + number;
    sum->n++;
}

static unsigned seen_bits(const struct minute_sum sums[MINUTES_PER_SLOT])
{
    unsigned bits = 0;

    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++)
        bits |= (unsigned)sums[i].is_seen << i;
    return bits;
}

bool minutes_is_empty(const struct minutes *minutes)
{
    for (uint32_t i = 0; i < minutes->n_points; i++)
        if (seen_bits(minutes->sums[i]))
            return false;
    return true;
}

/* ---- numbers ---- */

static int64_t whole(double value, int exponent)
{
    value = exponent < 0 ? value * powers[-exponent] : value / powers[exponent];
    if (value > WHOLE_MAX)
        value = WHOLE_MAX;
    if (value < -WHOLE_MAX)
        value = -WHOLE_MAX;
    return llrint(value);
}

static double number(int64_t value, int exponent)
{
    return exponent < 0 ? (double)value / powers[-exponent]
                        : (double)value * powers[exponent];
}

/* The largest number keeps six or five digits. */
static int exponent_for(const struct minute_sum sums[MINUTES_PER_SLOT])
{
    double largest = 0;
    int exponent = -EXPONENT_MAX;

    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++) {
        if (sums[i].n > 0)
            largest = fmax(largest, fmax(fabs((double)sums[i].min),
                                         fabs((double)sums[i].max)));
    }
    while (exponent < EXPONENT_MAX && number(1000000, exponent) <= largest)
        exponent++;
    return largest > 0 ? exponent : 0;
}

/* ---- packing ---- */

static size_t put_minute(uint8_t *data, const struct minute_sum *sum, bool is_counter,
                         int exponent, int64_t last[2])
{
    double mean = is_counter || sum->n == 0 ? sum->total : sum->total / sum->n;
    int64_t value = whole(mean, exponent);
    size_t n = varint_put(data, varint_zigzag((int64_t)sum->n - last[0]));

    last[0] = sum->n;
    if (sum->n == 0)
        return n;
    n += varint_put(data + n, varint_zigzag(value - last[1]));
    last[1] = value;
    if (sum->n > 1 && !is_counter) {
        int64_t min = whole((double)sum->min, exponent),
                max = whole((double)sum->max, exponent);

        n += varint_put(data + n, min < value ? (uint64_t)(value - min) : 0);
        n += varint_put(data + n, max > value ? (uint64_t)(max - value) : 0);
    }
    return n;
}

static void pack_point(const struct minute_sum sums[MINUTES_PER_SLOT], uint32_t point,
                       bool is_counter, struct strbuf *buf)
{
    uint8_t data[(3 + 4 * MINUTES_PER_SLOT) * VARINT_MAX];
    int exponent = is_counter ? COUNTER_EXPONENT : exponent_for(sums);
    unsigned seen = seen_bits(sums), has_qualities = 0;
    int64_t last[2] = {0, 0};
    size_t n;

    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++)
        has_qualities |= sums[i].quality != 0;
    n = varint_put(data, point);
    n += varint_put(data + n, seen << 2 | has_qualities << 1 | is_counter);
    data[n++] = (uint8_t)(exponent + EXPONENT_BIAS);
    for (unsigned i = 0; has_qualities && i < MINUTES_PER_SLOT; i++)
        if (sums[i].is_seen)
            data[n++] = sums[i].quality;
    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++)
        if (sums[i].is_seen)
            n += put_minute(data + n, &sums[i], is_counter, exponent, last);
    strbuf_add(buf, data, n);
}

void minutes_pack(const struct minutes *minutes, const bool *is_counter,
                  struct strbuf *buf)
{
    strbuf_putc(buf, VERSION);
    for (uint32_t i = 0; i < minutes->n_points; i++)
        if (seen_bits(minutes->sums[i]))
            pack_point(minutes->sums[i], i, is_counter[i], buf);
}

/* ---- unpacking ---- */

int minutes_reader_init(struct minutes_reader *reader, const void *data, size_t len)
{
    *reader = (struct minutes_reader){.data = data, .len = len, .pos = 1};
    return len >= 1 && reader->data[0] == VERSION ? 0 : -EBADMSG;
}

static bool get_byte(struct minutes_reader *reader, uint8_t *ret)
{
    if (reader->pos >= reader->len)
        return false;
    *ret = reader->data[reader->pos++];
    return true;
}

static bool get_minute(struct minutes_reader *reader, struct minute_cell *cell,
                       bool is_counter, int exponent, int64_t last[2])
{
    uint64_t below = 0, above = 0;
    int64_t difference;

    if (!varint_get_signed(reader->data, reader->len, &reader->pos, &difference))
        return false;
    last[0] = (int64_t)((uint64_t)last[0] + (uint64_t)difference);
    if (last[0] < 0 || last[0] > UINT32_MAX)
        return false;
    cell->n = (uint32_t)last[0];
    if (cell->n == 0)
        return true;
    if (!varint_get_signed(reader->data, reader->len, &reader->pos, &difference))
        return false;
    last[1] = (int64_t)((uint64_t)last[1] + (uint64_t)difference);
    if (cell->n > 1 && !is_counter &&
        (!varint_get(reader->data, reader->len, &reader->pos, &below) ||
         !varint_get(reader->data, reader->len, &reader->pos, &above)))
        return false;
    cell->value = number(last[1], exponent);
    cell->min = number((int64_t)((uint64_t)last[1] - below), exponent);
    cell->max = number((int64_t)((uint64_t)last[1] + above), exponent);
    return true;
}

int minutes_next(struct minutes_reader *reader, uint32_t *ret_point,
                 struct minute_cell cells[MINUTES_PER_SLOT])
{
    uint64_t point, bits;
    int64_t last[2] = {0, 0};
    uint8_t exponent;

    if (reader->pos == reader->len)
        return 0;
    if (!varint_get(reader->data, reader->len, &reader->pos, &point) ||
        !varint_get(reader->data, reader->len, &reader->pos, &bits) ||
        !get_byte(reader, &exponent) || point > UINT32_MAX ||
        exponent < EXPONENT_BIAS - EXPONENT_MAX ||
        exponent > EXPONENT_BIAS + EXPONENT_MAX)
        return -EBADMSG;
    memset(cells, 0, MINUTES_PER_SLOT * sizeof *cells);
    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++) {
        cells[i].is_seen = bits >> (2 + i) & 1;
        if (cells[i].is_seen && (bits & 2) && !get_byte(reader, &cells[i].quality))
            return -EBADMSG;
    }
    for (unsigned i = 0; i < MINUTES_PER_SLOT; i++)
        if (cells[i].is_seen && !get_minute(reader, &cells[i], bits & 1,
                                            (int)exponent - EXPONENT_BIAS, last))
            return -EBADMSG;
    *ret_point = (uint32_t)point;
    return 1;
}
