/* SPDX-License-Identifier: Apache-2.0 */
/* Values: scaling, comparing, printing; see value.h. Pure. */
#include "lib/model/value.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define JSON_EXACT INT64_C(9007199254740992) /* 2^53 */

static const char *const quality_names[] = {"good",      "uncertain",    "stale",
                                            "timeout",   "link-down",    "device-error",
                                            "out-of-range", "substituted"};
#define N_QUALITIES (sizeof quality_names / sizeof *quality_names)

const char *quality_name(enum gw_quality quality)
{
    return (unsigned)quality < N_QUALITIES ? quality_names[quality] : "uncertain";
}

int quality_from_name(const char *name)
{
    for (size_t i = 0; i < N_QUALITIES; i++)
        if (strcmp(name, quality_names[i]) == 0)
            return (int)i;
    return -1;
}

const char *result_name(enum gw_result result)
{
    static const char *const names[] = {"ok",       "timeout", "link",        "protocol",
                                        "device",   "config",  "unsupported", "busy",
                                        "mismatch", "internal"};

    return (unsigned)result < sizeof names / sizeof *names ? names[result] : "unknown";
}

enum gw_quality quality_from_result(enum gw_result result)
{
    static const enum gw_quality table[] = {
        [GW_OK] = GW_GOOD,
        [GW_ERR_TIMEOUT] = GW_TIMEOUT,
        [GW_ERR_LINK] = GW_LINK_DOWN,
        [GW_ERR_PROTOCOL] = GW_TIMEOUT, /* no usable reply came */
        [GW_ERR_DEVICE] = GW_DEVICE_ERROR,
        [GW_ERR_CONFIG] = GW_UNCERTAIN,
        [GW_ERR_UNSUPPORTED] = GW_DEVICE_ERROR,
        [GW_ERR_BUSY] = GW_DEVICE_ERROR,
        [GW_ERR_MISMATCH] = GW_UNCERTAIN,
        [GW_ERR_INTERNAL] = GW_UNCERTAIN,
    };

    return (unsigned)result < sizeof table / sizeof *table ? table[result] : GW_UNCERTAIN;
}

bool value_to_double(const struct gw_value *value, double *ret_number)
{
    switch (value->type) {
    case GW_TYPE_BOOL:
        *ret_number = value->v.b ? 1 : 0;
        return true;
    case GW_TYPE_INT:
        *ret_number = (double)value->v.i;
        return true;
    case GW_TYPE_UINT:
        *ret_number = (double)value->v.u;
        return true;
    case GW_TYPE_FLOAT32:
        *ret_number = (double)value->v.f;
        return true;
    case GW_TYPE_FLOAT64:
        *ret_number = value->v.d;
        return true;
    default:
        return false;
    }
}

bool value_equal(const struct gw_value *a, const struct gw_value *b)
{
    double x, y;

    if (a->type == b->type) {
        switch (a->type) {
        case GW_TYPE_NONE:
            return true;
        case GW_TYPE_BOOL:
            return a->v.b == b->v.b;
        case GW_TYPE_INT:
            return a->v.i == b->v.i;
        case GW_TYPE_UINT:
            return a->v.u == b->v.u;
        case GW_TYPE_STRING:
            return strcmp(a->v.s, b->v.s) == 0;
        default:
            break;
        }
    }
    return value_to_double(a, &x) && value_to_double(b, &y) && !(x < y) && !(x > y);
}

void value_put_json(const struct gw_value *value, struct strbuf *buf)
{
    switch (value->type) {
    case GW_TYPE_BOOL:
        strbuf_puts(buf, value->v.b ? "true" : "false");
        break;
    case GW_TYPE_INT:
        if (value->v.i > JSON_EXACT || value->v.i < -JSON_EXACT) {
            strbuf_putc(buf, '"');
            strbuf_put_i64(buf, value->v.i);
            strbuf_putc(buf, '"');
        } else {
            strbuf_put_i64(buf, value->v.i);
        }
        break;
    case GW_TYPE_UINT:
        if (value->v.u > (uint64_t)JSON_EXACT) {
            strbuf_putc(buf, '"');
            strbuf_put_u64(buf, value->v.u);
            strbuf_putc(buf, '"');
        } else {
            strbuf_put_u64(buf, value->v.u);
        }
        break;
    case GW_TYPE_FLOAT32:
        strbuf_put_float(buf, value->v.f);
        break;
    case GW_TYPE_FLOAT64:
        strbuf_put_double(buf, value->v.d);
        break;
    case GW_TYPE_STRING:
        strbuf_put_json_string(buf, value->v.s);
        break;
    default:
        strbuf_puts(buf, "null");
        break;
    }
}

void value_put_text(const struct gw_value *value, struct strbuf *buf)
{
    switch (value->type) {
    case GW_TYPE_BOOL:
        strbuf_puts(buf, value->v.b ? "on" : "off");
        break;
    case GW_TYPE_INT:
        strbuf_put_i64(buf, value->v.i);
        break;
    case GW_TYPE_UINT:
        strbuf_put_u64(buf, value->v.u);
        break;
    case GW_TYPE_STRING:
        strbuf_puts(buf, value->v.s);
        break;
    case GW_TYPE_NONE:
        strbuf_puts(buf, "-");
        break;
    default:
        value_put_json(value, buf);
        break;
    }
}

static bool is_whole(double x)
{
    return fabs(x) < 1e15 && fabs(x - rint(x)) <= 0.0;
}

static struct gw_value make_double(double d)
{
    return (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = d};
}

static double scaled(double raw, double scale, double offset)
{
    double inverse = 1.0 / scale;

    /* 1/0.1 is exactly 10 in double, 1/0.001 exactly 1000; 1/0.003 is not whole */
    if (fabs(scale) < 1 && is_whole(inverse))
        return raw / rint(inverse) + offset;
    return raw * scale + offset;
}

struct gw_value value_scale(struct gw_value raw, double scale, double offset)
{
    bool plain = !(scale < 1) && !(scale > 1) && !(offset < 0) && !(offset > 0);
    double number;

    if (plain || raw.type == GW_TYPE_BOOL || !value_to_double(&raw, &number))
        return raw;
    if ((raw.type == GW_TYPE_INT || raw.type == GW_TYPE_UINT) && is_whole(scale) &&
        is_whole(offset) && fabs(number * scale + offset) < 9e15) {
        int64_t integer = raw.type == GW_TYPE_INT ? raw.v.i : (int64_t)raw.v.u;

        return (struct gw_value){.type = GW_TYPE_INT,
                                 .v.i = integer * (int64_t)scale + (int64_t)offset};
    }
    return make_double(scaled(number, scale, offset));
}

struct gw_value value_unscale(double physical, double scale, double offset, bool is_float)
{
    double inverse = 1.0 / scale, raw;

    if (fabs(scale) < 1 && is_whole(inverse))
        raw = (physical - offset) * rint(inverse);
    else
        raw = (physical - offset) / scale;
    if (is_float)
        return make_double(raw);
    return (struct gw_value){.type = GW_TYPE_INT, .v.i = llrint(raw)};
}
