/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of energy accounting: slots add up, nothing is invented, what is not known is
 * said. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/config/zone.h"
#include "lib/energy/meter.h"
#include "tests/unit/suite.h"

#define START_MS INT64_C(1763758800000) /* a whole half hour */
#define SLOT_S 1800

static struct meter meter;

static void begin(void)
{
    meter_init(&meter, SLOT_S, 5000, 20000);
}

static struct meter_time at(int64_t s)
{
    return (struct meter_time){1, 1000000 + s * 1000, START_MS + s * 1000};
}

static void counter(int64_t s, double wh)
{
    const struct meter_time time = at(s);

    meter_add_counter(&meter, &time, wh);
}

static void power(int64_t s, double w)
{
    const struct meter_time time = at(s);

    meter_add_power(&meter, &time, w);
}

static struct meter_slot next(void)
{
    struct meter_slot slot = {.start_ms = -1};

    CU_ASSERT_TRUE(meter_take(&meter, &slot));
    return slot;
}

static void slots_of_a_counter_add_up(void)
{
    int64_t sum = 0;

    begin();
    for (int64_t s = 0; s <= 4 * SLOT_S + 5; s += 5)
        counter(s, 1000 + (double)s * 0.3333); /* 1200 W */
    for (int i = 0; i < 4; i++) {
        struct meter_slot slot = next();

        CU_ASSERT_EQUAL(slot.start_ms, START_MS + i * SLOT_S * 1000);
        CU_ASSERT_EQUAL(slot.flags, METER_MEASURED);
        CU_ASSERT_EQUAL(slot.known_s, SLOT_S);
        CU_ASSERT_TRUE(slot.wh == 599 || slot.wh == 600);
        sum += slot.wh;
    }
    CU_ASSERT_EQUAL(sum, (int64_t)(4 * SLOT_S * 0.3333));
}

static void power_is_integrated_only_without_a_counter(void)
{
    struct meter_slot slot;

    begin();
    for (int64_t s = 0; s <= SLOT_S + 5; s += 5) {
        power(s, 6000);
        counter(s, 5000);
    }
    slot = next();
    CU_ASSERT_EQUAL(slot.wh, 0);
    begin();
    for (int64_t s = 0; s <= SLOT_S + 5; s += 5)
        power(s, s % 10 ? 1000 : 3000);
    slot = next();
    CU_ASSERT_EQUAL(slot.flags, METER_INTEGRATED);
    CU_ASSERT_EQUAL(slot.wh, 1000);
}

static void negative_power_is_none_of_the_flow(void)
{
    begin();
    for (int64_t s = 0; s <= SLOT_S + 5; s += 5)
        power(s, -2000);
    CU_ASSERT_EQUAL(next().wh, 0);
}

static void a_hole_in_power_counts_three_polls(void)
{
    struct meter_slot slot;

    begin();
    power(0, 3600);
    power(900, 3600);
    power(SLOT_S + 5, 0);
    power(SLOT_S + 10, 0);
    slot = next();
    CU_ASSERT_TRUE(slot.flags & METER_MISSING);
    CU_ASSERT_TRUE(slot.wh >= 15 && slot.wh <= 30);
}

/* As while energy is saved: each third poll, and not on the millisecond. */
static void every_third_poll_loses_nothing(void)
{
    const struct meter_time end = at(SLOT_S + 30);
    struct meter_slot slot;
    struct meter_time time;

    for (int is_counter = 0; is_counter < 2; is_counter++) {
        begin();
        for (int64_t s = 0; s <= SLOT_S + 15; s += 15) {
            time = at(s);
            time.t_boot_ms += s % 2 * 400; /* late by up to that */
            time.t_wall_ms += s % 2 * 400;
            if (is_counter)
                meter_add_counter(&meter, &time,
                                  (double)(time.t_boot_ms - 1000000) / 1000);
            else
                meter_add_power(&meter, &time, 3600);
        }
        meter_close_due(&meter, end.t_wall_ms);
        slot = next();
        CU_ASSERT_TRUE(slot.wh >= 1799 && slot.wh <= 1800);
        CU_ASSERT_EQUAL(slot.flags, is_counter ? METER_MEASURED : METER_INTEGRATED);
    }
}

static void a_counter_that_goes_down_is_held(void)
{
    begin();
    counter(0, 1000);
    counter(5, 1001);
    counter(10, 0); /* a glitch */
    counter(15, 3);
    counter(20, 1004);
    counter(SLOT_S + 5, 1010);
    CU_ASSERT_EQUAL(meter.n_glitches, 2);
    CU_ASSERT_EQUAL(next().wh, 4);
    CU_ASSERT_EQUAL(meter.open_mwh / 1000, 6); /* recovered over the hole */
}

static void a_jump_beyond_the_line_is_held(void)
{
    begin();
    counter(0, 1000);
    counter(5, 4294967295.0);
    counter(10, 1002);
    counter(SLOT_S, 1002);
    meter_close_due(&meter, START_MS + SLOT_S * 1000);
    CU_ASSERT_EQUAL(next().wh, 2);
}

static void a_reset_is_taken_after_ten_samples_that_agree(void)
{
    struct meter_slot slot;

    begin();
    counter(0, 1000);
    for (int64_t s = 5; s < 5 + 5 * METER_RESET_SAMPLES; s += 5)
        counter(s, (double)s / 5);
    counter(60, 12);
    counter(SLOT_S + 5, 20);
    slot = next();
    CU_ASSERT_TRUE(slot.flags & METER_MISSING);
    CU_ASSERT_EQUAL(slot.wh, 11);
}

static void the_operator_may_say_that_it_was_reset(void)
{
    begin();
    counter(0, 1000);
    counter(5, 2);
    meter_accept_reset(&meter);
    counter(10, 3);
    CU_ASSERT_EQUAL(meter.open_mwh, 1000);
}

static void a_down_time_is_one_recovered_amount(void)
{
    struct meter_slot slot;
    struct meter_time later = {2, 1000, START_MS + INT64_C(5) * SLOT_S * 1000 + 60000};

    begin();
    counter(0, 1000);
    counter(5, 1001);
    meter_add_counter(&meter, &later, 6001); /* after another boot, 2.5 h later */
    slot = next();
    CU_ASSERT_EQUAL(slot.wh, 1);
    CU_ASSERT_TRUE(slot.flags & METER_MISSING);
    later.t_boot_ms += SLOT_S * 1000;
    later.t_wall_ms += SLOT_S * 1000;
    meter_close_due(&meter, later.t_wall_ms);
    slot = next();
    CU_ASSERT_EQUAL(slot.start_ms, START_MS + INT64_C(5) * SLOT_S * 1000);
    CU_ASSERT_EQUAL(slot.wh, 5000);
    CU_ASSERT_EQUAL(slot.flags, METER_RECOVERED | METER_MISSING);
}

static void shares_are_not_defined_when_data_is_missing(void)
{
    double share = -1;

    CU_ASSERT_TRUE(meter_self_sufficiency(400, 1000, METER_MEASURED, &share));
    CU_ASSERT_DOUBLE_EQUAL(share, 0.6, 1e-9);
    CU_ASSERT_FALSE(meter_self_sufficiency(400, 1000, METER_MISSING, &share));
    CU_ASSERT_FALSE(meter_self_sufficiency(0, 0, METER_MEASURED, &share));
    CU_ASSERT_TRUE(meter_self_consumption(250, 1000, METER_INTEGRATED, &share));
    CU_ASSERT_DOUBLE_EQUAL(share, 0.75, 1e-9);
}

static int64_t hours_of(const char *zone, int64_t t_ms)
{
    int64_t start, end;

    CU_ASSERT_TRUE(zone_day_bounds_ms(zone, t_ms, &start, &end));
    CU_ASSERT_TRUE(start <= t_ms && t_ms < end);
    return (end - start) / 3600000;
}

static void days_are_cut_at_the_sites_midnight(void)
{
    int64_t start, end;

    CU_ASSERT_EQUAL(hours_of("Asia/Tokyo", START_MS), 24);
    CU_ASSERT_TRUE(zone_day_bounds_ms("Asia/Tokyo", START_MS, &start, &end));
    CU_ASSERT_EQUAL((start + 9 * 3600000) % 86400000, 0);
    /* the nights of 2026 in which central Europe turns its clocks */
    CU_ASSERT_EQUAL(hours_of("Europe/Berlin", INT64_C(1774774800000)), 23);
    CU_ASSERT_EQUAL(hours_of("Europe/Berlin", INT64_C(1792922400000)), 25);
    /* Havana skips midnight: its day begins at 1 */
    CU_ASSERT_EQUAL(hours_of("America/Havana", INT64_C(1772946000000)), 23);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(slots_of_a_counter_add_up),
        TEST(power_is_integrated_only_without_a_counter),
        TEST(negative_power_is_none_of_the_flow),
        TEST(a_hole_in_power_counts_three_polls),
        TEST(every_third_poll_loses_nothing),
    TEST(a_counter_that_goes_down_is_held),
        TEST(a_jump_beyond_the_line_is_held),
        TEST(a_reset_is_taken_after_ten_samples_that_agree),
        TEST(the_operator_may_say_that_it_was_reset),
        TEST(a_down_time_is_one_recovered_amount),
        TEST(shares_are_not_defined_when_data_is_missing),
        TEST(days_are_cut_at_the_sites_midnight),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"energy", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
