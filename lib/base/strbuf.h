/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte string. Out of memory is remembered in `failed`; check once at the
 * end. */
#ifndef GATEWAYD_BASE_STRBUF_H
#define GATEWAYD_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* data is NUL-terminated once anything was added; len counts bytes without the NUL. */
struct strbuf {
    char *data;
    size_t len, capacity;
    bool failed;
};

void strbuf_init(struct strbuf *buf);
void strbuf_done(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf); /* empty again, memory kept */
void strbuf_add(struct strbuf *buf, const void *data, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Decimal integers without printf: the hot path of the encoders. */
void strbuf_put_u64(struct strbuf *buf, uint64_t value);
void strbuf_put_i64(struct strbuf *buf, int64_t value);
/* A JSON string, quoted and escaped; bytes that are not UTF-8 become U+FFFD. */
void strbuf_put_json_string(struct strbuf *buf, const char *text);
/* A JSON number: the shortest text that reads back as the same value; NaN and infinities
 * give null. float32: shortest for single precision. */
void strbuf_put_double(struct strbuf *buf, double value);
void strbuf_put_float(struct strbuf *buf, float value);
/* Takes the string away (free() it), leaves the buffer empty; NULL if it had failed. */
char *strbuf_take(struct strbuf *buf);

#endif
