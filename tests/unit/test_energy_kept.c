/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the local history keeps: flows by role, meters that go on where they were
 * saved, blobs that give back what went in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/energy/minutes.h"
#include "lib/energy/slots.h"
#include "tests/unit/suite.h"

#define START_MS INT64_C(1763758800000)
#define ROUNDS 200

static uint32_t state = 1;

static uint32_t random_below(uint32_t n)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
}

/* ---- flows ---- */

static void points_tell_of_flows_by_their_role(void)
{
    static const struct {
        enum role role;
        const char *point;
        int counter, above, below;
    } table[] = {
        {ROLE_GRID, "energy_import_wh", ENERGY_IMPORT, -1, -1},
        {ROLE_GRID, "energy_export_wh", ENERGY_EXPORT, -1, -1},
        {ROLE_GRID, "power_w", -1, ENERGY_IMPORT, ENERGY_EXPORT},
        {ROLE_PV, "energy_wh", ENERGY_PRODUCTION, -1, -1},
        {ROLE_PV, "power_w", -1, ENERGY_PRODUCTION, -1},
        {ROLE_BATTERY, "power_w", -1, ENERGY_DISCHARGE, ENERGY_CHARGE},
        {ROLE_EV, "energy_discharge_wh", ENERGY_DISCHARGE, -1, -1},
        {ROLE_HEATER, "energy_wh", ENERGY_CONSUMPTION, -1, -1},
        {ROLE_LOAD, "power_w", -1, ENERGY_CONSUMPTION, -1},
        {ROLE_NONE, "energy_import_wh", ENERGY_IMPORT, -1, -1},
        {ROLE_NONE, "energy_wh", -1, -1, -1},
        {ROLE_EV, "energy_session_wh", -1, -1, -1},
        {ROLE_GRID, "energy_import_l1_wh", -1, -1, -1},
        {ROLE_SENSOR, "power_w", -1, -1, -1},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct flow_source source;
        bool any = table[i].counter >= 0 || table[i].above >= 0;

        CU_ASSERT_EQUAL(flow_source_of(table[i].role, table[i].point, &source), any);
        CU_ASSERT_EQUAL(source.counter, table[i].counter);
        CU_ASSERT_EQUAL(source.above, table[i].above);
        CU_ASSERT_EQUAL(source.below, table[i].below);
    }
}

static struct flows *saved_and_loaded(struct flows *flows)
{
    struct flows *fresh = flows_new();
    struct strbuf buf;
    size_t pos = 0;

    strbuf_init(&buf);
    flows_save(flows, &buf);
    CU_ASSERT_EQUAL_FATAL(flows_load(fresh, buf.data, buf.len, &pos), 0);
    CU_ASSERT_EQUAL(pos, buf.len);
    flows_free(flows);
    strbuf_done(&buf);
    return fresh;
}

/* A home with gaps, boots, glitches and a battery; interrupted is saved now and then.
 * Returns a digest of all slots, *ret_import the sum of what the counter's slots hold. */
static uint64_t run_home(uint32_t seed, bool interrupted, int64_t *ret_import,
                         int64_t *ret_counted)
{
    static const struct flow_source import = {ENERGY_IMPORT, -1, -1},
                                    battery = {-1, ENERGY_DISCHARGE, ENERGY_CHARGE};
    struct flows *flows = flows_new();
    struct meter_time time = {1, 1000000, START_MS};
    struct flow_slot slot;
    uint64_t digest = 0;
    double wh = 53700000;

    *ret_import = 0;
    state = seed;
    for (int i = 0; i < 3000; i++) {
        uint32_t dice = random_below(1000), step_ms = 5000;

        if (dice < 3)
            step_ms = 1000 * random_below(7200);
        if (dice == 5) {
            time.boot++;
            time.t_boot_ms = 5000;
        }
        time.t_boot_ms += step_ms;
        time.t_wall_ms += step_ms;
        if (i > 0)
            wh += (double)random_below(4000) * step_ms / 3600000;
        flows_add(flows, 3, 5000, &import, &time, dice == 7 && i > 0 ? 0 : wh);
        flows_add(flows, 4, 5000, &battery, &time, (double)random_below(4000) - 2000);
        while (flows_take(flows, &slot)) {
            digest = digest * 31 + (uint64_t)slot.slot.wh + slot.device * 7u +
                     slot.slot.flags * 1000u + slot.slot.known_s;
            if (slot.flow == ENERGY_IMPORT)
                *ret_import += slot.slot.wh;
        }
        if (interrupted && dice % 7 == 0)
            flows = saved_and_loaded(flows);
    }
    for (uint32_t pos = 0; flows_open(flows, &pos, &slot);)
        *ret_import += slot.flow == ENERGY_IMPORT ? slot.slot.wh : 0;
    flows_free(flows);
    *ret_counted = (int64_t)(wh - 53700000);
    return digest;
}

static void meters_go_on_where_they_were_saved(void)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        int64_t import, again, counted;
        uint64_t digest = run_home(seed, false, &import, &counted);

        CU_ASSERT_TRUE(llabs(import - counted) <= 2); /* the last sample may be held */
        CU_ASSERT_EQUAL(run_home(seed, true, &again, &counted), digest);
        CU_ASSERT_EQUAL(again, import);
    }
}

static void meters_refuse_other_bytes(void)
{
    uint8_t bytes[300];

    for (int i = 0; i < ROUNDS; i++) {
        struct flows *flows = flows_new();
        size_t pos = 0, len = random_below(sizeof bytes);

        for (size_t j = 0; j < len; j++)
            bytes[j] = (uint8_t)random_below(256);
        if (i % 2 && len)
            bytes[0] = 1;
        (void)flows_load(flows, bytes, len, &pos);
        CU_ASSERT_TRUE(pos <= len);
        flows_free(flows);
    }
}

/* ---- blobs ---- */

static double random_number(void)
{
    static const double scales[] = {1e-6, 0.01, 1, 230, 50000, 1e9};
    double number = ((double)random_below(2000001) - 1000000) / 1e6;

    return number * scales[random_below(6)];
}

static void check_cells(const struct minutes *minutes, uint32_t point, bool is_counter,
                        const struct minute_cell cells[MINUTES_PER_SLOT])
{
    double largest = 0;

    for (int m = 0; m < MINUTES_PER_SLOT; m++)
        largest = fmax(largest, fmax(fabs((double)minutes->sums[point][m].min),
                                     fabs((double)minutes->sums[point][m].max)));
    for (int m = 0; m < MINUTES_PER_SLOT; m++) {
        const struct minute_sum *sum = &minutes->sums[point][m];
        double off = is_counter ? 0.0006 : largest * 1.1e-5;

        CU_ASSERT_EQUAL(cells[m].is_seen, sum->is_seen);
        CU_ASSERT_EQUAL(cells[m].n, sum->n);
        CU_ASSERT_EQUAL(cells[m].quality, sum->quality);
        if (sum->n == 0)
            continue;
        CU_ASSERT_TRUE(fabs(cells[m].value -
                            (is_counter ? sum->total : sum->total / sum->n)) <= off);
        CU_ASSERT_TRUE(is_counter || fabs(cells[m].min - (double)sum->min) <= off);
        CU_ASSERT_TRUE(is_counter || fabs(cells[m].max - (double)sum->max) <= off);
    }
}

static void minutes_come_back_as_they_went_in(void)
{
    const bool is_counter[4] = {false, true, false, false};

    for (int round = 0; round < ROUNDS; round++) {
        struct minute_cell cells[MINUTES_PER_SLOT];
        struct minutes_reader reader;
        struct minutes minutes;
        struct strbuf blob;
        uint32_t point, n_points = 0, n;

        minutes_init(&minutes);
        strbuf_init(&blob);
        CU_ASSERT_EQUAL_FATAL(minutes_reserve(&minutes, 4), 0);
        for (n = random_below(400); n > 0; n--) {
            uint8_t quality = random_below(10) ? 0 : (uint8_t)(1 + random_below(7));

            point = random_below(3);
            minutes_add(&minutes, point, random_below(MINUTES_PER_SLOT), quality,
                        !quality, point == 1 ? 1e7 + random_below(1000) : random_number(),
                        is_counter[point]);
        }
        minutes_pack(&minutes, is_counter, &blob);
        CU_ASSERT_EQUAL(minutes_reader_init(&reader, blob.data, blob.len), 0);
        while (minutes_next(&reader, &point, cells) > 0) {
            CU_ASSERT_TRUE_FATAL(point < 3);
            check_cells(&minutes, point, is_counter[point], cells);
            n_points++;
        }
        CU_ASSERT_EQUAL(n_points == 0, minutes_is_empty(&minutes));
        CU_ASSERT_EQUAL(reader.pos, blob.len);
        strbuf_done(&blob);
        minutes_done(&minutes);
    }
}

static void blobs_of_other_bytes_end(void)
{
    uint8_t bytes[300];

    for (int i = 0; i < 20 * ROUNDS; i++) {
        struct minute_cell cells[MINUTES_PER_SLOT];
        struct minutes_reader minutes;
        struct slots_reader slots;
        struct flow_slot slot;
        size_t len = random_below(sizeof bytes);
        int32_t off_grid_s;
        uint32_t point;

        for (size_t j = 0; j < len; j++)
            bytes[j] = (uint8_t)random_below(256);
        bytes[0] = 1;
        if (minutes_reader_init(&minutes, bytes, len) == 0)
            while (minutes_next(&minutes, &point, cells) > 0)
                ;
        if (slots_reader_init(&slots, bytes, len) == 0)
            while (slots_next(&slots, &slot, &off_grid_s) > 0)
                CU_ASSERT_TRUE(slot.flow < ENERGY_FLOWS);
    }
}

static void slots_come_back_as_they_went_in(void)
{
    const struct flow_slot in[] = {
        {0, ENERGY_IMPORT, {.wh = 12345, .known_s = 900, .flags = METER_MEASURED}},
        {70000, ENERGY_CONSUMPTION, {.wh = -1, .flags = METER_RECOVERED | METER_MISSING}},
    };
    struct slots_reader reader;
    struct flow_slot out;
    struct strbuf blob;
    int32_t off_grid_s;

    strbuf_init(&blob);
    slots_begin(&blob);
    slots_put(&blob, &in[0], -1);
    slots_put(&blob, &in[1], 450);
    CU_ASSERT_EQUAL(slots_reader_init(&reader, blob.data, blob.len), 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(slots_next(&reader, &out, &off_grid_s), 1);
        CU_ASSERT_EQUAL(out.device, in[i].device);
        CU_ASSERT_EQUAL(out.flow, in[i].flow);
        CU_ASSERT_EQUAL(out.slot.wh, in[i].slot.wh);
        CU_ASSERT_EQUAL(out.slot.known_s, in[i].slot.known_s);
        CU_ASSERT_EQUAL(out.slot.flags, in[i].slot.flags);
        CU_ASSERT_EQUAL(off_grid_s, i ? 450 : -1);
    }
    CU_ASSERT_EQUAL(slots_next(&reader, &out, &off_grid_s), 0);
    strbuf_done(&blob);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(points_tell_of_flows_by_their_role),
        TEST(meters_go_on_where_they_were_saved),
        TEST(meters_refuse_other_bytes),
        TEST(minutes_come_back_as_they_went_in),
        TEST(blobs_of_other_bytes_end),
        TEST(slots_come_back_as_they_went_in),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"what the local history keeps", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
