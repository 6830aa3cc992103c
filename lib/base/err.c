/* SPDX-License-Identifier: Apache-2.0 */
/* Filling of struct gw_error, and errno texts; no state, any thread. */
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct gw_error *reterr, int rc, const char *code, const char *format, ...)
{
    va_list ap;

    if (!reterr)
        return rc;
    memset(reterr, 0, sizeof *reterr);
    snprintf(reterr->code, sizeof reterr->code, "%s", code);
    va_start(ap, format);
    vsnprintf(reterr->text, sizeof reterr->text, format, ap);
    va_end(ap);
    return rc;
}

const char *error_errno_text(int err)
{
    const char *text = strerrordesc_np(abs(err));

    return text ? text : "unknown error";
}
