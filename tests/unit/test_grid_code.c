/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of grid codes: the table of OUTAGE 3, the operator's letter, the installer's
 * wish. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/config/config.h"
#include "lib/microgrid/grid_code.h"
#include "tests/unit/config_plugins.h"
#include "tests/unit/suite.h"

struct fit_case {
    const char *code;
    double nominal_v, v;
    enum grid_fit fit;
    uint32_t within_ms;
};

static void voltages_fit_as_the_codes_say(void)
{
    static const struct fit_case cases[] = {
        {"japan-tepco-50hz", 101, 101,   GRID_FIT_ENTER,   0   },
        {"japan-tepco-50hz", 101, 95,    GRID_FIT_ENTER,   0   },
        {"japan-tepco-50hz", 101, 94.9,  GRID_FIT_PRESENT, 0   },
        {"japan-tepco-50hz", 100, 107,   GRID_FIT_ENTER,   0   },
        {"japan-tepco-50hz", 101, 107.1, GRID_FIT_PRESENT, 0   },
        {"japan-tepco-50hz", 202, 182,   GRID_FIT_ENTER,   0   },
        {"japan-tepco-50hz", 200, 222.1, GRID_FIT_PRESENT, 0   },
        {"japan-tepco-50hz", 202, 159.9, GRID_FIT_TRIP,    1000},
        {"japan-tepco-50hz", 202, 230.1, GRID_FIT_TRIP,    1000},
        {"japan-tepco-50hz", 202, 3,     GRID_FIT_NONE,    0   },
        {"ieee1547-2018",    240, 240,   GRID_FIT_ENTER,   0   },
        {"ieee1547-2018",    240, 252.1, GRID_FIT_PRESENT, 0   },
        {"ieee1547-2018",    240, 219,   GRID_FIT_PRESENT, 0   },
        {"ieee1547-2018",    240, 167,   GRID_FIT_TRIP,    2000},
        {"ieee1547-2018",    240, 107,   GRID_FIT_TRIP,    160 },
        {"ieee1547-2018",    240, 265,   GRID_FIT_TRIP,    2000},
        {"ieee1547-2018",    240, 289,   GRID_FIT_TRIP,    160 },
        {"ieee1547-2018",    0,   240,   GRID_FIT_NONE,    0   },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t within_ms;

        CU_ASSERT_EQUAL(grid_code_fit_v(grid_code_find(cases[i].code), cases[i].nominal_v,
                                        cases[i].v, &within_ms),
                        cases[i].fit);
        CU_ASSERT_EQUAL(within_ms, cases[i].within_ms);
    }
}

static void frequencies_fit_as_the_codes_say(void)
{
    static const struct fit_case cases[] = {
        {"japan-tepco-50hz", 0, 50,   GRID_FIT_ENTER,   0     },
        {"japan-tepco-50hz", 0, 48.4, GRID_FIT_TRIP,    1000  },
        {"japan-tepco-50hz", 0, 51.1, GRID_FIT_TRIP,    1000  },
        {"japan-tepco-50hz", 0, 0,    GRID_FIT_NONE,    0     },
        {"ieee1547-2018",    0, 60.1, GRID_FIT_ENTER,   0     },
        {"ieee1547-2018",    0, 60.2, GRID_FIT_PRESENT, 0     },
        {"ieee1547-2018",    0, 58.4, GRID_FIT_TRIP,    300000},
        {"ieee1547-2018",    0, 61.3, GRID_FIT_TRIP,    300000},
        {"ieee1547-2018",    0, 56.4, GRID_FIT_TRIP,    160   },
        {"ieee1547-2018",    0, 62.1, GRID_FIT_TRIP,    160   },
        {"test",             0, 50.6, GRID_FIT_PRESENT, 0     },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t within_ms;

        CU_ASSERT_EQUAL(
            grid_code_fit_hz(grid_code_find(cases[i].code), cases[i].v, &within_ms),
            cases[i].fit);
        CU_ASSERT_EQUAL(within_ms, cases[i].within_ms);
    }
}

static void codes_are_found_by_name(void)
{
    size_t n = 0;

    while (grid_code_name(n)) {
        CU_ASSERT_STRING_EQUAL(grid_code_find(grid_code_name(n))->name,
                               grid_code_name(n));
        n++;
    }
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_PTR_NULL(grid_code_find("vde-4105"));
    CU_ASSERT_EQUAL(grid_code_find("japan-tepco-50hz")->in_band_ms, 300000);
    CU_ASSERT_EQUAL(grid_code_find("test")->in_band_ms, 5000);
    CU_ASSERT_EQUAL(grid_code_find("test")->random_ms, 20000);
    for (n = 0; grid_code_name(n); n++) { /* a ramp or a random delay, not both */
        const struct grid_code *code = grid_code_find(grid_code_name(n));

        CU_ASSERT_TRUE((code->ramp_ms == 0) != (code->random_ms == 0));
    }
}

/* in_band, ramp, random in s, band in Hz; of the letter, then as configured. */
struct check_case {
    double letter[5], configured[5];
    const char *says; /* part of the refusal; NULL: fine */
};

static struct grid_timers timers_of(const double *x)
{
    struct grid_timers timers = grid_code_no_timers();

    timers.in_band_ms = x[0] < 0 ? -1 : (int64_t)(x[0] * 1000);
    timers.ramp_ms = x[1] < 0 ? -1 : (int64_t)(x[1] * 1000);
    timers.random_ms = x[2] < 0 ? -1 : (int64_t)(x[2] * 1000);
    timers.enter_low_hz = x[3];
    timers.enter_high_hz = x[4];
    return timers;
}

static void a_timer_faster_than_the_operators_is_refused(void)
{
    static const struct check_case cases[] = {
        {{150, -1, -1, -1, -1}, {150, -1, -1, -1, -1}, NULL},
        {{150, -1, -1, -1, -1}, {149, -1, -1, -1, -1}, "the operator's letter says so"},
        {{-1, -1, -1, -1, -1}, {300, -1, -1, -1, -1}, NULL},
        {{-1, -1, -1, -1, -1}, {200, -1, -1, -1, -1}, "only the operator's letter"},
        {{-1, -1, -1, -1, -1}, {601, -1, -1, -1, -1}, "expected 600 s or less"},
        {{900, -1, -1, -1, -1}, {900, -1, -1, -1, -1}, NULL},
        {{900, -1, -1, -1, -1}, {600, -1, -1, -1, -1}, "expected 900 s or more"},
        {{-1, -1, -1, -1, -1}, {-1, 300, 300, -1, -1}, "expected one of them"},
        {{-1, -1, -1, -1, -1}, {-1, -1, 1001, -1, -1}, "a random delay of 1001 s"},
        {{-1, 300, -1, -1, -1}, {-1, 200, -1, -1, -1}, "a ramp of 200 s"},
        {{-1, -1, 300, -1, -1}, {-1, -1, 100, -1, -1}, "a random delay of 100 s"},
        {{-1, -1, -1, 49.5, 50.5}, {-1, -1, -1, 49, 50.5}, "wider than the operator's"},
        {{-1, -1, -1, 49.5, 50.5}, {-1, -1, -1, 49.8, 50.2}, NULL},
    };
    const struct grid_code *code = grid_code_find("japan-tepco-50hz");
    char text[160];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grid_timers letter = timers_of(cases[i].letter);
        struct grid_timers configured = timers_of(cases[i].configured);
        bool ok = grid_code_check(code, &letter, &configured, text, sizeof text);

        CU_ASSERT_EQUAL(ok, cases[i].says == NULL);
        if (cases[i].says)
            CU_ASSERT_PTR_NOT_NULL(strstr(text, cases[i].says));
    }
}

static void the_slower_timer_is_applied(void)
{
    const struct grid_code *code = grid_code_find("japan-tepco-50hz");
    struct grid_timers letter = timers_of((const double[]){200, 240, -1, 49.5, 50.5});
    struct grid_timers configured = timers_of((const double[]){100, -1, 60, -1, -1});
    struct grid_code applied = grid_code_apply(code, &letter, NULL);

    CU_ASSERT_EQUAL(applied.in_band_ms,
                    200000); /* the letter may be faster than the code */
    CU_ASSERT_EQUAL(applied.ramp_ms, 240000);
    CU_ASSERT_EQUAL(applied.random_ms, 0);
    CU_ASSERT_TRUE(applied.is_enter_hz_given);
    applied = grid_code_apply(code, &letter, &configured);
    CU_ASSERT_EQUAL(applied.in_band_ms, 200000);
    CU_ASSERT_EQUAL(applied.random_ms, 60000);
    CU_ASSERT_EQUAL(applied.ramp_ms, 0);
    CU_ASSERT_DOUBLE_EQUAL(applied.enter_low_hz, 49.5, 1e-9);
}

static void a_letter_slower_than_inverters_offer_is_kept(void)
{
    struct grid_timers letter = timers_of((const double[]){900, -1, -1, -1, -1});
    struct grid_timers faster = timers_of((const double[]){400, -1, -1, -1, -1});
    const struct grid_code *code = grid_code_find("ieee1547-2018");

    CU_ASSERT_EQUAL(grid_code_apply(code, &letter, NULL).in_band_ms, 900000);
    CU_ASSERT_EQUAL(grid_code_apply(code, &letter, &faster).in_band_ms, 900000);
}

/* 0, or what the check of a configuration with this profile and time says. */
static int check_config(const char *grid_code, uint32_t in_band_ms, bool has_voltage)
{
    static const char *const no_maps[] = {NULL};
    struct config_report report;
    struct config *config = NULL;
    char path[40];
    int fd = memfd_create("config", MFD_CLOEXEC), rc;
    struct config_sources sources = {
        .file = path, .map_dirs = no_maps, .plugin_options = config_plugins_options};

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    dprintf(fd,
            "gateway: {id: g, site: s}\n"
            "buses: [{name: b, plugin: modbus, transport: tcp, host: 192.0.2.1}]\n"
            "devices: [{name: d, bus: b, unit: 1, points: [{name: v, table: holding, "
            "address: 0}]}]\n"
            "outage:\n  island: none\n  grid_code: %s\n  in_band: %u ms\n"
            "  evidence: [%s]\n",
            grid_code, in_band_ms,
            has_voltage ? "{point: d.v, kind: voltage, supply: grid}" : "");
    config_report_init(&report);
    rc = config_load(&sources, &config, &report);
    config_report_done(&report);
    config_free(config);
    close(fd);
    return rc;
}

/* The configuration's check knows the profiles by a table of its own. */
static void the_check_of_a_configuration_knows_every_code(void)
{
    size_t n;

    for (n = 0; grid_code_name(n); n++) {
        const struct grid_code *code = grid_code_find(grid_code_name(n));
        bool is_of_one_country = code->enter_v[0].nominal_v > 0;

        CU_ASSERT_EQUAL(check_config(code->name, code->in_band_ms, false), 0);
        CU_ASSERT_EQUAL(check_config(code->name, code->in_band_ms - 1000, false),
                        -EINVAL);
        CU_ASSERT_EQUAL(check_config(code->name, code->in_band_max_ms, false), 0);
        CU_ASSERT_EQUAL(check_config(code->name, code->in_band_max_ms + 1000, false),
                        -EINVAL);
        CU_ASSERT_EQUAL(check_config(code->name, code->in_band_ms, true),
                        is_of_one_country ? 0 : -EINVAL);
    }
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_EQUAL(check_config("nowhere", 300000, false), -EINVAL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(voltages_fit_as_the_codes_say),
        TEST(frequencies_fit_as_the_codes_say),
        TEST(codes_are_found_by_name),
        TEST(a_timer_faster_than_the_operators_is_refused),
        TEST(the_slower_timer_is_applied),
        TEST(a_letter_slower_than_inverters_offer_is_kept),
        TEST(the_check_of_a_configuration_knows_every_code),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"grid codes", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
