/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalars of the configuration as people write them: "5 s", "512 MiB", "4.4 kW", "40 %",
 * 0x1F, 2027-12-31. Pure; the space before a unit is optional.
 */
#ifndef GATEWAYD_CONFIG_UNITS_H
#define GATEWAYD_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

enum units_kind {
    UNITS_DURATION, /* ms, whole */
    UNITS_SIZE,     /* bytes, whole */
    UNITS_POWER,    /* W */
    UNITS_ENERGY,   /* Wh */
    UNITS_PERCENT,  /* 0..100 */
    UNITS_RATE,     /* per second */
    UNITS_COUNT
};

enum units_problem {
    UNITS_OK = 0,
    UNITS_NOT_A_NUMBER,
    UNITS_LEADING_ZERO,
    UNITS_NO_UNIT,
    UNITS_UNKNOWN_UNIT,
    UNITS_DECIMAL_SIZE, /* kB, MB, GB: say KiB, MiB, GiB */
    UNITS_TOO_FINE,     /* less than one ms or byte */
    UNITS_TOO_LARGE,
};

/* *ret is untouched unless UNITS_OK. */
enum units_problem units_parse(enum units_kind kind, const char *text, double *ret);
/* What a value of this kind looks like: "a duration such as '5 s', '200 ms' or '1 min'".
 */
const char *units_expected(enum units_kind kind);

/* Decimal or 0x, a sign, no leading zero. */
enum units_problem units_parse_int(const char *text, int64_t *ret);
/* Also up to 2^64-1: negative numbers in *ret_negative's terms (magnitude). */
enum units_problem units_parse_magnitude(const char *text, bool *ret_negative,
                                         uint64_t *ret);
/* Decimal with fraction and exponent. */
enum units_problem units_parse_number(const char *text, double *ret);
/* YYYY-MM-DD that exists, 1970..9999, as the number YYYYMMDD. */
bool units_parse_date(const char *text, int64_t *ret_yyyymmdd);
/* true false yes no on off. */
bool units_parse_bool(const char *text, bool *ret);

#endif
