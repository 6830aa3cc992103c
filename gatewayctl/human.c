/* SPDX-License-Identifier: Apache-2.0 */
/* Ages, sizes and times for gatewayctl's commands; pure but for the time zone. */
#include "gatewayctl/human.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/strbuf.h"

#define MS_PER_S INT64_C(1000)
#define MS_PER_MIN (60 * MS_PER_S)
#define MS_PER_H (60 * MS_PER_MIN)
#define MS_PER_D (24 * MS_PER_H)

void human_duration(int64_t ms, char ret[HUMAN_MAX])
{
    if (ms < 0)
        snprintf(ret, HUMAN_MAX, "-");
    else if (ms < 10 * MS_PER_S)
        snprintf(ret, HUMAN_MAX, "%.1f s", (double)ms / 1e3);
    else if (ms < 2 * MS_PER_MIN)
        snprintf(ret, HUMAN_MAX, "%lld s", (long long)(ms / MS_PER_S));
    else if (ms < 2 * MS_PER_H)
        snprintf(ret, HUMAN_MAX, "%lld min", (long long)(ms / MS_PER_MIN));
    else if (ms < 2 * MS_PER_D)
        snprintf(ret, HUMAN_MAX, "%lld h", (long long)(ms / MS_PER_H));
    else
        snprintf(ret, HUMAN_MAX, "%lld d", (long long)(ms / MS_PER_D));
}

void human_bytes(uint64_t bytes, char ret[HUMAN_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = (double)bytes;
    unsigned unit = 0;

    while (number >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        number /= 1024;
        unit++;
    }
    snprintf(ret, HUMAN_MAX, number < 10 && unit ? "%.1f %s" : "%.0f %s", number,
             units[unit]);
}

void human_time(int64_t t_wall_ms, char ret[HUMAN_MAX])
{
    time_t seconds = (time_t)(t_wall_ms / 1000);
    struct tm broken;

    if (!t_wall_ms || !localtime_r(&seconds, &broken) ||
        !strftime(ret, HUMAN_MAX, "%Y-%m-%d %H:%M:%S", &broken))
        snprintf(ret, HUMAN_MAX, "-");
}

char *human_value(const json_t *value)
{
    struct strbuf buf;

    strbuf_init(&buf);
    if (json_is_string(value))
        strbuf_puts(&buf, json_string_value(value));
    else if (json_is_integer(value))
        strbuf_put_i64(&buf, json_integer_value(value));
    else if (json_is_real(value))
        strbuf_put_double(&buf, json_real_value(value));
    else if (json_is_boolean(value))
        strbuf_puts(&buf, json_is_true(value) ? "on" : "off");
    else
        strbuf_puts(&buf, "-");
    return strbuf_take(&buf);
}

bool human_parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms",  1         },
        {"s",   MS_PER_S  },
        {"sec", MS_PER_S  },
        {"min", MS_PER_MIN},
        {"m",   MS_PER_MIN},
        {"h",   MS_PER_H  },
        {"d",   MS_PER_D  },
    };
    char *end;
    double number = strtod(text, &end);

    if (end == text || !(number >= 0) || number > 1e9)
        return false;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *ret_ms = llrint(number * (double)units[i].ms);
            return true;
        }
    return false;
}

bool human_parse_time(const char *text, int64_t now_wall_ms, int64_t *ret_wall_ms)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
    int64_t ago_ms;
    const char *end;

    if (human_parse_duration(text, &ago_ms)) {
        *ret_wall_ms = now_wall_ms > ago_ms ? now_wall_ms - ago_ms : 0;
        return true;
    }
    if (*text && strlen(text) <= 15 && strspn(text, "0123456789") == strlen(text)) {
        *ret_wall_ms = strtoll(text, NULL, 10);
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm broken = {.tm_isdst = -1};

        end = strptime(text, forms[i], &broken);
        if (end && !*end) {
            *ret_wall_ms = (int64_t)mktime(&broken) * 1000;
            return true;
        }
    }
    return false;
}

json_t *human_parse_value(const char *text)
{
    char *end;
    long long integer;
    double number;

    if (strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0)
        return json_true();
    if (strcasecmp(text, "false") == 0 || strcasecmp(text, "off") == 0)
        return json_false();
    errno = 0;
    integer = strtoll(text, &end, 0);
    if (*text && !*end && !errno)
        return json_integer(integer);
    number = strtod(text, &end);
    if (*text && !*end && isfinite(number))
        return json_real(number);
    return json_string(text);
}
