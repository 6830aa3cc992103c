/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the modbus plugin against devices that misbehave: no reading may ever be good
 * and wrong, and the link must come back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugins/modbus/guard.h"
#include "tests/contract/modbus_host.h"
#include "tests/unit/modbus_fake.h"
#include "tests/unit/suite.h"

#define PATIENT "timeout=5000" /* a test that waits for this long has failed */
#define HASTY "timeout=15"

static struct modbus_fake *fake;
static struct modbus_host *host;
static const char *device_text = "unit=5 max_gap=0";

/* A device of `n` points of one register each, at `step` registers' distance from 10 on.
 */
static void start(enum modbus_fake_kind kind, const char *bus, unsigned n, unsigned step)
{
    char text[256];

    fake = modbus_fake_new(kind);
    if (kind == FAKE_PTY)
        snprintf(text, sizeof(text),
                 "transport=rtu device=pty baud=115200 byte_timeout=20 late_reply=3 %s",
                 bus);
    else
        snprintf(text, sizeof(text),
                 "transport=%s host=localhost port=%u baud=115200 byte_timeout=20 "
                 "late_reply=3 %s",
                 kind == FAKE_TCP ? "tcp" : "rtu-over-tcp", modbus_fake_port(fake), bus);
    host = modbus_host_new(gw_plugin_init(GW_PLUGIN_ABI), text, device_text,
                           modbus_fake_fd(fake));
    host->is_quiet = true;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "address=%u", 10 + i * step);
        modbus_host_add_point(host, text);
    }
    CU_ASSERT_EQUAL_FATAL(modbus_host_start(host), GW_OK);
}

static void stop(void)
{
    modbus_host_free(host);
    modbus_fake_free(fake);
}

/* Number of good readings; each must be the value of its address now. */
static unsigned count_good(unsigned step, unsigned generation)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < host->device.n_points; i++) {
        const struct modbus_host_reading *reading = &host->sink.readings[i];

        if (!reading->n_emitted || reading->quality != GW_GOOD)
            continue;
        n++;
        if (reading->value.v.u != modbus_fake_value(10 + i * step, generation))
            CU_FAIL("a good reading with a wrong value");
    }
    return n;
}

static const enum modbus_fake_kind kinds[] = {FAKE_PTY, FAKE_TCP, FAKE_RTU_OVER_TCP};

static void a_device_is_read_over_every_transport(void)
{
    for (int i = 0; i < 3; i++) {
        start(kinds[i], PATIENT, 20, 1);
        CU_ASSERT_EQUAL(host->plan.n, 1);
        for (unsigned generation = 0; generation < 5; generation++) {
            modbus_fake_set_generation(fake, generation);
            CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
            CU_ASSERT_EQUAL(count_good(1, generation), 20);
        }
        CU_ASSERT_EQUAL(modbus_fake_n_requests(fake), 5);
        stop();
    }
}

static void the_plan_speaks_to_people(void)
{
    start(FAKE_PTY, PATIENT, 3, 1);
    CU_ASSERT_STRING_EQUAL(host->plan.texts[0],
                           "unit 5 holding 10..12 (3 registers, 3 points)");
    /* 19 characters of 11 bits at 115200 baud, twice 1.75 ms, 5 ms. */
    CU_ASSERT_EQUAL(host->plan.requests[0].cost_us, 10315);
    stop();
}

static void a_damaged_reply_is_never_a_value(void)
{
    static const enum modbus_fake_act acts[] = {
        FAKE_TRUNCATE,       FAKE_GARBAGE,     FAKE_BAD_CRC,          FAKE_WRONG_UNIT,
        FAKE_WRONG_FUNCTION, FAKE_WRONG_COUNT, FAKE_WRONG_BYTE_COUNT,
    };

    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
            start(kinds[kind], "timeout=100", 4, 1);
            modbus_fake_script(fake, &acts[i], 1);
            CU_ASSERT_NOT_EQUAL(modbus_host_read(host, 0), GW_OK);
            CU_ASSERT_EQUAL(count_good(1, 0), 0);
            CU_ASSERT_NOT_EQUAL(host->sink.text[0], '\0');
            stop();
        }
}

static void a_line_recovers_from_damage(void)
{
    static const enum modbus_fake_act act = FAKE_BAD_CRC;

    for (int kind = 0; kind < 3; kind++) {
        start(kinds[kind], PATIENT, 4, 1);
        modbus_fake_script(fake, &act, 1);
        CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_PROTOCOL);
        CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
        CU_ASSERT_EQUAL(count_good(1, 0), 4);
        stop();
    }
}

static void an_exception_is_told_with_its_code(void)
{
    static const enum modbus_fake_act act = FAKE_EXCEPTION;

    start(FAKE_TCP, PATIENT, 4, 1);
    modbus_fake_script(fake, &act, 1);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_DEVICE);
    CU_ASSERT_EQUAL(host->sink.detail, 4);
    CU_ASSERT_STRING_EQUAL(host->sink.text, "unit 5: device failure (exception 4)");
    stop();
}

/* The experiment that fools libmodbus: the device answers each request one request late.
 * Requests of three points at different addresses look alike. */
static void a_late_reply_is_never_the_next_value(void)
{
    static const enum modbus_fake_kind serial[] = {FAKE_PTY, FAKE_RTU_OVER_TCP};
    enum modbus_fake_act acts[24] = {FAKE_HOLD};
    unsigned n_good = 0;

    for (size_t i = 1; i < 24; i++)
        acts[i] = FAKE_RELEASE_ONE;
    for (int kind = 0; kind < 2; kind++) {
        start(serial[kind], HASTY, 3, 10);
        CU_ASSERT_EQUAL_FATAL(host->plan.n, 3);
        modbus_fake_script(fake, acts, 24);
        for (unsigned generation = 1; generation < 20; generation++) {
            modbus_fake_set_generation(fake, generation);
            for (uint32_t r = 0; r < 3; r++) {
                modbus_host_read(host, r);
                n_good += count_good(10, generation);
            }
        }
        stop();
    }
    CU_ASSERT(n_good > 0);
}

static void a_late_reply_while_the_line_rests_is_dropped(void)
{
    static const enum modbus_fake_act act = FAKE_HOLD;

    start(FAKE_PTY, HASTY, 1, 1);
    modbus_fake_script(fake, &act, 1);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_TIMEOUT);
    CU_ASSERT(modbus_fake_release(fake));
    modbus_fake_set_generation(fake, 1);
    for (int i = 0; i < 200 && modbus_host_read(host, 0); i++)
        CU_ASSERT_EQUAL(count_good(1, 1), 0);
    CU_ASSERT_EQUAL(count_good(1, 1), 1);
    stop();
}

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

/* An in-order device that does everything wrong that a line can do, by seed. */
static void storm(enum modbus_fake_kind kind, uint32_t seed)
{
    enum modbus_fake_act acts[200];
    unsigned n_good = 0;

    random_state = seed;
    for (int i = 0; i < 200; i++)
        acts[i] = random_below(3) ? (enum modbus_fake_act)random_below(FAKE_EXCEPTION)
                                  : FAKE_ANSWER;
    start(kind, "timeout=20", 4, 7);
    modbus_fake_script(fake, acts, 200);
    for (unsigned generation = 1; generation <= 60; generation++) {
        modbus_fake_set_generation(fake, generation);
        if (!random_below(4))
            modbus_fake_release(fake);
        modbus_host_read(host, random_below(host->plan.n));
        n_good += count_good(7, generation);
    }
    CU_ASSERT(n_good > 0);
    stop();
}

static void a_storm_of_faults_yields_no_wrong_value(void)
{
    for (uint32_t seed = 1; seed <= 6; seed++)
        storm(kinds[seed % 3], seed);
}

/* ---- the guard alone --------------------------------------------------------------- */

static void a_probe_is_unlike_all_that_may_still_come(void)
{
    struct guard_read wanted = {3, 100, 2}, probe;
    struct ranges none = {0};
    struct guard guard = {0};

    CU_ASSERT(!guard_is_ambiguous(&guard, &wanted));
    guard_lose(&guard, &wanted, 1);
    for (int i = 0; i < 200; i++, guard.turn++) {
        if (!guard_choose_probe(&guard, &wanted, 125, &none, &probe))
            break;
        CU_ASSERT(!guard_is_ambiguous(&guard, &probe));
        guard_lose(&guard, &probe, 1);
    }
    CU_ASSERT(guard_is_ambiguous(&guard, &wanted));
    guard_answer(&guard);
    CU_ASSERT(!guard_is_ambiguous(&guard, &wanted));
}

static void a_probe_touches_nothing_of_never_read(void)
{
    struct guard_read wanted = {3, 100, 1}, probe;
    struct range after = {101, 200};
    struct ranges never = {1, &after};
    struct guard guard = {0};

    guard_lose(&guard, &wanted, 1);
    for (; guard.turn < 3; guard.turn++) {
        CU_ASSERT_FATAL(guard_choose_probe(&guard, &wanted, 125, &never, &probe));
        CU_ASSERT_EQUAL(probe.function, 4);
        CU_ASSERT_EQUAL(probe.count, 1);
    }
}

static void an_exception_clears_doubt_only_of_its_own_function(void)
{
    struct guard_read holding = {3, 100, 2}, other = {3, 0, 1}, input = {4, 0, 1};
    struct guard guard = {0};

    guard_lose(&guard, &holding, 1);
    guard_except(&guard, &other, 2);
    CU_ASSERT(guard_is_ambiguous(&guard, &holding));
    CU_ASSERT(guard_is_ambiguous(&guard, &other));
    guard_except(&guard, &input, 3);
    CU_ASSERT(!guard_is_ambiguous(&guard, &holding));
}

/* ---- refused addresses ------------------------------------------------------------- */

static void only_the_guilty_point_is_flagged(void)
{
    for (int kind = 0; kind < 3; kind++) {
        start(kinds[kind], PATIENT, 20, 1);
        modbus_fake_set_hole(fake, 17, 17);
        CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
        CU_ASSERT_EQUAL(count_good(1, 0), 19);
        CU_ASSERT_EQUAL(host->sink.readings[7].quality, GW_DEVICE_ERROR);
        CU_ASSERT_EQUAL(host->sink.readings[7].detail, 2);
        CU_ASSERT(host->sink.has_changed);
        CU_ASSERT_EQUAL_FATAL(host->plan.n, 3);
        CU_ASSERT_EQUAL(host->plan.requests[2].interval_ms, 600000);
        for (uint32_t r = 0; r < 2; r++)
            CU_ASSERT_EQUAL(modbus_host_read(host, r), GW_OK);
        CU_ASSERT(!host->sink.has_changed);
        stop();
    }
}

static void a_point_that_became_legal_is_read_with_the_others_again(void)
{
    start(FAKE_TCP, PATIENT, 5, 1);
    modbus_fake_set_hole(fake, 12, 12);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL_FATAL(host->plan.n, 3);
    CU_ASSERT_EQUAL(modbus_host_read(host, 2), GW_OK);
    CU_ASSERT_EQUAL(host->plan.n, 3);
    modbus_fake_set_hole(fake, 1, 0);
    CU_ASSERT_EQUAL(modbus_host_read(host, 2), GW_OK);
    CU_ASSERT_EQUAL_FATAL(host->plan.n, 1);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL(count_good(1, 0), 5);
    stop();
}

static void a_hole_that_cannot_be_read_through_is_remembered(void)
{
    device_text = "unit=5";
    start(FAKE_TCP, PATIENT, 2, 3);
    device_text = "unit=5 max_gap=0";
    CU_ASSERT_EQUAL(host->plan.n, 1);
    modbus_fake_set_hole(fake, 11, 12);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL(host->sink.readings[1].quality, GW_GOOD);
    CU_ASSERT_EQUAL(host->plan.n, 2);
    stop();
}

static void a_device_that_refuses_everything_is_not_learned_from(void)
{
    start(FAKE_TCP, PATIENT, 4, 1);
    modbus_fake_set_hole(fake, 0, 100);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_DEVICE);
    CU_ASSERT(!host->sink.has_changed);
    modbus_fake_set_hole(fake, 1, 0);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL(count_good(1, 0), 4);
    stop();
}

/* ---- connections ------------------------------------------------------------------- */

static void a_connection_reset_while_idle_is_made_anew_at_once(void)
{
    static const enum modbus_fake_act acts[] = {FAKE_ANSWER, FAKE_RESET};

    start(FAKE_TCP, PATIENT, 4, 1);
    modbus_fake_script(fake, acts, 2);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_EQUAL(modbus_fake_n_connections(fake), 2);
    stop();
}

static void a_connection_is_closed_after_two_silences(void)
{
    static const enum modbus_fake_act acts[] = {FAKE_ANSWER, FAKE_HOLD, FAKE_SILENT};

    start(FAKE_TCP, "timeout=100", 4, 1);
    modbus_fake_script(fake, acts, 3);
    modbus_host_read(host, 0);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_TIMEOUT);
    CU_ASSERT_EQUAL(modbus_fake_n_connections(fake), 1);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_TIMEOUT);
    for (int i = 0; i < 50 && modbus_host_read(host, 0); i++)
        continue;
    CU_ASSERT_EQUAL(count_good(1, 0), 4);
    CU_ASSERT(modbus_fake_n_connections(fake) > 1);
    stop();
}

static void nobody_listening_is_a_link_error(void)
{
    start(FAKE_TCP, PATIENT, 1, 1);
    modbus_fake_free(fake);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "Connection refused"));
    modbus_host_free(host);
}

static void a_port_that_is_gone_is_given_back(void)
{
    start(FAKE_PTY, PATIENT, 1, 1);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    host->fd = dup(modbus_fake_fd(fake));
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    modbus_fake_free(fake); /* the device's end closes: the tty hangs up */
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    CU_ASSERT_EQUAL(host->n_dropped, 1);
    close(host->fd);
    host->fd = -1;
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    modbus_host_free(host);
}

/* libmodbus 3.1.6 writes beyond its fd_set, or aborts. */
static void a_descriptor_above_1023_is_refused(void)
{
    struct rlimit limit, old;
    int fds[1100], n = 0, high;

    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = old.rlim_max < 4096 ? old.rlim_max : 4096;
    if (limit.rlim_cur < 1200 || setrlimit(RLIMIT_NOFILE, &limit))
        return;
    start(FAKE_PTY, PATIENT, 1, 1);
    high = fcntl(modbus_fake_fd(fake), F_DUPFD_CLOEXEC, 1024);
    host->fd = high;
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    close(high);
    stop();
    start(FAKE_TCP, PATIENT, 1, 1);
    do {
        fds[n] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    } while (fds[n] >= 0 && fds[n++] < 1024);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    while (n--)
        close(fds[n]);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    stop();
    setrlimit(RLIMIT_NOFILE, &old);
}

/* ---- writes ------------------------------------------------------------------------ */

static void a_write_is_read_back(void)
{
    struct gw_value value = {.type = GW_TYPE_INT, .v.i = 1234}, back;

    for (int kind = 0; kind < 3; kind++) {
        start(kinds[kind], PATIENT, 100, 10); /* point 99 is register 1000: writable */
        CU_ASSERT_EQUAL(modbus_host_write(host, 99, &value, &back), GW_OK);
        CU_ASSERT_EQUAL(back.type, GW_TYPE_UINT);
        CU_ASSERT_EQUAL(back.v.u, 1234);
        stop();
    }
}

static void a_write_that_did_not_take_is_a_mismatch(void)
{
    struct gw_value value = {.type = GW_TYPE_INT, .v.i = 1234}, back;

    start(FAKE_TCP, PATIENT, 1, 1);
    CU_ASSERT_EQUAL(modbus_host_write(host, 0, &value, &back), GW_ERR_MISMATCH);
    CU_ASSERT_EQUAL(back.v.u, modbus_fake_value(10, 0));
    stop();
}

/* ---- configuration ----------------------------------------------------------------- */

static void a_bus_that_cannot_work_is_refused(void)
{
    static const char *const bad[] = {
        "transport=rtu",
        "transport=tcp",
        "transport=tcp host=a device=b",
        "transport=rtu device=a host=b",
        "transport=rtu device=a baud=250000",
        "transport=rtu device=a data_bits=7",
        "transport=usb",
    };
    const struct gw_plugin *plugin = gw_plugin_init(GW_PLUGIN_ABI);

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        host = modbus_host_new(plugin, bad[i], "unit=1", -1);
        host->is_quiet = true;
        CU_ASSERT_EQUAL(modbus_host_start(host), GW_ERR_CONFIG);
        CU_ASSERT_EQUAL(plugin->check(&host->services, &host->bus_config, &host->sink),
                        GW_ERR_CONFIG);
        CU_ASSERT_NOT_EQUAL(host->sink.text[0], '\0');
        modbus_host_free(host);
    }
}

static void an_unstable_serial_name_is_warned_of(void)
{
    host = modbus_host_new(gw_plugin_init(GW_PLUGIN_ABI),
                           "transport=rtu device=/dev/ttyUSB0", "unit=1", -1);
    CU_ASSERT_EQUAL(host->plugin->check(&host->services, &host->bus_config, &host->sink),
                    GW_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "/dev/serial/by-id"));
    modbus_host_free(host);
}

static void count_found(void *ctx, const char *text, const char *yaml)
{
    unsigned *counts = ctx;

    counts[0]++;
    counts[1] += strstr(yaml, "name: unit-") != NULL;
    counts[2] += strstr(text, "ignores the unit id") != NULL;
}

static void a_scan_notices_that_the_unit_id_is_ignored(void)
{
    unsigned counts[3] = {0};

    start(FAKE_TCP, PATIENT, 1, 1);
    CU_ASSERT_EQUAL(host->plugin->scan(host->bus, count_found, counts), GW_OK);
    CU_ASSERT_EQUAL(counts[1], 4);
    CU_ASSERT_EQUAL(counts[2], 1);
    stop();
}

static void a_scan_without_a_way_to_the_bus_says_so(void)
{
    unsigned counts[3] = {0};

    start(FAKE_TCP, PATIENT, 1, 1);
    modbus_fake_free(fake);
    CU_ASSERT_EQUAL(host->plugin->scan(host->bus, count_found, counts), GW_ERR_LINK);
    CU_ASSERT_EQUAL(counts[0], 0);
    modbus_host_free(host);
}

static void an_older_or_newer_abi_gets_no_plugin(void)
{
    CU_ASSERT_PTR_NULL(gw_plugin_init(GW_PLUGIN_ABI + 1));
}

static CU_TestInfo tests[] = {
    TEST(a_device_is_read_over_every_transport),
    TEST(the_plan_speaks_to_people),
    TEST(a_damaged_reply_is_never_a_value),
    TEST(a_line_recovers_from_damage),
    TEST(an_exception_is_told_with_its_code),
    TEST(a_late_reply_is_never_the_next_value),
    TEST(a_late_reply_while_the_line_rests_is_dropped),
    TEST(a_storm_of_faults_yields_no_wrong_value),
    TEST(a_probe_is_unlike_all_that_may_still_come),
    TEST(a_probe_touches_nothing_of_never_read),
    TEST(an_exception_clears_doubt_only_of_its_own_function),
    TEST(only_the_guilty_point_is_flagged),
    TEST(a_point_that_became_legal_is_read_with_the_others_again),
    TEST(a_hole_that_cannot_be_read_through_is_remembered),
    TEST(a_device_that_refuses_everything_is_not_learned_from),
    TEST(a_connection_reset_while_idle_is_made_anew_at_once),
    TEST(a_connection_is_closed_after_two_silences),
    TEST(nobody_listening_is_a_link_error),
    TEST(a_port_that_is_gone_is_given_back),
    TEST(a_descriptor_above_1023_is_refused),
    TEST(a_write_is_read_back),
    TEST(a_write_that_did_not_take_is_a_mismatch),
    TEST(a_bus_that_cannot_work_is_refused),
    TEST(an_unstable_serial_name_is_warned_of),
    TEST(a_scan_notices_that_the_unit_id_is_ignored),
    TEST(a_scan_without_a_way_to_the_bus_says_so),
    TEST(an_older_or_newer_abi_gets_no_plugin),
    CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
    {"modbus_link", NULL, NULL, NULL, NULL, tests},
    CU_SUITE_INFO_NULL,
};

int main(void)
{
    return suite_run(suites);
}
