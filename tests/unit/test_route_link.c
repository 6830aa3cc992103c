/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/route_note.c and route_link.c while the store's thread hangs: real
 * store and forward, the route's process and the loop are played here. The clock of the
 * grants too.
 */
#include "gatewayd/route_note.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayd/grants.h"
#include "gatewayd/route_begin.h"
#include "gatewayd/store/store.h"
#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

#define END_MS INT64_C(1790000000000)

static unsigned n_restarts, n_published, n_freed, n_stops;

/* ---- the neighbours, played ---- */

void route_process_restart(struct route_process *process, const char *why)
{
    (void)process;
    (void)why;
    n_restarts++;
}

int route_process_publish(struct route_process *process, uint64_t token,
                          const char *topic, bool retain, const char *payload, size_t len)
{
    (void)process;
    (void)token;
    (void)topic;
    (void)retain;
    (void)payload;
    (void)len;
    n_published++;
    return 0;
}

int loop_calls_post(struct loop_calls *calls, void (*fn)(void *arg), void *arg)
{
    (void)calls;
    fn(arg);
    return 0;
}

void forwarding_start_process(void *link)
{
    (void)link;
}

void forwarding_stop_process(void *link)
{
    (void)link;
    n_stops++;
}

void forwarding_refuse_link(void *link)
{
    (void)link;
}

void forwarding_free_link(void *link)
{
    (void)link;
    n_freed++;
}

/* ---- a link whose store hangs ---- */

static struct forwarding forwarding;
static struct route_link route;
static char name[] = "home", self[] = "self", version[] = "1", process;
static int reached[2], opened[2];

static void nothing(void *arg)
{
    (void)arg;
}

static void wait_at_gate(void *arg)
{
    char c;

    (void)arg;
    CU_ASSERT_EQUAL(write(reached[1], "x", 1), 1);
    CU_ASSERT_EQUAL(read(opened[0], &c, 1), 1);
}

static void make_link(void)
{
    n_restarts = n_published = n_freed = n_stops = 0;
    fixture_make();
    fixture_open_sized(64u << 20, 32768, 20);
    forwarding = (struct forwarding){
        .store = fixture_store, .version = version, .consent = consent_new()};
    pthread_mutex_init(&forwarding.lock, NULL);
    route = (struct route_link){.owner = &forwarding,
                                .is_local = true,
                                .process = (struct route_process *)&process};
    route.route.name = name;
    route.route.recipient = self;
    CU_ASSERT_EQUAL_FATAL(route_note_prepare(&route), 0);
}

static void hang(void)
{
    char c;

    CU_ASSERT_EQUAL_FATAL(pipe(reached), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(opened), 0);
    CU_ASSERT_EQUAL(store_post(fixture_store, wait_at_gate, NULL, true), 0);
    CU_ASSERT_EQUAL_FATAL(read(reached[0], &c, 1), 1);
    while (store_post(fixture_store, nothing, NULL, false) == 0)
        ;
}

static void tell_reached(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(write(reached[1], "x", 1), 1);
}

static void go_on(void)
{
    char c;

    store_post_in(fixture_store, store_place_new(), tell_reached, NULL);
    CU_ASSERT_EQUAL(write(opened[1], "x", 1), 1);
    CU_ASSERT_EQUAL(read(reached[0], &c, 1), 1);
    for (int i = 0; i < 2; i++) {
        close(reached[i]);
        close(opened[i]);
    }
}

static void finish(void)
{
    route_note_done(&route);
    consent_free(forwarding.consent);
    pthread_mutex_destroy(&forwarding.lock);
    fixture_close();
    fixture_remove();
}

/* ---- the tests ---- */

static void what_ends_a_link_passes_a_full_store_queue(void)
{
    make_link();
    hang();
    route_note_tell(&route, NOTE_GOODBYE, 0);
    route_note_tell(&route, NOTE_DETACH, 0);
    CU_ASSERT_EQUAL(n_freed, 0);
    go_on();
    CU_ASSERT_EQUAL(n_published, 1); /* its state: offline */
    CU_ASSERT_EQUAL(n_stops, 1);
    CU_ASSERT_EQUAL(n_freed, 1);
    finish();
}

static void notes_that_cannot_wait_start_the_process_anew(void)
{
    make_link();
    hang();
    for (unsigned i = 0; i < NOTES_WAITING_MAX; i++)
        route_note_send(&route, NOTE_DONE, i, 0, NULL, NULL, 0);
    CU_ASSERT_EQUAL(n_restarts, 0);
    route_note_send(&route, NOTE_DONE, 1, 0, NULL, NULL, 0);
    CU_ASSERT_EQUAL(n_restarts, 1);
    go_on();
    CU_ASSERT_EQUAL(route.n_waiting, 0);
    route_note_send(&route, NOTE_DONE, 1, 0, NULL, NULL, 0);
    CU_ASSERT_EQUAL(n_restarts, 1);
    finish();
}

static void the_bytes_that_wait_are_bounded(void)
{
    static char payload[NOTES_WAITING_BYTES / 4];

    make_link();
    hang();
    for (int i = 0; i < 6; i++)
        route_note_send(&route, NOTE_ANSWER, 0, 0, "ack/1", payload, sizeof payload);
    CU_ASSERT_EQUAL(route.n_waiting, 4);
    CU_ASSERT_EQUAL(n_restarts, 0); /* who asked asks again */
    go_on();
    CU_ASSERT_EQUAL(route.waiting_bytes, 0);
    CU_ASSERT_EQUAL(n_published, 4);
    finish();
}

static void a_process_that_comes_and_goes_leaves_one_note(void)
{
    make_link();
    hang();
    for (unsigned i = 0; i < 3 * NOTES_WAITING_MAX; i++)
        route_note_connected(&route, i % 2 ? 8 : 0);
    CU_ASSERT_EQUAL(route.n_waiting, 0);
    go_on();
    CU_ASSERT_EQUAL(route.window, 8);
    CU_ASSERT_EQUAL(n_published, 1);
    CU_ASSERT_EQUAL(n_restarts, 0);
    finish();
}

/* ---- readings that are gathered ---- */

static int64_t fake_boot_ns;

static void commit_and_tell(void *arg)
{
    struct store_stats stats;

    (void)arg;
    clock_fake(fake_boot_ns, END_MS, CLOCK_SYNCED);
    store_commit(fixture_store);
    store_get_stats(fixture_store, &stats);
    forwarding_committed(&forwarding, stats.last_seq);
    clock_fake(0, -1, CLOCK_UNSET);
}

/* How many messages the route was given for ten readings, or for an event. */
static unsigned n_given(const char *event)
{
    unsigned before;

    if (event)
        store_append_event(fixture_store, "", CATEGORY_STATUS, event, "info", "text");
    else
        store_append(fixture_store, fixture_batch(10, 1), false);
    before = n_published;
    fixture_run(commit_and_tell, NULL);
    return n_published - before;
}

static void readings_are_gathered_for_a_minute_and_events_are_not(void)
{
    make_link();
    route.route.name = name;
    fake_boot_ns = clock_boot_ns();
    route_note_tell(&route, NOTE_ATTACH, 0);
    route_note_connected(&route, 100);
    CU_ASSERT_TRUE(n_given(NULL) > 0);
    forwarding_save(&forwarding, true);
    CU_ASSERT_EQUAL(n_given(NULL), 0);
    CU_ASSERT_EQUAL(n_given(NULL), 0);
    CU_ASSERT_TRUE(n_given("grid-state") > 0); /* and what waited before it */
    CU_ASSERT_EQUAL(n_given(NULL), 0);
    fake_boot_ns += 61 * CLOCK_NS_PER_S;
    CU_ASSERT_TRUE(n_given(NULL) > 0);
    CU_ASSERT_EQUAL(n_given(NULL), 0);
    forwarding_save(&forwarding, false);
    CU_ASSERT_TRUE(n_given(NULL) > 0);
    route_note_tell(&route, NOTE_DETACH, 0);
    fixture_run(nothing, NULL);
    finish();
}

/* ---- where a route begins ---- */

static struct config_grant grant_until(int64_t until_ms)
{
    static char id[] = "sign-1", hash[] = "aa", recipient[] = "coordinator",
                purpose[] = "p";

    return (struct config_grant){.id = id,
                                 .hash = hash,
                                 .recipient = recipient,
                                 .purpose = purpose,
                                 .categories = 1u << CATEGORY_ENERGY,
                                 .until_ms = until_ms};
}

static uint64_t n_waiting(void)
{
    fixture_run(nothing, NULL);
    return route.stats.backlog;
}

static void a_route_begins_where_its_grants_were_entered(void)
{
    const struct config_grant grant = grant_until(INT64_MAX);

    make_link();
    route.route.recipient = grant.recipient;
    store_append(fixture_store, fixture_batch(4, 1), false); /* not committed yet */
    fixture_run(route_begin_mark, &forwarding);
    CU_ASSERT_EQUAL(consent_add_grant(forwarding.consent, &grant), 1);
    fixture_store_batch(3, 2); /* a commit before the route is there */
    route_note_tell(&route, NOTE_ATTACH, 0);
    CU_ASSERT_EQUAL(n_waiting(), 3);
    route_note_tell(&route, NOTE_DETACH, 0);
    fixture_run(nothing, NULL);
    finish();
}

/* ---- the clock of the grants ---- */

static struct consent *with_ending_grant(void)
{
    const struct config_grant grant = grant_until(END_MS);
    struct consent *consent = consent_new();

    CU_ASSERT_PTR_NOT_NULL_FATAL(consent);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
    return consent;
}

static void check_after_the_end(void *consent)
{
    clock_fake(clock_boot_ns(), END_MS + 1, CLOCK_SYNCED);
    grants_check_clock(fixture_store, consent);
    clock_fake(0, -1, CLOCK_UNSET);
}

static void check_at_1970(void *consent)
{
    clock_fake(clock_boot_ns(), 1000, CLOCK_UNSET);
    grants_check_clock(fixture_store, consent);
    clock_fake(0, -1, CLOCK_UNSET);
}

static void a_grant_that_ended_stays_ended_in_a_boot_without_clock(void)
{
    const struct consent_route to = {"coordinator", false};
    const struct config config = {.n_grants = 0};
    const struct grants_hooks hooks = {.ctx = NULL};
    struct consent *before = with_ending_grant(), *after = with_ending_grant();

    fixture_make();
    fixture_open();
    fixture_run(check_after_the_end, before);
    fixture_close();
    fixture_open();
    CU_ASSERT_EQUAL(grants_enter(fixture_store, after, &config, &hooks), 0);
    fixture_run(check_at_1970, after);
    CU_ASSERT_EQUAL(consent_finest(after, &to, CATEGORY_ENERGY, 1000), -1);
    consent_free(before);
    consent_free(after);
    fixture_close();
    fixture_remove();
}

static void grants_that_cannot_be_posted_leave_nothing(void)
{
    struct config_grant grant = grant_until(END_MS);
    const struct config config = {.n_grants = 1, .grants = &grant};
    const struct grants_hooks hooks = {.ctx = NULL};

    make_link();
    hang();
    CU_ASSERT_EQUAL(grants_enter(fixture_store, forwarding.consent, &config, &hooks),
                    -ENOMEM);
    go_on();
    finish();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(what_ends_a_link_passes_a_full_store_queue),
        TEST(notes_that_cannot_wait_start_the_process_anew),
        TEST(the_bytes_that_wait_are_bounded),
        TEST(a_route_begins_where_its_grants_were_entered),
        TEST(a_process_that_comes_and_goes_leaves_one_note),
        TEST(readings_are_gathered_for_a_minute_and_events_are_not),
    TEST(grants_that_cannot_be_posted_leave_nothing),
        TEST(a_grant_that_ended_stays_ended_in_a_boot_without_clock),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"route link", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
