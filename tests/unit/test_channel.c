/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/channel: messages arrive whole, malformed ones are refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/channel/channel.h"
#include "lib/channel/wire.h"
#include "tests/unit/suite.h"

static struct channel *a, *b;

static void open_pair(void)
{
    int fds[2];

    CU_ASSERT_EQUAL_FATAL(channel_pair(fds), 0);
    a = channel_new(fds[0]);
    b = channel_new(fds[1]);
}

static void close_pair(void)
{
    channel_free(a);
    channel_free(b);
    a = b = NULL;
}

static void a_message_arrives_as_it_was_sent(void)
{
    struct channel_message message;

    open_pair();
    CU_ASSERT_EQUAL(channel_send(a, 7, "hello", 5, -1), 0);
    CU_ASSERT_EQUAL(channel_receive(b, &message), 1);
    CU_ASSERT_EQUAL(message.type, 7);
    CU_ASSERT_EQUAL(message.len, 5);
    CU_ASSERT_EQUAL(memcmp(message.body, "hello", 5), 0);
    CU_ASSERT_EQUAL(message.fd, -1);
    CU_ASSERT_EQUAL(channel_receive(b, &message), 0);
    close_pair();
}

static void the_largest_message_passes_and_a_larger_is_refused(void)
{
    char *body = calloc(1, CHANNEL_BODY_MAX + 1);
    struct channel_message message;

    open_pair();
    CU_ASSERT_EQUAL(channel_send(a, 1, body, CHANNEL_BODY_MAX + 1, -1), -EMSGSIZE);
    CU_ASSERT_EQUAL(channel_send(a, 1, body, CHANNEL_BODY_MAX, -1), 0);
    CU_ASSERT_EQUAL(channel_receive(b, &message), 1);
    CU_ASSERT_EQUAL(message.len, CHANNEL_BODY_MAX);
    close_pair();
    free(body);
}

static void a_descriptor_travels_along(void)
{
    struct channel_message message;
    int pipe_fds[2];
    char c = 0;

    open_pair();
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
    CU_ASSERT_EQUAL(channel_send(a, 1, NULL, 0, pipe_fds[0]), 0);
    CU_ASSERT_EQUAL_FATAL(channel_receive(b, &message), 1);
    CU_ASSERT_FATAL(message.fd >= 0);
    CU_ASSERT_EQUAL(write(pipe_fds[1], "x", 1), 1);
    CU_ASSERT_EQUAL(read(message.fd, &c, 1), 1);
    CU_ASSERT_EQUAL(c, 'x');
    close(message.fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close_pair();
}

static void garbage_is_refused(void)
{
    struct channel_message message;

    open_pair();
    CU_ASSERT_EQUAL(send(channel_fd(a), "garbage garbage garbage", 23, 0), 23);
    CU_ASSERT_EQUAL(channel_receive(b, &message), -EBADMSG);
    close_pair();
}

static void a_repeated_sequence_number_is_refused(void)
{
    struct channel_message message;
    struct channel *again;

    open_pair();
    again = channel_new(dup(channel_fd(a)));
    CU_ASSERT_EQUAL(channel_send(a, 1, NULL, 0, -1), 0);
    CU_ASSERT_EQUAL(channel_send(again, 1, NULL, 0, -1), 0);
    CU_ASSERT_EQUAL(channel_receive(b, &message), 1);
    CU_ASSERT_EQUAL(channel_receive(b, &message), -EBADMSG);
    channel_free(again);
    close_pair();
}

static void a_dead_peer_is_told_and_a_full_buffer_does_not_block(void)
{
    struct channel_message message;
    char body[4096] = {0};
    int rc = 0, n = 0;

    open_pair();
    while (rc == 0 && n++ < 10000)
        rc = channel_send(a, 1, body, sizeof body, -1);
    CU_ASSERT_EQUAL(rc, -EAGAIN);
    channel_free(b);
    b = NULL;
    CU_ASSERT_EQUAL(channel_receive(a, &message), -EPIPE);
    close_pair();
}

static void wire_reads_back_what_it_wrote(void)
{
    struct gw_value value = {.type = GW_TYPE_STRING, .v.s = "abc"}, got;
    struct strbuf buf;
    struct wire wire;

    strbuf_init(&buf);
    wire_put_u8(&buf, 200);
    wire_put_i64(&buf, -5);
    wire_put_f64(&buf, 0.5);
    wire_put_string(&buf, NULL);
    wire_put_value(&buf, &value);
    wire = wire_of(buf.data, buf.len);
    CU_ASSERT_EQUAL(wire_get_u8(&wire), 200);
    CU_ASSERT_EQUAL(wire_get_i64(&wire), -5);
    CU_ASSERT_EQUAL(wire_get_f64(&wire), 0.5);
    CU_ASSERT_STRING_EQUAL(wire_get_string(&wire), "");
    got = wire_get_value(&wire);
    CU_ASSERT_TRUE(value_equal(&got, &value));
    CU_ASSERT_TRUE(wire_done(&wire));
    strbuf_done(&buf);
}

static void wire_never_reads_past_the_end(void)
{
    static const uint8_t lying[] = {255, 255, 255, 255, 'a', 'b'};
    struct wire wire = wire_of(lying, sizeof lying);

    CU_ASSERT_STRING_EQUAL(wire_get_string(&wire), "");
    CU_ASSERT_TRUE(wire.failed);
    CU_ASSERT_EQUAL(wire_get_u64(&wire), 0);
    wire = wire_of(lying, sizeof lying);
    CU_ASSERT_EQUAL(wire_get_count(&wire, 4), 0);
    CU_ASSERT_FALSE(wire_done(&wire));
}

static CU_TestInfo tests[] = {
    TEST(a_message_arrives_as_it_was_sent),
    TEST(the_largest_message_passes_and_a_larger_is_refused),
    TEST(a_descriptor_travels_along),
    TEST(garbage_is_refused),
    TEST(a_repeated_sequence_number_is_refused),
    TEST(a_dead_peer_is_told_and_a_full_buffer_does_not_block),
    TEST(wire_reads_back_what_it_wrote),
    TEST(wire_never_reads_past_the_end),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"channel", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
