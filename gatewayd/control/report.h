/* SPDX-License-Identifier: Apache-2.0 */
/* Texts about what control does, for the routes, the journal and the API; the documents'
 * own functions are in control.h. Under the lock. */
#ifndef GATEWAYD_CONTROL_REPORT_H
#define GATEWAYD_CONTROL_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

struct control;

/* The grid message (CONTRACT 4). */
void report_put_message(struct control *control, struct strbuf *buf);
/* One sentence about a circuit, into text. */
const char *report_why(struct control *control, uint32_t index, char *text, size_t size);

#endif
