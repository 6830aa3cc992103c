/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/mqtt without a broker: the bounded resolver, the back-off. */
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/mqtt/backoff.h"
#include "lib/mqtt/interpose.h"
#include "lib/mqtt/resolver.h"
#include "tests/unit/suite.h"

static sem_t go, entered;
static atomic_int n_lookups;

static int numeric(const char *address, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

    return interpose_real_getaddrinfo(address, NULL, &hints, ret);
}

/* A resolver that is dead until `go`. */
static int blocked_lookup(const char *host, struct addrinfo **ret)
{
    (void)host;
    atomic_fetch_add(&n_lookups, 1);
    sem_post(&entered);
    sem_wait(&go);
    return numeric("192.0.2.7", ret);
}

static int failing_lookup(const char *host, struct addrinfo **ret)
{
    (void)ret;
    return strcmp(host, "dead.example") == 0 ? EAI_NONAME : numeric("192.0.2.9", ret);
}

static int wait_result(struct resolver *resolver, char *text, size_t size)
{
    int rc;

    while ((rc = resolver_result(resolver, text, size)) == -EAGAIN) {
        struct pollfd pfd = {resolver_fd(resolver), POLLIN, 0};

        if (poll(&pfd, 1, 10000) <= 0)
            return -EIO;
    }
    return rc;
}

static void a_dead_resolver_is_given_up_at_the_deadline_and_joined_later(void)
{
    struct resolver *resolver = resolver_new(blocked_lookup);
    char text[64];

    sem_init(&go, 0, 0);
    sem_init(&entered, 0, 0);
    atomic_store(&n_lookups, 0);
    clock_fake(CLOCK_NS_PER_S, 0, CLOCK_UNSET);
    CU_ASSERT_EQUAL(resolver_start(resolver, "broker.example"), 0);
    sem_wait(&entered);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), -EAGAIN);
    clock_fake(CLOCK_NS_PER_S + RESOLVER_TIMEOUT_MS * CLOCK_NS_PER_MS, 0, CLOCK_UNSET);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), -ETIMEDOUT);
    /* asked again while the first look-up still hangs: no second thread */
    CU_ASSERT_EQUAL(resolver_start(resolver, "broker.example"), 0);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), -EAGAIN);
    sem_post(&go);
    CU_ASSERT_EQUAL(wait_result(resolver, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "192.0.2.7");
    CU_ASSERT_EQUAL(atomic_load(&n_lookups), 1);
    /* dead again: the last good answer serves */
    CU_ASSERT_EQUAL(resolver_start(resolver, "broker.example"), 0);
    sem_wait(&entered);
    clock_fake(CLOCK_NS_PER_S * 60, 0, CLOCK_UNSET);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "192.0.2.7");
    sem_post(&go);
    clock_fake(0, -1, CLOCK_UNSET);
    CU_ASSERT_EQUAL(resolver_start(resolver, "broker.example"), 0);
    CU_ASSERT_EQUAL(wait_result(resolver, text, sizeof text), 0);
    resolver_free(resolver);
}

static void an_unknown_name_says_so_and_another_name_forgets_the_answer(void)
{
    struct resolver *resolver = resolver_new(failing_lookup);
    char text[64];

    CU_ASSERT_EQUAL(resolver_start(resolver, "good.example"), 0);
    CU_ASSERT_EQUAL(wait_result(resolver, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "192.0.2.9");
    CU_ASSERT_EQUAL(resolver_start(resolver, "dead.example"), 0);
    CU_ASSERT_EQUAL(wait_result(resolver, text, sizeof text), -EHOSTUNREACH);
    CU_ASSERT_TRUE(strlen(text) > 0);
    resolver_free(resolver);
}

static void numeric_addresses_need_no_look_up(void)
{
    struct resolver *resolver = resolver_new(blocked_lookup);
    char text[64];

    atomic_store(&n_lookups, 0);
    CU_ASSERT_EQUAL(resolver_start(resolver, "127.0.0.1"), 0);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "127.0.0.1");
    CU_ASSERT_EQUAL(resolver_start(resolver, "fd00::1"), 0);
    CU_ASSERT_EQUAL(resolver_result(resolver, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "fd00::1");
    CU_ASSERT_EQUAL(atomic_load(&n_lookups), 0);
    resolver_free(resolver);
}

static void a_pinned_name_is_answered_without_a_look_up(void)
{
    struct addrinfo *list = NULL;
    char text[64];

    interpose_begin(true, "broker.invalid", "192.0.2.33");
    CU_ASSERT_EQUAL_FATAL(getaddrinfo("broker.invalid", NULL, NULL, &list), 0);
    getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, NULL, 0,
                NI_NUMERICHOST);
    CU_ASSERT_STRING_EQUAL(text, "192.0.2.33");
    freeaddrinfo(list);
    interpose_begin(false, "", "");
}

static void back_off_grows_to_a_minute_and_spreads(void)
{
    unsigned lowest = UINT32_MAX, highest = 0;

    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct backoff backoff;
        unsigned cap_ms = BACKOFF_MIN_MS, delay_ms = 0;

        backoff_init(&backoff, seed);
        for (int i = 0; i < 10; i++, cap_ms = cap_ms * 2 > 60000 ? 60000 : cap_ms * 2) {
            delay_ms = backoff_next_ms(&backoff);
            CU_ASSERT_TRUE(delay_ms >= BACKOFF_FLOOR_MS && delay_ms <= cap_ms);
        }
        lowest = delay_ms < lowest ? delay_ms : lowest;
        highest = delay_ms > highest ? delay_ms : highest;
        backoff_reset(&backoff);
        CU_ASSERT_TRUE(backoff_next_ms(&backoff) <= BACKOFF_MIN_MS);
    }
    CU_ASSERT_TRUE(lowest < 1000 && highest > 59000);
}

static CU_TestInfo tests[] = {
    TEST(a_dead_resolver_is_given_up_at_the_deadline_and_joined_later),
    TEST(an_unknown_name_says_so_and_another_name_forgets_the_answer),
    TEST(numeric_addresses_need_no_look_up),
    TEST(a_pinned_name_is_answered_without_a_look_up),
    TEST(back_off_grows_to_a_minute_and_spreads),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"mqtt", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
