/* SPDX-License-Identifier: Apache-2.0 */
/* Gap records, version 1: byte 1, five varints (times zigzag), two NUL-terminated texts
 * and perhaps a third. */
#include "gatewayd/store/gap.h"

#include <errno.h>
#include <string.h>

#include "lib/base/varint.h"

#define GAP_VERSION 1

static size_t put_text(uint8_t *data, const char *text, size_t size)
{
    size_t len = strnlen(text, size - 1);

    memcpy(data, text, len);
    data[len] = 0;
    return len + 1;
}

size_t gap_put(const struct gap *gap, uint8_t *data)
{
    size_t n = 0;

    data[n++] = GAP_VERSION;
    n += varint_put(data + n, gap->seq_from);
    n += varint_put(data + n, gap->seq_to);
    n += varint_put(data + n, gap->count);
    n += varint_put(data + n, varint_zigzag(gap->from_ms));
    n += varint_put(data + n, varint_zigzag(gap->to_ms));
    n += put_text(data + n, gap->reason, sizeof gap->reason);
    n += put_text(data + n, gap->device, sizeof gap->device);
    if (gap->epoch[0])
        n += put_text(data + n, gap->epoch, sizeof gap->epoch);
    return n;
}

static bool get_text(const uint8_t *data, size_t len, size_t *pos, char *text,
                     size_t size)
{
    const uint8_t *end = memchr(data + *pos, 0, len - *pos);
    size_t n = end ? (size_t)(end - (data + *pos)) + 1 : 0;

    if (n == 0 || n > size)
        return false;
    memcpy(text, data + *pos, n);
    *pos += n;
    return true;
}

int gap_get(const void *blob, size_t len, struct gap *ret_gap)
{
    const uint8_t *data = blob;
    struct gap gap = {0};
    size_t pos = 1;

    if (len < 1 || data[0] != GAP_VERSION ||
        !varint_get(data, len, &pos, &gap.seq_from) ||
        !varint_get(data, len, &pos, &gap.seq_to) ||
        !varint_get(data, len, &pos, &gap.count) ||
        !varint_get_signed(data, len, &pos, &gap.from_ms) ||
        !varint_get_signed(data, len, &pos, &gap.to_ms) ||
        !get_text(data, len, &pos, gap.reason, sizeof gap.reason) ||
        !get_text(data, len, &pos, gap.device, sizeof gap.device) ||
        (pos < len && !get_text(data, len, &pos, gap.epoch, sizeof gap.epoch)))
        return -EBADMSG;
    *ret_gap = gap;
    return 0;
}
