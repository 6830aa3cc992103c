/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in memory, a route and a receiver for tests of forward: records are appended,
 * the route holds what was published until the test settles it, the receiver keeps an
 * account of covers and of every record by its de-duplication key.
 */
#ifndef GATEWAYD_TESTS_UNIT_FAKE_LOG_H
#define GATEWAYD_TESTS_UNIT_FAKE_LOG_H

#include <jansson.h>

#include "gatewayd/forward/forward.h"

#define FAKE_EPOCH "0123456789abcdef0123456789abcdef"
#define FAKE_BOOT "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"
#define FAKE_MAX 20000
#define FAKE_WALL_MS INT64_C(1763760000000)

struct fake_record {
    struct stored_record record;
    struct stored_value values[2];
    const struct stored_value *more_values; /* instead of values */
    char device[16];
    bool trimmed;
};

struct fake_message {
    uint64_t token;
    char suffix[16];
    char *payload;
    size_t len;
};

struct fake {
    struct forward_ports ports;
    struct fake_record records[FAKE_MAX + 1]; /* by seq */
    uint64_t n;                               /* appended and committed */
    struct forward_cursor saved, durable;
    bool has_saved;
    struct fake_message flying[128];
    unsigned n_flying, most_flying, room; /* room: publish gives -EAGAIN beyond it */
    bool is_damaged; /* the reader fails */
    unsigned n_opened, n_open, n_events;
    char last_event[40];

    /* the receiver's account */
    bool covered[FAKE_MAX + 1];
    bool overlap;         /* a message that lies: a record outside its covers */
    json_t *got;          /* "seq/device/period" -> record or event object */
    unsigned n_again;     /* seen before, equal */
    unsigned n_different; /* seen before with another content */
    unsigned n_bad;       /* payloads that are no JSON or too large */
};

struct fake *fake_new(void);
void fake_free(struct fake *fake);
/* At the time of clock_fake. device "a".."z". */
uint64_t fake_append(struct fake *fake, const char *device, enum category category,
                     double power_w);
uint64_t fake_append_event(struct fake *fake, const char *device, enum category category,
                           const char *code);
/* Takes message i out of the route; with `arrives` the receiver gets it. Gives its token.
 */
uint64_t fake_settle(struct fake *fake, unsigned i, bool arrives);
/* The receiver's receipt, in text[]. */
void fake_receipt(const struct fake *fake, char *text, size_t size);
bool fake_has(const struct fake *fake, uint64_t seq, const char *device,
              uint32_t period_ms);

#endif
