/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored records -> the MQTT payloads of format `json` (docs/mqtt.md). Everything is
 * written into one buffer that the caller keeps from message to message. Pure.
 */
#ifndef GATEWAYD_FORWARD_ENCODE_JSON_H
#define GATEWAYD_FORWARD_ENCODE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/model/record.h"

/* Room kept at the buffer's front for what is known last: what the message covers. */
#define ENCODE_JSON_HEAD_MAX 384

struct encode_json_ids {
    const char *gateway, *epoch;
};

/* A `readings` message: begin, records, finish. `limit`: most bytes of the buffer. */
void encode_json_begin(struct strbuf *buf);
/* False, and the buffer as before, when the record does not fit any more. */
bool encode_json_record(struct strbuf *buf, const struct stored_record *record,
                        size_t limit);
/* As many of the record's values as fit, for one that does not fit even alone. */
void encode_json_record_cut(struct strbuf *buf, const struct stored_record *record,
                            size_t limit);
/* The payload, inside buf; NULL: no memory, or ids too long. */
const char *encode_json_finish(struct strbuf *buf, const struct encode_json_ids *ids,
                               const char *boot, const uint64_t covers[2],
                               size_t *ret_len);

/* The one message of an event, gap or correction; covers its own seq. As finish. */
const char *encode_json_single(struct strbuf *buf, const struct encode_json_ids *ids,
                               const struct stored_record *record, size_t *ret_len);

/* "readings", "event", "gap", "correction". */
const char *encode_json_topic(enum stored_kind kind);

#endif
