/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program to its end: bytes in on stdin, bytes out from stdout and stderr. */
#ifndef GATEWAYD_HOST_ASK_PROCESS_H
#define GATEWAYD_HOST_ASK_PROCESS_H

#include <stddef.h>

#include "lib/base/strbuf.h"

struct ask_process {
    const char *const *argv; /* argv[0] a path */
    const void *input;
    size_t input_len;
    size_t output_max; /* of stdout and stderr together; more is -EMSGSIZE */
    int timeout_ms;
};

/* Its exit code, or -ETIMEDOUT, -EMSGSIZE (it was killed then), -EPIPE (a signal ended
 * it), or -errno. Never leaves a child behind. Any thread. */
int ask_process_run(const struct ask_process *ask, struct strbuf *ret_out,
                    struct strbuf *ret_err);

#endif
