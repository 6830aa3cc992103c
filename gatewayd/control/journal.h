/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control did and why, as events of the store (full sync; boot id, boot time, wall
 * time and its quality are the store's): each transition with its evidence, each circuit
 * that changed, each alarm. And the state as a fact, so that a restart goes on where it
 * was.
 */
#ifndef GATEWAYD_CONTROL_JOURNAL_H
#define GATEWAYD_CONTROL_JOURNAL_H

#include "gatewayd/control/ports.h"
#include "gatewayd/control/site_map.h"
#include "lib/microgrid/grid_state.h"

#define JOURNAL_STATE_KEY "control.state"
#define JOURNAL_OUTAGES_KEY "control.outages"
#define JOURNAL_DISTRUST_KEY "control.distrust"
/* kept over a restart: enough for the longest in-band timer */
#define JOURNAL_OUTAGES_MAX 8

struct journal {
    uint32_t alarms;  /* of enum grid_alarm that stand */
    uint64_t on, known; /* circuits, as told last */
    uint32_t n_outages, distrusted; /* as kept last */
    uint32_t n_past;    /* outages of this boot, before the restart */
    int64_t past_ms[JOURNAL_OUTAGES_MAX];
};

void journal_init(struct journal *journal);
/* Its sentence names the evidence that caused it. */
void journal_transition(const struct control_ports *ports,
                        const struct grid_transition *transition);
/* Raises and clears what changed in the demand's alarms. */
void journal_alarms(struct journal *journal, const struct control_ports *ports,
                    uint32_t alarms);
/* Is this other than what was told of the circuit? */
bool journal_is_news(const struct journal *journal, uint32_t index, bool is_on);
/* A circuit was ordered on or off, for this reason. Says each change once. */
void journal_circuit(struct journal *journal, const struct control_ports *ports,
                     const char *name, uint32_t index, bool is_on, const char *why);
/* When outages began and what is distrusted, as facts of this boot, once they changed. */
void journal_past(struct journal *journal, const struct control_ports *ports,
                  const struct grid_state *grid, const struct evidence *evidence);
/* The same back from the facts' values; those of another boot say nothing. */
void journal_take_outages(struct journal *journal, const char *value);
uint32_t journal_distrusted(const char *value, const struct evidence *evidence);
/* Before the first step: the state machine counts what was taken. */
void journal_resume(struct journal *journal, struct grid_state *grid);
/* The state in the fact's value; -1: none. */
int journal_state(const char *value);

#endif
