/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the latest-value table: from when on a value is stale. */
#include "gatewayd/device/latest.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/suite.h"

#define S CLOCK_NS_PER_S
#define INTERVAL_MS 1000

static struct latest *latest;
static struct catalog *catalog;

static struct catalog *make_catalog(uint32_t generation)
{
    struct catalog *made = catalog_new(generation, 2);

    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    for (uint32_t i = 0; i < 2; i++) {
        struct catalog_device *device = &made->devices[i];

        device->name = strdup(i ? "two" : "one");
        device->bus = strdup("bus");
        device->points = calloc(1, sizeof *device->points);
        device->n_points = 1;
        device->points[0] = (struct catalog_point){
            .name = strdup("p"), .unit = strdup(""), .interval_ms = INTERVAL_MS};
    }
    catalog_seal(made);
    return made;
}

static void begin(void)
{
    const struct gw_value value = {.type = GW_TYPE_FLOAT64, .v.d = 1};
    struct record_batch *batch;

    catalog = make_catalog(1);
    latest = latest_new(catalog);
    batch = record_batch_new(catalog);
    clock_fake(100 * S, 0, CLOCK_SYNCED);
    for (uint32_t i = 0; i < 2; i++) {
        record_batch_begin(batch, i, 100 * S);
        record_batch_add(batch, 0, GW_GOOD, 0, &value);
    }
    latest_update(latest, batch);
    record_batch_free(batch);
}

static void end(void)
{
    latest_free(latest);
    catalog_unref(catalog);
    clock_fake(0, -1, CLOCK_UNSET);
}

/* Both ways of reading the table must agree. */
static bool is_stale(uint32_t device, int64_t age_ns)
{
    struct latest_snapshot snapshot;
    struct latest_entry entry;
    bool is_stale;

    clock_fake(100 * S + age_ns, 0, CLOCK_SYNCED);
    CU_ASSERT_TRUE_FATAL(latest_get(latest, device, 0, &entry));
    is_stale = entry.quality == GW_STALE;
    CU_ASSERT_EQUAL_FATAL(latest_snapshot(latest, &snapshot), 0);
    CU_ASSERT_EQUAL(snapshot.entries[device].quality == GW_STALE, is_stale);
    latest_snapshot_free(&snapshot);
    return is_stale;
}

static void a_value_is_stale_after_three_polls(void)
{
    begin();
    CU_ASSERT_FALSE(is_stale(0, 3 * S));
    CU_ASSERT_TRUE(is_stale(0, 4 * S));
    end();
}

static void a_device_that_is_polled_slower_is_stale_later(void)
{
    begin();
    latest_set_pace(latest, 1, 3);
    CU_ASSERT_TRUE(is_stale(0, 4 * S));
    CU_ASSERT_FALSE(is_stale(1, 9 * S));
    CU_ASSERT_TRUE(is_stale(1, 10 * S));
    latest_set_pace(latest, 1, 1);
    CU_ASSERT_TRUE(is_stale(1, 4 * S));
    end();
}

static void another_catalogue_knows_no_pace(void)
{
    struct catalog *next = make_catalog(2);

    begin();
    latest_set_pace(latest, 1, 3);
    CU_ASSERT_EQUAL_FATAL(latest_set_catalog(latest, next), 0);
    CU_ASSERT_FALSE(is_stale(1, 3 * S));
    CU_ASSERT_TRUE(is_stale(1, 4 * S));
    catalog_unref(next);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_value_is_stale_after_three_polls),
        TEST(a_device_that_is_polled_slower_is_stale_later),
        TEST(another_catalogue_knows_no_pace),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"latest", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
