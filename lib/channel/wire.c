/* SPDX-License-Identifier: Apache-2.0 */
/* Flat encoding of channel messages; see wire.h. */
#include "lib/channel/wire.h"

#include <string.h>

void wire_put_u8(struct strbuf *buf, uint8_t value)
{
    strbuf_add(buf, &value, sizeof value);
}

void wire_put_u32(struct strbuf *buf, uint32_t value)
{
    strbuf_add(buf, &value, sizeof value);
}

void wire_put_u64(struct strbuf *buf, uint64_t value)
{
    strbuf_add(buf, &value, sizeof value);
}

void wire_put_i64(struct strbuf *buf, int64_t value)
{
    strbuf_add(buf, &value, sizeof value);
}

void wire_put_f64(struct strbuf *buf, double value)
{
    strbuf_add(buf, &value, sizeof value);
}

void wire_put_bytes(struct strbuf *buf, const void *data, size_t len)
{
    wire_put_u32(buf, (uint32_t)len);
    strbuf_add(buf, data, len);
}

void wire_put_string(struct strbuf *buf, const char *text)
{
    if (!text)
        text = "";
    wire_put_bytes(buf, text, strlen(text) + 1);
}

void wire_put_value(struct strbuf *buf, const struct gw_value *value)
{
    wire_put_u8(buf, (uint8_t)value->type);
    switch (value->type) {
    case GW_TYPE_NONE:
        break;
    case GW_TYPE_BOOL:
        wire_put_u8(buf, value->v.b);
        break;
    case GW_TYPE_FLOAT32:
        strbuf_add(buf, &value->v.f, sizeof value->v.f);
        break;
    case GW_TYPE_STRING:
        wire_put_string(buf, value->v.s);
        break;
    default:
        wire_put_u64(buf, value->v.u);
        break;
    }
}

struct wire wire_of(const void *data, size_t len)
{
    return (struct wire){.data = data, .len = len};
}

static void take(struct wire *wire, void *ret, size_t size)
{
    if (wire->failed || wire->len - wire->at < size) {
        wire->failed = true;
        memset(ret, 0, size);
        return;
    }
    memcpy(ret, wire->data + wire->at, size);
    wire->at += size;
}

uint8_t wire_get_u8(struct wire *wire)
{
    uint8_t value;

    take(wire, &value, sizeof value);
    return value;
}

uint32_t wire_get_u32(struct wire *wire)
{
    uint32_t value;

    take(wire, &value, sizeof value);
    return value;
}

uint64_t wire_get_u64(struct wire *wire)
{
    uint64_t value;

    take(wire, &value, sizeof value);
    return value;
}

int64_t wire_get_i64(struct wire *wire)
{
    int64_t value;

    take(wire, &value, sizeof value);
    return value;
}

double wire_get_f64(struct wire *wire)
{
    double value;

    take(wire, &value, sizeof value);
    return value;
}

const void *wire_get_bytes(struct wire *wire, size_t *ret_len)
{
    uint32_t len = wire_get_u32(wire);
    const void *data;

    *ret_len = 0;
    if (wire->failed || wire->len - wire->at < len) {
        wire->failed = true;
        return "";
    }
    data = wire->data + wire->at;
    wire->at += len;
    *ret_len = len;
    return data;
}

const char *wire_get_string(struct wire *wire)
{
    size_t len;
    const char *text = wire_get_bytes(wire, &len);

    if (wire->failed || len == 0 || strnlen(text, len) != len - 1) {
        wire->failed = true;
        return "";
    }
    return text;
}

struct gw_value wire_get_value(struct wire *wire)
{
    struct gw_value value = {.type = wire_get_u8(wire)};

    switch (value.type) {
    case GW_TYPE_NONE:
        break;
    case GW_TYPE_BOOL:
        value.v.b = wire_get_u8(wire) != 0;
        break;
    case GW_TYPE_FLOAT32:
        take(wire, &value.v.f, sizeof value.v.f);
        break;
    case GW_TYPE_STRING:
        value.v.s = wire_get_string(wire);
        break;
    case GW_TYPE_INT:
    case GW_TYPE_UINT:
    case GW_TYPE_FLOAT64:
        value.v.u = wire_get_u64(wire);
        break;
    default:
        wire->failed = true;
        value.type = GW_TYPE_NONE;
        break;
    }
    return value;
}

uint32_t wire_get_count(struct wire *wire, size_t min_size)
{
    uint32_t count = wire_get_u32(wire);

    if (wire->failed || count > (wire->len - wire->at) / (min_size ? min_size : 1)) {
        wire->failed = true;
        return 0;
    }
    return count;
}

bool wire_done(const struct wire *wire)
{
    return !wire->failed && wire->at == wire->len;
}
