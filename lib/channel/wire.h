/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat encoding of channel messages: fixed-width host-order integers and length-prefixed
 * strings, written to a strbuf and read back with every bound checked. Pure.
 */
#ifndef GATEWAYD_CHANNEL_WIRE_H
#define GATEWAYD_CHANNEL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/model/value.h"

void wire_put_u8(struct strbuf *buf, uint8_t value);
void wire_put_u32(struct strbuf *buf, uint32_t value);
void wire_put_u64(struct strbuf *buf, uint64_t value);
void wire_put_i64(struct strbuf *buf, int64_t value);
void wire_put_f64(struct strbuf *buf, double value);
void wire_put_string(struct strbuf *buf, const char *text); /* NULL: as "" */
void wire_put_bytes(struct strbuf *buf, const void *data, size_t len);
void wire_put_value(struct strbuf *buf, const struct gw_value *value);

/* A reader over borrowed bytes. After the first read past the end `failed` stays set and
 * every get gives 0 or "". Finish with wire_done. */
struct wire {
    const uint8_t *data;
    size_t len, at;
    bool failed;
};

struct wire wire_of(const void *data, size_t len);
uint8_t wire_get_u8(struct wire *wire);
uint32_t wire_get_u32(struct wire *wire);
uint64_t wire_get_u64(struct wire *wire);
int64_t wire_get_i64(struct wire *wire);
double wire_get_f64(struct wire *wire);
/* Borrowed from the message, NUL-terminated there; embedded NULs fail. */
const char *wire_get_string(struct wire *wire);
const void *wire_get_bytes(struct wire *wire, size_t *ret_len);
/* Unknown types fail. Strings are borrowed. */
struct gw_value wire_get_value(struct wire *wire);
/* A count that is plausible: at most the bytes left divided by min_size; else failed. */
uint32_t wire_get_count(struct wire *wire, size_t min_size);
/* True when all was read, exactly to the end, without failure. */
bool wire_done(const struct wire *wire);

#endif
