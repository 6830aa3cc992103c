/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the store's blocks: any records come back bit for bit, garbage does no harm.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_get.h"
#include "gatewayd/store/block_put.h"
#include "gatewayd/store/gap.h"
#include "gatewayd/store/layout.h"
#include "gatewayd/store/pending.h"
#include "lib/base/varint.h"
#include "lib/base/clock.h"
#include "tests/unit/suite.h"

#define N_POINTS 12

static struct catalog *catalog;
static struct layouts *layouts;
static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void add_device(struct catalog_device *device, const char *name)
{
    device->name = strdup(name);
    device->n_points = N_POINTS;
    device->points = calloc(N_POINTS, sizeof *device->points);
    for (uint32_t i = 0; i < N_POINTS; i++) {
        char text[16];

        snprintf(text, sizeof text, "point_%u", i);
        device->points[i].name = strdup(text);
        device->points[i].unit = strdup(i % 3 ? "V" : "");
    }
}

static void begin(uint64_t with_seed)
{
    seed = with_seed;
    catalog = catalog_new(1, 2);
    add_device(&catalog->devices[0], "one");
    add_device(&catalog->devices[1], "two");
    catalog_seal(catalog);
    layouts = layouts_new();
}

static void end(void)
{
    layouts_free(layouts);
    catalog_unref(catalog);
}

static double random_decimal(void)
{
    static const double scales[] = {1, 10, 100, 1000, 1e6};

    return (double)((int64_t)(next_random() % 200001) - 100000) /
           scales[next_random() % 5];
}

static double random_double(void)
{
    static const double odd[] = {
        0.0,      -0.0,   (double)NAN, (double)INFINITY,   -(double)INFINITY,
        1e300,    5e-324, 0.1,         9007199254740993.0, -1e12,
        1.0 / 3.0};
    uint64_t bits = next_random();
    double value;

    switch (next_random() % 3) {
    case 0:
        return random_decimal();
    case 1:
        return odd[next_random() % (sizeof odd / sizeof *odd)];
    default:
        memcpy(&value, &bits, sizeof value);
        return value;
    }
}

static struct gw_value random_value(void)
{
    static const char *const texts[] = {"", "run", "run", "stop", "待機"};
    static const uint64_t wide[] = {0,    1,   INT64_MAX, UINT64_MAX, (uint64_t)1 << 63,
                                    2300, 2301};

    switch (next_random() % 7) {
    case 0:
        return (struct gw_value){.type = GW_TYPE_NONE};
    case 1:
        return (struct gw_value){.type = GW_TYPE_BOOL, .v.b = next_random() & 1};
    case 2:
        return (struct gw_value){.type = GW_TYPE_INT,
                                 .v.i = (int64_t)wide[next_random() % 7]};
    case 3:
        return (struct gw_value){.type = GW_TYPE_UINT, .v.u = wide[next_random() % 7]};
    case 4:
        return (struct gw_value){.type = GW_TYPE_FLOAT32, .v.f = (float)random_double()};
    case 5:
        return (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = random_double()};
    default:
        return (struct gw_value){.type = GW_TYPE_STRING, .v.s = texts[next_random() % 5]};
    }
}

/* A record of a random subset of the points, in random order; now and then a point twice.
 */
static void add_random_record(struct record_batch *batch, int64_t t_boot_ns)
{
    uint32_t n = (uint32_t)(next_random() % (N_POINTS + 1));

    record_batch_begin(batch, (uint32_t)(next_random() % 2), t_boot_ns);
    for (uint32_t i = 0; i < n; i++) {
        struct gw_value value = random_value();
        uint32_t point = next_random() % 4 ? i : (uint32_t)(next_random() % N_POINTS);
        enum gw_quality quality =
            next_random() % 3 ? GW_GOOD : (enum gw_quality)(next_random() % 8);
        int32_t detail = quality == GW_DEVICE_ERROR ? (int32_t)next_random() : 0;

        record_batch_add(batch, point, quality, detail, &value);
    }
}

static bool same_bits(const struct gw_value *a, const struct gw_value *b)
{
    if (a->type != b->type)
        return false;
    switch ((enum gw_type)a->type) {
    case GW_TYPE_NONE:
        return true;
    case GW_TYPE_BOOL:
        return a->v.b == b->v.b;
    case GW_TYPE_FLOAT32:
        return memcmp(&a->v.f, &b->v.f, sizeof a->v.f) == 0;
    case GW_TYPE_STRING:
        return strcmp(a->v.s, b->v.s) == 0;
    case GW_TYPE_INT:
    case GW_TYPE_UINT:
    case GW_TYPE_FLOAT64:
        break;
    }
    return a->v.u == b->v.u;
}

/* Readings in the order of the layout; a layout with places left out keeps the last of
 * each. */
static bool same_readings(const struct record_batch *batch, const struct record *record,
                          const struct layout *layout, const struct block_value *values)
{
    const struct reading *readings = batch->readings + record->first_reading;
    const struct catalog_device *device = &catalog->devices[record->device];
    uint32_t n_found = 0, n_present = 0;
    bool subset = layout->n_points == record->n_readings;

    for (uint32_t i = 0; subset && i < layout->n_points; i++)
        subset = strcmp(device->points[readings[i].point].name, layout->points[i]) == 0;
    for (uint32_t i = 0; i < layout->n_points; i++) {
        const struct reading *reading = NULL;

        for (uint32_t j = 0; j < record->n_readings; j++)
            if ((!subset || i == j) &&
                strcmp(device->points[readings[j].point].name, layout->points[i]) == 0)
                reading = &readings[j];
        n_present += values[i].is_present;
        if (!reading)
            continue;
        n_found++;
        if (!values[i].is_present || values[i].quality != reading->quality ||
            values[i].detail != reading->detail ||
            !same_bits(&values[i].value, &reading->value))
            return false;
    }
    return n_found == n_present && (!subset || n_found == record->n_readings);
}

static bool row_is(const struct pending_row *row, const struct record_batch *batch,
                   uint32_t *next)
{
    struct block_reader reader;
    const struct layout *layout;
    bool same = true;
    int64_t t;
    int rc;

    block_reader_init(&reader, layouts);
    CU_ASSERT_EQUAL(block_reader_begin(&reader, row->data, row->len), 0);
    while (same && (rc = block_get(&reader, &layout, &t)) > 0) {
        const struct record *record = &batch->records[(*next)++];

        same = t == record->t_boot_ns &&
               strcmp(layout->device, catalog->devices[record->device].name) == 0 &&
               same_readings(batch, record, layout, reader.values);
    }
    CU_ASSERT_EQUAL(rc, same ? 0 : 1);
    block_reader_done(&reader);
    return same;
}

static void any_records_come_back_bit_for_bit(void)
{
    for (uint64_t round = 1; round <= 30; round++) {
        const struct belief belief = {.offset_ms = 5, .trust = CLOCK_SYNCED};
        struct record_batch *batch;
        struct pending pending;
        uint32_t next = 0;

        begin(round * UINT64_C(0x9e3779b97f4a7c15));
        batch = record_batch_new(catalog);
        pending_init(&pending);
        for (uint32_t i = 0; i < 200; i++) {
            add_random_record(
                batch, ((int64_t)(next_random() >> 20) - (INT64_C(1) << 42)) * 1000);
            CU_ASSERT_EQUAL(pending_add_record(&pending, layouts, batch,
                                               &batch->records[batch->n_records - 1],
                                               belief),
                            0);
        }
        CU_ASSERT_EQUAL(pending_close_block(&pending), 0);
        for (const struct pending_row *row = pending.first; row; row = row->next)
            CU_ASSERT_TRUE_FATAL(row_is(row, batch, &next));
        CU_ASSERT_EQUAL(next, 200);
        pending_done(&pending);
        record_batch_free(batch);
        end();
    }
}

static void too_many_combinations_share_the_full_layout(void)
{
    const struct belief belief = {0};
    struct record_batch *batch;
    struct pending pending;
    uint32_t next = 0;

    begin(42);
    batch = record_batch_new(catalog);
    pending_init(&pending);
    for (uint32_t mask = 1; mask < 512; mask++) {
        record_batch_begin(batch, 0, mask * INT64_C(1000));
        for (uint32_t p = 0; p < 9; p++) {
            const struct gw_value value = {.type = GW_TYPE_INT, .v.i = mask + p};

            if (mask & (1u << p))
                record_batch_add(batch, p, GW_GOOD, 0, &value);
        }
        CU_ASSERT_EQUAL(pending_add_record(&pending, layouts, batch,
                                           &batch->records[mask - 1], belief),
                        0);
    }
    CU_ASSERT_TRUE(layouts_count(layouts) <= 65);
    CU_ASSERT_EQUAL(pending_close_block(&pending), 0);
    for (const struct pending_row *row = pending.first; row; row = row->next)
        CU_ASSERT_TRUE(row_is(row, batch, &next));
    CU_ASSERT_EQUAL(next, 511);
    pending_done(&pending);
    record_batch_free(batch);
    end();
}

static void read_garbage(const uint8_t *data, size_t len)
{
    struct block_reader reader;
    const struct layout *layout;
    int64_t t;
    size_t n = 0;

    block_reader_init(&reader, layouts);
    if (block_reader_begin(&reader, data, len) == 0)
        while (block_get(&reader, &layout, &t) > 0)
            n++;
    CU_ASSERT_TRUE(n <= len);
    block_reader_done(&reader);
}

static void damaged_blocks_do_no_harm(void)
{
    const struct belief belief = {0};
    struct record_batch *batch;
    struct pending pending;
    uint8_t *copy;

    begin(99);
    batch = record_batch_new(catalog);
    pending_init(&pending);
    for (uint32_t i = 0; i < 50; i++) {
        add_random_record(batch, i * INT64_C(1000000));
        pending_add_record(&pending, layouts, batch, &batch->records[i], belief);
    }
    pending_close_block(&pending);
    copy = malloc(pending.first->len);
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(copy, pending.first->data, pending.first->len);
        for (uint64_t flips = next_random() % 4; flips < 5; flips++)
            copy[next_random() % pending.first->len] = (uint8_t)next_random();
        copy[0] = 1;
        read_garbage(copy, 1 + next_random() % pending.first->len);
    }
    free(copy);
    pending_done(&pending);
    record_batch_free(batch);
    end();
}

static void a_record_out_of_the_catalogue_is_refused(void)
{
    const struct belief belief = {0};
    const struct gw_value value = {.type = GW_TYPE_INT};
    struct record_batch *batch;
    struct pending pending;

    begin(1);
    batch = record_batch_new(catalog);
    pending_init(&pending);
    record_batch_begin(batch, 2, 0);
    record_batch_begin(batch, 0, 0);
    record_batch_add(batch, N_POINTS, GW_GOOD, 0, &value);
    CU_ASSERT_TRUE(
        pending_add_record(&pending, layouts, batch, &batch->records[0], belief) < 0);
    CU_ASSERT_TRUE(
        pending_add_record(&pending, layouts, batch, &batch->records[1], belief) < 0);
    CU_ASSERT_TRUE(pending_is_empty(&pending));
    pending_done(&pending);
    record_batch_free(batch);
    end();
}

static void a_clock_step_begins_a_new_block(void)
{
    struct belief belief = {.offset_ms = 1000, .trust = CLOCK_UNSET};
    struct record_batch *batch;
    struct pending pending;

    begin(1);
    batch = record_batch_new(catalog);
    pending_init(&pending);
    record_batch_begin(batch, 0, 0);
    pending_add_record(&pending, layouts, batch, batch->records, belief);
    belief.offset_ms = 1010;
    pending_add_record(&pending, layouts, batch, batch->records, belief);
    CU_ASSERT_PTR_NULL(pending.first);
    belief.offset_ms = 90000;
    pending_add_record(&pending, layouts, batch, batch->records, belief);
    pending_close_block(&pending);
    CU_ASSERT_EQUAL(pending.first->n_records, 2);
    CU_ASSERT_EQUAL(pending.first->next->belief.offset_ms, 90000);
    pending_done(&pending);
    record_batch_free(batch);
    end();
}

static void a_gap_comes_back_and_a_cut_one_is_refused(void)
{
    const struct gap gap = {.seq_from = 7,
                            .seq_to = UINT64_MAX,
                            .count = 312,
                            .from_ms = -5,
                            .to_ms = INT64_MAX,
                            .reason = "disk-bound",
                            .device = "meter"};
    uint8_t data[GAP_BYTES_MAX];
    struct gap again;
    size_t len = gap_put(&gap, data);

    CU_ASSERT_EQUAL_FATAL(gap_get(data, len, &again), 0);
    CU_ASSERT_EQUAL(again.seq_to, UINT64_MAX);
    CU_ASSERT_EQUAL(again.from_ms, -5);
    CU_ASSERT_STRING_EQUAL(again.device, "meter");
    for (size_t i = 0; i < len; i++)
        CU_ASSERT_TRUE(gap_get(data, i, &again) < 0);
}

static void an_overlong_varint_is_refused(void)
{
    const uint8_t longest[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0x01};
    const uint8_t too_long[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                0xff, 0xff, 0xff, 0xff, 0x02};
    uint64_t value;
    size_t pos = 0;

    CU_ASSERT_TRUE(varint_get(longest, sizeof longest, &pos, &value));
    CU_ASSERT_EQUAL(value, UINT64_MAX);
    pos = 0;
    CU_ASSERT_FALSE(varint_get(too_long, sizeof too_long, &pos, &value));
    pos = 0;
    CU_ASSERT_FALSE(varint_get(longest, 9, &pos, &value));
}

/* The target of the flash budget: half int16 with 1 % noise, half floats of 24 noisy
 * bits. */
static void a_typical_reading_takes_less_than_four_bytes(void)
{
    const struct belief belief = {0};
    struct pending pending;
    size_t bytes = 0;

    begin(7);
    pending_init(&pending);
    for (uint32_t second = 0; second < 5; second++) {
        struct record_batch *batch = record_batch_new(catalog);

        record_batch_begin(batch, 0, second * INT64_C(1000000123));
        for (uint32_t p = 0; p < N_POINTS; p++) {
            double noise = (double)(next_random() % 2001) / 100000 - 0.01;
            struct gw_value value = {.type = GW_TYPE_INT,
                                     .v.i = (int64_t)(2300 * (1 + noise))};

            if (p % 2) {
                value.type = GW_TYPE_FLOAT32;
                value.v.f = (float)(101.3 * (1 + (double)(next_random() >> 11) / 9e17));
            }
            record_batch_add(batch, p, GW_GOOD, 0, &value);
        }
        pending_add_record(&pending, layouts, batch, batch->records, belief);
        record_batch_free(batch);
    }
    pending_close_block(&pending);
    bytes = pending.first->len;
    CU_ASSERT_TRUE(bytes < 5 * N_POINTS * 4);
    pending_done(&pending);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(any_records_come_back_bit_for_bit),
        TEST(too_many_combinations_share_the_full_layout),
        TEST(damaged_blocks_do_no_harm),
        TEST(a_record_out_of_the_catalogue_is_refused),
        TEST(a_clock_step_begins_a_new_block),
        TEST(a_gap_comes_back_and_a_cut_one_is_refused),
        TEST(an_overlong_varint_is_refused),
        TEST(a_typical_reading_takes_less_than_four_bytes),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store codec", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
