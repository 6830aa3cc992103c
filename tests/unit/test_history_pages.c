/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of long answers of the local history: page by page it is all, and each once. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/history_fixture.h"
#include "tests/unit/suite.h"

#define COUNTED_S 400

static struct home home;

/* How often the second of each reading was told. */
static struct {
    uint32_t n_of[COUNTED_S], n_pages;
    int64_t last_ms;
    bool descends;
} told;

static void begin(void)
{
    fixture_make();
    home_init(&home);
    fixture_open();
}

static void finish(void)
{
    fixture_close();
    home_done(&home);
    fixture_remove();
}

static void take_row(void *ctx, const struct history_row *row)
{
    int64_t second = (row->t_ms - HISTORY_T0_MS) / 1000;

    (void)ctx;
    told.descends |= row->t_ms <= told.last_ms;
    told.last_ms = row->t_ms;
    if (second >= 0 && second < COUNTED_S)
        told.n_of[second]++;
}

static void read_pages(uint32_t max_rows)
{
    struct history_query query = {.points = home_points,
                                  .n_points = 1,
                                  .from_ms = HISTORY_T0_MS,
                                  .to_ms = HISTORY_T0_MS + COUNTED_S * 1000,
                                  .max_rows = max_rows,
                                  .limit_ms = 60000,
                                  .row = take_row};
    struct history_answer answer = {.is_truncated = true};
    struct history *history = NULL;

    memset(&told, 0, sizeof told);
    while (answer.is_truncated && told.n_pages++ < COUNTED_S) {
        CU_ASSERT_EQUAL_FATAL(history_open(fixture_store, &history), 0);
        CU_ASSERT_EQUAL(history_query(history, &query, &answer), 0);
        history_close(history);
        CU_ASSERT_TRUE_FATAL(!answer.is_truncated || answer.next_ms > query.from_ms);
        query.from_ms = answer.next_ms;
    }
}

static uint32_t n_wrong(int64_t from_s, int64_t to_s)
{
    uint32_t n = 0;

    for (int64_t s = 0; s < COUNTED_S; s++)
        n += told.n_of[s] != (s >= from_s && s < to_s);
    return n;
}

static void pages_of_readings_are_all_of_them(void)
{
    begin();
    home_feed(&home, 100, 300, 1);
    for (uint32_t rows = 2; rows < 30; rows += 9) {
        read_pages(rows);
        CU_ASSERT_EQUAL(n_wrong(100, 300), 0);
        CU_ASSERT_FALSE(told.descends);
        CU_ASSERT_TRUE(told.n_pages >= 200 / rows && told.n_pages <= 400 / rows + 2);
    }
    finish();
}

/* A slow bus tells later what it read earlier: rows lie in the order in which they
 * came. */
static void late_readings_are_on_their_page(void)
{
    begin();
    for (int64_t s = 100; s < 300; s += 20) {
        home_feed(&home, s + 10, s + 20, 1);
        home_feed(&home, s, s + 10, 1);
    }
    for (uint32_t rows = 2; rows < 30; rows += 9) {
        read_pages(rows);
        CU_ASSERT_EQUAL(n_wrong(100, 300), 0);
        CU_ASSERT_FALSE(told.descends);
    }
    finish();
}

/* Nobody need ask for what comes behind it: also when the clock was ahead for a while. */
static void the_newest_moment_is_known(void)
{
    struct table table;

    begin();
    home_feed(&home, 5000, 5010, 1);
    home_feed(&home, 100, 300, 1);
    table = table_ask(0, 60, 60000);
    CU_ASSERT_TRUE(table.answer.newest_ms >= HISTORY_T0_MS + 5009000);
    CU_ASSERT_TRUE(table.answer.newest_ms <= HISTORY_T0_MS + 5400000);
    table_free(&table);
    finish();
}

/* ... also where minutes are summed already, and over a clock that was set back. */
static void a_clock_set_back_loses_no_page(void)
{
    begin();
    home_feed(&home, 200, 300, 1);
    home.is_synced = false;
    /* 200 s on, and what it shows is 200 s back */
    home.boot_offset_s = -HISTORY_BOOT_S - 200;
    home.wall_error_ms = 0;
    home_feed(&home, 100, 200, 1);
    read_pages(11);
    CU_ASSERT_EQUAL(n_wrong(100, 300), 0);
    CU_ASSERT_FALSE(told.descends);
    finish();
}

static void a_slot_tells_how_long_the_grid_was_away(void)
{
    static struct energies energies;
    unsigned n = 0;

    begin();
    store_note_off_grid(fixture_store, HISTORY_T0_MS, 0);
    store_note_off_grid(fixture_store, HISTORY_T0_MS + 900000, 240);
    home_feed(&home, 0, 3600, 5);
    energies_ask(&energies, 0, 3600, ENERGY_15_MIN);
    for (uint32_t i = 0; i < energies.n; i++) {
        int64_t nth = (energies.rows[i].start_ms - HISTORY_T0_MS) / 900000;

        n += energies.rows[i].off_grid_s == 240;
        CU_ASSERT_EQUAL(energies.rows[i].off_grid_s, nth == 0 ? 0 : nth == 1 ? 240 : -1);
    }
    CU_ASSERT_TRUE(n > 0);
    energies_ask(&energies, 0, 1800, ENERGY_30_MIN);
    CU_ASSERT_EQUAL(energies.rows[0].off_grid_s, 240);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(the_newest_moment_is_known),
        TEST(pages_of_readings_are_all_of_them),
        TEST(late_readings_are_on_their_page),
        TEST(a_clock_set_back_loses_no_page),
        TEST(a_slot_tells_how_long_the_grid_was_away),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"long answers", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
