/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The circuit breaker of one unit: after two silent polls in a row it is asked only by a
 * rare probe, so that a dead unit costs its line little. Pure: time is an argument.
 */
#ifndef GATEWAYD_HOST_BREAKER_H
#define GATEWAYD_HOST_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/plugin.h"

/* The numbers of HOST_MSG_BUS_STATS. */
enum breaker_state { BREAKER_CLOSED = 0, BREAKER_OPEN = 1, BREAKER_PROBING = 2 };

struct breaker { /* all zero: closed */
    enum breaker_state state;
    unsigned failures; /* in a row */
    unsigned n_probes; /* failed ones since it opened */
    int64_t next_try_boot_ns;
};

/* True when the unit may be asked now: always while closed, at next_try while open. */
bool breaker_allows(const struct breaker *breaker, int64_t now_boot_ns);
/* An attempt begins; while open it is the probe. */
void breaker_begin(struct breaker *breaker);
/* The longest wait between probes that cost their line so much: 5 s where no other unit
 * has to wait for them, else a fiftieth of the line, 5 s to 60 s. */
int64_t breaker_longest_ns(uint32_t n_units, int64_t cost_ns);
/* How it ended, at now. True when the breaker opened or closed by it. TIMEOUT and
 * PROTOCOL are failures; LINK says nothing about the unit; all else is an answer. */
bool breaker_end(struct breaker *breaker, enum gw_result result, int64_t now_boot_ns,
                 int64_t longest_ns);

#endif
