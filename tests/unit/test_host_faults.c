/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what a host does when its core is gone or its plugin misbehaves: outputs reach
 * their failsafe, the guilty bus is named, the others go on. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/host/host.h"
#include "tests/unit/host_rig.h"
#include "tests/unit/suite.h"

/* ---- the dead-man ------------------------------------------------------------------ */

static void start_with_output_on(void)
{
    peer_make_output(rig_one_device(2, 200), 1);
    rig_start();
    rig_write(1, 5, 1, 42);
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 7"));
}

static void stop_to_failsafe_writes_what_is_owned(void)
{
    start_with_output_on();
    rig_stop(true);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_finish();
}

static void a_core_that_is_gone_leads_to_failsafe(void)
{
    start_with_output_on();
    channel_free(rig_peer.channel);
    rig_peer.channel = channel_new(dup(rig_peer.blame_fd)); /* something to close */
    rig_peer.beats = false;
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 10000), 0);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_finish();
}

static void signals_lead_to_failsafe(void)
{
    static const int signals[] = {SIGTERM, SIGABRT};

    for (int i = 0; i < 2; i++) {
        start_with_output_on();
        kill(rig_peer.pid, signals[i]);
        CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 10000), 0);
        CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
        rig_finish();
    }
}

static void a_missing_heartbeat_leads_to_failsafe_after_5_s(void)
{
    int64_t start_ns;

    start_with_output_on();
    rig_peer.beats = false;
    start_ns = clock_boot_ns();
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 15000), 0);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns > 4 * CLOCK_NS_PER_S);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns < 9 * CLOCK_NS_PER_S);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_finish();
}

static void a_malformed_message_ends_the_host_at_failsafe(void)
{
    start_with_output_on();
    CU_ASSERT_EQUAL(channel_send(rig_peer.channel, HOST_MSG_WRITE, "short", 5, -1), 0);
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 10000), 1);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_finish();
}

/* Three outputs of a unit that died would take 1.5 s for one attempt at each. */
static void a_dead_unit_does_not_keep_others_from_their_failsafe(void)
{
    struct host_device *dead = rig_one_device(4, 100), *well;
    int64_t start_ns;

    for (uint32_t i = 0; i < 3; i++)
        peer_make_output(dead, i);
    peer_make_output(dead, 3);
    option_set_done(&dead->points[3].options);
    peer_option(&dead->points[3].options, "kind", "mode");
    well = peer_add_device(&rig_config.buses[0], 6, 1, 100);
    peer_make_output(well, 0);
    rig_start();
    for (uint32_t i = 0; i < 3; i++)
        rig_write(1 + i, 5, i, 42);
    rig_write(8, 6, 0, 42);
    rig_write(9, 5, 3, 3); /* mode error */
    start_ns = clock_boot_ns();
    kill(rig_peer.pid, SIGTERM);
    /* what could not be written must not look like a good end */
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 10000), HOST_EXIT_UNSAFE);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns < 4 * CLOCK_NS_PER_S);
    CU_ASSERT_TRUE(rig_was_written("dev6 p0 7"));
    CU_ASSERT_FALSE(rig_was_written("dev5 p0 7"));
    rig_finish();
}

/* ---- plugins that misbehave -------------------------------------------------------- */

/* The second bus is well and has an output on; the first misbehaves after 3 reads. */
static void start_beside(const char *mode)
{
    struct host_device *bad = rig_one_device(1, 100), *good = rig_second_bus(100);

    peer_option(&bad->options, "mode", mode);
    peer_option(&bad->options, "after", "3");
    peer_make_output(good, 0);
    rig_start();
    rig_write(1, 6, 0, 42);
}

static void a_plugin_that_hangs_ends_its_host_and_is_named(void)
{
    start_beside("hang");
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 15000), HOST_EXIT_STUCK);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[0].bus, 11);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[0].in_call, 1);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[1].bus, 12);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[1].in_call, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_peer.log_text, "did not return"));
    CU_ASSERT_TRUE(rig_was_written("dev6 p0 7"));
    /* it went on while the other hung */
    CU_ASSERT_TRUE(rig_second_has_seen(&rig_peer, 20));
    rig_finish();
}

static void a_plugin_that_aborts_ends_its_host_and_is_named(void)
{
    start_beside("abort");
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 15000), HOST_EXIT_STUCK);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[0].in_call, 1);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[1].in_call, 0);
    CU_ASSERT_TRUE(rig_was_written("dev6 p0 7"));
    rig_finish();
}

static void a_plugin_that_scribbles_ends_its_host_and_is_named(void)
{
    start_beside("scribble");
    CU_ASSERT_NOT_EQUAL(peer_wait_end(&rig_peer, 15000), -1000);
    CU_ASSERT_EQUAL(rig_peer.blame->slots[0].in_call, 1);
    rig_finish();
}

static int64_t longest_pause_ns(const struct host_peer *p)
{
    int64_t longest_ns = 0;

    for (uint32_t i = 2; i < p->n_seen; i++)
        if (p->seen[i].t_boot_ns - p->seen[i - 1].t_boot_ns > longest_ns)
            longest_ns = p->seen[i].t_boot_ns - p->seen[i - 1].t_boot_ns;
    return longest_ns;
}

/* Each way of misbehaving in one host, while a second host polls each 100 ms. */
static void other_hosts_keep_their_schedule(void)
{
    static const char *const modes[] = {"hang", "abort",   "flood",
                                        "leak", "garbage", "delay"};
    static struct host_peer other;
    struct host_config good_config;

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct host_device *bad = rig_one_device(1, 100);

        peer_option(&bad->options, "mode", modes[i]);
        peer_config_init(&good_config);
        peer_add_device(peer_add_bus(&good_config, "good"), 0, 1, 100);
        peer_start(&rig_peer, &rig_config);
        peer_start(&other, &good_config);
        CU_ASSERT_TRUE(peer_until(&other, peer_has_seen, 12, 10000));
        CU_ASSERT_TRUE(longest_pause_ns(&other) < 500 * CLOCK_NS_PER_MS);
        peer_done(&other);
        host_config_done(&good_config);
        rig_finish();
    }
}

static void garbage_is_marked_and_does_no_harm(void)
{
    struct host_device *bad = rig_one_device(2, 100);
    bool nothing_good = true;

    peer_option(&bad->options, "mode", "garbage");
    rig_second_bus(100);
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_second_has_seen, 10, 10000));
    for (uint32_t i = 0; i < rig_peer.n_seen; i++)
        if (rig_peer.seen[i].device == 5) {
            nothing_good &=
                rig_peer.seen[i].quality != GW_GOOD || rig_peer.seen[i].type != 0;
            CU_ASSERT_TRUE(rig_peer.seen[i].point < 2);
            CU_ASSERT_TRUE(rig_peer.seen[i].quality <= GW_SUBSTITUTED);
        }
    CU_ASSERT_TRUE(nothing_good);
    rig_stop(false);
    rig_finish();
}

/* A reader slower than any writer: one message in 5 ms. */
static bool has_gap(struct host_peer *p, int n_records)
{
    poll(NULL, 0, 5);
    return p->n_records + p->gap_records >= (uint64_t)n_records && p->gap_records > 0;
}

static void a_flood_is_bounded_and_its_gap_is_told(void)
{
    struct host_device *bad = rig_one_device(1, 3600000);

    peer_option(&bad->options, "mode", "flood");
    peer_buffer_bytes = 64 * 1024;
    rig_start();
    /* one read floods 200000 readings of one point, then yields its own */
    CU_ASSERT_TRUE(peer_until(&rig_peer, has_gap, 200001, 30000));
    CU_ASSERT_EQUAL(rig_peer.n_records + rig_peer.gap_records, 200001);
    peer_buffer_bytes = 0;
    rig_stop(false);
    rig_finish();
}

static bool breaker_is(struct host_peer *p, int state)
{
    return p->n_of[HOST_MSG_BUS_STATS] > 1 && p->breaker[0] == state;
}

static void a_silent_unit_is_marked_left_alone_and_found_again(void)
{
    struct host_device *device = rig_one_device(3, 100);
    unsigned n_marked = 0;

    peer_make_output(device, 2)->failsafe = 0;
    option_set_done(&device->points[2].options);
    peer_option(&device->points[2].options, "kind", "mode");
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_seen, 6, 5000));
    rig_write(1, 5, 2, 3); /* mode error: timeout */
    CU_ASSERT_TRUE(peer_until(&rig_peer, breaker_is, 1, 5000));
    for (uint32_t i = 0; i < rig_peer.n_seen; i++)
        n_marked += rig_peer.seen[i].quality == GW_TIMEOUT &&
                    rig_peer.seen[i].type == GW_TYPE_NONE;
    CU_ASSERT_EQUAL(n_marked, 3); /* each point once, at the transition */
    rig_write(2, 5, 2, 0);
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_has_good_again, 0, 10000));
    CU_ASSERT_TRUE(peer_until(&rig_peer, breaker_is, 0, 5000));
    rig_stop(false);
    rig_finish();
}

static CU_TestInfo tests[] = {
    TEST(stop_to_failsafe_writes_what_is_owned),
    TEST(a_core_that_is_gone_leads_to_failsafe),
    TEST(signals_lead_to_failsafe),
    TEST(a_missing_heartbeat_leads_to_failsafe_after_5_s),
    TEST(a_malformed_message_ends_the_host_at_failsafe),
    TEST(a_dead_unit_does_not_keep_others_from_their_failsafe),
    TEST(a_plugin_that_hangs_ends_its_host_and_is_named),
    TEST(a_plugin_that_aborts_ends_its_host_and_is_named),
    TEST(a_plugin_that_scribbles_ends_its_host_and_is_named),
    TEST(other_hosts_keep_their_schedule),
    TEST(garbage_is_marked_and_does_no_harm),
    TEST(a_flood_is_bounded_and_its_gap_is_told),
    TEST(a_silent_unit_is_marked_left_alone_and_found_again),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"host_faults", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
