/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of tar archives, see tar.h; fields by IEEE 1003.1, pax, "ustar Interchange
 * Format". */
#include "lib/base/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { /* offset of fields */
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_TIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
};

#define SIZE_MAX_OCTAL UINT64_C(077777777777)

static unsigned sum_of(const uint8_t head[TAR_BLOCK])
{
    unsigned sum = 0;

    for (unsigned i = 0; i < TAR_BLOCK; i++)
        sum += i >= AT_SUM && i < AT_SUM + 8 ? ' ' : head[i];
    return sum;
}

static void put_octal(uint8_t *field, int width, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%0*" PRIo64, width - 1, value);
    memcpy(field, text, (size_t)width); /* with the NUL */
}

bool tar_put_head(const struct tar_entry *entry, uint8_t ret_head[TAR_BLOCK])
{
    uint64_t t_s = entry->t_wall_s > 0 ? (uint64_t)entry->t_wall_s : 0;

    if (strlen(entry->name) >= TAR_NAME || entry->size > SIZE_MAX_OCTAL)
        return false;
    memset(ret_head, 0, TAR_BLOCK);
    memcpy(ret_head, entry->name, strlen(entry->name));
    put_octal(ret_head + AT_MODE, 8, 0640);
    put_octal(ret_head + AT_UID, 8, 0);
    put_octal(ret_head + AT_GID, 8, 0);
    put_octal(ret_head + AT_SIZE, 12, entry->size);
    put_octal(ret_head + AT_TIME, 12, t_s <= SIZE_MAX_OCTAL ? t_s : 0);
    ret_head[AT_TYPE] = '0';
    memcpy(ret_head + AT_MAGIC, "ustar\00000", 8);
    put_octal(ret_head + AT_SUM, 7, sum_of(ret_head));
    ret_head[AT_SUM + 7] = ' ';
    return true;
}

/* Octal digits, blanks before and NUL or blank behind. */
static bool get_octal(const uint8_t *field, size_t width, uint64_t *ret)
{
    char text[16], *end;

    memcpy(text, field, width);
    text[width] = '\0';
    if (strspn(text, "01234567 ") != strlen(text))
        return false;
    *ret = strtoull(text, &end, 8);
    return end != text && strspn(end, " ") == strlen(end);
}

int tar_get_head(const uint8_t head[TAR_BLOCK], struct tar_entry *ret_entry)
{
    static const uint8_t zeros[TAR_BLOCK];
    struct tar_entry entry = {.name = ""};
    uint64_t sum, t_s;

    if (memcmp(head, zeros, TAR_BLOCK) == 0)
        return 0;
    if (!get_octal(head + AT_SUM, 8, &sum) || sum != sum_of(head) ||
        !get_octal(head + AT_SIZE, 12, &entry.size) ||
        !get_octal(head + AT_TIME, 12, &t_s) ||
        (head[AT_TYPE] != '0' && head[AT_TYPE] != '\0') || head[0] == '\0')
        return -EBADMSG;
    entry.t_wall_s = (int64_t)t_s;
    memcpy(entry.name, head, TAR_NAME - 1);
    *ret_entry = entry;
    return 1;
}
