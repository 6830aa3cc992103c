/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulated unit does wrong, and the words for it. Pure. */
#ifndef GATEWAYD_DEVICESIM_FAULT_H
#define GATEWAYD_DEVICESIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_SILENT,
    FAULT_LATE,     /* the whole reply `value` ms later; later requests are still taken */
    FAULT_SLOW,     /* `value` ms between the reply's bytes */
    FAULT_GARBAGE,  /* random bytes instead */
    FAULT_TRUNCATE, /* the reply's beginning only */
    FAULT_WRONG_UNIT,
    FAULT_WRONG_FUNCTION,
    FAULT_WRONG_COUNT, /* byte count that is not what was asked, in a sound frame */
    FAULT_CRC,         /* RTU: bad CRC; TCP: another transaction's number */
    FAULT_EXCEPTION,   /* exception code `value` */
    FAULT_TWICE,       /* the reply comes two times */
    FAULT_FUZZ,        /* any of the above but late, in `value` of 1000 requests */
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    unsigned value;
    unsigned left; /* requests it still holds for; 0: until told otherwise */
};

/* From words like {"late", "350", "x1"}; "ok" gives FAULT_NONE. 0 or -EINVAL. */
int fault_parse(char *const *words, unsigned n_words, struct fault *ret_fault);
const char *fault_name(enum fault_kind kind);

/* The kind for the next request (fuzz decided); counts `left` down. */
enum fault_kind fault_next(struct fault *fault, unsigned *ret_value);

/* Spoils a reply before framing (function, count) or after it (bytes). */
size_t fault_spoil_pdu(enum fault_kind kind, uint8_t *pdu, size_t len);
size_t fault_spoil_frame(enum fault_kind kind, uint8_t *bytes, size_t len, bool is_rtu);

#endif
