/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gateway-devhost as a process with the faulty plugin, the test playing the
 * core: schedule, writes, services. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/host/host.h"
#include "tests/unit/host_rig.h"
#include "tests/unit/suite.h"

/* ---- schedule ---------------------------------------------------------------------- */

static void points_are_read_at_once_and_then_on_the_grid(void)
{
    int64_t last_ns = 0;
    unsigned n_on_grid = 0, n = 0;

    rig_one_device(3, 200);
    rig_start();
    CU_ASSERT_EQUAL(rig_peer.ready_ok[0], 1);
    CU_ASSERT_EQUAL(rig_peer.plan_requests, 3);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_seen, 30, 10000));
    for (uint32_t i = 0; i < rig_peer.n_seen; i++) {
        const struct seen *seen = &rig_peer.seen[i];

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
    CU_ASSERT_EQUAL(rig_peer.n_records, 10);
    CU_ASSERT_TRUE(n >= 9 && n_on_grid * 2 > n); /* the median; the machine may be busy */
    rig_stop(false);
    rig_finish();
}

static void a_slow_bus_does_not_delay_another(void)
{
    struct host_device *slow = rig_one_device(1, 100);
    int64_t last_ns = 0;
    unsigned n = 0, n_late = 0;

    peer_option(&slow->options, "mode", "delay");
    peer_option(&slow->options, "delay", "700");
    rig_second_bus(100);
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_second_has_seen, 20, 10000));
    for (uint32_t i = 0; i < rig_peer.n_seen; i++) {
        if (rig_peer.seen[i].device != 6)
            continue;
        if (n++ > 1)
            n_late += rig_peer.seen[i].t_boot_ns - last_ns > 300 * CLOCK_NS_PER_MS;
        last_ns = rig_peer.seen[i].t_boot_ns;
    }
    CU_ASSERT_TRUE(n_late <= 1);
    rig_stop(false);
    rig_finish();
}

static bool has_overruns(struct host_peer *p, int n)
{
    return p->n_overruns >= (uint64_t)n;
}

static void cycles_that_cannot_be_kept_are_counted(void)
{
    struct host_device *slow = rig_one_device(1, 50);

    peer_option(&slow->options, "mode", "delay");
    peer_option(&slow->options, "delay", "220");
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, has_overruns, 3, 15000));
    rig_stop(false);
    rig_finish();
}

static void set_pace(uint32_t device, uint32_t factor)
{
    struct host_order order = {
        .type = HOST_MSG_PACE, .device = device, .factor = factor};

    peer_send(&rig_peer, &order, -1);
}

static uint32_t count_seen(uint32_t device)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < rig_peer.n_seen; i++)
        n += rig_peer.seen[i].device == device;
    return n;
}

static bool has_seen_of_six(struct host_peer *peer, int n_readings)
{
    (void)peer;
    return count_seen(6) >= (uint32_t)n_readings;
}

/* Held against a device on another bus, which keeps its pace: the machine may be busy. */
static void a_device_is_read_slower_while_its_pace_says_so(void)
{
    uint32_t n_before, n_fast;

    rig_one_device(1, 100);
    rig_second_bus(100);
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_second_has_seen, 5, 10000));
    set_pace(5, 20);
    set_pace(77, 20); /* nobody's */
    n_fast = count_seen(6);
    CU_ASSERT_TRUE(peer_until(&rig_peer, has_seen_of_six, (int)n_fast + 3, 10000));
    n_before = count_seen(5);
    n_fast = count_seen(6);
    CU_ASSERT_TRUE(peer_until(&rig_peer, has_seen_of_six, (int)n_fast + 20, 20000));
    CU_ASSERT_TRUE(count_seen(5) - n_before <= 2);
    n_before = count_seen(5);
    n_fast = count_seen(6);
    set_pace(5, 1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, has_seen_of_six, (int)n_fast + 20, 20000));
    CU_ASSERT_TRUE(count_seen(5) - n_before >= 15);
    rig_stop(false);
    rig_finish();
}

static void a_read_on_demand_is_answered(void)
{
    struct host_order order = {.type = HOST_MSG_READ, .id = 77, .device = 5};

    rig_one_device(2, 3600000);
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_seen, 2, 5000));
    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_done, 77, 5000));
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    CU_ASSERT_EQUAL(rig_peer.n_seen, 4); /* the records came before the answer */
    rig_stop(false);
    rig_finish();
}

/* ---- writes ------------------------------------------------------------------------ */

static void a_write_is_scaled_done_and_read_back(void)
{
    peer_make_output(rig_one_device(2, 1000), 1)->scale = 0.1;
    rig_start();
    rig_write(1, 5, 1, 12.5);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    CU_ASSERT_EQUAL(rig_peer.done_readback, 12.5);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 125"));
    rig_stop(false);
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 70"));
    rig_finish();
}

/* Eight reads of 300 ms are due at once; a command waits for the one under way, not for
 * all. */
static void a_write_goes_before_the_reads_that_wait(void)
{
    struct host_device *device = rig_one_device(8, 10000);
    int64_t start_ns;

    peer_option(&device->options, "mode", "delay");
    peer_option(&device->options, "delay", "300");
    peer_make_output(device, 7);
    rig_start();
    start_ns = clock_boot_ns();
    rig_write(1, 5, 7, 12);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns < 1500 * CLOCK_NS_PER_MS);
    CU_ASSERT_TRUE(rig_peer.n_seen < 8);
    rig_stop(false);
    rig_finish();
}

static void a_write_beyond_its_limits_never_reaches_the_plugin(void)
{
    struct host_point *point = peer_make_output(rig_one_device(2, 1000), 1);

    point->max_rate = 10;
    rig_start();
    rig_write(1, 5, 1, 101);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_peer.done_text, "outside"));
    rig_write(2, 5, 1, -1);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_ERR_CONFIG);
    rig_write(3, 5, 0, 1); /* not writable */
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_ERR_UNSUPPORTED);
    rig_write(4, 99, 0, 1); /* no such device */
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_ERR_UNSUPPORTED);
    rig_write(5, 5, 1, 50);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    rig_write(6, 5, 1, 99); /* 49 within much less than 4.9 s */
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_ERR_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_peer.done_text, "faster"));
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 101"));
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 -1"));
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 99"));
    rig_stop(false);
    rig_finish();
}

static bool lease_has_ended(struct host_peer *p, int n)
{
    return p->n_of[HOST_MSG_LEASE_END] >= (unsigned)n;
}

static void a_lease_that_ends_brings_the_failsafe(void)
{
    peer_make_output(rig_one_device(2, 1000), 1)->lease_ms = 300;
    rig_start();
    rig_write(1, 5, 1, 42);
    CU_ASSERT_FALSE(rig_was_written("dev5 p1 7"));
    CU_ASSERT_TRUE(peer_until(&rig_peer, lease_has_ended, 1, 5000));
    CU_ASSERT_EQUAL(rig_peer.lease_result, GW_OK);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_stop(false);
    rig_finish();
}

static void a_release_brings_the_failsafe_at_once(void)
{
    struct host_order order = {
        .type = HOST_MSG_RELEASE, .id = 2, .device = 5, .point = 1};

    peer_make_output(rig_one_device(2, 1000), 1);
    rig_start();
    rig_write(1, 5, 1, 42);
    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_done, 2, 5000));
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_stop(false);
    rig_finish();
}

static unsigned n_seen_inside;

/* Seen so three times, 20 ms apart: a read of 705 ms, not a write. */
static bool is_inside_a_read(struct host_peer *p, int unused)
{
    (void)unused;
    n_seen_inside = p->blame->slots[0].in_call ? n_seen_inside + 1 : 0;
    return n_seen_inside >= 3;
}

/* A write of 5 ms waits for the read; the moment of its end may be hit, then the write is
 * done and another is tried. */
static bool write_waits_too_long(struct host_order *order)
{
    for (unsigned i = 0; i < 5; i++) {
        n_seen_inside = 0;
        if (!peer_until(&rig_peer, is_inside_a_read, 0, 5000))
            return false;
        order->id++;
        order->value.v.d += 1;
        peer_send(&rig_peer, order, -1);
        if (!peer_until(&rig_peer, peer_has_done, (int)order->id, 5000))
            return false;
        if (rig_peer.done_result == GW_ERR_BUSY)
            return true;
    }
    return false;
}

static void a_write_that_waited_too_long_is_not_done(void)
{
    struct host_order order = {.type = HOST_MSG_WRITE,
                               .id = 1,
                               .device = 5,
                               .point = 1,
                               .value = {.type = GW_TYPE_FLOAT64, .v.d = 42},
                               .valid_ms = 5};
    struct host_device *slow = rig_one_device(2, 10);
    char text[32];

    peer_option(&slow->options, "mode", "delay");
    peer_option(&slow->options, "delay", "705");
    peer_make_output(slow, 1);
    rig_start();
    rig_write(1, 5, 1, 42);
    CU_ASSERT_TRUE_FATAL(write_waits_too_long(&order));
    snprintf(text, sizeof(text), "dev5 p1 %g", order.value.v.d);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 42"));
    CU_ASSERT_FALSE(rig_was_written(text));
    order.id++;
    order.value.v.d = 60;
    order.valid_ms = 10000;
    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_done, (int)order.id, 5000));
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 60"));
    rig_stop(false);
    rig_finish();
}

/* ---- services ---------------------------------------------------------------------- */

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

    rig_one_device(2, 100);
    peer_option(&rig_config.buses[0].options, "resource", "/dev/null");
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, wants_fd, 1, 5000));
    CU_ASSERT_STRING_EQUAL(rig_peer.key, "resource");
    order.err = ENOENT;
    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, link_is_down, 0, 5000));
    CU_ASSERT_TRUE(peer_until(&rig_peer, wants_fd, 2, 10000));
    order.err = 0;
    peer_send(&rig_peer, &order, STDIN_FILENO);
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_has_good_again, 0, 10000));
    rig_stop(false);
    rig_finish();
}

static void a_resource_that_comes_at_once_raises_no_alarm(void)
{
    struct host_order order = {.type = HOST_MSG_FD, .bus = 10, .key = "resource"};

    rig_one_device(2, 100);
    peer_option(&rig_config.buses[0].options, "resource", "/dev/null");
    peer_start(&rig_peer, &rig_config);
    CU_ASSERT_TRUE(peer_until(&rig_peer, wants_fd, 1, 5000));
    peer_send(&rig_peer, &order, STDIN_FILENO);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_seen, 4, 5000));
    for (uint32_t i = 0; i < rig_peer.n_seen; i++)
        CU_ASSERT_EQUAL(rig_peer.seen[i].quality, GW_GOOD);
    rig_stop(false);
    rig_finish();
}

static void names_are_resolved_off_the_bus_thread(void)
{
    struct addrinfo *list = NULL;

    if (getaddrinfo("localhost", NULL, NULL, &list) != 0) {
        puts("skipped: this machine cannot resolve localhost (no /etc/hosts)");
        return;
    }
    freeaddrinfo(list);
    rig_one_device(1, 100);
    peer_option(&rig_config.buses[0].options, "host", "localhost");
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, rig_has_good_again, 0, 10000));
    CU_ASSERT_EQUAL(rig_peer.seen[0].quality, GW_GOOD);
    rig_stop(false);
    rig_finish();
}

static void a_name_that_cannot_be_found_is_a_link_down(void)
{
    rig_one_device(1, 100);
    peer_option(&rig_config.buses[0].options, "host", "nowhere.invalid");
    rig_start();
    CU_ASSERT_TRUE(peer_until(&rig_peer, link_is_down, 0, 10000));
    rig_stop(false);
    rig_finish();
}

static void a_missing_plugin_is_told_and_the_host_waits(void)
{
    rig_one_device(1, 100);
    free(rig_config.plugin);
    rig_config.plugin = strdup("absent");
    rig_start();
    CU_ASSERT_EQUAL(rig_peer.ready_ok[0], 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(rig_peer.log_text, "absent.so"));
    rig_stop(false);
    rig_finish();
}

static void it_runs_as_a_thread_too(void)
{
    peer_make_output(rig_one_device(2, 100), 1);
    peer_start_inline(&rig_peer, &rig_config);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_seen, 6, 10000));
    rig_write(1, 5, 1, 42);
    CU_ASSERT_EQUAL(rig_peer.done_result, GW_OK);
    rig_stop(true);
    CU_ASSERT_TRUE(rig_was_written("dev5 p1 7"));
    rig_finish();
}

static CU_TestInfo tests[] = {
    TEST(points_are_read_at_once_and_then_on_the_grid),
    TEST(a_slow_bus_does_not_delay_another),
    TEST(cycles_that_cannot_be_kept_are_counted),
    TEST(a_device_is_read_slower_while_its_pace_says_so),
    TEST(a_read_on_demand_is_answered),
    TEST(a_write_is_scaled_done_and_read_back),
    TEST(a_write_goes_before_the_reads_that_wait),
    TEST(a_write_beyond_its_limits_never_reaches_the_plugin),
    TEST(a_lease_that_ends_brings_the_failsafe),
    TEST(a_release_brings_the_failsafe_at_once),
    TEST(a_write_that_waited_too_long_is_not_done),
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
