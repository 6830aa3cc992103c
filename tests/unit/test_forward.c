/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of forward: whatever the route and the receiver do, everything arrives and the
 * cursor is never ahead of what was confirmed. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/suite.h"

static int64_t now_s;
static struct fake *fake;
static struct consent *consent;
static struct forward *forward;
static struct config_route route;
static char text_name[] = "community", text_recipient[16], text_host[32];

static void set_time(int64_t s)
{
    now_s = s;
    clock_fake((s + 1000) * CLOCK_NS_PER_S, FAKE_WALL_MS + s * 1000, CLOCK_SYNCED);
}

static void pass(int64_t s)
{
    for (; s > 0; s--) {
        set_time(now_s + 1);
        forward_tick(forward);
    }
}

static void start(void)
{
    forward =
        forward_new(&route, "home-017", FAKE_EPOCH, FAKE_BOOT, consent, &fake->ports);
    CU_ASSERT_PTR_NOT_NULL_FATAL(forward);
    forward_committed(forward, fake->n);
}

static void begin(bool receiver, const char *recipient)
{
    set_time(0);
    fake = fake_new();
    consent = consent_new();
    snprintf(text_recipient, sizeof text_recipient, "%s", recipient);
    snprintf(text_host, sizeof text_host, "127.0.0.1");
    memset(&route, 0, sizeof route);
    route.name = text_name;
    route.recipient = text_recipient;
    route.host = text_host;
    route.confirm_receiver = receiver;
}

static void end(void)
{
    forward_free(forward);
    CU_ASSERT_EQUAL(fake->n_open, 0);
    CU_ASSERT_EQUAL(fake->n_bad, 0);
    CU_ASSERT_FALSE(fake->overlap);
    CU_ASSERT_EQUAL(fake->n_different, 0);
    fake_free(fake);
    consent_free(consent);
    forward = NULL;
    clock_fake(0, -1, CLOCK_UNSET);
}

static void grant(const char *id, uint32_t categories, enum granularity granularity)
{
    char id_text[16], hash[] = "aa", purpose[] = "planning", to[] = "coordinator";
    struct config_grant grant = {.id = id_text,
                                 .recipient = to,
                                 .purpose = purpose,
                                 .categories = categories,
                                 .granularity = granularity,
                                 .until_ms = INT64_MAX,
                                 .hash = hash};

    snprintf(id_text, sizeof id_text, "%s", id);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
}

static void append(unsigned n)
{
    while (n--)
        fake_append(fake, "meter", CATEGORY_ENERGY, (double)(fake->n % 977) / 4);
    forward_committed(forward, fake->n);
}

/* Everything in the route arrives and is acknowledged. */
static void deliver_all(void)
{
    while (fake->n_flying)
        forward_done(forward, fake_settle(fake, 0, true), 0);
}

static void give_receipt(void)
{
    char text[8192];

    fake_receipt(fake, text, sizeof text);
    forward_receipt(forward, FAKE_EPOCH, text, strlen(text));
}

static bool all_covered(uint64_t from)
{
    for (uint64_t seq = from; seq <= fake->n; seq++)
        if (!fake->covered[seq])
            return false;
    return true;
}

static struct forward_stats stats(void)
{
    struct forward_stats result;

    forward_get_stats(forward, &result);
    return result;
}

/* ---- broker
 * ------------------------------------------------------------------------------ */

static void committed_records_arrive_in_one_message(void)
{
    begin(false, "self");
    start();
    forward_connected(forward, 19);
    CU_ASSERT_EQUAL(fake->n_opened, 0);
    append(25);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    CU_ASSERT_EQUAL(fake->n_opened, 1);
    CU_ASSERT_EQUAL(stats().backlog, 25);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, 25);
    CU_ASSERT_EQUAL(stats().n_confirmed, 50);
    CU_ASSERT_EQUAL(stats().backlog, 0);
    for (uint64_t seq = 1; seq <= 25; seq++)
        CU_ASSERT_TRUE(fake_has(fake, seq, "meter", 0));
    end();
}

static void nothing_is_read_while_there_is_no_room(void)
{
    begin(false, "self");
    start();
    append(5000);
    CU_ASSERT_EQUAL(fake->n_opened, 0);
    fake->room = 2;
    forward_connected(forward, 3);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    fake->room = 100;
    pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 3);
    append(5);
    CU_ASSERT_EQUAL(fake->most_flying, 3);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(stats().n_resent, 0);
    end();
}

static void nobody_listening_is_not_delivery(void)
{
    begin(false, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0x10);
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "route-no-subscriber");
    pass(4);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    forward_done(forward, fake_settle(fake, 0, false), 0x10);
    pass(9);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    CU_ASSERT_EQUAL(fake->n_events, 1);
    deliver_all();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    end();
}

static void a_refused_message_waits_and_goes_alone_at_first(void)
{
    begin(false, "self");
    start();
    append(3000);
    forward_connected(forward, 4);
    CU_ASSERT_EQUAL(fake->n_flying, 4);
    while (fake->n_flying)
        forward_done(forward, fake_settle(fake, 0, false), 0x97);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "route-refused");
    CU_ASSERT_EQUAL(stats().n_confirmed, 0);
    pass(5);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    forward_done(forward, fake_settle(fake, 0, true), 0);
    CU_ASSERT_EQUAL(fake->n_flying, 4);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    end();
}

static void what_was_lost_goes_again_after_the_reconnect(void)
{
    begin(false, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    append(10);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    forward_lost(forward, fake_settle(fake, 0, false));
    forward_lost(forward, fake_settle(fake, 0, true));
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    forward_connected(forward, 0);
    append(10);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    forward_connected(forward, 5);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, 30);
    CU_ASSERT_EQUAL(fake->n_again, 10);
    CU_ASSERT_EQUAL(stats().n_resent, 40);
    end();
}

static void live_records_go_before_the_backlog_and_that_at_its_rate(void)
{
    begin(false, "self");
    route.rate_per_s = 400;
    start();
    append(4000);
    forward_connected(forward, 10);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    append(5);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    deliver_all();
    CU_ASSERT_TRUE(fake->covered[4005]);
    CU_ASSERT_FALSE(fake->covered[1]);
    pass(1);
    deliver_all();
    CU_ASSERT_TRUE(fake->covered[1]);
    CU_ASSERT_FALSE(fake->covered[2500]);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 1);
    for (int i = 0; i < 40; i++) {
        pass(1);
        deliver_all();
    }
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 0);
    CU_ASSERT_EQUAL(fake->n_again, 0);
    end();
}

static void strict_order_is_the_order_of_the_log(void)
{
    uint64_t first = 0;

    begin(false, "self");
    route.strict_order = true;
    start();
    append(2000);
    forward_connected(forward, 3);
    append(10);
    while (fake->n_flying) {
        const char *covers = strstr(fake->flying[0].payload, "\"covers\":[");
        uint64_t now_first = strtoull(covers + 10, NULL, 10);

        CU_ASSERT_EQUAL(now_first > first, true);
        first = now_first;
        forward_done(forward, fake_settle(fake, 0, true), 0);
    }
    CU_ASSERT_EQUAL(fake->saved.low, 2010);
    end();
}

static void a_hole_in_the_log_is_not_covered(void)
{
    begin(false, "self");
    start();
    append(100);
    for (uint64_t seq = 40; seq < 60; seq++)
        fake->records[seq].trimmed = true;
    forward_connected(forward, 10);
    deliver_all();
    CU_ASSERT_TRUE(fake->covered[39]);
    CU_ASSERT_FALSE(fake->covered[40]);
    CU_ASSERT_FALSE(fake->covered[59]);
    CU_ASSERT_TRUE(fake->covered[60]);
    CU_ASSERT_EQUAL(fake->saved.low, 100);
    end();
}

static void a_boot_has_messages_of_its_own(void)
{
    begin(false, "self");
    start();
    append(20);
    for (uint64_t seq = 11; seq <= 20; seq++)
        fake->records[seq].record.boot = "cc";
    forward_connected(forward, 10);
    CU_ASSERT_EQUAL(fake->n_flying, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake->flying[1].payload, "\"boot\":\"cc\""));
    deliver_all();
    end();
}

static void events_are_messages_of_their_own(void)
{
    begin(false, "self");
    start();
    forward_connected(forward, 10);
    fake_append(fake, "meter", CATEGORY_ENERGY, 1);
    fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    append(1);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 3);
    CU_ASSERT_STRING_EQUAL(fake->flying[0].suffix, "readings");
    CU_ASSERT_STRING_EQUAL(fake->flying[1].suffix, "event");
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_TRUE(fake_has(fake, 2, "meter", 0));
    end();
}

static void the_oldest_unconfirmed_record_is_told(void)
{
    begin(false, "self");
    start();
    append(3);
    pass(1);
    CU_ASSERT_EQUAL(stats().oldest_wall_ms, FAKE_WALL_MS);
    CU_ASSERT_EQUAL(stats().backlog, 3);
    forward_connected(forward, 5);
    deliver_all();
    pass(1);
    CU_ASSERT_EQUAL(stats().oldest_wall_ms, 0);
    end();
}

/* ---- receiver
 * ---------------------------------------------------------------------------- */

static void only_a_receipt_moves_the_cursor(void)
{
    begin(true, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    deliver_all();
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_EQUAL(stats().n_confirmed, 0);
    give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    CU_ASSERT_EQUAL(stats().n_confirmed, 20);
    end();
}

static void without_a_receipt_rows_go_again_after_a_minute(void)
{
    begin(true, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0);
    pass(59);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    pass(1);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    CU_ASSERT_STRING_EQUAL(fake->last_event, "receiver-silent");
    deliver_all();
    give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    end();
}

static void what_a_receipt_misses_goes_again(void)
{
    begin(true, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    append(10);
    forward_done(forward, fake_settle(fake, 0, false), 0);
    deliver_all();
    give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 1);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    pass(2);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    deliver_all();
    give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 20);
    CU_ASSERT_EQUAL(fake->n_again, 0);
    end();
}

static void a_receipt_before_the_puback_counts_once(void)
{
    begin(true, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    fake->covered[0] = true;
    for (uint64_t seq = 1; seq <= 10; seq++)
        fake->covered[seq] = true;
    give_receipt();
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    CU_ASSERT_EQUAL(stats().n_confirmed, 20);
    deliver_all();
    CU_ASSERT_EQUAL(stats().n_confirmed, 20);
    append(1);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    end();
}

static void foreign_and_impossible_receipts_move_nothing(void)
{
    static const char other[] = "{\"v\":1,\"epoch\":\"ffff\",\"upto\":5}";
    static const char ahead[] = "{\"v\":1,\"epoch\":\"" FAKE_EPOCH "\",\"upto\":11}";

    begin(true, "self");
    start();
    forward_connected(forward, 5);
    append(10);
    deliver_all();
    forward_receipt(forward, "ffff", other, strlen(other));
    forward_receipt(forward, FAKE_EPOCH, other, strlen(other));
    CU_ASSERT_EQUAL(fake->n_events, 0);
    forward_receipt(forward, FAKE_EPOCH, ahead, strlen(ahead));
    CU_ASSERT_STRING_EQUAL(fake->last_event, "receiver-ahead");
    CU_ASSERT_EQUAL(fake->saved.low, 0);
    end();
}

static void a_silent_receiver_is_not_flooded(void)
{
    begin(true, "self");
    start();
    for (int i = 0; i < 19; i++)
        append(1000);
    forward_connected(forward, 20);
    for (int i = 0; i < 200 && fake->n_flying; i++)
        forward_done(forward, fake_settle(fake, 0, false), 0);
    CU_ASSERT_EQUAL(fake->n_flying, 0);
    CU_ASSERT(stats().n_messages <= 64);
    end();
}

/* ---- consent
 * ------------------------------------------------------------------------------ */

static void without_a_grant_nothing_leaves_and_the_rows_do_not_wait(void)
{
    begin(false, "coordinator");
    start();
    forward_connected(forward, 5);
    append(10);
    pass(20);
    CU_ASSERT_EQUAL(stats().n_messages, 0);
    CU_ASSERT_EQUAL(stats().n_refused, 20);
    CU_ASSERT_EQUAL(fake->saved.low, 10);
    grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_RAW);
    append(1);
    CU_ASSERT_EQUAL(fake->n_flying, 1);
    deliver_all();
    CU_ASSERT_FALSE(fake->covered[10]);
    CU_ASSERT_TRUE(fake_has(fake, 11, "meter", 0));
    end();
}

static void withheld_records_are_covered_and_not_sent(void)
{
    begin(false, "coordinator");
    grant("g1", 1u << CATEGORY_GRID, GRANULARITY_RAW);
    start();
    forward_connected(forward, 5);
    for (int i = 0; i < 10; i++) {
        fake_append(fake, "grid", CATEGORY_GRID, i);
        fake_append(fake, "bed", CATEGORY_PRESENCE, i);
        fake_append_event(fake, "bed", CATEGORY_PRESENCE, "somebody-home");
    }
    forward_committed(forward, fake->n);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(json_object_size(fake->got), 10);
    CU_ASSERT_EQUAL(stats().n_messages, 1);
    CU_ASSERT_EQUAL(stats().n_refused, 30);
    fake_append(fake, "bed", CATEGORY_PRESENCE, 0);
    forward_committed(forward, fake->n);
    pass(20);
    CU_ASSERT_EQUAL_FATAL(fake->n_flying, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake->flying[0].payload, "\"records\":[]"));
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    end();
}

static void a_grant_for_events_sends_events_only(void)
{
    begin(false, "coordinator");
    grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_EVENT);
    start();
    forward_connected(forward, 5);
    append(5);
    fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    fake_append_event(fake, "", CATEGORY_STATUS, "route-online");
    fake_append_event(fake, "", CATEGORY_ENERGY, "grid-lost");
    forward_committed(forward, fake->n);
    pass(20);
    deliver_all();
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(json_object_size(fake->got), 2);
    CU_ASSERT_FALSE(fake_has(fake, 8, "", 0));
    end();
}

static void a_withdrawal_stops_rows_that_wait(void)
{
    begin(false, "coordinator");
    grant("g1", 1u << CATEGORY_ENERGY, GRANULARITY_RAW);
    start();
    append(100);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "g1"), 1);
    forward_connected(forward, 5);
    pass(5);
    CU_ASSERT_EQUAL(stats().n_messages, 0);
    CU_ASSERT_EQUAL(fake->saved.low, 100);
    end();
}

static void self_on_a_host_elsewhere_gets_nothing_until_it_is_known_as_local(void)
{
    begin(false, "self");
    strcpy(text_host, "203.0.113.9");
    start();
    forward_connected(forward, 5);
    append(10);
    CU_ASSERT_EQUAL(stats().n_messages, 0);
    forward_peer(forward, "127.0.0.1");
    append(10);
    CU_ASSERT_EQUAL(stats().n_messages, 1);
    end();
}

/* ---- means
 * -------------------------------------------------------------------------------- */

/* One second of a home: two energy devices, now and then an event. */
static void second_of_home(void)
{
    set_time(now_s + 1);
    fake_append(fake, "meter", CATEGORY_ENERGY, (double)(rand() % 10000) / 8);
    fake_append(fake, "pv", CATEGORY_ENERGY, (double)(rand() % 10000) / 8);
    if (rand() % 20 == 0)
        fake_append_event(fake, "meter", CATEGORY_ENERGY, "device-offline");
    if (rand() % 3 == 0)
        fake_append(fake, "grid", CATEGORY_GRID, 1);
    forward_committed(forward, fake->n);
    forward_tick(forward);
}

/* Every period of the device against a brute force over the whole log. */
static void check_means(const char *device, int64_t period_ms, int64_t until_ms)
{
    for (int64_t t = FAKE_WALL_MS - FAKE_WALL_MS % period_ms; t + period_ms <= until_ms;
         t += period_ms) {
        double total = 0, got;
        uint64_t last = 0;
        int n = 0;
        char key[64];
        json_t *mean;

        for (uint64_t seq = 1; seq <= fake->n; seq++) {
            const struct stored_record *record = &fake->records[seq].record;

            if (record->kind != STORED_READINGS || strcmp(record->device, device) != 0 ||
                record->t_wall_ms < t || record->t_wall_ms >= t + period_ms)
                continue;
            total += fake->records[seq].values[0].value.v.d;
            last = seq;
            n++;
        }
        if (n == 0)
            continue;
        snprintf(key, sizeof key, "%llu/%s/%lld", (unsigned long long)last, device,
                 (long long)period_ms);
        mean = json_object_get(fake->got, key);
        CU_ASSERT_PTR_NOT_NULL(mean);
        if (!mean)
            continue;
        got = json_number_value(
            json_object_get(json_object_get(mean, "values"), "power_w"));
        CU_ASSERT_DOUBLE_EQUAL(got, total / n, 1e-6);
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(mean, "t")), t);
    }
}

static void under_a_minute_grant_means_are_sent_and_raw_is_refused(void)
{
    begin(false, "coordinator");
    grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_1MIN);
    start();
    forward_connected(forward, 5);
    srand(3);
    for (int i = 0; i < 400; i++) {
        second_of_home();
        deliver_all();
    }
    check_means("meter", 60000, FAKE_WALL_MS + 390000);
    check_means("pv", 60000, FAKE_WALL_MS + 390000);
    CU_ASSERT_FALSE(fake_has(fake, 1, "meter", 0));
    CU_ASSERT(stats().n_refused > 1600);
    pass(200);
    deliver_all();
    check_means("meter", 60000, FAKE_WALL_MS + 600000);
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    CU_ASSERT(stats().n_messages < 80);
    end();
}

static void the_cursor_waits_for_the_period(void)
{
    uint64_t first;

    begin(false, "coordinator");
    grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_1MIN);
    start();
    forward_connected(forward, 5);
    set_time(100); /* 20:41:40 */
    first = fake->n + 1;
    for (int i = 0; i < 30; i++) {
        second_of_home();
        deliver_all();
    }
    CU_ASSERT(fake->saved.low < first + 60);
    forward_free(forward);
    start();
    forward_connected(forward, 5);
    for (int i = 0; i < 100; i++) {
        second_of_home();
        deliver_all();
    }
    pass(200);
    deliver_all();
    check_means("meter", 60000, FAKE_WALL_MS + 400000);
    CU_ASSERT_TRUE(all_covered(1));
    end();
}

static void raw_and_means_and_half_hours_go_side_by_side(void)
{
    begin(false, "coordinator");
    grant("g1", (1u << CATEGORY_ENERGY), GRANULARITY_30MIN);
    grant("g2", (1u << CATEGORY_GRID), GRANULARITY_RAW);
    start();
    forward_connected(forward, 5);
    for (int i = 0; i < 2000; i++) {
        second_of_home();
        deliver_all();
    }
    pass(1900);
    deliver_all();
    check_means("meter", 1800000, FAKE_WALL_MS + 3600000);
    for (uint64_t seq = 1; seq <= fake->n; seq++)
        if (fake->records[seq].record.category == CATEGORY_GRID)
            CU_ASSERT_TRUE(fake_has(fake, seq, "grid", 0));
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    end();
}

static void a_grant_that_becomes_raw_ends_the_means(void)
{
    begin(false, "coordinator");
    grant("g1", (1u << CATEGORY_ENERGY) | (1u << CATEGORY_GRID), GRANULARITY_1MIN);
    start();
    forward_connected(forward, 5);
    for (int i = 0; i < 90; i++) {
        second_of_home();
        deliver_all();
    }
    grant("g2", (1u << CATEGORY_ENERGY) | (1u << CATEGORY_GRID), GRANULARITY_RAW);
    for (int i = 0; i < 200; i++) {
        second_of_home();
        deliver_all();
    }
    CU_ASSERT_TRUE(fake_has(fake, fake->n, fake->records[fake->n].device, 0));
    CU_ASSERT_TRUE(all_covered(1));
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    end();
}

/* ---- any schedule
 * -------------------------------------------------------------------------- */

struct schedule {
    bool receiver, strict, means, connected;
    bool confirmed[FAKE_MAX + 1];
};

static void mark_confirmed(struct schedule *s, const char *payload)
{
    const char *covers = strstr(payload, "\"covers\":[");
    char *rest;
    uint64_t a = strtoull(covers + 10, &rest, 10), b = strtoull(rest + 1, NULL, 10);

    for (; a <= b; a++)
        s->confirmed[a] = true;
}

static void check_cursor(const struct schedule *s)
{
    const bool *ok = s->receiver ? fake->covered : s->confirmed;
    bool fine = true;

    for (uint64_t seq = 1; seq <= fake->saved.low; seq++)
        fine &= ok[seq];
    for (uint32_t i = 0; i < fake->saved.n_ranges; i++)
        for (uint64_t q = fake->saved.ranges[i].first; q <= fake->saved.ranges[i].last;
             q++)
            fine &= ok[q];
    CU_ASSERT_TRUE(fine);
}

static void disconnect(struct schedule *s)
{
    bool told = rand() % 3 > 0; /* else the route's process died */

    while (fake->n_flying) {
        uint64_t token = fake_settle(fake, 0, rand() % 2);

        if (told)
            forward_lost(forward, token);
    }
    forward_connected(forward, 0);
    s->connected = false;
}

static void settle_one(struct schedule *s)
{
    unsigned i = (unsigned)rand() % fake->n_flying, fate = (unsigned)rand() % 20;

    if (fate == 0) {
        forward_done(forward, fake_settle(fake, i, false), rand() % 2 ? 0x10 : 0x97);
    } else if (fate == 1) {
        forward_lost(forward, fake_settle(fake, i, rand() % 2));
    } else {
        if (!s->receiver)
            mark_confirmed(s, fake->flying[i].payload);
        /* the broker may lose what it acknowledged: then only receipts help */
        forward_done(forward, fake_settle(fake, i, !s->receiver || rand() % 8 > 0), 0);
    }
}

static void restart(struct schedule *s)
{
    while (fake->n_flying)
        fake_settle(fake, 0, rand() % 2);
    forward_free(forward);
    if (rand() % 2 && fake->durable.epoch[0])
        fake->saved = fake->durable; /* a power cut: the last commit stands */
    s->connected = false;
    start();
}

static void commit_some(void)
{
    for (int n = rand() % 12; n > 0 && fake->n < FAKE_MAX - 20; n--) {
        static const char *const devices[] = {"meter", "pv", "bed"};
        int device = rand() % 3;

        if (rand() % 15 == 0)
            fake_append_event(fake, "", CATEGORY_STATUS, "something");
        else
            fake_append(fake, devices[device],
                        device == 2 ? CATEGORY_PRESENCE : CATEGORY_ENERGY,
                        (double)(rand() % 10000) / 8);
    }
    fake->durable = fake->saved;
    forward_committed(forward, fake->n);
}

static void any_step(struct schedule *s)
{
    int what = rand() % 100;

    if (what < 25)
        commit_some();
    else if (what < 70 && fake->n_flying)
        settle_one(s);
    else if (what < 80)
        pass(1 + rand() % 6);
    else if (what < 82 && s->connected)
        disconnect(s);
    else if (what < 90 && !s->connected) {
        forward_connected(forward, 6);
        s->connected = true;
    } else if (what < 98 && s->receiver)
        give_receipt();
    else if (what == 99)
        restart(s);
    CU_ASSERT(fake->n_flying <= 6);
    check_cursor(s);
}

static void finish(struct schedule *s)
{
    if (!s->connected)
        forward_connected(forward, 6);
    for (int i = 0; i < 600; i++) {
        while (fake->n_flying) {
            if (!s->receiver)
                mark_confirmed(s, fake->flying[0].payload);
            forward_done(forward, fake_settle(fake, 0, true), 0);
        }
        if (s->receiver)
            give_receipt();
        pass(1);
    }
    check_cursor(s);
    CU_ASSERT_EQUAL(stats().backlog, 0);
    CU_ASSERT_EQUAL(fake->saved.low, fake->n);
    CU_ASSERT_EQUAL(fake->saved.n_ranges, 0);
    CU_ASSERT_TRUE(all_covered(1));
}

static void check_all_arrived(const struct schedule *s)
{
    unsigned n_missing = 0, n_leaked = 0;

    for (uint64_t seq = 1; seq <= fake->n; seq++) {
        const struct stored_record *record = &fake->records[seq].record;
        bool is_private = record->category == CATEGORY_PRESENCE;
        bool is_mean = s->means && record->kind == STORED_READINGS;
        bool has = fake_has(fake, seq, record->device, 0);

        n_leaked += (is_private || is_mean) && has;
        n_missing += !is_private && !is_mean && !has;
    }
    CU_ASSERT_EQUAL(n_missing, 0);
    CU_ASSERT_EQUAL(n_leaked, 0);
    if (s->means) {
        check_means("meter", 60000, FAKE_WALL_MS + now_s * 1000 - 60000);
        check_means("pv", 60000, FAKE_WALL_MS + now_s * 1000 - 60000);
    }
}

static void run_schedule(unsigned seed, bool receiver, bool strict, bool means)
{
    static struct schedule s;
    unsigned before = CU_get_number_of_failures();

    memset(&s, 0, sizeof s);
    s.receiver = receiver;
    s.strict = strict;
    s.means = means;
    srand(seed);
    begin(receiver, "coordinator");
    grant("g1", 1u << CATEGORY_ENERGY, means ? GRANULARITY_1MIN : GRANULARITY_RAW);
    route.strict_order = strict;
    route.rate_per_s = seed % 3 == 0 ? 100 : 0;
    start();
    for (int step = 0; step < 700; step++)
        any_step(&s);
    finish(&s);
    check_all_arrived(&s);
    end();
    if (CU_get_number_of_failures() != before)
        fprintf(stderr, "seed %u receiver %d strict %d means %d\n", seed, receiver,
                strict, means);
}

static void any_schedule_to_a_broker_loses_nothing(void)
{
    for (unsigned seed = 1; seed <= 25; seed++)
        run_schedule(seed, false, seed % 2, false);
}

static void any_schedule_to_a_receiver_loses_nothing(void)
{
    for (unsigned seed = 101; seed <= 125; seed++)
        run_schedule(seed, true, seed % 2, false);
}

static void any_schedule_of_means_loses_nothing(void)
{
    for (unsigned seed = 201; seed <= 225; seed++)
        run_schedule(seed, seed % 2, seed % 4 < 2, true);
}

static CU_TestInfo tests[] = {
    TEST(committed_records_arrive_in_one_message),
    TEST(nothing_is_read_while_there_is_no_room),
    TEST(nobody_listening_is_not_delivery),
    TEST(a_refused_message_waits_and_goes_alone_at_first),
    TEST(what_was_lost_goes_again_after_the_reconnect),
    TEST(live_records_go_before_the_backlog_and_that_at_its_rate),
    TEST(strict_order_is_the_order_of_the_log),
    TEST(a_hole_in_the_log_is_not_covered),
    TEST(a_boot_has_messages_of_its_own),
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
    TEST(under_a_minute_grant_means_are_sent_and_raw_is_refused),
    TEST(the_cursor_waits_for_the_period),
    TEST(raw_and_means_and_half_hours_go_side_by_side),
    TEST(a_grant_that_becomes_raw_ends_the_means),
    TEST(any_schedule_to_a_broker_loses_nothing),
    TEST(any_schedule_to_a_receiver_loses_nothing),
    TEST(any_schedule_of_means_loses_nothing),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"forward", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
