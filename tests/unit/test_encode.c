/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the parts of forward: payloads, cursor, receipts, means. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/forward/cursor.h"
#include "gatewayd/forward/encode_json.h"
#include "gatewayd/forward/means.h"
#include "gatewayd/forward/receipt.h"
#include "lib/base/clock.h"
#include "tests/unit/suite.h"

static const struct encode_json_ids ids = {"home-017", "0011"};

static struct stored_value value_f64(const char *point, double number)
{
    return (struct stored_value){
        .point = point, .unit = "W", .value = {.type = GW_TYPE_FLOAT64, .v.d = number}};
}

static struct stored_value bad(const char *point, enum gw_quality quality)
{
    return (struct stored_value){.point = point, .unit = "", .quality = (uint8_t)quality};
}

static struct stored_record readings(uint64_t seq, uint32_t n,
                                     const struct stored_value *values)
{
    return (struct stored_record){.kind = STORED_READINGS,
                                  .seq = seq,
                                  .boot = "b1",
                                  .t_wall_ms = 1763760000123,
                                  .clock = CLOCK_SYNCED,
                                  .device = "grid-meter",
                                  .n_values = n,
                                  .values = values};
}

static void check_payload(const char *payload, size_t len, const char *expected)
{
    json_t *root;

    CU_ASSERT_PTR_NOT_NULL_FATAL(payload);
    CU_ASSERT_EQUAL(len, strlen(expected));
    CU_ASSERT_EQUAL(strncmp(payload, expected, len), 0);
    if (strncmp(payload, expected, len) != 0)
        fprintf(stderr, "got  %.*s\nwant %s\n", (int)len, payload, expected);
    root = json_loadb(payload, len, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL(root);
    json_decref(root);
}

static void check_readings(const struct stored_record *records, uint32_t n,
                           const uint64_t covers[2], const char *expected)
{
    struct strbuf buf;
    const char *payload;
    size_t len = 0;

    strbuf_init(&buf);
    encode_json_begin(&buf);
    for (uint32_t i = 0; i < n; i++)
        CU_ASSERT_TRUE(encode_json_record(&buf, &records[i], FORWARD_PAYLOAD_MAX));
    payload = encode_json_finish(&buf, &ids, "b1", covers, &len);
    check_payload(payload, len, expected);
    strbuf_done(&buf);
}

static void readings_message_is_as_the_contract_says(void)
{
    struct stored_value a[] = {value_f64("power_w", 1234.5),
                               value_f64("voltage_v", 101.2),
                               bad("energy_import_wh", GW_TIMEOUT)};
    struct stored_value b[] = {value_f64("power_w", -0.25)};
    struct stored_record records[] = {readings(1201, 3, a), readings(1203, 1, b)};
    const uint64_t covers[2] = {1201, 1225};

    records[1].period_ms = 60000;
    records[1].clock = CLOCK_HOLDOVER;
    check_readings(
        records, 2, covers,
        "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
        "\"covers\":[1201,1225],\"records\":[{\"seq\":1201,\"device\":\"grid-meter\","
        "\"t\":1763760000123,\"clock\":\"synced\",\"values\":{\"power_w\":1234.5,"
        "\"voltage_v\":101.2},\"quality\":{\"energy_import_wh\":\"timeout\"}},"
        "{\"seq\":1203,\"device\":\"grid-meter\",\"t\":1763760000123,\"clock\":"
        "\"holdover\","
        "\"period_ms\":60000,\"values\":{\"power_w\":-0.25}}]}");
}

static void message_without_records_closes_the_account(void)
{
    const uint64_t covers[2] = {5, 9};

    check_readings(NULL, 0, covers,
                   "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
                   "\"covers\":[5,9],\"records\":[]}");
}

static void every_type_of_value_is_json(void)
{
    struct stored_value values[] = {
        {.point = "a", .value = {.type = GW_TYPE_BOOL, .v.b = true}},
        {.point = "b", .value = {.type = GW_TYPE_INT, .v.i = -9007199254740993}},
        {.point = "c", .value = {.type = GW_TYPE_UINT, .v.u = UINT64_MAX}},
        {.point = "d", .value = {.type = GW_TYPE_FLOAT32, .v.f = 230.1f}},
        {.point = "e", .value = {.type = GW_TYPE_STRING, .v.s = "a\"b\xff"}},
        {.point = "f", .value = {.type = GW_TYPE_FLOAT64, .v.d = (double)NAN}},
        {.point = "g",
         .quality = GW_OUT_OF_RANGE,
         .value = {.type = GW_TYPE_FLOAT64, .v.d = (double)INFINITY}},
        {.point = "h", .quality = GW_UNCERTAIN, .value = {.type = GW_TYPE_INT, .v.i = 7}},
    };
    struct stored_record record = readings(1, 8, values);
    const uint64_t covers[2] = {1, 1};

    check_readings(
        &record, 1, covers,
        "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
        "\"covers\":[1,1],\"records\":[{\"seq\":1,\"device\":\"grid-meter\","
        "\"t\":1763760000123,\"clock\":\"synced\",\"values\":{\"a\":true,"
        "\"b\":\"-9007199254740993\",\"c\":\"18446744073709551615\",\"d\":230.1,"
        "\"e\":\"a\\\"b\\ufffd\",\"h\":7},\"quality\":{\"f\":\"uncertain\","
        "\"g\":\"out-of-range\",\"h\":\"uncertain\"}}]}");
}

static void check_single(const struct stored_record *record, const char *expected)
{
    struct strbuf buf;
    const char *payload;
    size_t len = 0;

    strbuf_init(&buf);
    payload = encode_json_single(&buf, &ids, record, &len);
    check_payload(payload, len, expected);
    strbuf_done(&buf);
}

static void event_gap_and_correction_are_as_documented(void)
{
    struct stored_record event = readings(7, 0, NULL), gap = event, correction = event;

    event.kind = STORED_EVENT;
    event.code = "device-offline";
    event.severity = "warning";
    event.text = "no reply";
    check_single(&event,
                 "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
                 "\"seq\":7,\"covers\":[7,7],\"t\":1763760000123,\"clock\":\"synced\","
                 "\"device\":\"grid-meter\",\"code\":\"device-offline\","
                 "\"severity\":\"warning\",\"text\":\"no reply\"}");
    gap.kind = STORED_GAP;
    gap.count = 312;
    gap.from_ms = 1000;
    gap.to_ms = 2000;
    gap.text = "channel-full";
    check_single(&gap,
                 "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
                 "\"seq\":[7,7],\"covers\":[7,7],\"device\":\"grid-meter\",\"count\":312,"
                 "\"from\":1000,\"to\":2000,\"reason\":\"channel-full\"}");
    correction.kind = STORED_CORRECTION;
    correction.of_clock = CLOCK_SYNCED;
    correction.seq_from = 2;
    correction.seq_to = 6;
    correction.add_ms = -1500;
    correction.error_ms = 20;
    check_single(&correction,
                 "{\"v\":1,\"gateway\":\"home-017\",\"epoch\":\"0011\",\"boot\":\"b1\","
                 "\"seq\":[2,6],\"covers\":[7,7],\"add_ms\":-1500,\"clock\":\"synced\","
                 "\"error_ms\":20}");
}

static void a_record_that_does_not_fit_leaves_the_buffer_as_it_was(void)
{
    struct stored_value values[] = {value_f64("power_w", 1), value_f64("voltage_v", 2)};
    struct stored_record record = readings(1, 2, values);
    struct strbuf buf;
    size_t before;

    strbuf_init(&buf);
    encode_json_begin(&buf);
    before = buf.len;
    CU_ASSERT_FALSE(encode_json_record(&buf, &record, before + 100));
    CU_ASSERT_EQUAL(buf.len, before);
    encode_json_record_cut(&buf, &record, before + 100);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf.data + before, "\"power_w\":1}}"));
    CU_ASSERT(buf.len <= before + 98);
    strbuf_done(&buf);
}

/* ---- cursor
 * ------------------------------------------------------------------------------ */

static void cursor_agrees_with_a_plain_set(void)
{
    static bool set[402];
    struct forward_cursor cursor = {.low = 0};
    uint64_t first, last, n_free = 400;

    memset(set, 0, sizeof set);
    srand(42);
    for (int step = 0; step < 3000 && n_free > 0; step++) {
        uint64_t a = 1 + (uint64_t)rand() % 400, b = a + (uint64_t)rand() % 4;
        bool news = false;

        b = b > 400 ? 400 : b;
        for (uint64_t i = a; i <= b; i++) {
            news |= !set[i];
            n_free -= !set[i];
            set[i] = true;
        }
        CU_ASSERT_EQUAL(cursor_add(&cursor, a, b), news);
        if (cursor.n_ranges == FORWARD_CURSOR_RANGES)
            break; /* from here on it may forget */
        CU_ASSERT_EQUAL(cursor_count_free(&cursor, 400), n_free);
        for (uint64_t i = 1; i <= 400; i++)
            CU_ASSERT_EQUAL(cursor_has(&cursor, i), set[i]);
        cursor_next_free(&cursor, a, &first, &last);
        CU_ASSERT(first > 400 || !set[first]);
        CU_ASSERT(last == CURSOR_SEQ_MAX || set[last + 1]);
    }
}

static void cursor_forgets_the_lowest_of_too_many_ranges(void)
{
    struct forward_cursor cursor = {.low = 10};

    for (uint64_t i = 0; i <= FORWARD_CURSOR_RANGES; i++)
        cursor_add(&cursor, 100 + 10 * i, 104 + 10 * i);
    CU_ASSERT_EQUAL(cursor.n_ranges, FORWARD_CURSOR_RANGES);
    CU_ASSERT_EQUAL(cursor.low, 10);
    CU_ASSERT_FALSE(cursor_has(&cursor, 100));
    CU_ASSERT_TRUE(cursor_has(&cursor, 110));
    CU_ASSERT_TRUE(cursor_has(&cursor, 100 + 10 * FORWARD_CURSOR_RANGES));
    cursor_add(&cursor, 50, 51);
    CU_ASSERT_FALSE(cursor_has(&cursor, 50));
    cursor_add(&cursor, 11, CURSOR_SEQ_MAX);
    CU_ASSERT_EQUAL(cursor.low, CURSOR_SEQ_MAX);
    CU_ASSERT_EQUAL(cursor.n_ranges, 0);
}

static void cursor_held_for_means_comes_back(void)
{
    struct forward_cursor cursor = {.low = 100};

    cursor_add(&cursor, 120, 130);
    cursor_hold(&cursor, 80);
    CU_ASSERT_EQUAL(cursor.low, 80);
    CU_ASSERT_EQUAL(cursor.n_ranges, 2);
    CU_ASSERT_TRUE(cursor_release(&cursor));
    CU_ASSERT_EQUAL(cursor.low, 100);
    CU_ASSERT_EQUAL(cursor.n_ranges, 1);
    CU_ASSERT_FALSE(cursor_release(&cursor));
}

/* ---- receipts
 * ---------------------------------------------------------------------------- */

static int parse(const char *json, struct receipt *ret)
{
    return receipt_parse(json, strlen(json), ret);
}

static void a_receipt_is_read(void)
{
    struct receipt receipt;

    CU_ASSERT_EQUAL_FATAL(parse("{\"v\":1,\"epoch\":\"ab\",\"upto\":1260,"
                                "\"missing\":[[1201,1210],[1220,1220]],\"more\":true}",
                                &receipt),
                          0);
    CU_ASSERT_EQUAL(receipt.upto, 1260);
    CU_ASSERT_EQUAL(receipt.n_missing, 2);
    CU_ASSERT_EQUAL(receipt.missing[0].first, 1201);
    CU_ASSERT_EQUAL(receipt.missing[1].last, 1220);
    CU_ASSERT_EQUAL(parse("{\"v\":1,\"epoch\":\"ab\",\"upto\":0}", &receipt), 0);
}

static void broken_receipts_are_refused(void)
{
    static const char *const broken[] = {
        "",
        "7",
        "[]",
        "{}",
        "{\"v\":2,\"epoch\":\"a\",\"upto\":1}",
        "{\"v\":1,\"epoch\":5,\"upto\":1}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":-1}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":1.5}",
        "{\"v\":1,\"epoch\":\"a\"}",
        "{\"v\":1,\"epoch\":\"0123456789012345678901234567890123\",\"upto\":1}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":{}}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":[[3,2]]}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":[[0,2]]}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":[[3,10]]}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":[[5,6],[3,4]]}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"missing\":[[5]]}",
        "{\"v\":1,\"epoch\":\"a\",\"upto\":9,\"upto\":10}",
    };
    struct receipt receipt;

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CU_ASSERT_EQUAL(parse(broken[i], &receipt), -EINVAL);
}

static void a_receipt_with_too_many_holes_claims_less(void)
{
    struct receipt receipt;
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_puts(&buf, "{\"v\":1,\"epoch\":\"a\",\"upto\":9999,\"missing\":[[1,1]");
    for (int i = 1; i < 400; i++)
        strbuf_printf(&buf, ",[%d,%d]", 10 * i, 10 * i + 1);
    strbuf_puts(&buf, "]}");
    CU_ASSERT_EQUAL(receipt_parse(buf.data, buf.len, &receipt), 0);
    CU_ASSERT_EQUAL(receipt.n_missing, RECEIPT_MISSING_MAX);
    CU_ASSERT_EQUAL(receipt.upto, 10 * RECEIPT_MISSING_MAX - 1);
    strbuf_done(&buf);
}

/* ---- means
 * ------------------------------------------------------------------------------- */

static void add(struct means *means, uint64_t seq, int64_t t_ms, uint32_t n,
                const struct stored_value *values)
{
    struct stored_record record = readings(seq, n, values);

    record.t_wall_ms = t_ms;
    CU_ASSERT_EQUAL(means_add(means, &record, 60000, 0), 0);
}

static void means_are_of_good_numbers_and_the_rest_is_the_last(void)
{
    struct means *means = means_new();
    struct stored_value first[] = {
        value_f64("power_w", 10),
        value_f64("energy_wh", 100),
        {.point = "on", .value = {.type = GW_TYPE_BOOL, .v.b = true}},
        {.point = "mode", .value = {.type = GW_TYPE_STRING, .v.s = "eco"}},
        bad("soc_permille", GW_TIMEOUT)};
    struct stored_value second[] = {
        value_f64("power_w", 20),
        value_f64("energy_wh", 107),
        {.point = "on", .value = {.type = GW_TYPE_BOOL}},
        {.point = "mode", .value = {.type = GW_TYPE_STRING, .v.s = "boost"}},
        bad("soc_permille", GW_LINK_DOWN)};
    struct stored_value third[] = {bad("power_w", GW_TIMEOUT)};
    const struct mean *mean;

    add(means, 5, 120000, 5, first);
    add(means, 7, 150000, 5, second);
    add(means, 9, 179999, 1, third);
    CU_ASSERT_EQUAL(means_n_ready(means), 0);
    CU_ASSERT_EQUAL(means_undecided(means, 1), 9);
    add(means, 11, 180000, 1, third);
    CU_ASSERT_EQUAL_FATAL(means_n_ready(means), 1);
    mean = means_ready(means, 0);
    CU_ASSERT_EQUAL(mean->record.seq, 9);
    CU_ASSERT_EQUAL(mean->first_seq, 5);
    CU_ASSERT_EQUAL(mean->record.t_wall_ms, 120000);
    CU_ASSERT_EQUAL(mean->record.period_ms, 60000);
    CU_ASSERT_EQUAL_FATAL(mean->record.n_values, 5);
    CU_ASSERT_EQUAL(mean->record.values[0].value.v.d, 15);
    CU_ASSERT_EQUAL(mean->record.values[0].quality, GW_GOOD);
    CU_ASSERT_EQUAL(mean->record.values[1].value.v.d, 107);
    CU_ASSERT_EQUAL(mean->record.values[2].value.v.b, false);
    CU_ASSERT_STRING_EQUAL(mean->record.values[3].value.v.s, "boost");
    CU_ASSERT_EQUAL(mean->record.values[4].quality, GW_LINK_DOWN);
    CU_ASSERT_EQUAL(mean->record.values[4].value.type, GW_TYPE_NONE);
    CU_ASSERT_EQUAL(means_first_seq(means), 5);
    means_drop(means, 9, 9);
    CU_ASSERT_EQUAL(means_first_seq(means), 11);
    means_free(means);
}

static void means_close_when_due_and_stand_in_order(void)
{
    struct means *means = means_new();
    struct stored_value value = value_f64("power_w", 1);
    struct stored_record other = readings(4, 1, &value);

    add(means, 5, 120000, 1, &value);
    other.device = "pv";
    other.t_wall_ms = 121000;
    CU_ASSERT_EQUAL(means_add(means, &other, 60000, 0), 0);
    means_close_due(means, 180000, 0, 15000);
    CU_ASSERT_EQUAL(means_n_ready(means), 0);
    means_close_due(means, 195000, 0, 15000);
    CU_ASSERT_EQUAL_FATAL(means_n_ready(means), 2);
    CU_ASSERT_EQUAL(means_ready(means, 0)->record.seq, 4);
    CU_ASSERT_EQUAL(means_ready(means, 1)->record.seq, 5);
    CU_ASSERT_EQUAL(means_undecided(means, 0), UINT64_MAX);
    means_free(means);
}

static void means_close_though_the_wall_clock_stands_wrong(void)
{
    struct means *means = means_new();
    struct stored_value value = value_f64("power_w", 1);

    add(means, 5, INT64_C(4102444800000), 1, &value); /* a clock in the year 2100 */
    means_close_due(means, 1763760000000, 74 * CLOCK_NS_PER_S, 15000);
    CU_ASSERT_EQUAL(means_n_ready(means), 0);
    means_close_due(means, 1763760000000, 75 * CLOCK_NS_PER_S, 15000);
    CU_ASSERT_EQUAL(means_n_ready(means), 1);
    means_free(means);
}

static void means_equal_a_brute_force(void)
{
    struct means *means = means_new();
    double total[20] = {0};
    int n[20] = {0};
    uint64_t seq = 0, last[20] = {0};
    const struct mean *mean;

    srand(7);
    for (int64_t t_ms = 0; t_ms < 20 * 60000; t_ms += 1000 + rand() % 5000) {
        double number = (rand() % 100000) / 10.0;
        struct stored_value value = value_f64("power_w", number);

        add(means, ++seq, t_ms, 1, &value);
        total[t_ms / 60000] += number;
        n[t_ms / 60000]++;
        last[t_ms / 60000] = seq;
    }
    means_close_due(means, INT64_MAX, 0, 0);
    CU_ASSERT_EQUAL_FATAL(means_n_ready(means), 20);
    for (uint32_t i = 0; i < 20; i++) {
        mean = means_ready(means, i);
        CU_ASSERT_DOUBLE_EQUAL(mean->record.values[0].value.v.d, total[i] / n[i], 1e-9);
        CU_ASSERT_EQUAL(mean->record.seq, last[i]);
        CU_ASSERT_EQUAL(mean->record.t_wall_ms, (int64_t)i * 60000);
    }
    means_free(means);
}

static CU_TestInfo tests[] = {
    TEST(readings_message_is_as_the_contract_says),
    TEST(message_without_records_closes_the_account),
    TEST(every_type_of_value_is_json),
    TEST(event_gap_and_correction_are_as_documented),
    TEST(a_record_that_does_not_fit_leaves_the_buffer_as_it_was),
    TEST(cursor_agrees_with_a_plain_set),
    TEST(cursor_forgets_the_lowest_of_too_many_ranges),
    TEST(cursor_held_for_means_comes_back),
    TEST(a_receipt_is_read),
    TEST(broken_receipts_are_refused),
    TEST(a_receipt_with_too_many_holes_claims_less),
    TEST(means_are_of_good_numbers_and_the_rest_is_the_last),
    TEST(means_close_when_due_and_stand_in_order),
    TEST(means_close_though_the_wall_clock_stands_wrong),
    TEST(means_equal_a_brute_force),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"encode", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
