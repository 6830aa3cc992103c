/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the local history: means and slots are what was sent, wherever it was cut. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/energy/meter.h"
#include "tests/unit/history_fixture.h"
#include "tests/unit/suite.h"

static struct home home;
static struct energies energies, others;

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

static bool is_near(double a, double b, double part)
{
    return fabs(a - b) <= part * (fabs(a) + fabs(b)) / 2 + 1e-9;
}

/* Every row of minutes against the raw readings in it. */
static void check_minutes(int64_t from_s, int64_t to_s)
{
    struct table raw = table_ask(from_s, to_s, 0), means = table_ask(from_s, to_s, 60000);
    uint32_t at = 0, n_wrong = 0;

    for (uint32_t i = 0; i < means.n; i++) {
        double total[4] = {0}, min[4], max[4];
        uint32_t n[4] = {0};

        for (; at < raw.n && raw.rows[at].t_ms < means.rows[i].t_ms + 60000; at++)
            for (int p = 0; p < 4; p++) {
                const struct history_cell *cell = &raw.rows[at].cells[p];

                if (cell->n == 0)
                    continue;
                min[p] = n[p] == 0 || cell->value < min[p] ? cell->value : min[p];
                max[p] = n[p] == 0 || cell->value > max[p] ? cell->value : max[p];
                total[p] = p == 3 ? cell->value : total[p] + cell->value;
                n[p]++;
            }
        for (int p = 0; p < 4; p++) {
            const struct history_cell *cell = &means.rows[i].cells[p];

            n_wrong += cell->n != n[p];
            n_wrong += p < 3 && !is_near(cell->value, total[p] / n[p], 1e-5);
            n_wrong += p == 3 && !is_near(cell->value, total[p], 1e-10);
            /* five digits of the largest */
            n_wrong += p < 3 && fabs(cell->min - min[p]) > fabs(max[p]) * 1e-5;
            n_wrong += p < 3 && fabs(cell->max - max[p]) > fabs(max[p]) * 1e-5;
        }
    }
    CU_ASSERT_EQUAL(at, raw.n);
    CU_ASSERT_EQUAL(n_wrong, 0);
    CU_ASSERT_EQUAL(means.n, (to_s - from_s) / 60);
    CU_ASSERT_TRUE(means.answer.sources & HISTORY_MINUTES);
    CU_ASSERT_FALSE(raw.answer.sources & HISTORY_MINUTES);
    table_free(&raw);
    table_free(&means);
}

static void minutes_are_the_means_of_what_was_sent(void)
{
    begin();
    for (int64_t s = 0; s < 3000; s += 50)
        home_feed(&home, s, s + 50, 1);
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM minutes") >= 9);
    check_minutes(0, 3000);
    finish();
}

static void slots_add_up_to_the_counter(void)
{
    double first;

    begin();
    home_feed(&home, 0, 1, 1);
    first = home.import_wh;
    home_feed(&home, 5, 200, 5);
    energies_ask(&energies, 0, 86400, ENERGY_15_MIN); /* roles are known at once */
    CU_ASSERT_TRUE(energies_sum(&energies, "pv", ENERGY_PRODUCTION) > 5);
    for (int64_t s = 200; s < 3 * 3600; s += 300)
        home_feed(&home, s, s + 300, 5);
    energies_ask(&energies, 0, 86400, ENERGY_15_MIN);
    CU_ASSERT_TRUE(fabs((double)energies_sum(&energies, "grid", ENERGY_IMPORT) -
                        (home.import_wh - first)) <= 1);
    for (uint32_t i = 0; i < energies.n; i++)
        if (energies.rows[i].flow == ENERGY_IMPORT && !energies.rows[i].is_open) {
            CU_ASSERT_EQUAL(energies.rows[i].flags, METER_MEASURED);
            CU_ASSERT_EQUAL(energies.rows[i].known_s, 900);
        }
    energies_ask(&others, 0, 86400, ENERGY_30_MIN);
    CU_ASSERT_TRUE(others.n < energies.n);
    for (int flow = 0; flow < ENERGY_FLOWS; flow++)
        for (int i = 0; i < 2; i++)
            CU_ASSERT_EQUAL(
                energies_sum(&energies, i ? "grid" : "pv", (enum energy_flow)flow),
                energies_sum(&others, i ? "grid" : "pv", (enum energy_flow)flow));
    CU_ASSERT_TRUE(energies_sum(&energies, "pv", ENERGY_PRODUCTION) > 1000);
    finish();
}

/* ---- against a home that nothing ever happened to ---- */

static struct table expected;
static double expected_wh;

static void feed(int64_t from_s, int64_t to_s)
{
    for (int64_t s = from_s; s < to_s; s += 100)
        home_feed(&home, s, s + 100 < to_s ? s + 100 : to_s, 5);
}

static void expect(int64_t to_s)
{
    begin();
    feed(0, to_s);
    expected = table_ask(0, to_s, 60000);
    energies_ask(&energies, 0, to_s, ENERGY_15_MIN);
    expected_wh = home.import_wh;
    finish();
    begin();
}

/* Means may come in parts, each with its five digits. */
static unsigned count_differences(const struct table *table)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < table->n && i < expected.n; i++)
        for (int p = 0; p < 4; p++) {
            const struct history_cell *a = &table->rows[i].cells[p],
                                      *b = &expected.rows[i].cells[p];

            n += table->rows[i].t_ms != expected.rows[i].t_ms || a->n != b->n;
            n += fabs(a->value - b->value) > fabs(b->max) * 2e-5;
            n += fabs(a->min - b->min) > fabs(b->max) * 2e-5;
            n += fabs(a->max - b->max) > fabs(b->max) * 2e-5;
        }
    return n;
}

static void check_as_expected(int64_t to_s)
{
    struct table table = table_ask(0, to_s, 60000);

    CU_ASSERT_EQUAL(table.n, expected.n);
    CU_ASSERT_EQUAL(count_differences(&table), 0);
    CU_ASSERT_EQUAL(home.import_wh, expected_wh);
    energies_ask(&others, 0, to_s, ENERGY_15_MIN);
    CU_ASSERT_EQUAL(others.n, energies.n);
    for (uint32_t i = 0; i < others.n && i < energies.n; i++) {
        CU_ASSERT_EQUAL(others.rows[i].start_ms, energies.rows[i].start_ms);
        CU_ASSERT_EQUAL(others.rows[i].wh, energies.rows[i].wh);
        CU_ASSERT_EQUAL(others.rows[i].flags, energies.rows[i].flags);
        CU_ASSERT_EQUAL(others.rows[i].known_s, energies.rows[i].known_s);
    }
    table_free(&table);
    table_free(&expected);
    finish();
}

static unsigned random_number(unsigned below)
{
    static unsigned state = 7;

    state = state * 1103515245 + 12345;
    return (state >> 8) % below;
}

static void a_restart_anywhere_changes_nothing(void)
{
    int64_t s = 0;

    expect(6000);
    while (s < 6000) {
        int64_t next = s + 5 * (1 + random_number(60));

        feed(s, next < 6000 ? next : 6000);
        s = next;
        fixture_close();
        fixture_open();
    }
    check_as_expected(6000);
}

static void copy_file(const char *from, const char *to)
{
    char command[700];

    snprintf(command, sizeof command,
             "cd '%s' && rm -f %s && if [ -e %s ]; then cp %s %s; fi", fixture_dir, to,
             from, from, to);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* What the last commit left; a clean stop comes after it in vain. */
static void cut_power(void)
{
    copy_file("store.db", "cut.db");
    copy_file("store.db-wal", "cut.wal");
    fixture_close();
    copy_file("cut.db", "store.db");
    copy_file("cut.wal", "store.db-wal");
    copy_file("none", "store.db-shm");
    fixture_open();
}

static void a_power_cut_between_commits_changes_nothing(void)
{
    int64_t s = 0;

    expect(6000);
    while (s < 6000) {
        int64_t next = s + 5 * (1 + random_number(150));

        feed(s, next < 6000 ? next : 6000);
        s = next;
        cut_power();
    }
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM run") >= 6);
    check_as_expected(6000);
}

/* ---- clocks ---- */

static void a_boot_in_1970_ends_in_the_right_minutes(void)
{
    expect(9000);
    home.wall_error_ms = -HISTORY_T0_MS + 5000;
    home.is_synced = false;
    feed(0, 6000);
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM minutes WHERE key>>28 < 1000") >
                   10);
    home.wall_error_ms = 0;
    home.is_synced = true;
    feed(6000, 9000);
    CU_ASSERT_EQUAL(history_rows("SELECT count(*) FROM minutes WHERE key>>28 < 1000"), 0);
    CU_ASSERT_EQUAL(history_rows("SELECT count(*) FROM slots WHERE key>>12 < 1000"), 0);
    check_as_expected(9000);
}

static void a_clock_that_was_set_wrong_and_right_again_leaves_no_trace(void)
{
    static const int64_t errors_ms[] = {0, 3600000, -7200000, 86400000, 0};

    expect(10000);
    for (int i = 0; i < 5; i++) {
        home.wall_error_ms = errors_ms[i];
        feed(i * 2000, (i + 1) * 2000);
    }
    check_as_expected(10000);
}

static void trust_that_comes_with_the_first_commit_after_a_restart_counts(void)
{
    expect(9000);
    home.wall_error_ms = -86400000;
    home.is_synced = false;
    feed(0, 6000);
    fixture_close();
    fixture_open();
    home.wall_error_ms = 0;
    home.is_synced = true;
    feed(6000, 9000);
    check_as_expected(9000);
}

static void without_its_readings_a_sum_stays_where_it_was(void)
{
    expect(9000);
    home.wall_error_ms = -86400000;
    home.is_synced = false;
    feed(0, 5400);
    fixture_close();
    /* as if they had been trimmed before trust came */
    CU_ASSERT_EQUAL(history_exec("DELETE FROM log WHERE seq<1600;"), 0);
    fixture_open();
    home.wall_error_ms = 0;
    home.is_synced = true;
    feed(5400, 9000);
    CU_ASSERT_EQUAL(history_rows("SELECT count(*) FROM minutes WHERE (key>>28)*900000 <"
                                 " 1763769600000"),
                    9); /* of three devices three quarters of an hour */
    energies_ask(&others, 0, 9000, ENERGY_15_MIN);
    CU_ASSERT_TRUE(others.n > 0 && others.rows[0].start_ms >= HISTORY_T0_MS + 1800000);
    table_free(&expected);
    finish();
}

/* ---- counters ---- */

static void a_down_time_is_one_recovered_amount(void)
{
    double first;
    unsigned n_recovered = 0;

    begin();
    home_feed(&home, 0, 5, 5);
    first = home.import_wh;
    feed(5, 2000);
    fixture_close();
    clock_fake_boot_id("00112233445566778899aabbccddeeff");
    home.boot_offset_s = 20000 - 30;
    home.import_wh += 5000;
    fixture_open();
    feed(20000, 24000);
    energies_ask(&energies, 0, 30000, ENERGY_15_MIN);
    for (uint32_t i = 0; i < energies.n; i++) {
        const struct energy_row *row = &energies.rows[i];

        if (row->flow != ENERGY_IMPORT || !(row->flags & METER_RECOVERED))
            continue;
        n_recovered++;
        CU_ASSERT_EQUAL(row->start_ms, HISTORY_T0_MS + 19800 * 1000);
        CU_ASSERT_TRUE(row->wh >= 5000 && row->wh < 5500);
        CU_ASSERT_TRUE(row->flags & METER_MISSING);
    }
    CU_ASSERT_EQUAL(n_recovered, 1);
    CU_ASSERT_TRUE(fabs((double)energies_sum(&energies, "grid", ENERGY_IMPORT) -
                        (home.import_wh - first)) <= 1);
    clock_fake_boot_id(NULL);
    finish();
}

static void a_counter_that_reads_0_for_a_moment_is_held(void)
{
    double first, right;

    begin();
    home_feed(&home, 0, 5, 5);
    first = home.import_wh;
    feed(5, 1200);
    right = home.import_wh;
    home.import_wh = 0;
    home_feed(&home, 1200, 1205, 5);
    home.import_wh = right;
    feed(1205, 3600);
    energies_ask(&energies, 0, 30000, ENERGY_15_MIN);
    for (uint32_t i = 0; i < energies.n; i++)
        CU_ASSERT_TRUE(energies.rows[i].wh >= 0 && energies.rows[i].wh < 1000);
    CU_ASSERT_TRUE(fabs((double)energies_sum(&energies, "grid", ENERGY_IMPORT) -
                        (home.import_wh - first)) <= 1);
    finish();
}

static void a_day_ends_at_the_sites_midnight(void)
{
    int64_t begin_s = -27 * 86400 - 2 * 3600, wh = 0;
    unsigned n = 0;

    begin();
    home.boot_offset_s = begin_s - 1000;
    for (int64_t s = begin_s - 3600; s < begin_s + 27 * 3600; s += 900)
        home_feed(&home, s, s + 900, 15);
    energies_ask(&energies, begin_s, begin_s + 86400, ENERGY_DAY);
    energies_ask(&others, begin_s, begin_s + 25 * 3600, ENERGY_15_MIN);
    for (uint32_t i = 0; i < energies.n; i++)
        if (energies.rows[i].flow == ENERGY_IMPORT) {
            n++;
            wh = energies.rows[i].wh;
            CU_ASSERT_EQUAL(energies.rows[i].start_ms, HISTORY_T0_MS + begin_s * 1000);
            CU_ASSERT_EQUAL(energies.rows[i].end_ms - energies.rows[i].start_ms,
                            25 * 3600000);
            CU_ASSERT_EQUAL(energies.rows[i].known_s, 25 * 3600);
            CU_ASSERT_EQUAL(energies.rows[i].flags, METER_MEASURED);
        }
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(wh, energies_sum(&others, "grid", ENERGY_IMPORT));
    finish();
}

/* ---- other databases, and the bound ---- */

static void what_was_kept_in_ram_is_summed_when_it_is_back(void)
{
    struct rlimit before, small;
    struct table table;

    signal(SIGXFSZ, SIG_IGN);
    fixture_probe_ms = 1000;
    expect(7000);
    feed(0, 2000);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 16 << 10;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    home_feed_nowait(&home, 2000, 2100, 5);
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    fixture_wait_committed(1);
    feed(2100, 4500);
    table = table_ask(2100, 4500, 60000); /* also now */
    CU_ASSERT_TRUE(table.n == 40 && table.rows[5].cells[0].n == 12);
    energies_ask(&others, 0, 7000, ENERGY_15_MIN);
    CU_ASSERT_TRUE(energies_sum(&others, "pv", ENERGY_PRODUCTION) > 50);
    table_free(&table);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    home_feed_nowait(&home, 4500, 6000, 5);
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    feed(6000, 7000);
    check_as_expected(7000);
    fixture_probe_ms = 0;
}

/* Its pages in the middle are gone: one third of them, of the log mostly. */
static void damage(void)
{
    char path[300];
    uint8_t zeros[1024] = {0};
    FILE *file;
    long n;

    snprintf(path, sizeof path, "%.250s/store.db", fixture_dir);
    file = fopen(path, "r+b");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    n = ftell(file) / 1024;
    for (long i = n / 3; i < n * 2 / 3; i++) {
        fseek(file, i * 1024, SEEK_SET);
        CU_ASSERT_EQUAL(fwrite(zeros, 1, 1024, file), 1024);
    }
    fclose(file);
}

static void energy_outlives_a_damaged_database(void)
{
    int64_t before, counted;
    double at_damage;

    begin();
    feed(0, 20000);
    at_damage = home.import_wh;
    energies_ask(&energies, 0, 18000, ENERGY_15_MIN);
    before = energies_sum(&energies, "grid", ENERGY_IMPORT);
    fixture_close();
    damage();
    copy_file("store.db", "store.db-wal"); /* as after an unclean stop: it is checked */
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-damaged"));
    feed(20000, 24000);
    energies_ask(&others, 0, 30000, ENERGY_15_MIN);
    counted = energies_sum(&others, "grid", ENERGY_IMPORT);
    printf("%d Wh of %d Wh kept ... ", (int)counted,
           (int)before + (int)(home.import_wh - at_damage));
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM slots WHERE run=0") > 5);
    CU_ASSERT_TRUE(counted > before / 2);
    CU_ASSERT_TRUE((double)counted <= home.import_wh - 53700000 + 1);
    finish();
}

static void a_store_from_before_is_summed_after_its_migration(void)
{
    expect(9000);
    feed(0, 6000);
    fixture_close();
    CU_ASSERT_EQUAL(
        history_exec("DROP TABLE device; DROP TABLE minutes; DROP TABLE slots;"
                     " DROP TABLE run; ALTER TABLE epoch DROP COLUMN back_seq;"
                     " PRAGMA user_version=3"),
        0);
    fixture_open();
    feed(6000, 9000);
    CU_ASSERT_TRUE(history_rows("SELECT count(*) FROM run") > 8);
    check_as_expected(9000);
}

static void deliver_all(void *arg)
{
    struct store_cursor cursor;
    struct store_stats stats;

    (void)arg;
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "community", &cursor), 0);
    cursor.low = stats.last_seq;
    CU_ASSERT_EQUAL(store_cursor_save(fixture_store, "community", &cursor), 0);
}

static void at_the_bound_readings_go_before_means_and_those_before_energy(void)
{
    const int64_t end_s = 48 * 3600;
    struct table table;
    struct store_stats stats;

    fixture_make();
    home_init(&home);
    fixture_open_sized(320 << 10, 0, 60000);
    for (int64_t s = 0; s < end_s; s += 300) {
        home_feed(&home, s, s + 300, 15);
        fixture_run(deliver_all, NULL);
    }
    table = table_ask(0, end_s, 3600000);
    CU_ASSERT_TRUE(table.answer.raw_from_ms > table.answer.minutes_from_ms + 3600000);
    CU_ASSERT_TRUE(table.answer.minutes_from_ms > HISTORY_T0_MS + 3600000);
    CU_ASSERT_TRUE(history_rows("SELECT sum(length(data)+24) FROM minutes") <=
                   (320 << 10) / 4 + 1000);
    energies_ask(&energies, 0, end_s, ENERGY_15_MIN);
    CU_ASSERT_EQUAL(energies.rows[0].start_ms, HISTORY_T0_MS);
    CU_ASSERT_TRUE(fabs((double)energies_sum(&energies, "grid", ENERGY_IMPORT) -
                        (home.import_wh - 53700000)) <= 10);
    store_get_stats(fixture_store, &stats);
    CU_ASSERT_TRUE(stats.size_bytes <= stats.max_bytes);
    table_free(&table);
    finish();
}

static void what_is_trimmed_early_is_in_the_means_before(void)
{
    struct table table;
    unsigned n_wrong = 0;

    fixture_make();
    home_init(&home);
    fixture_open_sized(64 << 10, 0, 60000);
    for (int64_t s = 0; s < 3600; s += 30) {
        home_feed(&home, s, s + 30, 1);
        fixture_run(deliver_all, NULL);
    }
    table = table_ask(0, 3600, 60000);
    CU_ASSERT_TRUE(table.answer.raw_from_ms > HISTORY_T0_MS + 2700000);
    CU_ASSERT_EQUAL(table.n, 60);
    for (uint32_t i = 0; i < table.n; i++)
        n_wrong += table.rows[i].cells[0].n != 60;
    CU_ASSERT_EQUAL(n_wrong, 0);
    CU_ASSERT_TRUE(table.answer.minutes_from_ms < table.answer.raw_from_ms);
    table_free(&table);
    finish();
}

static void a_question_is_bounded(void)
{
    const char *const points[2] = {"grid.power_w", "grid.power_w"};
    struct history_query query = {.points = points, .n_points = 2, .to_ms = 1};
    struct history_answer answer;
    struct history *history;
    struct table table;

    begin();
    feed(0, 3000);
    CU_ASSERT_EQUAL_FATAL(history_open(fixture_store, &history), 0);
    CU_ASSERT_EQUAL(history_query(history, &query, &answer), -EINVAL);
    query.n_points = 1;
    query.from_ms = 1;
    CU_ASSERT_EQUAL(history_query(history, &query, &answer), -EINVAL);
    history_close(history);
    table = table_ask(0, 3000 + 60 * (HISTORY_STEPS_MAX + 5), 60000);
    CU_ASSERT_TRUE(table.answer.is_truncated);
    CU_ASSERT_EQUAL(table.answer.next_ms,
                    HISTORY_T0_MS + 60000 * (int64_t)HISTORY_STEPS_MAX);
    CU_ASSERT_EQUAL(table.n, 50);
    table_free(&table);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(minutes_are_the_means_of_what_was_sent),
        TEST(slots_add_up_to_the_counter),
        TEST(a_restart_anywhere_changes_nothing),
        TEST(a_power_cut_between_commits_changes_nothing),
        TEST(a_boot_in_1970_ends_in_the_right_minutes),
        TEST(a_clock_that_was_set_wrong_and_right_again_leaves_no_trace),
        TEST(trust_that_comes_with_the_first_commit_after_a_restart_counts),
        TEST(without_its_readings_a_sum_stays_where_it_was),
        TEST(a_down_time_is_one_recovered_amount),
        TEST(a_counter_that_reads_0_for_a_moment_is_held),
        TEST(a_day_ends_at_the_sites_midnight),
        TEST(what_was_kept_in_ram_is_summed_when_it_is_back),
        TEST(a_store_from_before_is_summed_after_its_migration),
        TEST(energy_outlives_a_damaged_database),
        TEST(at_the_bound_readings_go_before_means_and_those_before_energy),
        TEST(what_is_trimmed_early_is_in_the_means_before),
        TEST(a_question_is_bounded),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"local history", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
