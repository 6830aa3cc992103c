/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of tools/ledger: what a receiver claims to have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite.h"
#include "tools/ledger.h"

static struct ledger ledger;

static int take(const char *topic, const char *payload)
{
    return ledger_take(&ledger, topic, payload, strlen(payload));
}

static const char *receipt(const struct ledger_log *log)
{
    static char text[4096];
    struct strbuf buf;

    strbuf_init(&buf);
    ledger_put_receipt(log, &buf);
    snprintf(text, sizeof text, "%s", buf.data);
    strbuf_done(&buf);
    return text;
}

static void a_hole_is_named_until_it_is_filled_or_declared_a_gap(void)
{
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[1,5]}"), 0);
    CU_ASSERT_EQUAL(take("gw/s/g/event", "{\"epoch\":\"e\",\"covers\":[9,9]}"), 0);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[12,20]}"), 0);
    CU_ASSERT_STRING_EQUAL(
        receipt(ledger.logs),
        "{\"v\":1,\"epoch\":\"e\",\"upto\":20,\"missing\":[[6,8],[10,11]]}");
    CU_ASSERT_EQUAL(
        take("gw/s/g/gap", "{\"epoch\":\"e\",\"seq\":[10,11],\"covers\":[21,21]}"), 0);
    CU_ASSERT_EQUAL(take("gw/s/g/correction",
                         "{\"epoch\":\"e\",\"seq\":[6,8],\"covers\":[22,22]}"), 0);
    CU_ASSERT_STRING_EQUAL(receipt(ledger.logs),
                           "{\"v\":1,\"epoch\":\"e\",\"upto\":22,\"missing\":[[6,8]]}");
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[4,10]}"), 0);
    CU_ASSERT_STRING_EQUAL(receipt(ledger.logs),
                           "{\"v\":1,\"epoch\":\"e\",\"upto\":22,\"missing\":[]}");
    ledger_done(&ledger);
}

static void what_came_before_the_first_range_is_missing_too(void)
{
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[8,9]}"), 0);
    CU_ASSERT_STRING_EQUAL(receipt(ledger.logs),
                           "{\"v\":1,\"epoch\":\"e\",\"upto\":9,\"missing\":[[1,7]]}");
    ledger_done(&ledger);
}

static void gateways_and_epochs_are_kept_apart(void)
{
    take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[1,9]}");
    take("gw/s/h/readings", "{\"epoch\":\"e\",\"covers\":[1,3]}");
    take("gw/s/g/readings", "{\"epoch\":\"f\",\"covers\":[1,2]}");
    CU_ASSERT_PTR_NOT_NULL_FATAL(ledger.logs->next->next);
    CU_ASSERT_PTR_NULL(ledger.logs->next->next->next);
    CU_ASSERT_STRING_EQUAL(ledger.logs->prefix, "gw/s/g/");
    CU_ASSERT_STRING_EQUAL(ledger.logs->epoch, "f");
    ledger_done(&ledger);
}

static void other_messages_are_passed_over_and_broken_ones_refused(void)
{
    CU_ASSERT_EQUAL(take("gw/s/g/state", "{}"), 0);
    CU_ASSERT_EQUAL(take("readings", "{}"), 0);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{"), -EBADMSG);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"covers\":[1,2]}"), -EBADMSG);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[2,1]}"),
                    -EBADMSG);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[0,1]}"),
                    -EBADMSG);
    CU_ASSERT_EQUAL(take("gw/s/g/readings", "{\"epoch\":\"e/#\",\"covers\":[1,1]}"),
                    -EBADMSG);
    CU_ASSERT_PTR_NULL(ledger.logs);
}

static void ranges_agree_with_a_plain_set_of_numbers(void)
{
    bool has[202] = {false};
    struct ledger_log *log;
    unsigned seed = 7;
    size_t at = 0;

    take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[1,1]}");
    has[1] = true;
    log = ledger.logs;
    for (int step = 0; step < 60; step++) {
        uint64_t first = 1 + (uint64_t)rand_r(&seed) % 190;
        uint64_t last = first + (uint64_t)rand_r(&seed) % 6;

        CU_ASSERT_EQUAL(ledger_add(log, first, last), 0);
        for (uint64_t i = first; i <= last; i++)
            has[i] = true;
        at = 0;
        for (uint64_t i = 1; i <= 200; i++) {
            while (at < log->n && log->ranges[at].last < i)
                at++;
            CU_ASSERT_EQUAL(at < log->n && log->ranges[at].first <= i, has[i]);
        }
        for (size_t i = 1; i < log->n; i++)
            CU_ASSERT_TRUE(log->ranges[i].first > log->ranges[i - 1].last + 1);
    }
    ledger_done(&ledger);
}

static void with_too_many_holes_less_is_claimed(void)
{
    const char *text;

    take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[1,1]}");
    for (uint64_t i = 3; i < 400; i += 2)
        ledger_add(ledger.logs, i, i);
    text = receipt(ledger.logs);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"upto\":127,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "[126,126]]}"));
    ledger_done(&ledger);
}

static void a_saved_ledger_is_loaded_as_it_was(void)
{
    char path[] = "/tmp/test-ledger-XXXXXX", before[4096];
    int fd = mkstemp(path);

    close(fd);
    take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[1,5]}");
    take("gw/s/g/readings", "{\"epoch\":\"e\",\"covers\":[9,12]}");
    snprintf(before, sizeof before, "%s", receipt(ledger.logs));
    CU_ASSERT_EQUAL(ledger_save(&ledger, path), 0);
    ledger_done(&ledger);
    CU_ASSERT_EQUAL(ledger_load(&ledger, path), 0);
    CU_ASSERT_STRING_EQUAL(receipt(ledger.logs), before);
    ledger_done(&ledger);
    unlink(path);
    CU_ASSERT_EQUAL(ledger_load(&ledger, path), 0);
    CU_ASSERT_PTR_NULL(ledger.logs);
}

static CU_TestInfo tests[] = {
    TEST(a_hole_is_named_until_it_is_filled_or_declared_a_gap),
    TEST(what_came_before_the_first_range_is_missing_too),
    TEST(gateways_and_epochs_are_kept_apart),
    TEST(other_messages_are_passed_over_and_broken_ones_refused),
    TEST(ranges_agree_with_a_plain_set_of_numbers),
    TEST(with_too_many_holes_less_is_claimed),
    TEST(a_saved_ledger_is_loaded_as_it_was),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"ledger", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
