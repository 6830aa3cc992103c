/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions, alarms and circuits as events; see journal.h. On the loop. */
#include "gatewayd/control/journal.h"

#include <stdio.h>
#include <string.h>

static const struct {
    uint32_t alarm;
    const char *code, *text, *over;
} alarms[] = {
    {ALARM_GRID_UNKNOWN,    "grid-unknown",
     "grid state unknown: signs of an outage, no proof; exports stay frozen until evidence or a "
     "person decides", "the state of the grid is known again"                                   },
    {ALARM_SYNC_LATE,       "grid-sync",
     "the grid is back, but the switch to it stays open although it was asked to close",
     "the switch to the grid is closed"                                                         },
    {ALARM_USABLE_UNKNOWN,  "soc-unknown",
     "islanded, and no battery tells its charge", "a battery tells its charge again"            },
    {ALARM_CONTACTOR,       "contactor",
     "a contactor does not do what it was told: nothing is switched until a person clears it",
     "contactor and command agree"                                                              },
    {ALARM_TWO_MASTERS,     "two-masters",
     "another controller moves what we own: nothing is switched until a person clears it",
     "nobody else moves what we own"                                                            },
    {ALARM_OUT_OF_BAND,     "grid-out-of-band",
     "the grid is there, but its voltage or frequency is not usable",
     "voltage and frequency of the grid are usable"                                             },
    {ALARM_TRANSFER_FAILED, "transfer-failed",
     "the island was not formed in time",    "the island is formed"                             },
    {ALARM_CONTRADICTION,   "evidence-contradiction",
     "evidence about the grid contradicts itself", "evidence agrees again"                      },
};

void journal_init(struct journal *journal)
{
    memset(journal, 0, sizeof *journal);
}

static const char *severity_of(const struct grid_transition *transition)
{
    if (transition->from == transition->to || transition->to == GRID_OK ||
        transition->to == RECONNECTING)
        return "info";
    return "warning";
}

void journal_transition(const struct control_ports *ports,
                        const struct grid_transition *transition)
{
    bool is_notice = transition->from == transition->to;
    char text[GRID_WHY_MAX + 80];

    snprintf(text, sizeof text, "%s%s%s: %s", grid_state_name(transition->to),
             is_notice ? "" : " from ", is_notice ? "" : grid_state_name(transition->from),
             transition->why);
    ports->event(ports->ctx, is_notice ? "grid-notice" : "grid-state", severity_of(transition),
                 text);
    if (!is_notice)
        ports->keep(ports->ctx, JOURNAL_STATE_KEY, grid_state_name(transition->to));
}

void journal_alarms(struct journal *journal, const struct control_ports *ports, uint32_t now)
{
    for (size_t i = 0; i < sizeof alarms / sizeof *alarms; i++) {
        bool stood = journal->alarms & alarms[i].alarm, stands = now & alarms[i].alarm;

        if (stands && !stood)
            ports->event(ports->ctx, alarms[i].code, "alarm", alarms[i].text);
        else if (stood && !stands)
            ports->clear(ports->ctx, alarms[i].code, alarms[i].over);
    }
    journal->alarms = now;
}

bool journal_is_news(const struct journal *journal, uint32_t index, bool is_on)
{
    uint64_t bit = UINT64_C(1) << index;

    return !(journal->known & bit) || !(journal->on & bit) == is_on;
}

void journal_circuit(struct journal *journal, const struct control_ports *ports,
                     const char *name, uint32_t index, bool is_on, const char *why)
{
    uint64_t bit = UINT64_C(1) << index;
    bool is_known = journal->known & bit;
    char text[500];

    if (!journal_is_news(journal, index, is_on))
        return;
    journal->known |= bit;
    journal->on = is_on ? journal->on | bit : journal->on & ~bit;
    if (!is_known && is_on)
        return; /* as ever */
    snprintf(text, sizeof text, "%s %s: %s", name, is_on ? "on" : "off", why);
    ports->event(ports->ctx, "circuit", "info", text);
}

int journal_state(const char *value)
{
    return grid_state_from_name(value);
}
