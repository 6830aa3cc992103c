/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets from a zoneinfo file (RFC 9636, version 2 and later): the table of transitions,
 * and for times after its last one the rule in the footer.
 */
#include "lib/config/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "lib/base/cleanup.h"
#include "lib/config/zone_rule.h"

#define FILE_MAX 65536
#define HEADER_SIZE 44u

struct zone {
    uint8_t *data;
    size_t len;
    const uint8_t *times, *indexes, *types; /* of the 64-bit block */
    uint32_t n_times, n_types;
    const char *footer;
};

static int64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return n == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static bool name_is_safe(const char *name)
{
    return *name && *name != '/' && strlen(name) < 100 && !strstr(name, "..") &&
           strspn(name,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") ==
               strlen(name);
}

static bool read_file(struct zone *zone, const char *name)
{
    const char *dir = getenv("TZDIR");
    char path[400];
    _cleanup_close_ int fd = -1;
    ssize_t n;

    if (!name_is_safe(name))
        return false;
    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    zone->data = fd < 0 ? NULL : calloc(1, FILE_MAX + 1);
    n = zone->data ? read(fd, zone->data, FILE_MAX) : -1;
    zone->len = n > 0 ? (size_t)n : 0;
    return zone->len > 0;
}

/* Size of a block's data whose header is at p, times being `width` bytes. */
static size_t block_size(const uint8_t *p, size_t width)
{
    size_t n_utc = (uint32_t)get_be(p + 20, 4), n_std = (uint32_t)get_be(p + 24, 4);
    size_t n_leap = (uint32_t)get_be(p + 28, 4), n_times = (uint32_t)get_be(p + 32, 4);
    size_t n_types = (uint32_t)get_be(p + 36, 4), n_chars = (uint32_t)get_be(p + 40, 4);

    return n_times * (width + 1) + n_types * 6 + n_chars + n_leap * (width + 4) + n_std +
           n_utc;
}

static bool has_header(const struct zone *zone, size_t at)
{
    return at + HEADER_SIZE <= zone->len && memcmp(zone->data + at, "TZif", 4) == 0;
}

static bool parse(struct zone *zone)
{
    size_t second, end;
    const uint8_t *header;

    if (!has_header(zone, 0) || zone->data[4] < '2')
        return false;
    second = HEADER_SIZE + block_size(zone->data, 4);
    if (second > zone->len || !has_header(zone, second))
        return false;
    header = zone->data + second;
    end = second + HEADER_SIZE + block_size(header, 8);
    zone->n_times = (uint32_t)get_be(header + 32, 4);
    zone->n_types = (uint32_t)get_be(header + 36, 4);
    if (end + 1 >= zone->len || zone->n_types == 0)
        return false;
    zone->times = header + HEADER_SIZE;
    zone->indexes = zone->times + (size_t)zone->n_times * 8;
    zone->types = zone->indexes + zone->n_times;
    zone->footer = (const char *)zone->data + end + 1; /* behind its newline */
    return true;
}

static bool zone_open(struct zone *zone, const char *name)
{
    memset(zone, 0, sizeof *zone);
    if (read_file(zone, name) && parse(zone))
        return true;
    free(zone->data);
    zone->data = NULL;
    return false;
}

static int64_t offset_at(const struct zone *zone, int64_t utc_s)
{
    uint32_t n = 0;
    uint8_t type = 0;

    while (n < zone->n_times && get_be(zone->times + (size_t)n * 8, 8) <= utc_s)
        n++;
    if (n == zone->n_times && *zone->footer && *zone->footer != '\n')
        return zone_rule_offset(zone->footer, utc_s);
    if (n > 0)
        type = zone->indexes[n - 1];
    return type < zone->n_types ? get_be(zone->types + (size_t)type * 6, 4) : 0;
}

bool zone_exists(const char *name)
{
    struct zone zone;
    bool exists = strcmp(name, "UTC") == 0;

    if (!exists && zone_open(&zone, name)) {
        exists = true;
        free(zone.data);
    }
    return exists;
}

bool zone_offset_ms(const char *name, int64_t t_wall_ms, int64_t *ret_ms)
{
    struct zone zone = {0};

    *ret_ms = 0;
    if (strcmp(name, "UTC") == 0)
        return true;
    if (!zone_open(&zone, name))
        return false;
    *ret_ms = offset_at(&zone, t_wall_ms / 1000) * 1000;
    free(zone.data);
    return true;
}

bool zone_wall_ms(const char *name, int64_t yyyymmdd, int32_t minutes,
                  int64_t *ret_wall_ms)
{
    int64_t days = zone_rule_days((int)(yyyymmdd / 10000), (int)(yyyymmdd / 100 % 100),
                                  (int)(yyyymmdd % 100));
    int64_t local_s = days * 86400 + minutes * INT64_C(60), utc_s = local_s;
    struct zone zone = {0};

    if (strcmp(name, "UTC") != 0) {
        if (!zone_open(&zone, name))
            return false;
        /* Twice: the offset that holds at the answer, not at the guess. */
        utc_s = local_s - offset_at(&zone, local_s);
        utc_s = local_s - offset_at(&zone, utc_s);
        free(zone.data);
    }
    *ret_wall_ms = utc_s * 1000;
    return true;
}

/* Of a day, by its number since 1970 in the zone. */
static int64_t day_start_s(const struct zone *zone, int64_t day)
{
    int64_t local_s = day * 86400;
    int64_t early_s = local_s - offset_at(zone, local_s);
    int64_t start_s = local_s - offset_at(zone, early_s);

    return start_s + offset_at(zone, start_s) < local_s ? early_s : start_s;
}

static int64_t day_of(int64_t second)
{
    return second / 86400 - (second % 86400 < 0);
}

bool zone_day_bounds_ms(const char *name, int64_t t_wall_ms, int64_t *ret_start_ms,
                        int64_t *ret_end_ms)
{
    int64_t second = t_wall_ms / 1000 - (t_wall_ms % 1000 < 0), day = day_of(second);
    bool is_utc = strcmp(name, "UTC") == 0;
    struct zone zone = {0};

    *ret_start_ms = day * 86400000;
    *ret_end_ms = *ret_start_ms + 86400000;
    if (is_utc || !zone_open(&zone, name))
        return is_utc;
    day = day_of(second + offset_at(&zone, second));
    *ret_start_ms = day_start_s(&zone, day) * 1000;
    *ret_end_ms = day_start_s(&zone, day + 1) * 1000;
    free(zone.data);
    return true;
}

bool zone_day_end_ms(const char *name, int64_t yyyymmdd, int64_t *ret_wall_ms)
{
    int64_t next_ms;

    if (!zone_wall_ms(name, yyyymmdd, 24 * 60, &next_ms))
        return false;
    *ret_wall_ms = next_ms - 1;
    return true;
}
