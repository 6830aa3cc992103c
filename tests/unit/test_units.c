/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the words of lib/config: quantities with units, whole numbers, dates and
 * zones, endpoints, names that are nearly right. */
#include <stdio.h>
#include <string.h>

#include "lib/config/endpoint.h"
#include "lib/config/suggest.h"
#include "lib/config/units.h"
#include "lib/config/zone.h"
#include "lib/config/config.h"
#include "tests/unit/suite.h"
static void quantities_are_read_with_their_units(void)
{
    static const struct {
        enum units_kind kind;
        const char *text;
        enum units_problem problem;
        double value;
    } rows[] = {
        {UNITS_DURATION, "5 s",         UNITS_OK,           5000     },
        {UNITS_DURATION, "5s",          UNITS_OK,           5000     },
        {UNITS_DURATION, "200 ms",      UNITS_OK,           200      },
        {UNITS_DURATION, "0.3 s",       UNITS_OK,           300      },
        {UNITS_DURATION, "1.1 s",       UNITS_OK,           1100     },
        {UNITS_DURATION, "1 min",       UNITS_OK,           60000    },
        {UNITS_DURATION, "2 h",         UNITS_OK,           7200000  },
        {UNITS_DURATION, "5",           UNITS_NO_UNIT,      0        },
        {UNITS_DURATION, "5 sec",       UNITS_UNKNOWN_UNIT, 0        },
        {UNITS_DURATION, "0.5 ms",      UNITS_TOO_FINE,     0        },
        {UNITS_DURATION, "05 s",        UNITS_LEADING_ZERO, 0        },
        {UNITS_DURATION, "s",           UNITS_NOT_A_NUMBER, 0        },
        {UNITS_DURATION, "",            UNITS_NOT_A_NUMBER, 0        },
        {UNITS_DURATION, "1e3 s",       UNITS_UNKNOWN_UNIT, 0        },
        {UNITS_SIZE,     "512 MiB",     UNITS_OK,           536870912},
        {UNITS_SIZE,     "1.5KiB",      UNITS_OK,           1536     },
        {UNITS_SIZE,     "5 MB",        UNITS_DECIMAL_SIZE, 0        },
        {UNITS_SIZE,     "9999999 TiB", UNITS_TOO_LARGE,    0        },
        {UNITS_POWER,    "4.4 kW",      UNITS_OK,           4400     },
        {UNITS_POWER,    "800W",        UNITS_OK,           800      },
        {UNITS_POWER,    "4.4 kWh",     UNITS_UNKNOWN_UNIT, 0        },
        {UNITS_ENERGY,   "9.8 kWh",     UNITS_OK,           9800     },
        {UNITS_PERCENT,  "40 %",        UNITS_OK,           40       },
        {UNITS_PERCENT,  "40%",         UNITS_OK,           40       },
        {UNITS_RATE,     "2000/s",      UNITS_OK,           2000     },
        {UNITS_RATE,     "60/min",      UNITS_OK,           1        },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = 0;

        CU_ASSERT_EQUAL(units_parse(rows[i].kind, rows[i].text, &value), rows[i].problem);
        CU_ASSERT_DOUBLE_EQUAL(value, rows[i].value, 1e-9);
    }
}

static void whole_numbers_are_decimal_or_hexadecimal(void)
{
    static const struct {
        const char *text;
        enum units_problem problem;
        int64_t value;
    } rows[] = {
        {"0",                    UNITS_OK,           0        },
        {"-7",                   UNITS_OK,           -7       },
        {"0x1F",                 UNITS_OK,           31       },
        {"010",                  UNITS_LEADING_ZERO, 0        },
        {"-01",                  UNITS_LEADING_ZERO, 0        },
        {"1.0",                  UNITS_NOT_A_NUMBER, 0        },
        {"1e3",                  UNITS_NOT_A_NUMBER, 0        },
        {"0x",                   UNITS_NOT_A_NUMBER, 0        },
        {"",                     UNITS_NOT_A_NUMBER, 0        },
        {"1_000",                UNITS_NOT_A_NUMBER, 0        },
        {"9223372036854775807",  UNITS_OK,           INT64_MAX},
        {"-9223372036854775808", UNITS_OK,           INT64_MIN},
        {"9223372036854775808",  UNITS_TOO_LARGE,    0        },
        {"99999999999999999999", UNITS_TOO_LARGE,    0        },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 0;

        CU_ASSERT_EQUAL(units_parse_int(rows[i].text, &value), rows[i].problem);
        CU_ASSERT_EQUAL(value, rows[i].value);
    }
}

/* Whatever number of ms is written in whichever unit, it reads back the same. */
static void durations_survive_every_way_of_writing(void)
{
    static const struct {
        const char *format;
        double ms;
    } forms[] = {
        {"%.0f ms",  1      },
        {"%.0fms",   1      },
        {"%.3f s",   1000   },
        {"%.3fs",    1000   },
        {"%.9f min", 60000  },
        {"%.10f h",  3600000}
    };
    uint32_t random = 1;

    for (int i = 0; i < 2000; i++) {
        size_t form = (size_t)i % (sizeof forms / sizeof forms[0]);
        double ms, value = -1;
        char text[64];

        random = random * 1103515245 + 12345;
        ms = random >> 10;
        snprintf(text, sizeof text, "%.0f ms", ms);
        if (form < 4)
            snprintf(text, sizeof text,
                     form < 2 ? (form ? "%.0fms" : "%.0f ms")
                              : (form == 2 ? "%.3f s" : "%.3fs"),
                     ms / forms[form].ms);
        CU_ASSERT_EQUAL(units_parse(UNITS_DURATION, text, &value), UNITS_OK);
        CU_ASSERT_EQUAL(value, ms);
    }
}

static void dates_must_exist(void)
{
    int64_t date = 0;

    CU_ASSERT_TRUE(units_parse_date("2028-02-29", &date));
    CU_ASSERT_EQUAL(date, 20280229);
    CU_ASSERT_FALSE(units_parse_date("2027-02-29", &date));
    CU_ASSERT_FALSE(units_parse_date("2027-13-01", &date));
    CU_ASSERT_FALSE(units_parse_date("2027-1-1", &date));
    CU_ASSERT_FALSE(units_parse_date("2027/01/01", &date));
}

static void days_end_in_the_sites_zone(void)
{
    static const struct {
        const char *zone;
        int64_t date, end_ms;
    } rows[] = {
        {"UTC",           19700101, 86399999     },
        {"Asia/Tokyo",    20271231, 1830265199999},
        {"Europe/Berlin", 20260701, 1782943199999},
        {"Europe/Berlin", 20261231, 1798757999999},
 /* behind the file's table of transitions: by the rule in its footer */
        {"Europe/Berlin", 20600701, 2855944799999},
        {"Europe/Berlin", 20601231, 2871759599999},
    };
    int64_t end_ms = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_TRUE(zone_day_end_ms(rows[i].zone, rows[i].date, &end_ms));
        CU_ASSERT_EQUAL(end_ms, rows[i].end_ms);
    }
    CU_ASSERT_FALSE(zone_day_end_ms("Asia/Tokio", 20271231, &end_ms));
    CU_ASSERT_FALSE(zone_exists("Asia/Tokio"));
    CU_ASSERT_FALSE(zone_exists("../../../etc/passwd"));
    CU_ASSERT_TRUE(zone_exists("Asia/Tokyo"));
}

static void near_words_are_found(void)
{
    struct suggest suggest = {.word = "intervall"};

    CU_ASSERT_EQUAL(suggest_distance("abc", "abc"), 0);
    CU_ASSERT_EQUAL(suggest_distance("abc", "acb"), 1);
    CU_ASSERT_EQUAL(suggest_distance("abcd", "abxy"), 2);
    CU_ASSERT_EQUAL(suggest_distance("abc", "xyz"), 3);
    CU_ASSERT_EQUAL(suggest_distance("", "ab"), 2);
    suggest_offer(&suggest, "internal");
    suggest_offer(&suggest, "interval");
    CU_ASSERT_STRING_EQUAL(suggest.best, "interval");
    suggest = (struct suggest){.word = "bus"};
    suggest_offer(&suggest, "name");
    suggest_offer(&suggest, "map");
    CU_ASSERT_PTR_NULL(suggest.best);
}

static void endpoints_are_split(void)
{
    char host[64];
    uint16_t port = 0;

    CU_ASSERT_TRUE(endpoint_parse("[::1]:8883", host, sizeof host, 0, &port));
    CU_ASSERT_STRING_EQUAL(host, "::1");
    CU_ASSERT_EQUAL(port, 8883);
    CU_ASSERT_TRUE(endpoint_parse("broker", host, sizeof host, 1883, &port));
    CU_ASSERT_EQUAL(port, 1883);
    CU_ASSERT_FALSE(endpoint_parse("broker", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse("broker:", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse("broker:70000", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse("[::1:80", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse("[zz]:80", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse(":80", host, sizeof host, 0, &port));
    CU_ASSERT_FALSE(endpoint_parse("a b:80", host, sizeof host, 0, &port));
}

static void granularities_are_known_by_name(void)
{
    CU_ASSERT_EQUAL(granularity_from_name("1 min"), GRANULARITY_1MIN);
    CU_ASSERT_EQUAL(granularity_from_name("30min"), GRANULARITY_30MIN);
    CU_ASSERT_EQUAL(granularity_from_name("2 min"), -1);
    for (int i = 0; i < GRANULARITY_COUNT; i++)
        CU_ASSERT_EQUAL(granularity_from_name(granularity_name((enum granularity)i)), i);
}
static CU_TestInfo tests[] = {
    TEST(quantities_are_read_with_their_units),
    TEST(whole_numbers_are_decimal_or_hexadecimal),
    TEST(durations_survive_every_way_of_writing),
    TEST(dates_must_exist),
    TEST(days_end_in_the_sites_zone),
    TEST(near_words_are_found),
    TEST(endpoints_are_split),
    TEST(granularities_are_known_by_name),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"units", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
