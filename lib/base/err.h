/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on which a person must act: a stable code, where, and a sentence. */
#ifndef GATEWAYD_BASE_ERR_H
#define GATEWAYD_BASE_ERR_H

#include <stdint.h>

/* code: stable word ("config-unknown-key"); file/line/col: where, or "" and 0; text: what
 * failed, on what, why, what to do. Plain value, no ownership. */
struct gw_error {
    char code[40];
    char file[160];
    uint32_t line, col;
    char text[400];
};

/* Fills *reterr (NULL is fine); always returns `rc`, so that one can write
 * `return error_set(reterr, -EINVAL, "code", "...", ...)`. */
int error_set(struct gw_error *reterr, int rc, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Text of a positive or negative errno; thread-safe; never NULL. */
const char *error_errno_text(int err);

#endif
