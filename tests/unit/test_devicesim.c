/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the device simulator's pure parts: what every test on it relies on. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite.h"
#include "tools/devicesim/fault.h"
#include "tools/devicesim/frame.h"
#include "tools/devicesim/image.h"
#include "tools/devicesim/pdu.h"

static struct image image;
static uint8_t reply[PDU_MAX + 1];
static struct pdu_asked asked;

static void open_image(enum image_content content)
{
    image_init(&image, 4);
    image.content = content;
    for (int table = 0; table < IMAGE_TABLES; table++)
        CU_ASSERT_EQUAL_FATAL(image_add(&image, (enum image_table)table, 10, 50), 0);
}

#define SERVE(...)                                                                       \
    pdu_serve(&image, (const uint8_t[]){__VA_ARGS__},                                    \
              sizeof((const uint8_t[]){__VA_ARGS__}), reply, &asked)

static void a_read_gives_the_registers_high_byte_first(void)
{
    open_image(IMAGE_ADDRESS);
    CU_ASSERT_EQUAL(SERVE(3, 0, 10, 0, 2), 6);
    CU_ASSERT_EQUAL(memcmp(reply, "\3\4\0\12\0\13", 6), 0);
    CU_ASSERT_TRUE(asked.reads);
    CU_ASSERT_EQUAL(SERVE(1, 0, 10, 0, 3), 3);
    CU_ASSERT_EQUAL(reply[2], 2); /* address 11 is odd */
    image_done(&image);
}

static void every_poll_yields_another_value_that_names_the_device(void)
{
    open_image(IMAGE_COUNTER);
    for (int poll = 1; poll <= 3; poll++) {
        uint32_t bits;
        float number;

        CU_ASSERT_EQUAL(SERVE(4, 0, 12, 0, 2), 6);
        bits = (uint32_t)asked.first << 16 | asked.second;
        memcpy(&number, &bits, 4);
        CU_ASSERT_EQUAL((int)number, 500000 + poll);
    }
    image_done(&image);
}

static void what_does_not_exist_is_an_exception(void)
{
    open_image(IMAGE_PLAIN);
    CU_ASSERT_EQUAL(SERVE(3, 0, 9, 0, 2), 2);
    CU_ASSERT_EQUAL(reply[0], 0x83);
    CU_ASSERT_EQUAL(reply[1], PDU_ILLEGAL_ADDRESS);
    CU_ASSERT_EQUAL(SERVE(3, 0, 59, 0, 2), 2);
    CU_ASSERT_EQUAL(SERVE(3, 0, 10, 0, 126), 2);
    CU_ASSERT_EQUAL(reply[1], PDU_ILLEGAL_VALUE);
    CU_ASSERT_EQUAL(SERVE(99, 0, 10), 2);
    CU_ASSERT_EQUAL(reply[1], PDU_ILLEGAL_FUNCTION);
    image_make_illegal(&image, 20, 21);
    CU_ASSERT_EQUAL(SERVE(3, 0, 20, 0, 1), 2);
    CU_ASSERT_EQUAL(SERVE(3, 0, 22, 0, 1), 4);
    image_restore(&image);
    CU_ASSERT_EQUAL(SERVE(3, 0, 20, 0, 1), 4);
    image_done(&image);
}

static void cut_requests_never_read_beyond_their_end(void)
{
    open_image(IMAGE_PLAIN);
    for (unsigned function = 0; function < 128; function++) {
        uint8_t request[12] = {(uint8_t)function, 0, 10, 0, 1, 2, 0, 1};

        for (size_t len = 1; len <= sizeof request; len++) {
            uint8_t *exact = malloc(len);

            memcpy(exact, request, len);
            CU_ASSERT_TRUE(pdu_serve(&image, exact, len, reply, &asked) >= 2);
            free(exact);
        }
    }
    image_done(&image);
}

static void what_was_written_is_read_back(void)
{
    open_image(IMAGE_PLAIN);
    CU_ASSERT_EQUAL(SERVE(6, 0, 10, 0x12, 0x34), 5);
    CU_ASSERT_EQUAL(SERVE(16, 0, 11, 0, 2, 4, 1, 2, 3, 4), 5);
    CU_ASSERT_EQUAL(SERVE(3, 0, 10, 0, 3), 8);
    CU_ASSERT_EQUAL(memcmp(reply + 2, "\x12\x34\1\2\3\4", 6), 0);
    CU_ASSERT_EQUAL(SERVE(22, 0, 10, 0, 0xf2, 0, 0x25), 7);
    CU_ASSERT_EQUAL(image_get(&image, IMAGE_HOLDING, 10), 0x35);
    CU_ASSERT_EQUAL(SERVE(23, 0, 10, 0, 1, 0, 10, 0, 1, 2, 7, 8), 4);
    CU_ASSERT_EQUAL(memcmp(reply, "\27\2\7\10", 4), 0);
    CU_ASSERT_EQUAL(SERVE(5, 0, 10, 0xff, 0), 5);
    CU_ASSERT_EQUAL(SERVE(15, 0, 11, 0, 3, 1, 5), 5);
    CU_ASSERT_EQUAL(SERVE(1, 0, 10, 0, 4), 3);
    CU_ASSERT_EQUAL(reply[2], 0x0b);
    image_done(&image);
}

static void identification_names_the_device(void)
{
    open_image(IMAGE_PLAIN);
    CU_ASSERT_TRUE(SERVE(43, 14, 1, 0) > 10);
    CU_ASSERT_EQUAL(reply[6], 3);
    CU_ASSERT_EQUAL(memcmp(reply + 9, "gatewayd", 8), 0);
    image_done(&image);
}

static void frames_are_taken_whole_and_checked(void)
{
    uint8_t rtu[8] = {1, 3, 0, 0, 0, 10};
    static const uint8_t tcp[12] = {0, 7, 0, 0, 0, 6, 9, 3, 0, 0, 0, 1};
    struct frame frame;
    uint16_t crc = frame_crc(rtu, 6);

    CU_ASSERT_EQUAL(crc, 0xcdc5); /* 01 03 00 00 00 0A C5 CD: the textbook's example */
    rtu[6] = (uint8_t)crc;
    rtu[7] = (uint8_t)(crc >> 8);
    CU_ASSERT_EQUAL(frame_parse(FRAME_RTU, rtu, 7, &frame), 0);
    CU_ASSERT_EQUAL(frame_parse(FRAME_RTU, rtu, 8, &frame), 8);
    CU_ASSERT_EQUAL(frame.len, 5);
    rtu[7] ^= 1;
    CU_ASSERT_EQUAL(frame_parse(FRAME_RTU, rtu, 8, &frame), -1);
    CU_ASSERT_EQUAL(frame_parse(FRAME_TCP, tcp, 11, &frame), 0);
    CU_ASSERT_EQUAL(frame_parse(FRAME_TCP, tcp, 12, &frame), 12);
    CU_ASSERT_EQUAL(frame.transaction, 7);
    CU_ASSERT_EQUAL(frame.unit, 9);
}

static void fault_words_are_understood_or_refused(void)
{
    struct fault fault = {0};
    unsigned value;
    char late[] = "late", ms[] = "350", once[] = "x1", bad[] = "bad";

    CU_ASSERT_EQUAL(fault_parse((char *[]){late, ms, once}, 3, &fault), 0);
    CU_ASSERT_EQUAL(fault_next(&fault, &value), FAULT_LATE);
    CU_ASSERT_EQUAL(value, 350);
    CU_ASSERT_EQUAL(fault_next(&fault, &value), FAULT_NONE);
    CU_ASSERT_TRUE(fault_parse((char *[]){late}, 1, &fault) < 0);
    CU_ASSERT_TRUE(fault_parse((char *[]){bad}, 1, &fault) < 0);
    CU_ASSERT_TRUE(fault_parse((char *[]){late, ms, bad}, 3, &fault) < 0);
}

static void no_spoiled_frame_passes_for_the_sound_one(void)
{
    static const struct frame request = {.kind = FRAME_RTU, .unit = 5};

    for (int kind = FAULT_GARBAGE; kind <= FAULT_CRC; kind++) {
        for (int i = 0; i < 50; i++) {
            uint8_t pdu[] = {3, 4, 1, 2, 3, 4}, sound[2 * FRAME_MAX],
                    bytes[2 * FRAME_MAX];
            size_t n = frame_wrap(&request, pdu, sizeof pdu, sound), len;

            len = fault_spoil_pdu((enum fault_kind)kind, pdu, sizeof pdu);
            len = frame_wrap(&request, pdu, len, bytes);
            len = fault_spoil_frame((enum fault_kind)kind, bytes, len, true);
            CU_ASSERT_FALSE(len == n && memcmp(bytes, sound, n) == 0);
        }
    }
}

static CU_TestInfo tests[] = {
    TEST(a_read_gives_the_registers_high_byte_first),
    TEST(every_poll_yields_another_value_that_names_the_device),
    TEST(what_does_not_exist_is_an_exception),
    TEST(cut_requests_never_read_beyond_their_end),
    TEST(what_was_written_is_read_back),
    TEST(identification_names_the_device),
    TEST(frames_are_taken_whole_and_checked),
    TEST(fault_words_are_understood_or_refused),
    TEST(no_spoiled_frame_passes_for_the_sound_one),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"devicesim", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
