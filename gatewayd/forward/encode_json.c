/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder of format `json`; see encode_json.h. The hot path of forwarding: no printf
 * and no allocation per value. From send.c and scan.c, on the store's thread.
 */
#include "gatewayd/forward/encode_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

static const char head_room[ENCODE_JSON_HEAD_MAX];

void encode_json_begin(struct strbuf *buf)
{
    strbuf_clear(buf);
    strbuf_add(buf, head_room, sizeof head_room);
}

/* NaN and infinities never leave: such a value is none. */
static bool has_value(const struct gw_value *value)
{
    switch (value->type) {
    case GW_TYPE_NONE:
        return false;
    case GW_TYPE_FLOAT32:
        return isfinite(value->v.f);
    case GW_TYPE_FLOAT64:
        return isfinite(value->v.d);
    case GW_TYPE_STRING:
        return value->v.s != NULL;
    default:
        return true;
    }
}

static enum gw_quality quality_of(const struct stored_value *value)
{
    if (value->quality == GW_GOOD && !has_value(&value->value))
        return GW_UNCERTAIN;
    return (enum gw_quality)value->quality;
}

/* ,"key": of a number or array */
static void put_key(struct strbuf *buf, const char *before, const char *key)
{
    strbuf_puts(buf, before);
    strbuf_put_json_string(buf, key);
    strbuf_putc(buf, ':');
}

static void put_values(struct strbuf *buf, const struct stored_record *record, uint32_t n)
{
    const char *before = "";

    strbuf_puts(buf, ",\"values\":{");
    for (uint32_t i = 0; i < n; i++) {
        if (!has_value(&record->values[i].value))
            continue;
        put_key(buf, before, record->values[i].point);
        value_put_json(&record->values[i].value, buf);
        before = ",";
    }
    strbuf_putc(buf, '}');
}

static void put_quality(struct strbuf *buf, const struct stored_record *record,
                        uint32_t n)
{
    bool any = false;

    for (uint32_t i = 0; i < n; i++) {
        enum gw_quality quality = quality_of(&record->values[i]);

        if (quality == GW_GOOD)
            continue;
        put_key(buf, any ? "," : ",\"quality\":{", record->values[i].point);
        strbuf_putc(buf, '"');
        strbuf_puts(buf, quality_name(quality));
        strbuf_putc(buf, '"');
        any = true;
    }
    if (any)
        strbuf_putc(buf, '}');
}

static void put_record(struct strbuf *buf, const struct stored_record *record, uint32_t n)
{
    strbuf_puts(buf, buf->len > ENCODE_JSON_HEAD_MAX ? ",{\"seq\":" : "{\"seq\":");
    strbuf_put_u64(buf, record->seq);
    strbuf_puts(buf, ",\"device\":");
    strbuf_put_json_string(buf, record->device);
    strbuf_puts(buf, ",\"t\":");
    strbuf_put_i64(buf, record->t_wall_ms);
    strbuf_puts(buf, ",\"clock\":\"");
    strbuf_puts(buf, clock_trust_name((enum clock_trust)record->clock));
    strbuf_putc(buf, '"');
    if (record->n_corrections) {
        strbuf_puts(buf, ",\"corrections\":");
        strbuf_put_u64(buf, record->n_corrections);
    }
    if (record->period_ms) {
        strbuf_puts(buf, ",\"period_ms\":");
        strbuf_put_u64(buf, record->period_ms);
    }
    put_values(buf, record, n);
    put_quality(buf, record, n);
    strbuf_putc(buf, '}');
}

static bool put_fitting(struct strbuf *buf, const struct stored_record *record,
                        uint32_t n, size_t limit)
{
    size_t before = buf->len;

    put_record(buf, record, n);
    if (buf->len + 2 <= limit)
        return true;
    buf->len = before;
    buf->data[before] = '\0';
    return false;
}

bool encode_json_record(struct strbuf *buf, const struct stored_record *record,
                        size_t limit)
{
    return put_fitting(buf, record, record->n_values, limit);
}

void encode_json_record_cut(struct strbuf *buf, const struct stored_record *record,
                            size_t limit)
{
    uint32_t n = record->n_values / 2;

    while (!put_fitting(buf, record, n, limit) && n > 0)
        n /= 2;
}

const char *encode_json_finish(struct strbuf *buf, const struct encode_json_ids *ids,
                               const char *boot, const uint64_t covers[2],
                               size_t *ret_len)
{
    char head[ENCODE_JSON_HEAD_MAX];
    int len;

    strbuf_puts(buf, "]}");
    len = snprintf(head, sizeof head,
                   "{\"v\":1,\"gateway\":\"%s\",\"epoch\":\"%s\",\"boot\":\"%s\","
                   "\"covers\":[%llu,%llu],\"records\":[",
                   ids->gateway, ids->epoch, boot, (unsigned long long)covers[0],
                   (unsigned long long)covers[1]);
    if (buf->failed || len < 0 || (size_t)len >= sizeof head)
        return NULL;
    /* the head stands right before the first record: no byte is moved */
    memcpy(buf->data + ENCODE_JSON_HEAD_MAX - len, head, (size_t)len);
    *ret_len = buf->len - ENCODE_JSON_HEAD_MAX + (size_t)len;
    return buf->data + ENCODE_JSON_HEAD_MAX - len;
}

static void put_text(struct strbuf *buf, const char *before, const char *text)
{
    strbuf_puts(buf, before);
    strbuf_put_json_string(buf, text ? text : "");
}

static void put_number(struct strbuf *buf, const char *before, int64_t number)
{
    strbuf_puts(buf, before);
    strbuf_put_i64(buf, number);
}

static void put_range(struct strbuf *buf, const char *before, uint64_t first,
                      uint64_t last)
{
    strbuf_puts(buf, before);
    strbuf_put_u64(buf, first);
    strbuf_putc(buf, ',');
    strbuf_put_u64(buf, last);
    strbuf_putc(buf, ']');
}

static void put_event(struct strbuf *buf, const struct stored_record *record)
{
    strbuf_puts(buf, ",\"seq\":");
    strbuf_put_u64(buf, record->seq);
    put_range(buf, ",\"covers\":[", record->seq, record->seq);
    put_number(buf, ",\"t\":", record->t_wall_ms);
    put_text(buf, ",\"clock\":", clock_trust_name((enum clock_trust)record->clock));
    put_text(buf, ",\"device\":", record->device);
    put_text(buf, ",\"code\":", record->code);
    put_text(buf, ",\"severity\":", record->severity);
    put_text(buf, ",\"text\":", record->text);
}

static void put_gap(struct strbuf *buf, const struct stored_record *record)
{
    /* what was dropped before it was stored never had a number: the gap's own stands */
    uint64_t first = record->seq_from ? record->seq_from : record->seq;
    uint64_t last = record->seq_from ? record->seq_to : record->seq;

    put_range(buf, ",\"seq\":[", first, last);
    put_range(buf, ",\"covers\":[", record->seq, record->seq);
    put_text(buf, ",\"device\":", record->device);
    strbuf_puts(buf, ",\"count\":");
    strbuf_put_u64(buf, record->count);
    put_number(buf, ",\"from\":", record->from_ms);
    put_number(buf, ",\"to\":", record->to_ms);
    put_text(buf, ",\"reason\":", record->text);
    if (record->of_epoch)
        put_text(buf, ",\"of_epoch\":", record->of_epoch);
}

static void put_correction(struct strbuf *buf, const struct stored_record *record)
{
    put_range(buf, ",\"seq\":[", record->seq_from, record->seq_to);
    put_range(buf, ",\"covers\":[", record->seq, record->seq);
    put_number(buf, ",\"add_ms\":", record->add_ms);
    put_text(buf, ",\"clock\":", clock_trust_name((enum clock_trust)record->of_clock));
    put_number(buf, ",\"error_ms\":", record->error_ms);
    if (record->of_epoch)
        put_text(buf, ",\"of_epoch\":", record->of_epoch);
    if (record->of_boot)
        put_text(buf, ",\"of_boot\":", record->of_boot);
}

const char *encode_json_single(struct strbuf *buf, const struct encode_json_ids *ids,
                               const struct stored_record *record, size_t *ret_len)
{
    strbuf_clear(buf);
    put_text(buf, "{\"v\":1,\"gateway\":", ids->gateway);
    put_text(buf, ",\"epoch\":", ids->epoch);
    put_text(buf, ",\"boot\":", record->boot);
    if (record->kind == STORED_EVENT)
        put_event(buf, record);
    else if (record->kind == STORED_GAP)
        put_gap(buf, record);
    else
        put_correction(buf, record);
    strbuf_putc(buf, '}');
    *ret_len = buf->len;
    return buf->failed ? NULL : buf->data;
}

const char *encode_json_topic(enum stored_kind kind)
{
    switch (kind) {
    case STORED_EVENT:
        return "event";
    case STORED_GAP:
        return "gap";
    case STORED_CORRECTION:
        return "correction";
    case STORED_READINGS:
        break;
    }
    return "readings";
}
