/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of numbers and ranges, from the text of an option to pairs. */
#include "plugins/modbus/ranges.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* A number, decimal or 0x, perhaps negative; moves *text behind it. */
static int parse_number(const char **text, int64_t shift, uint64_t *ret)
{
    const char *p = *text;
    bool negative = *p == '-';
    unsigned long long magnitude;
    char *end;

    p += negative;
    if (!isdigit((unsigned char)*p))
        return -EINVAL;
    errno = 0;
    magnitude = strtoull(p, &end, p[0] == '0' && (p[1] | 0x20) == 'x' ? 16 : 10);
    if (errno)
        return -EINVAL;
    *ret = (negative ? -(uint64_t)magnitude : (uint64_t)magnitude) + (uint64_t)shift;
    *text = end;
    return 0;
}

static int parse_range(const char **text, int64_t shift, struct range *ret)
{
    if (parse_number(text, shift, &ret->first))
        return -EINVAL;
    ret->last = ret->first;
    if (**text == '-') {
        ++*text;
        if (parse_number(text, shift, &ret->last))
            return -EINVAL;
    }
    if (ret->last < ret->first)
        return -EINVAL;
    while (**text == ' ')
        ++*text;
    return 0;
}

static int append(struct ranges *ranges, struct range range)
{
    struct range *items = realloc(ranges->items, (ranges->n + 1) * sizeof(*items));

    if (!items)
        return -ENOMEM;
    ranges->items = items;
    items[ranges->n++] = range;
    return 0;
}

int ranges_parse(const char *text, int64_t shift, struct ranges *ret)
{
    struct ranges ranges = {0};
    struct range range;
    int rc = 0;

    *ret = ranges;
    while (text && *text) {
        while (*text == ' ' || *text == ',')
            text++;
        if (!*text)
            break;
        rc = parse_range(&text, shift, &range);
        if (!rc && *text && *text != ',')
            rc = -EINVAL;
        if (!rc)
            rc = append(&ranges, range);
        if (rc)
            break;
    }
    if (rc)
        ranges_done(&ranges);
    *ret = ranges;
    return rc;
}

bool ranges_touch(const struct ranges *ranges, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < ranges->n; i++)
        if (ranges->items[i].first <= last && ranges->items[i].last >= first)
            return true;
    return false;
}

void ranges_done(struct ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct ranges){0};
}
