/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gatewayd/own_past: what the store kept comes back as a past, after a restart
 * too. */
#include "gatewayd/own_past.h"

#include <stdlib.h>

#include "gatewayd/control/past.h"
#include "lib/base/clock.h"
#include "tests/unit/history_fixture.h"
#include "tests/unit/suite.h"

static sd_event *event;
static struct loop_calls *calls;
static unsigned n_done;
static struct past *found;

static void on_done(void *ctx, struct past *past)
{
    (void)ctx;
    n_done++;
    free(found);
    found = past;
}

static struct past *ask_for(int64_t until_ms)
{
    static struct config_outage outage;
    static struct site_map map = {.outage = &outage, .n_pv = 1, .n_grid = 1};

    return past_new(&map, until_ms);
}

static void turn_until(unsigned n)
{
    while (n_done < n)
        CU_ASSERT_TRUE_FATAL(sd_event_run(event, 20 * 1000000) > 0);
}

static void begin(struct home *home)
{
    n_done = 0;
    found = NULL;
    CU_ASSERT_TRUE_FATAL(sd_event_new(&event) >= 0);
    calls = loop_calls_new(event);
    fixture_make();
    home_init(home);
    fixture_open();
}

static void end(struct home *home, struct own_past *own)
{
    own_past_stop(own);
    own_past_join(own);
    fixture_close();
    own_past_free(own);
    home_done(home);
    fixture_remove();
    loop_calls_free(calls);
    sd_event_unref(event);
    free(found);
    found = NULL;
}

/* Half hours of the roof that are known, and their mean. */
static unsigned count_pv(double *ret_mean_w)
{
    unsigned n = 0;
    double sum = 0;

    for (unsigned i = 0; i < PAST_DAYS * DISPATCH_SLOTS; i++)
        if (found->pv_w[i] >= 0) {
            sum += (double)found->pv_w[i];
            n++;
        }
    *ret_mean_w = sum / n;
    return n;
}

static void the_stores_half_hours_come_back_over_a_restart(void)
{
    struct own_past *own;
    struct home home;
    double mean_w;

    begin(&home);
    home_feed(&home, 0, 3 * 3600, 10);
    fixture_close();
    fixture_open();
    home_feed(&home, 3 * 3600, 3 * 3600 + 60, 10);
    own = own_past_new(fixture_store, calls, on_done, NULL);
    own_past_ask(own, ask_for(HISTORY_T0_MS + 3 * 3600000));
    turn_until(1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(count_pv(&mean_w), 6);
    CU_ASSERT_DOUBLE_EQUAL(mean_w, 400, 20); /* the fixture's roof: 0 to 800 W */
    CU_ASSERT_EQUAL(found->other[0].n, 1);
    CU_ASSERT_DOUBLE_EQUAL(found->other[0].w, 1500 + 400, 60); /* imports 1200 to 1800 */
    end(&home, own);
}

static void of_several_questions_the_newest_is_answered(void)
{
    struct own_past *own;
    struct home home;

    begin(&home);
    own = own_past_new(fixture_store, calls, on_done, NULL);
    for (uint64_t serial = 1; serial <= 5; serial++) {
        struct past *past = ask_for(HISTORY_T0_MS);

        past->serial = serial;
        own_past_ask(own, past);
    }
    turn_until(2);
    CU_ASSERT_EQUAL(found->serial, 5);
    end(&home, own);
}

static void a_stop_while_it_reads_loses_nothing(void)
{
    struct own_past *own;
    struct home home;

    begin(&home);
    own = own_past_new(fixture_store, calls, on_done, NULL);
    own_past_ask(own, ask_for(HISTORY_T0_MS));
    own_past_ask(own, ask_for(HISTORY_T0_MS));
    end(&home, own);
    CU_ASSERT_EQUAL(n_done, 0);
}

static CU_TestInfo tests[] = {
    TEST(the_stores_half_hours_come_back_over_a_restart),
    TEST(of_several_questions_the_newest_is_answered),
    TEST(a_stop_while_it_reads_loses_nothing),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"own past", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
