/* SPDX-License-Identifier: Apache-2.0 */
/* The gpio plugin through its callbacks, on chips in memory. */
#include <gateway/plugin.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/gpio/settings.h"
#include "tests/contract/modbus_host.h"
#include "tests/unit/gpio_fake.h"
#include "tests/unit/suite.h"

#define MS INT64_C(1000000)
#define N_SEEN 64

/* What ready() told, in order. */
static struct {
    unsigned n;
    int64_t t_boot_ns[N_SEEN];
    bool is_on[N_SEEN];
} seen;

static struct modbus_host *host;
static unsigned chip;
static char log_text[400];
static unsigned n_logged;

static void keep_log(void *ctx, int level, const char *text)
{
    (void)ctx;
    (void)level;
    n_logged++;
    snprintf(log_text, sizeof log_text, "%s", text);
}

static void keep_time(struct gw_sink *sink, uint32_t device, int64_t t_boot_ns)
{
    (void)sink;
    (void)device;
    if (seen.n < N_SEEN)
        seen.t_boot_ns[seen.n] = t_boot_ns;
}

static void (*plain_emit)(struct gw_sink *sink, uint32_t point,
                          const struct gw_value *value, uint32_t quality, int32_t detail);

static void keep_emit(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
                      uint32_t quality, int32_t detail)
{
    plain_emit(sink, point, value, quality, detail);
    if (seen.n < N_SEEN)
        seen.is_on[seen.n++] = value->v.b;
}

static int64_t mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void begin(void)
{
    gpio_fake_reset();
    chip = gpio_fake_chip("board");
    gpio_fake_name(chip, 0, "GRID");
    gpio_fake_name(chip, 1, "HEATER");
    gpio_fake_name(chip, 2, "S0");
    memset(&seen, 0, sizeof seen);
    n_logged = 0;
    host = modbus_host_new(gw_plugin_init(GW_PLUGIN_ABI), "chip=board", "", -1);
    host->services.log = keep_log;
    plain_emit = host->services.emit;
    host->services.emit = keep_emit;
    host->services.set_device = keep_time;
}

static void add(const char *point)
{
    uint32_t i = host->device.n_points;

    modbus_host_add_point(host, point);
    host->points[i].writable = strstr(point, "direction=out") != NULL;
}

static void start(const char *point)
{
    begin();
    add(point);
    CU_ASSERT_EQUAL_FATAL(modbus_host_start(host), GW_OK);
}

static void end(void)
{
    modbus_host_free(host);
    host = NULL;
}

/* ready() until nothing waits, as the host does; within `ms`. */
static int ready(int ms)
{
    struct pollfd wait = {.fd = host->plugin->fd(host->bus), .events = POLLIN};
    int rc = GW_OK;

    while (rc == GW_OK && poll(&wait, 1, ms) > 0 && seen.n < N_SEEN - 1) {
        unsigned before = seen.n;

        rc = host->plugin->ready(host->bus, &host->sink);
        if (seen.n > before)
            ms = 0;
    }
    return rc;
}

static const struct modbus_host_reading *reading(uint32_t point)
{
    return &host->sink.readings[point];
}

static bool is_on(uint32_t point)
{
    return reading(point)->value.v.b;
}

static int write_point(uint32_t point, bool on, bool *ret_readback)
{
    struct gw_value value = {.type = GW_TYPE_BOOL, .v.b = on}, readback = {0};
    int rc = modbus_host_write(host, point, &value, &readback);

    *ret_readback = readback.v.b;
    return rc;
}

/* ---- names
 * ------------------------------------------------------------------------------- */

static void a_line_is_found_by_its_name(void)
{
    start("line=GRID direction=in");
    gpio_fake_level(chip, 0, true, 0);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_TRUE(is_on(0));
    CU_ASSERT_STRING_EQUAL(gpio_fake_consumer(chip, 0), "gatewayd:device.point");
    end();
}

static void describing_takes_no_line(void)
{
    start("line=GRID direction=in");
    CU_ASSERT_STRING_EQUAL(gpio_fake_consumer(chip, 0), "");
    end();
}

static void a_nameless_line_is_found_by_label_and_offset(void)
{
    start("line=board:5 direction=in");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_STRING_EQUAL(gpio_fake_consumer(chip, 5), "gatewayd:device.point");
    end();
}

static void a_line_with_a_name_is_not_taken_by_its_place(void)
{
    start("line=board:1 direction=in");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_DEVICE);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "HEATER"));
    end();
}

static void a_name_that_two_lines_have_is_an_error(void)
{
    start("line=GRID direction=in");
    gpio_fake_name(chip, 6, "GRID");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_DEVICE);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "2 lines"));
    end();
}

static void an_unknown_name_is_told_once(void)
{
    start("line=GRIT direction=in");
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_DEVICE);
    CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "no line 'GRIT'"));
    CU_ASSERT_EQUAL(n_logged, 1);
    end();
}

static void two_chips_of_one_label_are_an_error(void)
{
    start("line=GRID direction=in");
    gpio_fake_chip("board");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "2 chips"));
    end();
}

static void one_line_serves_one_point(void)
{
    begin();
    add("line=GRID direction=in");
    add("line=GRID direction=count");
    CU_ASSERT_EQUAL(modbus_host_start(host), GW_ERR_CONFIG);
    end();
}

static void options_that_do_not_fit_are_refused(void)
{
    static const char *const wrong[] = {
        "line=GRID direction=out debounce=5", "line=GRID direction=in rest=on",
        "line=GRID direction=in pulses_per_kwh=1000",
        "line=GRID direction=count pulses_per_kwh=1000 pulses_per_unit=1"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin();
        add(wrong[i]);
        CU_ASSERT_EQUAL(modbus_host_start(host), GW_ERR_CONFIG);
        end();
    }
}

/* ---- inputs
 * ------------------------------------------------------------------------------ */

static void active_low_turns_the_level(void)
{
    start("line=GRID direction=in active=low");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_TRUE(is_on(0));
    end();
}

static void an_edge_is_told_at_once_with_its_time(void)
{
    int64_t t_ns;

    start("line=GRID direction=in");
    modbus_host_read(host, 0);
    seen.n = 0;
    t_ns = mono_ns();
    gpio_fake_level(chip, 0, true, t_ns - 30 * MS);
    CU_ASSERT_EQUAL(ready(1000), GW_OK);
    CU_ASSERT_EQUAL_FATAL(seen.n, 1);
    CU_ASSERT_TRUE(seen.is_on[0]);
    CU_ASSERT_TRUE(llabs(host->services.get_boot_ns(host) - seen.t_boot_ns[0] - 30 * MS) <
                   1000 * MS);
    end();
}

static void a_read_does_not_overtake_waiting_edges(void)
{
    start("line=GRID direction=in");
    modbus_host_read(host, 0);
    gpio_fake_level(chip, 0, true, mono_ns());
    modbus_host_read(host, 0);
    CU_ASSERT_FALSE(is_on(0));
    ready(1000);
    modbus_host_read(host, 0);
    CU_ASSERT_TRUE(is_on(0));
    end();
}

static void without_kernel_debounce_bounces_are_one_edge(void)
{
    int64_t t_ns;

    start("line=GRID direction=in debounce=20");
    modbus_host_read(host, 0);
    seen.n = 0;
    t_ns = mono_ns();
    for (int i = 0; i < 7; i++)
        gpio_fake_level(chip, 0, i % 2 == 0, t_ns);
    ready(2000);
    CU_ASSERT_EQUAL(seen.n, 1);
    CU_ASSERT_TRUE(seen.is_on[0]);
    CU_ASSERT_EQUAL(gpio_fake_debounce_us(chip, 0), 0);
    end();
}

static void the_kernel_debounces_where_it_can(void)
{
    begin();
    gpio_fake_be_v2(true);
    add("line=GRID direction=in debounce=20");
    CU_ASSERT_EQUAL(modbus_host_start(host), GW_OK);
    modbus_host_read(host, 0);
    seen.n = 0;
    CU_ASSERT_EQUAL(gpio_fake_debounce_us(chip, 0), 20000);
    gpio_fake_level(chip, 0, true, mono_ns());
    ready(1000);
    CU_ASSERT_EQUAL(seen.n, 1);
    end();
}

/* ---- counters
 * ---------------------------------------------------------------------------- */

static void pulse(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        gpio_fake_level(chip, 2, true, mono_ns());
        gpio_fake_level(chip, 2, false, mono_ns());
        if (i % 5 == 4)
            ready(0);
    }
    ready(0);
}

static void an_s0_meter_counts_watt_hours(void)
{
    start("line=S0 direction=count pulses_per_kwh=800");
    modbus_host_read(host, 0);
    CU_ASSERT_EQUAL(reading(0)->quality, GW_UNCERTAIN); /* what was before is not known */
    seen.n = 0;
    pulse(20);
    CU_ASSERT_EQUAL(seen.n, 0);
    modbus_host_read(host, 0);
    CU_ASSERT_DOUBLE_EQUAL(reading(0)->value.v.d, 25.0, 1e-9);
    CU_ASSERT_EQUAL(reading(0)->quality, GW_GOOD);
    end();
}

static void lost_pulses_are_flagged_once(void)
{
    start("line=S0 direction=count");
    modbus_host_read(host, 0);
    for (int i = 0; i < 12; i++) { /* 24 edges for a queue of 16 */
        gpio_fake_level(chip, 2, true, mono_ns());
        gpio_fake_level(chip, 2, false, mono_ns());
    }
    ready(0);
    modbus_host_read(host, 0);
    CU_ASSERT_EQUAL(reading(0)->quality, GW_UNCERTAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "lost"));
    modbus_host_read(host, 0);
    CU_ASSERT_EQUAL(reading(0)->quality, GW_GOOD);
    end();
}

static void numbered_events_keep_the_count_exact(void)
{
    begin();
    gpio_fake_be_v2(true);
    add("line=S0 direction=count");
    modbus_host_start(host);
    modbus_host_read(host, 0);
    for (int i = 0; i < 12; i++) {
        gpio_fake_level(chip, 2, true, mono_ns());
        gpio_fake_level(chip, 2, false, mono_ns());
    }
    ready(0);
    modbus_host_read(host, 0);
    CU_ASSERT_DOUBLE_EQUAL(reading(0)->value.v.d, 12, 1e-9);
    CU_ASSERT_EQUAL(reading(0)->quality, GW_UNCERTAIN);
    end();
}

/* ---- outputs
 * ------------------------------------------------------------------------------ */

static void an_output_is_written_and_read_back(void)
{
    bool readback;

    start("line=HEATER direction=out");
    CU_ASSERT_EQUAL(write_point(0, true, &readback), GW_OK);
    CU_ASSERT_TRUE(readback);
    CU_ASSERT_TRUE(gpio_fake_is_high(chip, 1));
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_TRUE(is_on(0));
    end();
}

static void taking_an_output_keeps_its_level(void)
{
    begin();
    gpio_fake_make_output(chip, 1, true);
    add("line=HEATER direction=out active=low");
    modbus_host_start(host);
    modbus_host_read(host, 0);
    CU_ASSERT_FALSE(is_on(0));
    CU_ASSERT_EQUAL(gpio_fake_changes(chip, 1), 0);
    end();
    CU_ASSERT_EQUAL(gpio_fake_changes(chip, 1), 0);
}

static void a_declared_rest_is_what_the_line_is_taken_with(void)
{
    start("line=HEATER direction=out active=low rest=off");
    modbus_host_read(host, 0);
    CU_ASSERT_TRUE(gpio_fake_is_high(chip, 1));
    CU_ASSERT_FALSE(is_on(0));
    end();
}

static void a_line_that_does_not_follow_is_a_mismatch(void)
{
    bool readback;

    start("line=HEATER direction=out");
    gpio_fake_stick(chip, 1, true);
    CU_ASSERT_EQUAL(write_point(0, true, &readback), GW_ERR_MISMATCH);
    CU_ASSERT_FALSE(readback);
    end();
}

static void an_input_cannot_be_written(void)
{
    bool readback;

    start("line=GRID direction=in");
    CU_ASSERT_EQUAL(write_point(0, true, &readback), GW_ERR_UNSUPPORTED);
    end();
}

/* ---- trouble
 * ------------------------------------------------------------------------------ */

static void a_busy_line_names_who_has_it(void)
{
    start("line=HEATER direction=out");
    gpio_fake_hold(chip, 1, "doorbell");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_BUSY);
    CU_ASSERT_PTR_NOT_NULL(strstr(host->sink.text, "'doorbell'"));
    gpio_fake_hold(chip, 1, "");
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    end();
}

static void a_chip_that_went_comes_back_by_its_label(void)
{
    start("line=GRID direction=in");
    modbus_host_read(host, 0);
    gpio_fake_unplug(chip);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_ERR_LINK);
    gpio_fake_plug(chip);
    gpio_fake_level(chip, 0, true, 0);
    CU_ASSERT_EQUAL(modbus_host_read(host, 0), GW_OK);
    CU_ASSERT_TRUE(is_on(0));
    end();
}

static void a_chip_that_goes_while_debouncing_is_a_lost_link(void)
{
    start("line=GRID direction=in debounce=1000");
    modbus_host_read(host, 0);
    gpio_fake_level(chip, 0, true, mono_ns());
    ready(1);
    gpio_fake_unplug(chip);
    CU_ASSERT_EQUAL(ready(2000), GW_ERR_LINK);
    end();
}

static void closing_lets_go_of_all_lines(void)
{
    begin();
    add("line=GRID direction=in");
    add("line=HEATER direction=out");
    modbus_host_start(host);
    modbus_host_read_all(host);
    CU_ASSERT_STRING_NOT_EQUAL(gpio_fake_consumer(chip, 1), "");
    end();
    CU_ASSERT_STRING_EQUAL(gpio_fake_consumer(chip, 0), "");
    CU_ASSERT_STRING_EQUAL(gpio_fake_consumer(chip, 1), "");
}

/* ---- scan
 * ---------------------------------------------------------------------------------- */

static char scan_yaml[1000], scan_text[2000];

static void keep_found(void *ctx, const char *text, const char *yaml)
{
    (void)ctx;
    strncat(scan_text, text, sizeof scan_text - strlen(scan_text) - 2);
    strcat(scan_text, "\n");
    strncat(scan_yaml, yaml, sizeof scan_yaml - strlen(scan_yaml) - 1);
}

static void a_scan_shows_lines_and_drafts_the_free_ones(void)
{
    begin();
    gpio_fake_hold(chip, 1, "doorbell");
    CU_ASSERT_EQUAL(modbus_host_start(host), GW_OK);
    scan_text[0] = scan_yaml[0] = '\0';
    CU_ASSERT_EQUAL(host->plugin->scan(host->bus, keep_found, NULL), GW_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(scan_text, "in use by 'doorbell'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(scan_text, "board:7"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(scan_yaml, "{name: grid, line: \"GRID\", direction: in}"));
    CU_ASSERT_PTR_NULL(strstr(scan_yaml, "HEATER"));
    end();
}

static CU_TestInfo tests[] = {
    TEST(a_line_is_found_by_its_name),
    TEST(describing_takes_no_line),
    TEST(a_nameless_line_is_found_by_label_and_offset),
    TEST(a_line_with_a_name_is_not_taken_by_its_place),
    TEST(a_name_that_two_lines_have_is_an_error),
    TEST(an_unknown_name_is_told_once),
    TEST(two_chips_of_one_label_are_an_error),
    TEST(one_line_serves_one_point),
    TEST(options_that_do_not_fit_are_refused),
    TEST(active_low_turns_the_level),
    TEST(an_edge_is_told_at_once_with_its_time),
    TEST(a_read_does_not_overtake_waiting_edges),
    TEST(without_kernel_debounce_bounces_are_one_edge),
    TEST(the_kernel_debounces_where_it_can),
    TEST(an_s0_meter_counts_watt_hours),
    TEST(lost_pulses_are_flagged_once),
    TEST(numbered_events_keep_the_count_exact),
    TEST(an_output_is_written_and_read_back),
    TEST(taking_an_output_keeps_its_level),
    TEST(a_declared_rest_is_what_the_line_is_taken_with),
    TEST(a_line_that_does_not_follow_is_a_mismatch),
    TEST(an_input_cannot_be_written),
    TEST(a_busy_line_names_who_has_it),
    TEST(a_chip_that_went_comes_back_by_its_label),
    TEST(a_chip_that_goes_while_debouncing_is_a_lost_link),
    TEST(closing_lets_go_of_all_lines),
    TEST(a_scan_shows_lines_and_drafts_the_free_ones),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"gpio", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
