/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of forward: whatever the route and the receiver do, everything arrives and the
 * cursor is never ahead of what was confirmed. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/fake_home.h"
#include "tests/unit/suite.h"

/* ---- broker
 * ------------------------------------------------------------------------------ */

static void committed_records_arrive_in_one_message(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 19);
    CU_ASSERT_EQUAL(fake->n_opened, 0);
    home_append(25);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    CU_ASSERT_EQUAL(fake->n_opened, 1);
    CU_ASSERT_EQUAL(home_stats().backlog, 25);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, 25);
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 50);
    CU_ASSERT_EQUAL(home_stats().backlog, 0);
    for (uint64_t seq = 1; seq <= 25; seq++)
        CU_ASSERT_TRUE(fake_has(fake, seq, "meter", 0));
    home_end();
}

static void nothing_is_read_while_there_is_no_room(void)
{
    home_begin(false, "self");
    home_start();
    home_append(5000);
    CU_ASSERT_EQUAL(fake->n_opened, 0);
    fake->room = 2;
    forward_connected(forward, 3);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    home_pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    fake->room = 100;
    home_pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 3);
    home_append(5);
    CU_ASSERT_EQUAL(fake->most_flying, 3);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(home_stats().n_resent, 0);
    home_end();
}

static void nobody_listening_is_not_delivery(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0x10);
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "route-no-subscriber");
    home_pass(4);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    home_pass(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    forward_done(forward, fake_settle(fake, 0, false), 0x10);
    home_pass(9);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    home_pass(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    CU_ASSERT_EQUAL(fake->n_events, 1);
    home_deliver_all();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    home_end();
}

/* Settles what flies as a broker whose only subscriber wants readings. */
static void settle_for_readings_only(void)
{
    while (fake->n_flying) {
        bool is_readings = strcmp(fake->flying[0].suffix, "readings") == 0;

        forward_done(forward, fake_settle(fake, 0, is_readings), is_readings ? 0 : 0x10);
    }
}

static void a_subscriber_of_readings_alone_is_not_held_up_by_events(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 5);
    fake_append_event(fake, "", CATEGORY_STATUS, "gateway-started");
    forward_committed(forward, fake->n);
    home_append(10);
    settle_for_readings_only();
    home_pass(1);
    settle_for_readings_only();
    CU_ASSERT_EQUAL(fake->saved.low, 11);
    CU_ASSERT_EQUAL(fake->n_events, 0);
    home_end();
}

static void an_event_reaches_who_subscribes_before_the_first_readings(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 5);
    fake_append_event(fake, "", CATEGORY_STATUS, "gateway-started");
    forward_committed(forward, fake->n);
    forward_done(forward, fake_settle(fake, 0, false), 0x10);
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    home_append(10); /* and now somebody listens to all */
    home_deliver_all();
    home_pass(1);
    home_deliver_all();
    CU_ASSERT_EQUAL(fake->saved.low, 11);
    CU_ASSERT_TRUE(fake_has(fake, 1, "", 0));
    home_end();
}

static void a_refused_message_waits_and_goes_alone_at_first(void)
{
    home_begin(false, "self");
    home_start();
    home_append(3000);
    forward_connected(forward, 4);
    CU_ASSERT_EQUAL(fake->n_flying, 4);
    while (fake->n_flying)
        forward_done(forward, fake_settle(fake, 0, false), 0x97);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "route-refused");
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 0);
    home_pass(5);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    forward_done(forward, fake_settle(fake, 0, true), 0);
    CU_ASSERT_EQUAL(fake->n_flying, 4);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    home_end();
}

static void what_was_lost_goes_again_after_the_reconnect(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    home_append(10);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    forward_lost(forward, fake_settle(fake, 0, false));
    forward_lost(forward, fake_settle(fake, 0, true));
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    forward_connected(forward, 0);
    home_append(10);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    forward_connected(forward, 5);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, 30);
    CU_ASSERT_EQUAL(fake->n_again, 10);
    CU_ASSERT_EQUAL(home_stats().n_resent, 40);
    home_end();
}

static void live_records_go_before_the_backlog_and_that_at_its_rate(void)
{
    home_begin(false, "self");
    home_route.rate_per_s = 400;
    home_start();
    home_append(4000);
    forward_connected(forward, 10);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    home_append(5);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    home_deliver_all();
    CU_ASSERT_TRUE(fake->covered[4005]);
    CU_ASSERT_FALSE(fake->covered[1]);
    home_pass(1);
    home_deliver_all();
    CU_ASSERT_TRUE(fake->covered[1]);
    CU_ASSERT_FALSE(fake->covered[2500]);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 1);
    for (int i = 0; i < 40; i++) {
        home_pass(1);
        home_deliver_all();
    }
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 0);
    CU_ASSERT_EQUAL(fake->n_again, 0);
    home_end();
}

static void strict_order_is_the_order_of_the_log(void)
{
    uint64_t first = 0;

    home_begin(false, "self");
    home_route.strict_order = true;
    home_start();
    home_append(2000);
    forward_connected(forward, 3);
    home_append(10);
    while (fake->n_flying) {
        const char *covers = strstr(fake->flying[0].payload, "\"covers\":[");
        uint64_t now_first = strtoull(covers + 10, NULL, 10);

        CU_ASSERT_EQUAL(now_first > first, true);
        first = now_first;
        forward_done(forward, fake_settle(fake, 0, true), 0);
    }
    CU_ASSERT_EQUAL(fake->saved.low, 2010);
    home_end();
}

static void a_hole_in_the_log_is_not_covered(void)
{
    home_begin(false, "self");
    home_start();
    home_append(100);
    for (uint64_t seq = 40; seq < 60; seq++)
        fake->records[seq].trimmed = true;
    forward_connected(forward, 10);
    home_deliver_all();
    CU_ASSERT_TRUE(fake->covered[39]);
    CU_ASSERT_FALSE(fake->covered[40]);
    CU_ASSERT_FALSE(fake->covered[59]);
    CU_ASSERT_TRUE(fake->covered[60]);
    CU_ASSERT_EQUAL(fake->saved.low, 100);
    home_end();
}

static void a_boot_has_messages_of_its_own(void)
{
    home_begin(false, "self");
    home_start();
    home_append(20);
    for (uint64_t seq = 11; seq <= 20; seq++)
        fake->records[seq].record.boot = "cc";
    forward_connected(forward, 10);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake->flying[1].payload, "\"boot\":\"cc\""));
    home_deliver_all();
    home_end();
}

static void no_payload_is_larger_than_a_channel_message(void)
{
    static struct stored_value many[2000];
    static char names[2000][40];

    home_begin(false, "self");
    home_start();
    home_append(3000);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(names[i], sizeof names[i], "a_rather_long_name_of_a_point_%u_w", i);
        many[i] = fake->records[1].values[0];
        many[i].point = names[i];
    }
    fake->records[700].more_values = many;
    fake->records[700].record.n_values = 2000;
    forward_connected(forward, 60);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_TRUE(fake_has(fake, 700, "meter", 0));
    CU_ASSERT_STRING_EQUAL(fake->last_event, "record-too-large");
    CU_ASSERT_EQUAL(home_stats().n_messages, 8);
    home_end();
}

static void a_log_that_cannot_be_read_is_told_and_tried_again(void)
{
    home_begin(false, "self");
    home_start();
    fake->is_damaged = true;
    forward_connected(forward, 5);
    home_append(10);
    home_pass(5);
    CU_ASSERT_EQUAL(fake->n_events, 1);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "store-read-failed");
    fake->is_damaged = false;
    home_pass(1);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    home_end();
}

static void a_backlog_leaves_room_for_live_records(void)
{
    home_begin(true, "self");
    home_start();
    for (int i = 0; i < 60; i++) {
        fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
        home_append(1);
    }
    forward_connected(forward, 60);
    CU_ASSERT(fake->n_flying < 60);
    home_append(1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(fake->flying[fake->n_flying - 1].payload, "\"covers\":[121,121]"));
    home_end();
}

static void events_are_messages_of_their_own(void)
{
    home_begin(false, "self");
    home_start();
    forward_connected(forward, 10);
    fake_append(fake, "meter", CATEGORY_ENERGY, 1);
    fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    home_append(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 3);
    CU_ASSERT_STRING_EQUAL(fake->flying[0].suffix, "readings");
    CU_ASSERT_STRING_EQUAL(fake->flying[1].suffix, "event");
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_TRUE(fake_has(fake, 2, "meter", 0));
    home_end();
}

static void the_oldest_unconfirmed_record_is_told(void)
{
    home_begin(false, "self");
    home_start();
    home_append(3);
    home_pass(1);
    CU_ASSERT_EQUAL(home_stats().oldest_wall_ms, FAKE_WALL_MS);
    CU_ASSERT_EQUAL(home_stats().backlog, 3);
    forward_connected(forward, 5);
    home_deliver_all();
    home_pass(1);
    CU_ASSERT_EQUAL(home_stats().oldest_wall_ms, 0);
    home_end();
}

/* ---- receiver
 * ---------------------------------------------------------------------------- */

static void only_a_receipt_moves_the_cursor(void)
{
    home_begin(true, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    home_deliver_all();
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 0);
    home_give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 20);
    home_end();
}

static void without_a_receipt_rows_go_again_after_a_minute(void)
{
    home_begin(true, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0);
    home_pass(59);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    home_pass(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "receiver-silent");
    home_deliver_all();
    home_give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    home_end();
}

static void what_a_receipt_misses_goes_again(void)
{
    home_begin(true, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    home_append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0);
    home_deliver_all();
    home_give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 1);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    home_pass(2);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    home_deliver_all();
    home_give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 20);
    CU_ASSERT_EQUAL(fake->n_again, 0);
    home_end();
}

static void a_receipt_before_the_puback_counts_once(void)
{
    home_begin(true, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    fake->covered[0] = true;
    for (uint64_t seq = 1; seq <= 10; seq++)
        fake->covered[seq] = true;
    home_give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 20);
    home_deliver_all();
    CU_ASSERT_EQUAL(home_stats().n_confirmed, 20);
    home_append(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    home_end();
}

static void foreign_and_impossible_receipts_move_nothing(void)
{
    static const char other[] = "{\"v\":1,\"epoch\":\"ffff\",\"upto\":5}";
    static const char ahead[] = "{\"v\":1,\"epoch\":\"" FAKE_EPOCH "\",\"upto\":11}";

    home_begin(true, "self");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    home_deliver_all();
    forward_receipt(forward, "ffff", other, strlen(other));
    forward_receipt(forward, FAKE_EPOCH, other, strlen(other));
    CU_ASSERT_EQUAL(fake->n_events, 0);
    forward_receipt(forward, FAKE_EPOCH, ahead, strlen(ahead));
    CU_ASSERT_STRING_EQUAL(fake->last_event, "receiver-ahead");
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    home_end();
}

static void a_silent_receiver_is_not_flooded(void)
{
    home_begin(true, "self");
    home_start();
    for (int i = 0; i < 19; i++)
        home_append(1000);
    forward_connected(forward, 20);
    for (int i = 0; i < 200 && fake->n_flying; i++)
        forward_done(forward, fake_settle(fake, 0, false), 0);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    CU_ASSERT(home_stats().n_messages <= 64);
    home_end();
}

/* ---- consent
 * ------------------------------------------------------------------------------ */

static void without_a_grant_nothing_leaves_and_the_rows_do_not_wait(void)
{
    home_begin(false, "coordinator");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    home_pass(20);
    CU_ASSERT_EQUAL(home_stats().n_messages, 0);
    CU_ASSERT_EQUAL(home_stats().n_refused, 20);
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    home_grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_RAW);
    home_append(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    home_deliver_all();
    CU_ASSERT_FALSE(fake->covered[10]);
    CU_ASSERT_TRUE(fake_has(fake, 11, "meter", 0));
    home_end();
}

static void withheld_records_are_covered_and_not_sent(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", 1u << CATEGORY_GRID, GRANULARITY_RAW);
    home_start();
    forward_connected(forward, 5);
    for (int i = 0; i < 10; i++) {
        fake_append(fake, "grid", CATEGORY_GRID, i);
        fake_append(fake, "bed", CATEGORY_PRESENCE, i);
        fake_append_event(fake, "bed", CATEGORY_PRESENCE, "somebody-home");
    }
    forward_committed(forward, fake->n);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(json_object_size(fake->got), 10);
    CU_ASSERT_EQUAL(home_stats().n_messages, 1);
    CU_ASSERT_EQUAL(home_stats().n_refused, 30);
    fake_append(fake, "bed", CATEGORY_PRESENCE, 0);
    forward_committed(forward, fake->n);
    home_pass(20);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake->flying[0].payload, "\"records\":[]"));
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    home_end();
}

static void a_grant_for_events_sends_events_only(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_EVENT);
    home_start();
    forward_connected(forward, 5);
    home_append(5);
    fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    fake_append_event(fake, "", CATEGORY_STATUS, "route-online");
    fake_append_event(fake, "", CATEGORY_ENERGY, "grid-lost");
    forward_committed(forward, fake->n);
    home_pass(20);
    home_deliver_all();
    CU_ASSERT_TRUE(home_all_covered(1));
    CU_ASSERT_EQUAL(json_object_size(fake->got), 2);
    CU_ASSERT_FALSE(fake_has(fake, 8, "", 0));
    home_end();
}

static void a_withdrawal_stops_rows_that_wait(void)
{
    home_begin(false, "coordinator");
    home_grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_RAW);
    home_start();
    home_append(100);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "g1"), 1);
    forward_connected(forward, 5);
    home_pass(5);
    CU_ASSERT_EQUAL(home_stats().n_messages, 0);
    CU_ASSERT_EQUAL(fake->saved.low, 100);
    home_end();
}

static void self_on_a_host_elsewhere_gets_nothing_until_it_is_known_as_local(void)
{
    home_begin(false, "self");
    strcpy(home_host, "203.0.113.9");
    home_start();
    forward_connected(forward, 5);
    home_append(10);
    CU_ASSERT_EQUAL(home_stats().n_messages, 0);
    forward_set_local(forward, true);
    home_append(10);
    CU_ASSERT_EQUAL(home_stats().n_messages, 1);
    home_end();
}

static CU_TestInfo tests[] = {
    TEST(committed_records_arrive_in_one_message),
    TEST(nothing_is_read_while_there_is_no_room),
    TEST(nobody_listening_is_not_delivery),
    TEST(a_subscriber_of_readings_alone_is_not_held_up_by_events),
    TEST(an_event_reaches_who_subscribes_before_the_first_readings),
    TEST(a_refused_message_waits_and_goes_alone_at_first),
    TEST(what_was_lost_goes_again_after_the_reconnect),
    TEST(live_records_go_before_the_backlog_and_that_at_its_rate),
    TEST(strict_order_is_the_order_of_the_log),
    TEST(a_hole_in_the_log_is_not_covered),
    TEST(a_boot_has_messages_of_its_own),
    TEST(no_payload_is_larger_than_a_channel_message),
    TEST(a_log_that_cannot_be_read_is_told_and_tried_again),
    TEST(a_backlog_leaves_room_for_live_records),
    TEST(events_are_messages_of_their_own),
    TEST(the_oldest_unconfirmed_record_is_told),
    TEST(only_a_receipt_moves_the_cursor),
    TEST(without_a_receipt_rows_go_again_after_a_minute),
    TEST(what_a_receipt_misses_goes_again),
    TEST(a_receipt_before_the_puback_counts_once),
    TEST(foreign_and_impossible_receipts_move_nothing),
    TEST(a_silent_receiver_is_not_flooded),
    TEST(without_a_grant_nothing_leaves_and_the_rows_do_not_wait),
    TEST(withheld_records_are_covered_and_not_sent),
    TEST(a_grant_for_events_sends_events_only),
    TEST(a_withdrawal_stops_rows_that_wait),
    TEST(self_on_a_host_elsewhere_gets_nothing_until_it_is_known_as_local),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"forward", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
