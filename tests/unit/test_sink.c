/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the way from emitted values to records: times, qualities, bounds, the full
 * channel. The channel's other end is read here. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/channel/wire.h"
#include "lib/host/host_msg.h"
#include "lib/host/sink.h"
#include "tests/unit/host_peer.h"
#include "tests/unit/suite.h"

#define S CLOCK_NS_PER_S

static struct host_config config;
static struct channel *near_end, *far_end;
static struct outbox *outbox;
static struct gw_sink *sink;
static const uint32_t both[] = {0, 1};

/* What arrived: readings in order, with the time of their record. */
static struct {
    uint32_t device, point;
    int64_t t_boot_ns;
    uint8_t quality;
    int32_t detail;
    uint32_t type;
    double number;
    size_t length; /* of a text */
} got[64];
static unsigned n_got, n_records, n_messages;
static uint64_t n_gap;

static void setup(void)
{
    struct host_bus *bus;
    int fds[2];

    peer_config_init(&config);
    bus = peer_add_bus(&config, "bus");
    peer_add_device(bus, 20, 2, 1000);
    peer_add_device(bus, 21, 2, 1000);
    CU_ASSERT_EQUAL_FATAL(channel_pair(fds), 0);
    near_end = channel_new(fds[0]);
    far_end = channel_new(fds[1]);
    outbox = outbox_new(near_end, bus->index, -1);
    sink = sink_new(bus, outbox);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sink);
    for (uint32_t i = 0; i < 4; i++)
        sink_plan_point(sink, i / 2, i % 2);
    n_got = n_records = n_messages = 0;
    n_gap = 0;
}

static void teardown(void)
{
    sink_free(sink);
    outbox_free(outbox);
    channel_free(near_end);
    channel_free(far_end);
    host_config_done(&config);
}

static void take_record(struct wire *wire)
{
    uint32_t device = wire_get_u32(wire);
    int64_t t_boot_ns = wire_get_i64(wire);
    uint32_t n = wire_get_u32(wire);

    n_records++;
    for (uint32_t i = 0; i < n && n_got < 64; i++) {
        struct gw_value value;

        got[n_got].device = device;
        got[n_got].t_boot_ns = t_boot_ns;
        got[n_got].point = wire_get_u32(wire);
        got[n_got].quality = wire_get_u8(wire);
        got[n_got].detail = (int32_t)wire_get_u32(wire);
        value = wire_get_value(wire);
        got[n_got].type = value.type;
        got[n_got].length = value.type == GW_TYPE_STRING ? strlen(value.v.s) : 0;
        got[n_got].number = 0;
        value_to_double(&value, &got[n_got].number);
        n_got++;
    }
}

static void receive_all(void)
{
    struct channel_message message;

    while (channel_receive(far_end, &message) == 1) {
        struct wire wire = wire_of(message.body, message.len);
        uint32_t n;

        n_messages++;
        wire_get_u32(&wire);
        if (message.type == HOST_MSG_GAP) {
            wire_get_u32(&wire);
            n_gap += wire_get_u64(&wire);
            continue;
        }
        n = wire_get_u32(&wire);
        for (uint32_t i = 0; i < n; i++)
            take_record(&wire);
    }
}

static void flush_and_receive(void)
{
    sink_flush(sink);
    n_got = n_records = n_messages = 0;
    receive_all();
}

static void emit_number(uint32_t point, double number)
{
    struct gw_value value = {.type = GW_TYPE_FLOAT64, .v.d = number};

    sink_emit(sink, point, &value, GW_GOOD, 0);
}

static void one_wake_up_is_one_record_with_the_time_in_its_middle(void)
{
    setup();
    sink_begin(sink, 0, 100 * S);
    emit_number(0, 1);
    sink_end(sink, both, 1, GW_OK, 102 * S);
    sink_begin(sink, 0, 102 * S);
    emit_number(1, 2);
    sink_end(sink, both + 1, 1, GW_OK, 104 * S);
    flush_and_receive();
    CU_ASSERT_EQUAL(n_messages, 1);
    CU_ASSERT_EQUAL(n_records, 1);
    CU_ASSERT_EQUAL(n_got, 2);
    CU_ASSERT_EQUAL(got[0].device, 20);
    CU_ASSERT_EQUAL(got[0].t_boot_ns, 102 * S);
    CU_ASSERT_FALSE(sink_is_urgent(sink));
    teardown();
}

static void two_devices_are_two_records_of_one_message(void)
{
    setup();
    for (uint32_t device = 0; device < 2; device++) {
        sink_begin(sink, device, 100 * S);
        emit_number(0, 1);
        sink_end(sink, both, 1, GW_OK, 100 * S);
    }
    flush_and_receive();
    CU_ASSERT_EQUAL(n_messages, 1);
    CU_ASSERT_EQUAL(n_records, 2);
    CU_ASSERT_EQUAL(got[1].device, 21);
    teardown();
}

static void a_second_value_of_a_point_is_a_second_record(void)
{
    setup();
    sink_begin(sink, 0, 100 * S);
    emit_number(0, 1);
    emit_number(0, 2);
    sink_end(sink, both, 1, GW_OK, 100 * S);
    flush_and_receive();
    CU_ASSERT_EQUAL(n_records, 2);
    CU_ASSERT_EQUAL(got[1].number, 2);
    teardown();
}

static void fail_read(int64_t t_boot_ns)
{
    sink_begin(sink, 0, t_boot_ns);
    sink_fail(sink, 11, "no reply");
    sink_end(sink, both, 2, GW_ERR_DEVICE, t_boot_ns);
}

static void a_failed_poll_is_told_at_once_and_then_once_a_minute(void)
{
    setup();
    sink_begin(sink, 0, 99 * S);
    emit_number(0, 1);
    sink_end(sink, both, 2, GW_OK, 99 * S);
    flush_and_receive();
    fail_read(100 * S);
    CU_ASSERT_TRUE(sink_is_urgent(sink));
    flush_and_receive();
    CU_ASSERT_EQUAL(n_got, 2);
    CU_ASSERT_EQUAL(got[0].quality, GW_DEVICE_ERROR);
    CU_ASSERT_EQUAL(got[0].detail, 11);
    CU_ASSERT_EQUAL(got[0].type, GW_TYPE_NONE);
    for (int64_t t = 101; t < 160; t++)
        fail_read(t * S);
    CU_ASSERT_FALSE(sink_is_urgent(sink));
    flush_and_receive();
    CU_ASSERT_EQUAL(n_messages, 0);
    fail_read(160 * S);
    flush_and_receive();
    CU_ASSERT_EQUAL(n_got, 2);
    teardown();
}

static void a_return_to_good_is_told_at_once(void)
{
    setup();
    fail_read(100 * S);
    flush_and_receive();
    sink_begin(sink, 0, 101 * S);
    emit_number(0, 5);
    sink_end(sink, both, 1, GW_OK, 101 * S);
    CU_ASSERT_TRUE(sink_is_urgent(sink));
    teardown();
}

static void only_what_was_not_emitted_is_marked_by_a_failure(void)
{
    setup();
    sink_begin(sink, 0, 100 * S);
    emit_number(1, 5);
    sink_end(sink, both, 2, GW_ERR_TIMEOUT, 101 * S);
    flush_and_receive();
    CU_ASSERT_EQUAL(n_got, 2);
    CU_ASSERT_EQUAL(got[0].point, 1);
    CU_ASSERT_EQUAL(got[0].quality, GW_GOOD);
    CU_ASSERT_EQUAL(got[1].point, 0);
    CU_ASSERT_EQUAL(got[1].quality, GW_TIMEOUT);
    teardown();
}

static void events_carry_their_own_time_and_device(void)
{
    setup();
    sink_begin_bare(sink, 100 * S);
    emit_number(0, 1); /* no device yet: refused */
    CU_ASSERT_EQUAL(sink_rejected(sink), 1);
    sink_set_device(sink, 1, 90 * S);
    emit_number(0, 1);
    sink_set_device(sink, 1, 91 * S);
    emit_number(0, 2);
    sink_set_device(sink, 99, 92 * S);
    emit_number(0, 3);
    CU_ASSERT_EQUAL(sink_rejected(sink), 2);
    flush_and_receive();
    CU_ASSERT_EQUAL(n_records, 2);
    CU_ASSERT_EQUAL(got[0].device, 21);
    CU_ASSERT_EQUAL(got[0].t_boot_ns, 90 * S);
    CU_ASSERT_EQUAL(got[1].t_boot_ns, 91 * S);
    teardown();
}

static void values_that_are_none_are_marked(void)
{
    char text[400];
    struct gw_value value = {.type = GW_TYPE_STRING, .v.s = text};

    setup();
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    config.buses[0].devices[0].points[0].scale = 1e300;
    sink_begin(sink, 0, 100 * S);
    emit_number(0, 1e300); /* beyond a double once scaled */
    sink_emit(sink, 1, &value, GW_GOOD, 0);
    value = (struct gw_value){.type = 77};
    sink_emit(sink, 1, &value, GW_GOOD, 0);
    sink_emit(sink, 2, &value, GW_GOOD, 0);
    sink_end(sink, both, 2, GW_OK, 100 * S);
    flush_and_receive();
    CU_ASSERT_EQUAL_FATAL(n_got, 3);
    CU_ASSERT_EQUAL(got[0].quality, GW_OUT_OF_RANGE);
    CU_ASSERT_EQUAL(got[0].type, GW_TYPE_NONE);
    CU_ASSERT_EQUAL(got[1].length, 255);
    CU_ASSERT_EQUAL(got[2].quality, GW_UNCERTAIN);
    CU_ASSERT_EQUAL(sink_rejected(sink), 1);
    teardown();
}

static void the_oldest_records_are_dropped_and_every_one_is_accounted_for(void)
{
    int small = 4096;
    uint64_t n_sent = 30000, n_seen = 0;

    setup();
    setsockopt(channel_fd(near_end), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (uint64_t i = 0; i < n_sent; i++) {
        sink_begin(sink, i % 2 ? 1 : 0, (int64_t)(i + 1) * S);
        emit_number(0, (double)i);
        sink_end(sink, both, 1, GW_OK, (int64_t)(i + 1) * S);
        if (i % 10 == 9)
            sink_flush(sink);
    }
    outbox_send(outbox, HOST_MSG_GAP, NULL, 0); /* kept, whatever happens to records */
    CU_ASSERT_FALSE(outbox_is_empty(outbox));
    do {
        n_records = n_messages = n_got = 0;
        receive_all();
        n_seen += n_records;
        outbox_flush(outbox);
    } while (n_messages > 0);
    CU_ASSERT_TRUE(outbox_is_empty(outbox));
    CU_ASSERT_TRUE(n_gap > 0);
    CU_ASSERT_EQUAL(n_seen + n_gap, n_sent);
    teardown();
}

static CU_TestInfo tests[] = {
    TEST(one_wake_up_is_one_record_with_the_time_in_its_middle),
    TEST(two_devices_are_two_records_of_one_message),
    TEST(a_second_value_of_a_point_is_a_second_record),
    TEST(a_failed_poll_is_told_at_once_and_then_once_a_minute),
    TEST(a_return_to_good_is_told_at_once),
    TEST(only_what_was_not_emitted_is_marked_by_a_failure),
    TEST(events_carry_their_own_time_and_device),
    TEST(values_that_are_none_are_marked),
    TEST(the_oldest_records_are_dropped_and_every_one_is_accounted_for),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"sink", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
