/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gateway-devhost as a process with the faulty plugin; the test plays the core. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/host/host.h"
#include "tests/unit/host_peer.h"
#include "tests/unit/suite.h"

static struct host_config config;
static struct host_peer peer;
static char output_path[4096];

/* A bus whose outputs go to the file, with one device of n counters. */
static struct host_device *one_device(uint32_t n_points, uint32_t interval_ms)
{
    const char *dir = getenv("GATEWAYD_BUILD");
    struct host_bus *bus;

    snprintf(output_path, sizeof output_path, "%s/test_host.%d.out", dir ? dir : ".",
             (int)getpid());
    unlink(output_path);
    peer_config_init(&config);
    bus = peer_add_bus(&config, "first");
    peer_option(&bus->options, "output_file", output_path);
    return peer_add_device(bus, 5, n_points, interval_ms);
}

static struct host_device *second_bus(uint32_t interval_ms)
{
    struct host_bus *bus = peer_add_bus(&config, "second");

    peer_option(&bus->options, "output_file", output_path);
    return peer_add_device(bus, 6, 1, interval_ms);
}

static void start(void)
{
    peer_start(&peer, &config);
    CU_ASSERT_TRUE_FATAL(peer_until(&peer, peer_is_ready, 0, 10000));
}

static void finish(void)
{
    peer_done(&peer);
    host_config_done(&config);
    unlink(output_path);
}

/* True when the file holds that line. */
static bool was_written(const char *line)
{
    char got[256];
    bool found = false;
    FILE *file = fopen(output_path, "re");

    while (file && fgets(got, sizeof got, file)) {
        got[strcspn(got, "\n")] = '\0';
        found |= strcmp(got, line) == 0;
    }
    if (file)
        fclose(file);
    return found;
}

static void write_point(uint64_t id, uint32_t device, uint32_t point, double value)
{
    struct host_order order = {.type = HOST_MSG_WRITE,
                               .id = id,
                               .device = device,
                               .point = point,
                               .value = {.type = GW_TYPE_FLOAT64, .v.d = value}};

    peer_send(&peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_done, (int)id, 5000));
}

static void stop_host(bool to_failsafe)
{
    struct host_order order = {.type = HOST_MSG_STOP, .to_failsafe = to_failsafe};

    peer_send(&peer, &order, -1);
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 10000), 0);
}

/* ---- schedule -------------------------------------------------------------------------------- */

static void points_are_read_at_once_and_then_on_the_grid(void)
{
    int64_t last_ns = 0;
    unsigned n_on_grid = 0, n = 0;

    one_device(3, 200);
    start();
    CU_ASSERT_EQUAL(peer.ready_ok[0], 1);
    CU_ASSERT_EQUAL(peer.plan_requests, 3);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 30, 10000));
    for (uint32_t i = 0; i < peer.n_seen; i++) {
        const struct seen *seen = &peer.seen[i];

        CU_ASSERT_EQUAL(seen->bus, 10);
        CU_ASSERT_EQUAL(seen->device, 5);
        CU_ASSERT_EQUAL(seen->quality, GW_GOOD);
        CU_ASSERT_EQUAL(seen->number, i + 1);
        if (seen->t_boot_ns == last_ns || i < 3)
            continue;
        last_ns = seen->t_boot_ns;
        n++;
        n_on_grid += seen->t_boot_ns % (200 * CLOCK_NS_PER_MS) < 50 * CLOCK_NS_PER_MS;
    }
    CU_ASSERT_EQUAL(peer.n_records, 10);
    CU_ASSERT_TRUE(n >= 9 && n_on_grid * 2 > n); /* the median; the machine may be busy */
    stop_host(false);
    finish();
}

static bool second_has_seen(struct host_peer *p, int n)
{
    for (uint32_t i = 0; i < p->n_seen; i++)
        n -= p->seen[i].device == 6;
    return n <= 0;
}

static void a_slow_bus_does_not_delay_another(void)
{
    struct host_device *slow = one_device(1, 100);
    int64_t last_ns = 0;
    unsigned n = 0, n_late = 0;

    peer_option(&slow->options, "mode", "delay");
    peer_option(&slow->options, "delay", "700");
    second_bus(100);
    start();
    CU_ASSERT_TRUE(peer_until(&peer, second_has_seen, 20, 10000));
    for (uint32_t i = 0; i < peer.n_seen; i++) {
        if (peer.seen[i].device != 6)
            continue;
        if (n++ > 1)
            n_late += peer.seen[i].t_boot_ns - last_ns > 300 * CLOCK_NS_PER_MS;
        last_ns = peer.seen[i].t_boot_ns;
    }
    CU_ASSERT_TRUE(n_late <= 1);
    stop_host(false);
    finish();
}

static bool has_overruns(struct host_peer *p, int n)
{
    return p->n_overruns >= (uint64_t)n;
}

static void cycles_that_cannot_be_kept_are_counted(void)
{
    struct host_device *slow = one_device(1, 50);

    peer_option(&slow->options, "mode", "delay");
    peer_option(&slow->options, "delay", "220");
    start();
    CU_ASSERT_TRUE(peer_until(&peer, has_overruns, 3, 15000));
    stop_host(false);
    finish();
}

static void a_read_on_demand_is_answered(void)
{
    struct host_order order = {.type = HOST_MSG_READ, .id = 77, .device = 5};

    one_device(2, 3600000);
    start();
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 2, 5000));
    peer_send(&peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_done, 77, 5000));
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    CU_ASSERT_EQUAL(peer.n_seen, 4); /* the records came before the answer */
    stop_host(false);
    finish();
}

/* ---- writes ------------------------------------------------------------------------------------ */

static void a_write_is_scaled_done_and_read_back(void)
{
    peer_make_output(one_device(2, 1000), 1)->scale = 0.1;
    start();
    write_point(1, 5, 1, 12.5);
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    CU_ASSERT_EQUAL(peer.done_readback, 12.5);
    CU_ASSERT_TRUE(was_written("dev5 p1 125"));
    stop_host(false);
    CU_ASSERT_FALSE(was_written("dev5 p1 70"));
    finish();
}

static void a_write_beyond_its_limits_never_reaches_the_plugin(void)
{
    struct host_point *point = peer_make_output(one_device(2, 1000), 1);

    point->max_rate = 10;
    start();
    write_point(1, 5, 1, 101);
    CU_ASSERT_EQUAL(peer.done_result, GW_ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(peer.done_text, "outside"));
    write_point(2, 5, 1, -1);
    CU_ASSERT_EQUAL(peer.done_result, GW_ERR_CONFIG);
    write_point(3, 5, 0, 1); /* not writable */
    CU_ASSERT_EQUAL(peer.done_result, GW_ERR_UNSUPPORTED);
    write_point(4, 99, 0, 1); /* no such device */
    CU_ASSERT_EQUAL(peer.done_result, GW_ERR_UNSUPPORTED);
    write_point(5, 5, 1, 50);
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    write_point(6, 5, 1, 99); /* 49 within much less than 4.9 s */
    CU_ASSERT_EQUAL(peer.done_result, GW_ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(peer.done_text, "faster"));
    CU_ASSERT_FALSE(was_written("dev5 p1 101"));
    CU_ASSERT_FALSE(was_written("dev5 p1 -1"));
    CU_ASSERT_FALSE(was_written("dev5 p1 99"));
    stop_host(false);
    finish();
}

static bool lease_has_ended(struct host_peer *p, int n)
{
    return p->n_of[HOST_MSG_LEASE_END] >= (unsigned)n;
}

static void a_lease_that_ends_brings_the_failsafe(void)
{
    peer_make_output(one_device(2, 1000), 1)->lease_ms = 300;
    start();
    write_point(1, 5, 1, 42);
    CU_ASSERT_FALSE(was_written("dev5 p1 7"));
    CU_ASSERT_TRUE(peer_until(&peer, lease_has_ended, 1, 5000));
    CU_ASSERT_EQUAL(peer.lease_result, GW_OK);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    stop_host(false);
    finish();
}

static void a_release_brings_the_failsafe_at_once(void)
{
    struct host_order order = {.type = HOST_MSG_RELEASE, .id = 2, .device = 5, .point = 1};

    peer_make_output(one_device(2, 1000), 1);
    start();
    write_point(1, 5, 1, 42);
    peer_send(&peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_done, 2, 5000));
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    stop_host(false);
    finish();
}

/* ---- the dead-man --------------------------------------------------------------------------------- */

static void start_with_output_on(void)
{
    peer_make_output(one_device(2, 200), 1);
    start();
    write_point(1, 5, 1, 42);
    CU_ASSERT_FALSE(was_written("dev5 p1 7"));
}

static void stop_to_failsafe_writes_what_is_owned(void)
{
    start_with_output_on();
    stop_host(true);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    finish();
}

static void a_core_that_is_gone_leads_to_failsafe(void)
{
    start_with_output_on();
    channel_free(peer.channel);
    peer.channel = channel_new(dup(peer.blame_fd)); /* something to close */
    peer.beats = false;
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 10000), 0);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    finish();
}

static void signals_lead_to_failsafe(void)
{
    static const int signals[] = {SIGTERM, SIGABRT};

    for (int i = 0; i < 2; i++) {
        start_with_output_on();
        kill(peer.pid, signals[i]);
        CU_ASSERT_EQUAL(peer_wait_end(&peer, 10000), 0);
        CU_ASSERT_TRUE(was_written("dev5 p1 7"));
        finish();
    }
}

static void a_missing_heartbeat_leads_to_failsafe_after_5_s(void)
{
    int64_t start_ns;

    start_with_output_on();
    peer.beats = false;
    start_ns = clock_boot_ns();
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 15000), 0);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns > 4 * CLOCK_NS_PER_S);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns < 9 * CLOCK_NS_PER_S);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    finish();
}

static void a_malformed_message_ends_the_host_at_failsafe(void)
{
    start_with_output_on();
    CU_ASSERT_EQUAL(channel_send(peer.channel, HOST_MSG_WRITE, "short", 5, -1), 0);
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 10000), 1);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    finish();
}

/* ---- plugins that misbehave ------------------------------------------------------------------------- */

/* The second bus is well and has an output on; the first misbehaves after 3 reads. */
static void start_beside(const char *mode)
{
    struct host_device *bad = one_device(1, 100), *good = second_bus(100);

    peer_option(&bad->options, "mode", mode);
    peer_option(&bad->options, "after", "3");
    peer_make_output(good, 0);
    start();
    write_point(1, 6, 0, 42);
}

static void a_plugin_that_hangs_ends_its_host_and_is_named(void)
{
    start_beside("hang");
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 15000), HOST_EXIT_STUCK);
    CU_ASSERT_EQUAL(peer.blame->slots[0].bus, 11);
    CU_ASSERT_EQUAL(peer.blame->slots[0].in_call, 1);
    CU_ASSERT_EQUAL(peer.blame->slots[1].bus, 12);
    CU_ASSERT_EQUAL(peer.blame->slots[1].in_call, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(peer.log_text, "did not return"));
    CU_ASSERT_TRUE(was_written("dev6 p0 7"));
    CU_ASSERT_TRUE(second_has_seen(&peer, 20)); /* it went on while the other hung */
    finish();
}

static void a_plugin_that_aborts_ends_its_host_and_is_named(void)
{
    start_beside("abort");
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 15000), HOST_EXIT_STUCK);
    CU_ASSERT_EQUAL(peer.blame->slots[0].in_call, 1);
    CU_ASSERT_EQUAL(peer.blame->slots[1].in_call, 0);
    CU_ASSERT_TRUE(was_written("dev6 p0 7"));
    finish();
}

static void a_plugin_that_scribbles_ends_its_host_and_is_named(void)
{
    start_beside("scribble");
    CU_ASSERT_NOT_EQUAL(peer_wait_end(&peer, 15000), -1000);
    CU_ASSERT_EQUAL(peer.blame->slots[0].in_call, 1);
    finish();
}

static void garbage_is_marked_and_does_no_harm(void)
{
    struct host_device *bad = one_device(2, 100);
    bool nothing_good = true;

    peer_option(&bad->options, "mode", "garbage");
    second_bus(100);
    start();
    CU_ASSERT_TRUE(peer_until(&peer, second_has_seen, 10, 10000));
    for (uint32_t i = 0; i < peer.n_seen; i++)
        if (peer.seen[i].device == 5) {
            nothing_good &= peer.seen[i].quality != GW_GOOD || peer.seen[i].type != 0;
            CU_ASSERT_TRUE(peer.seen[i].point < 2);
            CU_ASSERT_TRUE(peer.seen[i].quality <= GW_SUBSTITUTED);
        }
    CU_ASSERT_TRUE(nothing_good);
    stop_host(false);
    finish();
}

/* A reader slower than any writer: one message in 5 ms. */
static bool has_gap(struct host_peer *p, int n_records)
{
    poll(NULL, 0, 5);
    return p->n_records + p->gap_records >= (uint64_t)n_records && p->gap_records > 0;
}

static void a_flood_is_bounded_and_its_gap_is_told(void)
{
    struct host_device *bad = one_device(1, 3600000);

    peer_option(&bad->options, "mode", "flood");
    peer_buffer_bytes = 64 * 1024;
    start();
    /* one read floods 200000 readings of one point, then yields its own */
    CU_ASSERT_TRUE(peer_until(&peer, has_gap, 200001, 30000));
    CU_ASSERT_EQUAL(peer.n_records + peer.gap_records, 200001);
    peer_buffer_bytes = 0;
    stop_host(false);
    finish();
}

static bool breaker_is(struct host_peer *p, int state)
{
    return p->n_of[HOST_MSG_BUS_STATS] > 1 && p->breaker[0] == state;
}

static bool has_good_again(struct host_peer *p, int unused)
{
    (void)unused;
    return p->n_seen > 0 && p->seen[p->n_seen - 1].quality == GW_GOOD &&
           p->seen[p->n_seen - 1].device == 5;
}

static void a_silent_unit_is_marked_left_alone_and_found_again(void)
{
    struct host_device *device = one_device(3, 100);
    unsigned n_marked = 0;

    peer_make_output(device, 2)->failsafe = 0;
    option_set_done(&device->points[2].options);
    peer_option(&device->points[2].options, "kind", "mode");
    start();
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 6, 5000));
    write_point(1, 5, 2, 3); /* mode error: timeout */
    CU_ASSERT_TRUE(peer_until(&peer, breaker_is, 1, 5000));
    for (uint32_t i = 0; i < peer.n_seen; i++)
        n_marked += peer.seen[i].quality == GW_TIMEOUT && peer.seen[i].type == GW_TYPE_NONE;
    CU_ASSERT_EQUAL(n_marked, 3); /* each point once, at the transition */
    write_point(2, 5, 2, 0);
    CU_ASSERT_TRUE(peer_until(&peer, has_good_again, 0, 10000));
    CU_ASSERT_TRUE(peer_until(&peer, breaker_is, 0, 5000));
    stop_host(false);
    finish();
}

/* ---- services ----------------------------------------------------------------------------------------- */

static bool wants_fd(struct host_peer *p, int n)
{
    return p->n_of[HOST_MSG_WANT_FD] >= (unsigned)n;
}

static bool link_is_down(struct host_peer *p, int unused)
{
    (void)unused;
    return p->n_seen > 0 && p->seen[p->n_seen - 1].quality == GW_LINK_DOWN;
}

static void a_resource_is_asked_for_and_missed_and_found(void)
{
    struct host_order order = {.type = HOST_MSG_FD, .bus = 10, .key = "resource"};

    one_device(2, 100);
    peer_option(&config.buses[0].options, "resource", "/dev/null");
    start();
    CU_ASSERT_TRUE(peer_until(&peer, wants_fd, 1, 5000));
    CU_ASSERT_STRING_EQUAL(peer.key, "resource");
    order.err = ENOENT;
    peer_send(&peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&peer, link_is_down, 0, 5000));
    CU_ASSERT_TRUE(peer_until(&peer, wants_fd, 2, 10000));
    order.err = 0;
    peer_send(&peer, &order, STDIN_FILENO);
    CU_ASSERT_TRUE(peer_until(&peer, has_good_again, 0, 10000));
    stop_host(false);
    finish();
}

static void a_resource_that_comes_at_once_raises_no_alarm(void)
{
    struct host_order order = {.type = HOST_MSG_FD, .bus = 10, .key = "resource"};

    one_device(2, 100);
    peer_option(&config.buses[0].options, "resource", "/dev/null");
    peer_start(&peer, &config);
    CU_ASSERT_TRUE(peer_until(&peer, wants_fd, 1, 5000));
    peer_send(&peer, &order, STDIN_FILENO);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 4, 5000));
    for (uint32_t i = 0; i < peer.n_seen; i++)
        CU_ASSERT_EQUAL(peer.seen[i].quality, GW_GOOD);
    stop_host(false);
    finish();
}

static void names_are_resolved_off_the_bus_thread(void)
{
    one_device(1, 100);
    peer_option(&config.buses[0].options, "host", "localhost");
    start();
    CU_ASSERT_TRUE(peer_until(&peer, has_good_again, 0, 10000));
    CU_ASSERT_EQUAL(peer.seen[0].quality, GW_GOOD);
    stop_host(false);
    finish();
}

static void a_name_that_cannot_be_found_is_a_link_down(void)
{
    one_device(1, 100);
    peer_option(&config.buses[0].options, "host", "nowhere.invalid");
    start();
    CU_ASSERT_TRUE(peer_until(&peer, link_is_down, 0, 10000));
    stop_host(false);
    finish();
}

static void a_missing_plugin_is_told_and_the_host_waits(void)
{
    one_device(1, 100);
    free(config.plugin);
    config.plugin = strdup("absent");
    start();
    CU_ASSERT_EQUAL(peer.ready_ok[0], 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(peer.log_text, "absent.so"));
    stop_host(false);
    finish();
}

static void it_runs_as_a_thread_too(void)
{
    peer_make_output(one_device(2, 100), 1);
    peer_start_inline(&peer, &config);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 6, 10000));
    write_point(1, 5, 1, 42);
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    stop_host(true);
    CU_ASSERT_TRUE(was_written("dev5 p1 7"));
    finish();
}

static CU_TestInfo tests[] = {
    TEST(points_are_read_at_once_and_then_on_the_grid),
    TEST(a_slow_bus_does_not_delay_another),
    TEST(cycles_that_cannot_be_kept_are_counted),
    TEST(a_read_on_demand_is_answered),
    TEST(a_write_is_scaled_done_and_read_back),
    TEST(a_write_beyond_its_limits_never_reaches_the_plugin),
    TEST(a_lease_that_ends_brings_the_failsafe),
    TEST(a_release_brings_the_failsafe_at_once),
    TEST(stop_to_failsafe_writes_what_is_owned),
    TEST(a_core_that_is_gone_leads_to_failsafe),
    TEST(signals_lead_to_failsafe),
    TEST(a_missing_heartbeat_leads_to_failsafe_after_5_s),
    TEST(a_malformed_message_ends_the_host_at_failsafe),
    TEST(a_plugin_that_hangs_ends_its_host_and_is_named),
    TEST(a_plugin_that_aborts_ends_its_host_and_is_named),
    TEST(a_plugin_that_scribbles_ends_its_host_and_is_named),
    TEST(garbage_is_marked_and_does_no_harm),
    TEST(a_flood_is_bounded_and_its_gap_is_told),
    TEST(a_silent_unit_is_marked_left_alone_and_found_again),
    TEST(a_resource_is_asked_for_and_missed_and_found),
    TEST(a_resource_that_comes_at_once_raises_no_alarm),
    TEST(names_are_resolved_off_the_bus_thread),
    TEST(a_name_that_cannot_be_found_is_a_link_down),
    TEST(a_missing_plugin_is_told_and_the_host_waits),
    TEST(it_runs_as_a_thread_too),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"host", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
