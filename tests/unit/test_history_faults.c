/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of damage in the local history that SQLite itself cannot see. */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/history_fixture.h"
#include "tests/unit/suite.h"

static struct home home;

static unsigned n_set_aside(void)
{
    char pattern[300];
    glob_t found;
    unsigned n = 0;

    snprintf(pattern, sizeof pattern, "%.250s/store.db.damaged-*", fixture_dir);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            n += !strstr(found.gl_pathv[i], "-wal") && !strstr(found.gl_pathv[i], "-shm");
    globfree(&found);
    return n;
}

/* It is set aside once at most; the store goes on and sums again. */
static void check_change(const char *sql, bool is_set_aside)
{
    fixture_make();
    home_init(&home);
    fixture_open();
    home_feed(&home, 0, 3000, 5);
    fixture_close();
    CU_ASSERT_EQUAL(history_exec(sql), 0);
    fixture_open();
    home_feed_nowait(&home, 3000, 5000, 5);
    if (is_set_aside)
        CU_ASSERT_TRUE(fixture_wait_event("store-damaged"));
    for (int64_t s = 5000; s < 9000; s += 500)
        home_feed(&home, s, s + 500, 5);
    CU_ASSERT_EQUAL(n_set_aside(), is_set_aside);
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM run WHERE id>0") >= 3);
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM log") > 3);
    fixture_close();
    home_done(&home);
    fixture_remove();
}

static void a_note_of_the_meters_that_cannot_be_read_costs_one_database(void)
{
    check_change("UPDATE run SET meters=x'ffffffffffffffffffffffffffff'", true);
}

static void a_device_with_an_impossible_number_costs_one_database(void)
{
    check_change("INSERT INTO device VALUES(-1,'x',99,0,'a')", true);
    check_change("INSERT INTO device VALUES(70000,'x',99,0,'a')", true);
}

static void means_and_slots_that_cannot_be_read_are_left_out(void)
{
    check_change("UPDATE minutes SET data=x'ffffffff'; UPDATE slots SET data=x'ffffffff'",
                 false);
}

static void a_history_without_a_run_goes_on(void)
{
    check_change("DELETE FROM run", true);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_note_of_the_meters_that_cannot_be_read_costs_one_database),
        TEST(a_device_with_an_impossible_number_costs_one_database),
        TEST(means_and_slots_that_cannot_be_read_are_left_out),
        TEST(a_history_without_a_run_goes_on),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"damaged history", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
