/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte string with the few formats the encoders need; see strbuf.h. */
#include "lib/base/strbuf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/decimal.h"

void strbuf_init(struct strbuf *buf)
{
    memset(buf, 0, sizeof *buf);
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->data);
    memset(buf, 0, sizeof *buf);
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

static bool reserve(struct strbuf *buf, size_t extra)
{
    size_t need = buf->len + extra + 1, capacity = buf->capacity ? buf->capacity : 64;
    char *data;

    if (need <= buf->capacity)
        return true;
    while (capacity < need)
        capacity *= 2;
    data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list ap, again;
    int len;

    va_start(ap, format);
    va_copy(again, ap);
    len = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (len >= 0 && reserve(buf, (size_t)len)) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    } else {
        buf->failed = true;
    }
    va_end(again);
}

static size_t u64_text(char text[20], uint64_t value)
{
    char reversed[20];
    size_t n = 0;

    do {
        reversed[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        text[i] = reversed[n - 1 - i];
    return n;
}

void strbuf_put_u64(struct strbuf *buf, uint64_t value)
{
    char text[20];

    strbuf_add(buf, text, u64_text(text, value));
}

void strbuf_put_i64(struct strbuf *buf, int64_t value)
{
    char text[21];
    size_t n;

    text[0] = '-';
    if (value >= 0)
        n = u64_text(text, (uint64_t)value);
    else
        n = 1 + u64_text(text + 1, -(uint64_t)value);
    strbuf_add(buf, text, n);
}

static void put_decimal(struct strbuf *buf, int64_t digits, unsigned exponent)
{
    char number[20], text[32];
    uint64_t magnitude = digits < 0 ? -(uint64_t)digits : (uint64_t)digits;
    size_t n = u64_text(number, magnitude), out = 0, whole;

    if (digits < 0)
        text[out++] = '-';
    whole = n > exponent ? n - exponent : 0;
    if (whole == 0)
        text[out++] = '0';
    memcpy(text + out, number, whole);
    out += whole;
    if (exponent > 0) {
        text[out++] = '.';
        for (size_t i = n; i < exponent; i++)
            text[out++] = '0';
        memcpy(text + out, number + whole, n - whole);
        out += n - whole;
    }
    strbuf_add(buf, text, out);
}

void strbuf_put_double(struct strbuf *buf, double value)
{
    char text[40];
    int64_t digits;
    unsigned exponent;

    if (!isfinite(value)) {
        strbuf_puts(buf, "null");
        return;
    }
    if (decimal_from_double(value, &digits, &exponent)) {
        put_decimal(buf, digits, exponent);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    strbuf_puts(buf, text);
}

void strbuf_put_float(struct strbuf *buf, float value)
{
    char text[40];
    int64_t digits;
    unsigned exponent;

    if (!isfinite(value)) {
        strbuf_puts(buf, "null");
        return;
    }
    if (decimal_from_float(value, &digits, &exponent)) {
        put_decimal(buf, digits, exponent);
        return;
    }
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    strbuf_puts(buf, text);
}

/* Length of the valid UTF-8 sequence at p, 0 if there is none (overlong and surrogates
 * are not valid: RFC 3629, 3). */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF && (p[1] & 0xC0) == 0x80)
        return 2;
    if ((p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 &&
        (p[3] & 0xC0) == 0x80) {
        if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

void strbuf_put_json_string(struct strbuf *buf, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    strbuf_putc(buf, '"');
    while (*p) {
        const unsigned char *run = p;
        size_t n;

        while (*p >= 0x20 && *p < 0x7F && *p != '"' && *p != '\\')
            p++;
        strbuf_add(buf, run, (size_t)(p - run));
        if (!*p)
            break;
        n = utf8_length(p);
        if (*p == '"' || *p == '\\')
            strbuf_printf(buf, "\\%c", *p);
        else if (n == 0)
            strbuf_puts(buf, "\\ufffd");
        else if (n == 1)
            strbuf_printf(buf, "\\u%04x", *p);
        else
            strbuf_add(buf, p, n);
        p += n ? n : 1;
    }
    strbuf_putc(buf, '"');
}

char *strbuf_take(struct strbuf *buf)
{
    char *data = NULL;

    if (!buf->failed && reserve(buf, 0)) {
        buf->data[buf->len] = '\0';
        data = buf->data;
        buf->data = NULL;
    }
    strbuf_done(buf);
    return data;
}
