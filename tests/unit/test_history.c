/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the local history: means and slots are what was sent, wherever it was cut. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    for (int64_t s = 5; s < 3 * 3600; s += 300)
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
            CU_ASSERT_EQUAL(energies_sum(&energies, i ? "grid" : "pv", (enum energy_flow)flow),
                            energies_sum(&others, i ? "grid" : "pv", (enum energy_flow)flow));
    CU_ASSERT_TRUE(energies_sum(&energies, "pv", ENERGY_PRODUCTION) > 1000);
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(minutes_are_the_means_of_what_was_sent),
        TEST(slots_add_up_to_the_counter),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"local history", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
