/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults at run time over a Unix stream socket. A line in, an answer out that ends with a
 * line "ok" or "error: ...". When the answer is there, the fault is in force.
 *   TARGET FAULT [VALUE] [xN]         fault words, "ok" ends them (and restores
 * addresses) TARGET reset|refuse|accept        connections dropped; port closed or pty
 * unplugged; back TARGET illegal FIRST..LAST        these addresses answer exception 2
 *   TARGET set TABLE ADDRESS WORD     TARGET get TABLE ADDRESS
 *   home [WORD ARGUMENT]              makes it happen as in a script; prints the home
 *   stats                             INDEX requests replies polls
 * TARGET: an index of the ready file, uN (unit N), or *.
 */
#ifndef GATEWAYD_DEVICESIM_CONTROL_H
#define GATEWAYD_DEVICESIM_CONTROL_H

#include "tools/devicesim/sim.h"

struct control;

/* 0 or -errno. The sim is borrowed. */
int control_new(struct sim *sim, const char *path, struct control **ret_control);
void control_free(struct control *control);

/* Client side: sends one line to the socket, prints the answer; exit code. */
int control_tell(const char *path, const char *line);

#endif
