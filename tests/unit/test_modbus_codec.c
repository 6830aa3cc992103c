/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the codec: every type in every order with every sign, there and back. */
#include <math.h>
#include <string.h>

#include "plugins/modbus/codec.h"
#include "plugins/modbus/frame.h"
#include "tests/unit/suite.h"

static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA"};

/* The bytes as the device means them (A first), and the value. */
struct sample {
    enum codec_type type;
    uint8_t n_registers;
    uint8_t bytes[8];
    struct gw_value value;
};

#define INT(n)                                                                           \
    {                                                                                    \
        .type = GW_TYPE_INT, .v.i = n                                                    \
    }
#define UINT(n)                                                                          \
    {                                                                                    \
        .type = GW_TYPE_UINT, .v.u = n                                                   \
    }

static const struct sample samples[] = {
    {CODEC_INT16, 1, {0x12, 0x34}, INT(0x1234)},
    {CODEC_INT16, 1, {0xff, 0xfe}, INT(-2)},
    {CODEC_INT16, 1, {0x80, 0x00}, INT(-32768)},
    {CODEC_UINT16, 1, {0xff, 0xfe}, UINT(65534)},
    {CODEC_INT32, 2, {0x12, 0x34, 0x56, 0x78}, INT(0x12345678)},
    {CODEC_INT32, 2, {0xff, 0xff, 0xff, 0xfe}, INT(-2)},
    {CODEC_INT32, 2, {0x80, 0, 0, 0}, INT(INT32_MIN)},
    {CODEC_UINT32, 2, {0xff, 0xff, 0xff, 0xfe}, UINT(0xfffffffe)},
    {CODEC_INT64, 4, {1, 2, 3, 4, 5, 6, 7, 8}, INT(0x0102030405060708)},
    {CODEC_INT64, 4, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}, INT(-2)},
    {CODEC_INT64, 4, {0x80}, INT(INT64_MIN)},
    {CODEC_UINT64,
     4,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe},
     UINT(UINT64_MAX - 1)},
    {CODEC_FLOAT32, 2, {0x3f, 0xc0, 0, 0}, {.type = GW_TYPE_FLOAT32, .v.f = 1.5f}},
    {CODEC_FLOAT32, 2, {0xc3, 0x66, 0x40, 0}, {.type = GW_TYPE_FLOAT32, .v.f = -230.25f}},
    {CODEC_FLOAT64, 4, {0xbf, 0xf4}, {.type = GW_TYPE_FLOAT64, .v.d = -1.25}},
};

/* Lays the sample's bytes out in this order, spelt independently of the codec: letters of
 * the order name the bytes of a 32-bit value; longer ones follow the same rule. */
static void lay_out(const struct sample *sample, int order, uint8_t *ret)
{
    unsigned n = sample->n_registers * 2u;

    for (unsigned i = 0; i < n; i++) {
        unsigned word = i / 2, byte = i % 2;
        unsigned from_word = order == 1 || order == 3 ? n / 2 - 1 - word : word;

        ret[i] = sample->bytes[from_word * 2 + (order >= 2 ? 1 - byte : byte)];
    }
}

static struct codec_point make_point(enum codec_type type, const char *order)
{
    struct codec_point point = {.table = CODEC_HOLDING, .type = type};

    CU_ASSERT_FATAL(codec_set_order(&point, order));
    CU_ASSERT_PTR_NULL_FATAL(codec_complete(&point));
    return point;
}

static bool is_equal(const struct gw_value *a, const struct gw_value *b)
{
    return a->type == b->type &&
           (a->type == GW_TYPE_FLOAT32 ? a->v.f == b->v.f
                                       : !memcmp(&a->v.u, &b->v.u, sizeof(a->v.u)));
}

static void every_type_reads_right_in_every_order(void)
{
    char text[CODEC_STRING_SIZE];

    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        for (int order = 0; order < 4; order++) {
            struct codec_point point = make_point(samples[i].type, orders[order]);
            struct gw_value value;
            uint8_t data[8];

            lay_out(&samples[i], order, data);
            CU_ASSERT_EQUAL(point.count, samples[i].n_registers);
            CU_ASSERT_EQUAL(codec_decode(&point, data, 0, text, &value), GW_GOOD);
            CU_ASSERT(is_equal(&value, &samples[i].value));
        }
}

static void every_type_is_written_as_it_is_read(void)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        for (int order = 0; order < 4; order++) {
            struct codec_point point = make_point(samples[i].type, orders[order]);
            uint8_t data[8], wanted[8];

            lay_out(&samples[i], order, wanted);
            CU_ASSERT_PTR_NULL(codec_encode(&point, &samples[i].value, data));
            CU_ASSERT_EQUAL(memcmp(data, wanted, samples[i].n_registers * 2u), 0);
        }
}

static void letters_of_an_order_name_bytes(void)
{
    static const uint8_t wire[4][4] = {
        {0xa, 0xb, 0xc, 0xd},
        {0xc, 0xd, 0xa, 0xb},
        {0xb, 0xa, 0xd, 0xc},
        {0xd, 0xc, 0xb, 0xa}
    };
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    for (int i = 0; i < 4; i++) {
        struct codec_point point = make_point(CODEC_UINT32, orders[i]);

        CU_ASSERT_EQUAL(codec_decode(&point, wire[i], 0, text, &value), GW_GOOD);
        CU_ASSERT_EQUAL(value.v.u, 0x0a0b0c0d);
    }
}

static void nan_and_infinity_are_no_values(void)
{
    static const uint8_t bad[][8] = {
        {0x7f, 0xc0},
        {0x7f, 0x80},
        {0xff, 0x80},
        {0x7f, 0xf0},
        {0xff, 0xf8}
    };
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    for (int i = 0; i < 5; i++) {
        struct codec_point point =
            make_point(i < 3 ? CODEC_FLOAT32 : CODEC_FLOAT64, "ABCD");

        CU_ASSERT_EQUAL(codec_decode(&point, bad[i], 0, text, &value), GW_OUT_OF_RANGE);
        CU_ASSERT_EQUAL(value.type, GW_TYPE_NONE);
    }
}

static void an_invalid_code_is_no_value(void)
{
    static const struct {
        const char *codes;
        enum codec_type type;
        uint8_t bytes[8];
        bool is_invalid;
    } cases[] = {
        {"0x8000", CODEC_INT16, {0x80, 0}, true},
        {"-32768", CODEC_INT16, {0x80, 0}, true},
        {"1,3,10-12", CODEC_UINT16, {0, 11}, true},
        {"1,3,10-12", CODEC_UINT16, {0, 2}, false},
        {"0xffffffffffffffff",
         CODEC_UINT64,
         {255, 255, 255, 255, 255, 255, 255, 255},
         true},
        {"-1", CODEC_INT32, {255, 255, 255, 255}, true},
        {"65535", CODEC_UINT32, {255, 255, 255, 255}, false},
        {"0x7fc00001", CODEC_FLOAT32, {0x7f, 0xc0, 0, 1}, true},
        {"-3--1", CODEC_INT16, {255, 254}, true},
        {"-3--1", CODEC_INT16, {255, 252}, false},
    };
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct codec_point point = make_point(cases[i].type, "ABCD");

        CU_ASSERT_EQUAL_FATAL(ranges_parse(cases[i].codes, 0, &point.invalid), 0);
        CU_ASSERT_EQUAL(codec_decode(&point, cases[i].bytes, 0, text, &value),
                        cases[i].is_invalid ? GW_OUT_OF_RANGE : GW_GOOD);
        ranges_done(&point.invalid);
    }
}

static void lists_that_are_none_are_refused(void)
{
    static const char *const bad[] = {"x",   "1,,x", "1-",
                                      "5-3", "1;2",  "99999999999999999999"};
    struct ranges ranges;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CU_ASSERT_NOT_EQUAL(ranges_parse(bad[i], 0, &ranges), 0);
    CU_ASSERT_EQUAL(ranges_parse(NULL, 0, &ranges), 0);
    CU_ASSERT_EQUAL(ranges.n, 0);
    CU_ASSERT_EQUAL(ranges_parse("40001-40003", -1, &ranges), 0);
    CU_ASSERT(ranges_touch(&ranges, 40000, 40000));
    CU_ASSERT(!ranges_touch(&ranges, 40003, 50000));
    ranges_done(&ranges);
}

static void bits_of_a_register_are_cut_out(void)
{
    static const uint8_t data[] = {0xa5, 0x3c};
    struct codec_point field = {.table = CODEC_HOLDING,
                                .type = CODEC_BITS,
                                .has_bit = true,
                                .bit = 2,
                                .length = 4};
    struct codec_point flag = {
        .table = CODEC_HOLDING, .type = CODEC_BOOL, .has_bit = true, .bit = 15};
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    CU_ASSERT_PTR_NULL(codec_complete(&field));
    CU_ASSERT_PTR_NULL(codec_complete(&flag));
    CU_ASSERT_EQUAL(codec_decode(&field, data, 0, text, &value), GW_GOOD);
    CU_ASSERT_EQUAL(value.v.u, 15);
    CU_ASSERT_EQUAL(codec_decode(&flag, data, 0, text, &value), GW_GOOD);
    CU_ASSERT(value.type == GW_TYPE_BOOL && value.v.b);
    flag.bit = 14;
    CU_ASSERT_EQUAL(codec_decode(&flag, data, 0, text, &value), GW_GOOD);
    CU_ASSERT(!value.v.b);
    field.bytes_swapped = true;
    CU_ASSERT_EQUAL(codec_decode(&field, data, 0, text, &value), GW_GOOD);
    CU_ASSERT_EQUAL(value.v.u, 9);
    CU_ASSERT_EQUAL(codec_bit_mask(&field), 0x3c00);
    field.bit = 14;
    CU_ASSERT_PTR_NOT_NULL(codec_complete(&field));
}

static void coils_are_counted_from_the_first_bit(void)
{
    static const uint8_t data[] = {0x01, 0x82};
    struct codec_point point = {.table = CODEC_COIL, .type = CODEC_BOOL};
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    CU_ASSERT_PTR_NULL(codec_complete(&point));
    for (uint32_t bit = 0; bit < 16; bit++) {
        CU_ASSERT_EQUAL(codec_decode(&point, data, bit, text, &value), GW_GOOD);
        CU_ASSERT_EQUAL(value.v.b, bit == 0 || bit == 9 || bit == 15);
    }
    point.type = CODEC_BITS;
    point.length = 8;
    CU_ASSERT_PTR_NULL(codec_complete(&point));
    CU_ASSERT_EQUAL(codec_decode(&point, data, 8, text, &value), GW_GOOD);
    CU_ASSERT_EQUAL(value.v.u, 0x82);
}

static void strings_end_at_nul_and_hold_only_utf8(void)
{
    static const struct {
        uint8_t bytes[9];
        const char *order, *text;
    } cases[] = {
        {"PUMP 7  ",             "ABCD", "PUMP 7"        },
        {"AB\0XYZZ",             "ABCD", "AB"            },
        {"UPPM7 AB",             "BADC", "PUMP 7BA"      },
        {"caf\xc3\xa9 \xff.",    "ABCD", "caf\xc3\xa9 ?."},
        {"\xe2\x82",             "ABCD", "??"            },
        {"\xc0\xaf\xed\xa0\x80", "ABCD", "?????"         },
        {"a\tb\x7f",             "ABCD", "a?b?"          },
    };
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct codec_point point = {
            .table = CODEC_INPUT, .type = CODEC_STRING, .length = 4};

        codec_set_order(&point, cases[i].order);
        CU_ASSERT_PTR_NULL_FATAL(codec_complete(&point));
        CU_ASSERT_EQUAL(codec_decode(&point, cases[i].bytes, 0, text, &value), GW_GOOD);
        CU_ASSERT_STRING_EQUAL(value.v.s, cases[i].text);
    }
}

/* A value that does not fit is refused, never cut. */
static void a_value_that_does_not_fit_is_not_written(void)
{
    static const struct {
        enum codec_type type;
        double value;
        bool fits;
    } cases[] = {
        {CODEC_UINT16,  65535,            true },
        {CODEC_UINT16,  65536,            false},
        {CODEC_UINT16,  -1,               false},
        {CODEC_UINT16,  -0.4,             true },
        {CODEC_INT16,   32767,            true },
        {CODEC_INT16,   32768,            false},
        {CODEC_INT16,   -32768,           true },
        {CODEC_INT16,   -32769,           false},
        {CODEC_INT32,   3e9,              false},
        {CODEC_UINT32,  3e9,              true },
        {CODEC_INT64,   1e19,             false},
        {CODEC_UINT64,  1e19,             true },
        {CODEC_UINT64,  2e19,             false},
        {CODEC_FLOAT32, 1e39,             false},
        {CODEC_FLOAT32, 1e38,             true },
        {CODEC_FLOAT64, (double)NAN,      false},
        {CODEC_INT16,   (double)NAN,      false},
        {CODEC_INT16,   (double)INFINITY, false},
    };
    uint8_t data[8];

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct codec_point point = make_point(cases[i].type, "ABCD");
        struct gw_value value = {.type = GW_TYPE_FLOAT64, .v.d = cases[i].value};

        CU_ASSERT_EQUAL(codec_encode(&point, &value, data) == NULL, cases[i].fits);
    }
}

static void a_scaled_number_is_rounded_to_the_register(void)
{
    struct codec_point point = make_point(CODEC_UINT16, "ABCD");
    struct gw_value value = {.type = GW_TYPE_FLOAT64, .v.d = 229.99999999999997};
    uint8_t data[2];

    CU_ASSERT_PTR_NULL(codec_encode(&point, &value, data));
    CU_ASSERT_EQUAL(data[1], 230);
}

/* Each reply to "read 2 holding registers at 16" and to "write 1 to register 16". */
static void a_reply_is_taken_only_for_its_request(void)
{
    static const uint8_t read[] = {3, 0, 16, 0, 2}, write[] = {6, 0, 16, 0, 1};
    static const struct {
        const uint8_t *request;
        uint8_t reply[8];
        uint8_t len;
        int result;
    } cases[] = {
        {read,  {3, 4, 1, 2, 3, 4},    6, 0 },
        {read,  {0x83, 2},             2, 2 },
        {read,  {4, 4, 1, 2, 3, 4},    6, -1},
        {read,  {3, 2, 1, 2},          4, -1},
        {read,  {3, 6, 1, 2, 3, 4},    6, -1},
        {read,  {3, 4, 1, 2, 3, 4, 5}, 7, -1},
        {read,  {0x84, 2},             2, -1},
        {read,  {0x83, 0},             2, -1},
        {read,  {3},                   1, -1},
        {write, {6, 0, 16, 0, 1},      5, 0 },
        {write, {6, 0, 17, 0, 1},      5, -1},
        {write, {6, 0, 16, 0, 2},      5, -1},
        {write, {0x86, 3},             2, 3 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int rc = frame_check(cases[i].request, 5, cases[i].reply, cases[i].len);

        CU_ASSERT_EQUAL(rc < 0 ? -1 : rc, cases[i].result);
    }
}

static void the_crc_is_that_of_the_standard(void)
{
    static const uint8_t frame[] = {0x02, 0x07};

    CU_ASSERT_EQUAL(frame_crc(frame, 2), 0x1241);
}

static CU_TestInfo tests[] = {
    TEST(every_type_reads_right_in_every_order),
    TEST(every_type_is_written_as_it_is_read),
    TEST(letters_of_an_order_name_bytes),
    TEST(nan_and_infinity_are_no_values),
    TEST(an_invalid_code_is_no_value),
    TEST(lists_that_are_none_are_refused),
    TEST(bits_of_a_register_are_cut_out),
    TEST(coils_are_counted_from_the_first_bit),
    TEST(strings_end_at_nul_and_hold_only_utf8),
    TEST(a_value_that_does_not_fit_is_not_written),
    TEST(a_scaled_number_is_rounded_to_the_register),
    TEST(a_reply_is_taken_only_for_its_request),
    TEST(the_crc_is_that_of_the_standard),
    CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
    {"modbus_codec", NULL, NULL, NULL, NULL, tests},
    CU_SUITE_INFO_NULL,
};

int main(void)
{
    return suite_run(suites);
}
