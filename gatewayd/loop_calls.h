/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from other threads onto the core's loop, in order; bounded by its callers. */
#ifndef GATEWAYD_LOOP_CALLS_H
#define GATEWAYD_LOOP_CALLS_H

#include <systemd/sd-event.h>

struct loop_calls;

/* NULL: no memory or descriptor. */
struct loop_calls *loop_calls_new(sd_event *event);
/* What still waits is not called; its arguments leak to their owners: stop the callers
 * first. Who cannot be stopped holds a reference: its posts are refused from here on. */
void loop_calls_free(struct loop_calls *calls);
/* Any thread. */
struct loop_calls *loop_calls_ref(struct loop_calls *calls);
void loop_calls_unref(struct loop_calls *calls);
/* Any thread: fn(arg) runs on the loop soon. 0, -ENOMEM, or -ESHUTDOWN after its end. */
int loop_calls_post(struct loop_calls *calls, void (*fn)(void *arg), void *arg);

#endif
