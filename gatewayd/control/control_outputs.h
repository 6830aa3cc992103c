/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control orders beside circuits: set-points and requests, from the decision to the
 * actuators, and what is told about them. Under the lock, on the loop (the document: any
 * thread).
 */
#ifndef GATEWAYD_CONTROL_CONTROL_OUTPUTS_H
#define GATEWAYD_CONTROL_CONTROL_OUTPUTS_H

#include "gatewayd/control/asks.h"
#include "gatewayd/control/decide.h"
#include "lib/base/strbuf.h"
#include "lib/model/catalog.h"

struct control;

#define OUTPUTS_MAX (SETPOINT_MAX + REQUEST_COUNT)

struct outputs {
    struct setpoints setpoints;
    struct setpoints_out wanted;
    struct asks asks;
    struct asks_out asked;
    struct { /* what was told last of each: set-points, then requests */
        const char *why;
        int64_t t_ms;
    } told[OUTPUTS_MAX];
};

/* One actuator for each circuit, each set-point, the tie, each request, in this order. */
void control_outputs_configure(struct control *control, const struct catalog *catalog);
/* What the set-points should be; before decide_step, which takes them from *in. */
void control_outputs_decide(struct control *control, int64_t t_ms, struct decide_in *in);
/* Orders of the plan in force, onto devices. Returns the boot time in ms of its next
 * look. */
int64_t control_outputs_order(struct control *control, int64_t t_ms);
/* ,"outputs":[...] of the grid document. */
void control_outputs_put(struct control *control, struct strbuf *buf);

#endif
