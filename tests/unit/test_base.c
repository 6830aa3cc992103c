/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/base and lib/model: numbers, strings, values, batches. */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/decimal.h"
#include "lib/base/sha256.h"
#include "lib/base/strbuf.h"
#include "lib/base/tar.h"
#include "lib/base/thread.h"
#include "lib/model/record.h"
#include "tests/unit/suite.h"

static void sums_are_those_of_the_standard(void)
{
    /* FIPS 180-4 examples, and a million times 'a' in odd pieces */
    static const struct {
        const char *text, *hex;
    } table[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[SHA256_HEX], piece[97];
    struct sha256 sum;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        sha256_init(&sum);
        sha256_add(&sum, table[i].text, strlen(table[i].text));
        sha256_finish(&sum, hex);
        CU_ASSERT_STRING_EQUAL(hex, table[i].hex);
    }
    memset(piece, 'a', sizeof piece);
    sha256_init(&sum);
    for (size_t left = 1000000, n; left > 0; left -= n) {
        n = left < sizeof piece ? left : sizeof piece;
        sha256_add(&sum, piece, n);
    }
    sha256_finish(&sum, hex);
    CU_ASSERT_STRING_EQUAL(
        hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void heads_of_archives_read_back_or_are_refused(void)
{
    struct tar_entry entry = {
        .name = "config/x.yaml", .size = 12345, .t_wall_s = 1763760000};
    struct tar_entry back;
    uint8_t head[TAR_BLOCK], zeros[TAR_BLOCK] = {0};

    CU_ASSERT_TRUE(tar_put_head(&entry, head));
    CU_ASSERT_EQUAL(tar_get_head(head, &back), 1);
    CU_ASSERT_STRING_EQUAL(back.name, entry.name);
    CU_ASSERT_EQUAL(back.size, entry.size);
    CU_ASSERT_EQUAL(back.t_wall_s, entry.t_wall_s);
    CU_ASSERT_EQUAL(tar_get_head(zeros, &back), 0);
    head[3] ^= 1;
    CU_ASSERT_TRUE(tar_get_head(head, &back) < 0);
    entry.size = UINT64_C(1) << 40;
    CU_ASSERT_FALSE(tar_put_head(&entry, head));
    CU_ASSERT_EQUAL(tar_padding(512), 0);
    CU_ASSERT_EQUAL(tar_padding(513), 511);
}

static char *double_text(double value)
{
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_put_double(&buf, value);
    return strbuf_take(&buf);
}

static void check_double(double value, const char *expected)
{
    char *text = double_text(value);

    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static void numbers_print_shortest(void)
{
    check_double(230.1, "230.1");
    check_double(-0.05, "-0.05");
    check_double(0, "0");
    check_double(1e-7, "0.0000001");
    check_double(1.5e300, "1.5e+300");
    check_double((double)NAN, "null");
}

static void every_double_reads_back_equal(void)
{
    unsigned short seed[3] = {1, 2, 3};

    for (int i = 0; i < 20000; i++) {
        uint64_t bits = ((uint64_t)jrand48(seed) << 32) ^ (uint32_t)jrand48(seed);
        double value;
        char *text;

        memcpy(&value, &bits, sizeof value);
        if (i % 2)
            value = (double)(int32_t)bits / 1000;
        if (!isfinite(value))
            continue;
        text = double_text(value);
        CU_ASSERT_EQUAL(strtod(text, NULL), value);
        free(text);
    }
}

static void every_float_reads_back_equal(void)
{
    unsigned short seed[3] = {4, 5, 6};
    struct strbuf buf;

    strbuf_init(&buf);
    for (int i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)jrand48(seed);
        float value;

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        strbuf_clear(&buf);
        strbuf_put_float(&buf, value);
        CU_ASSERT_TRUE(strtof(buf.data, NULL) == value);
    }
    strbuf_clear(&buf);
    strbuf_put_float(&buf, 230.1f);
    CU_ASSERT_STRING_EQUAL(buf.data, "230.1");
    strbuf_done(&buf);
}

static void json_strings_are_escaped_and_valid_utf8(void)
{
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_put_json_string(&buf, "a\"b\\c\n\x80\xE9\x9B\xBB" "d");
    CU_ASSERT_STRING_EQUAL(buf.data, "\"a\\\"b\\\\c\\u000a\\ufffd\xE9\x9B\xBB" "d\"");
    strbuf_done(&buf);
}

static void scaling_by_a_tenth_gives_the_decimal_number(void)
{
    for (int raw = -5000; raw <= 5000; raw++) {
        struct gw_value value = {.type = GW_TYPE_INT, .v.i = raw};
        int64_t digits;
        unsigned exponent;

        value = value_scale(value, 0.1, 0);
        CU_ASSERT_EQUAL_FATAL(value.type, GW_TYPE_FLOAT64);
        CU_ASSERT_TRUE(decimal_from_double(value.v.d, &digits, &exponent));
        CU_ASSERT_TRUE(exponent <= 1);
        CU_ASSERT_EQUAL(value_unscale(value.v.d, 0.1, 0, false).v.i, raw);
    }
}

static void whole_scales_keep_integers(void)
{
    struct gw_value value = {.type = GW_TYPE_UINT, .v.u = 65535};

    value = value_scale(value, -10, 5);
    CU_ASSERT_EQUAL(value.type, GW_TYPE_INT);
    CU_ASSERT_EQUAL(value.v.i, -655345);
}

static void big_integers_become_strings_in_json(void)
{
    struct gw_value value = {.type = GW_TYPE_UINT, .v.u = UINT64_MAX};
    struct strbuf buf;

    strbuf_init(&buf);
    value_put_json(&value, &buf);
    CU_ASSERT_STRING_EQUAL(buf.data, "\"18446744073709551615\"");
    strbuf_done(&buf);
}

static void a_batch_keeps_its_own_strings(void)
{
    struct catalog *catalog = catalog_new(1, 0);
    struct record_batch *batch = record_batch_new(catalog);
    char text[400];
    struct gw_value value = {.type = GW_TYPE_STRING, .v.s = text};

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    record_batch_begin(batch, 0, 7);
    record_batch_add(batch, 3, GW_GOOD, 0, &value);
    text[0] = 'y';
    CU_ASSERT_FALSE(batch->failed);
    CU_ASSERT_EQUAL(batch->readings[0].value.v.s[0], 'x');
    CU_ASSERT_EQUAL(strlen(batch->readings[0].value.v.s), VALUE_STRING_MAX);
    CU_ASSERT_EQUAL(batch->records[0].n_readings, 1);
    record_batch_free(batch);
    catalog_unref(catalog);
}

/* ---- is the clock in step? ---- */

static void where_no_file_tells_of_the_clock_the_kernel_does(void)
{
    clock_fake_sync("/nonexistent/synchronized", 0);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_UNSET);
    clock_fake_sync("/nonexistent/synchronized", 1);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_SYNCED);
    clock_fake_sync(NULL, -1);
}

static void a_given_file_alone_tells_of_the_clock(void)
{
    clock_fake_sync(NULL, 1);
    clock_set_sync_file("/nonexistent/synchronized");
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_UNSET);
    clock_set_sync_file("/proc/self"); /* made just now */
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_SYNCED);
    clock_fake_sync(NULL, -1);
}

/* A file that is there is asked alone, too: one that is older than the boot says no. */
static void a_file_from_before_the_boot_does_not_count(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    char path[] = "/tmp/gatewayd-sync-XXXXXX";
    int fd = mkstemp(path);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    clock_fake_sync(path, 1);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_SYNCED);
    CU_ASSERT_EQUAL(futimens(fd, times), 0);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_UNSET);
    clock_fake_sync(NULL, -1);
    close(fd);
    unlink(path);
}

static void a_clock_that_was_in_step_stays_trusted_without_its_server(void)
{
    clock_fake_sync("/nonexistent/synchronized", 1);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_SYNCED);
    clock_fake_sync("/nonexistent/synchronized", 0);
    CU_ASSERT_EQUAL(clock_trust_now(), CLOCK_SYNCED);
    clock_fake_sync(NULL, -1);
}

static void *note_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

/* Else a SIGTERM could end up where nobody looks, and a write of a thread with EINTR. */
static void a_thread_takes_no_signals_and_its_maker_those_of_before(void)
{
    sigset_t mask, before, after;
    pthread_t thread;

    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CU_ASSERT_EQUAL_FATAL(thread_start(note_mask, &mask, 64 << 10, &thread), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(sigismember(&mask, SIGTERM), 1);
    CU_ASSERT_EQUAL(sigismember(&mask, SIGINT), 1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CU_ASSERT_EQUAL(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

static CU_TestInfo tests[] = {
    TEST(sums_are_those_of_the_standard),
    TEST(heads_of_archives_read_back_or_are_refused),
    TEST(numbers_print_shortest),
    TEST(every_double_reads_back_equal),
    TEST(every_float_reads_back_equal),
    TEST(json_strings_are_escaped_and_valid_utf8),
    TEST(scaling_by_a_tenth_gives_the_decimal_number),
    TEST(whole_scales_keep_integers),
    TEST(big_integers_become_strings_in_json),
    TEST(a_batch_keeps_its_own_strings),
    TEST(where_no_file_tells_of_the_clock_the_kernel_does),
    TEST(a_given_file_alone_tells_of_the_clock),
    TEST(a_file_from_before_the_boot_does_not_count),
    TEST(a_clock_that_was_in_step_stays_trusted_without_its_server),
    TEST(a_thread_takes_no_signals_and_its_maker_those_of_before),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"base", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
