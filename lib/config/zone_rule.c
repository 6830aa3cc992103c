/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX TZ rules with the month form (Mm.w.d); see zone_rule.h. */
#include "lib/config/zone_rule.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

struct change {
    int month, week, day; /* week 5: the last */
    int64_t time_s;       /* local, before the change */
};

int64_t zone_rule_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

static const char *skip_name(const char *p)
{
    if (*p == '<') {
        const char *end = strchr(p, '>');

        return end ? end + 1 : p + strlen(p);
    }
    while (isalpha((unsigned char)*p))
        p++;
    return p;
}

/* [+-]hh[:mm[:ss]] */
static const char *read_time(const char *p, int64_t *ret_s)
{
    int sign = *p == '-' ? -1 : 1;
    int64_t total = 0, unit = 3600;

    p += *p == '-' || *p == '+';
    for (; unit >= 1 && isdigit((unsigned char)*p); unit /= 60) {
        char *end = NULL;

        total += strtol(p, &end, 10) * unit;
        p = end;
        if (*p != ':')
            break;
        p++;
    }
    *ret_s = sign * total;
    return p;
}

static const char *read_change(const char *p, struct change *change)
{
    char *end = NULL;

    change->time_s = 7200;
    if (*p != ',' || p[1] != 'M')
        return NULL;
    change->month = (int)strtol(p + 2, &end, 10);
    change->week = *end == '.' ? (int)strtol(end + 1, &end, 10) : 0;
    change->day = *end == '.' ? (int)strtol(end + 1, &end, 10) : -1;
    if (change->month < 1 || change->month > 12 || change->week < 1 || change->week > 5 ||
        change->day < 0 || change->day > 6)
        return NULL;
    return *end == '/' ? read_time(end + 1, &change->time_s) : end;
}

/* Local time of the change in that year, seconds since 1970 without offset. */
static int64_t change_at(const struct change *change, int year)
{
    int64_t first = zone_rule_days(year, change->month, 1);
    int64_t next = change->month == 12 ? zone_rule_days(year + 1, 1, 1)
                                       : zone_rule_days(year, change->month + 1, 1);
    int64_t weekday = (first + 4) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (change->day - weekday + 7) % 7 + (change->week - 1) * 7;

    while (day >= next)
        day -= 7;
    return day * DAY_S + change->time_s;
}

static int year_of(int64_t utc_s)
{
    int year = (int)(1970 + utc_s / 31556952);

    while (zone_rule_days(year + 1, 1, 1) * DAY_S <= utc_s)
        year++;
    while (zone_rule_days(year, 1, 1) * DAY_S > utc_s)
        year--;
    return year;
}

int64_t zone_rule_offset(const char *rule, int64_t utc_s)
{
    struct change begin, end;
    int64_t standard = 0, summer, from, to;
    const char *p = read_time(skip_name(rule), &standard);
    int year;

    standard = -standard; /* POSIX counts west */
    if (!isalpha((unsigned char)*p) && *p != '<')
        return standard;
    p = skip_name(p);
    summer = standard + 3600;
    if (*p && *p != ',') {
        p = read_time(p, &summer);
        summer = -summer;
    }
    p = read_change(p, &begin);
    if (!p || !read_change(p, &end))
        return standard;
    year = year_of(utc_s + standard);
    from = change_at(&begin, year) - standard;
    to = change_at(&end, year) - summer;
    if (from < to)
        return utc_s >= from && utc_s < to ? summer : standard;
    return utc_s >= to && utc_s < from ? standard : summer;
}
