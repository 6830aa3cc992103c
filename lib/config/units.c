/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalars as people write them; see units.h. Everything is parsed here and not by YAML's
 * own rules: there 010 is eight and NO is false.
 */
#include "lib/config/units.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

struct unit {
    enum units_kind kind;
    const char *suffix;
    double factor;
};

static const struct unit units[] = {
    {UNITS_DURATION, "ms",   1       },
    {UNITS_DURATION, "s",    1000    },
    {UNITS_DURATION, "min",  60000   },
    {UNITS_DURATION, "h",    3600000 },
    {UNITS_DURATION, "d",    86400000},
    {UNITS_SIZE,     "B",    1       },
    {UNITS_SIZE,     "KiB",  0x1p10  },
    {UNITS_SIZE,     "MiB",  0x1p20  },
    {UNITS_SIZE,     "GiB",  0x1p30  },
    {UNITS_SIZE,     "TiB",  0x1p40  },
    {UNITS_POWER,    "W",    1       },
    {UNITS_POWER,    "kW",   1000    },
    {UNITS_POWER,    "MW",   1000000 },
    {UNITS_ENERGY,   "Wh",   1       },
    {UNITS_ENERGY,   "kWh",  1000    },
    {UNITS_ENERGY,   "MWh",  1000000 },
    {UNITS_PERCENT,  "%",    1       },
    {UNITS_RATE,     "/s",   1       },
    {UNITS_RATE,     "/min", 1.0 / 60},
};

static const char *const expected[UNITS_COUNT] = {
    "a duration such as '5 s', '200 ms' or '1 min'",
    "a size such as '512 MiB' or '2 GiB'",
    "a power such as '800 W' or '4.4 kW'",
    "an energy such as '9.8 kWh' or '500 Wh'",
    "a percentage such as '40 %'",
    "a rate such as '2000/s'",
};

const char *units_expected(enum units_kind kind)
{
    return expected[kind];
}

static const char *skip_digits(const char *p)
{
    while (isdigit((unsigned char)*p))
        p++;
    return p;
}

/* The decimal number at the start of text; *ret_end behind it. */
static enum units_problem scan_decimal(const char *text, bool exponent, double *ret,
                                       const char **ret_end)
{
    const char *p = text + (*text == '-'), *digits = p;
    char copy[64];

    p = skip_digits(p);
    if (p == digits)
        return UNITS_NOT_A_NUMBER;
    if (*digits == '0' && p - digits > 1)
        return UNITS_LEADING_ZERO;
    if (*p == '.' && isdigit((unsigned char)p[1]))
        p = skip_digits(p + 1);
    if (exponent && (*p == 'e' || *p == 'E')) {
        const char *e = p + 1 + (p[1] == '-' || p[1] == '+');

        if (isdigit((unsigned char)*e))
            p = skip_digits(e);
    }
    if ((size_t)(p - text) >= sizeof copy)
        return UNITS_TOO_LARGE;
    memcpy(copy, text, (size_t)(p - text));
    copy[p - text] = '\0';
    *ret = strtod(copy, NULL);
    *ret_end = p;
    return isfinite(*ret) ? UNITS_OK : UNITS_TOO_LARGE;
}

static const struct unit *find_unit(enum units_kind kind, const char *suffix)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].kind == kind && strcmp(units[i].suffix, suffix) == 0)
            return &units[i];
    return NULL;
}

static bool is_decimal_size(const char *suffix)
{
    static const char *const words[] = {"kB", "KB", "MB", "GB", "TB", "K", "M", "G", "k"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(suffix, words[i]) == 0)
            return true;
    return false;
}

enum units_problem units_parse(enum units_kind kind, const char *text, double *ret)
{
    bool whole = kind == UNITS_DURATION || kind == UNITS_SIZE;
    const struct unit *unit;
    const char *suffix = NULL;
    double number = 0;
    enum units_problem problem = scan_decimal(text, false, &number, &suffix);

    if (problem != UNITS_OK)
        return problem;
    while (*suffix == ' ')
        suffix++;
    if (!*suffix)
        return UNITS_NO_UNIT;
    unit = find_unit(kind, suffix);
    if (!unit)
        return kind == UNITS_SIZE && is_decimal_size(suffix) ? UNITS_DECIMAL_SIZE
                                                             : UNITS_UNKNOWN_UNIT;
    number *= unit->factor;
    if (whole && fabs(number) > WHOLE_MAX)
        return UNITS_TOO_LARGE;
    if (whole && fabs(number - round(number)) > 1e-6 * (1 + fabs(number) * 1e-9))
        return UNITS_TOO_FINE;
    *ret = whole ? round(number) : number;
    return UNITS_OK;
}

enum units_problem units_parse_magnitude(const char *text, bool *ret_negative,
                                         uint64_t *ret)
{
    bool negative = *text == '-';
    const char *p = text + negative;
    unsigned base = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10;
    const char *digits = p + (base == 16 ? 2 : 0);
    uint64_t value = 0;

    for (p = digits;
         base == 16 ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++) {
        unsigned char c = (unsigned char)*p;
        unsigned digit =
            isdigit(c) ? c - (unsigned)'0' : (c | 0x20u) - (unsigned)'a' + 10;

        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return UNITS_TOO_LARGE;
    }
    if (p == digits || *p)
        return UNITS_NOT_A_NUMBER;
    if (base == 10 && *digits == '0' && p - digits > 1)
        return UNITS_LEADING_ZERO;
    *ret_negative = negative && value != 0;
    *ret = value;
    return UNITS_OK;
}

enum units_problem units_parse_int(const char *text, int64_t *ret)
{
    bool negative = false;
    uint64_t value = 0;
    enum units_problem problem = units_parse_magnitude(text, &negative, &value);

    if (problem != UNITS_OK)
        return problem;
    if (value > (uint64_t)INT64_MAX + negative)
        return UNITS_TOO_LARGE;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return UNITS_OK;
}

enum units_problem units_parse_number(const char *text, double *ret)
{
    const char *end = NULL;
    double number = 0;
    int64_t hex = 0;
    enum units_problem problem;

    if (strncmp(text, "0x", 2) == 0) {
        problem = units_parse_int(text, &hex);
        number = (double)hex;
    } else {
        problem = scan_decimal(text, true, &number, &end);
        if (problem == UNITS_OK && *end)
            problem = UNITS_NOT_A_NUMBER;
    }
    if (problem == UNITS_OK)
        *ret = number;
    return problem;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

bool units_parse_date(const char *text, int64_t *ret_yyyymmdd)
{
    int year, month, day;

    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    for (int i = 0; i < 10; i++)
        if (i != 4 && i != 7 && !isdigit((unsigned char)text[i]))
            return false;
    year = atoi(text);
    month = atoi(text + 5);
    day = atoi(text + 8);
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    *ret_yyyymmdd = year * 10000 + month * 100 + day;
    return true;
}

bool units_parse_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret = i % 2 == 1;
            return true;
        }
    }
    return false;
}
