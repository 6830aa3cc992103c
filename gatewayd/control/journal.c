/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions, alarms and circuits as events; see journal.h. On the loop. */
#include "gatewayd/control/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

#define PAST_MAX 400 /* bytes of a fact */

static const struct {
    uint32_t alarm;
    const char *code, *text, *over;
} alarms[] = {
    {ALARM_GRID_UNKNOWN, "grid-unknown",
     "grid state unknown: signs of an outage, no proof; exports stay frozen until "
     "evidence or a "
     "person decides",
     "the state of the grid is known again"},
    {ALARM_SYNC_LATE, "grid-sync",
     "the grid is back, but the switch to it stays open although it was asked to close",
     "the switch to the grid is closed"},
    {ALARM_USABLE_UNKNOWN, "soc-unknown", "islanded, and no battery tells its charge",
     "a battery tells its charge again"},
    {ALARM_CONTACTOR, "contactor",
     "a contactor does not do what it was told: nothing is switched until a person "
     "clears it",
     "contactor and command agree"},
    {ALARM_TWO_MASTERS, "two-masters",
     "another controller moves what we own: nothing is switched until a person clears it",
     "nobody else moves what we own"},
    {ALARM_OUT_OF_BAND, "grid-out-of-band",
     "the grid is there, but its voltage or frequency is not usable",
     "voltage and frequency of the grid are usable"},
    {ALARM_TRANSFER_FAILED, "transfer-failed", "the island was not formed in time",
     "the island is formed"},
    {ALARM_CONTRADICTION, "evidence-contradiction",
     "evidence about the grid contradicts itself", "evidence agrees again"},
    {ALARM_ASK, "grid-ask",
     "the coordinator is silent, and nothing here tells whether the grid is back: once "
     "it is, say "
     "so by gatewayctl grid confirm present",
     "it is known again whether the grid is there"},
    {ALARM_UNCONFIRMED, "grid-unconfirmed",
     "the grid was said to be back, but nothing confirms it: the home goes on without it "
     "until "
     "evidence does, or until gatewayctl grid confirm present says again that the home "
     "is on it",
     "the grid is confirmed, or known to be lost"},
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
             is_notice ? "" : " from ",
             is_notice ? "" : grid_state_name(transition->from), transition->why);
    ports->event(ports->ctx, is_notice ? "grid-notice" : "grid-state",
                 severity_of(transition), text);
    if (!is_notice)
        ports->keep(ports->ctx, JOURNAL_STATE_KEY, grid_state_name(transition->to));
}

void journal_alarms(struct journal *journal, const struct control_ports *ports,
                    uint32_t now)
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

/* ---- what anti-flap and distrust rest on, over a restart ---- */

static void keep_outages(const struct control_ports *ports, const struct grid_state *grid)
{
    uint32_t n = grid->n_outages,
             kept = n < JOURNAL_OUTAGES_MAX ? n : JOURNAL_OUTAGES_MAX;
    char value[PAST_MAX];
    int len = snprintf(value, sizeof value, "%s", clock_boot_id());

    for (uint32_t i = n - kept; i < n && len < PAST_MAX - 24; i++)
        len += snprintf(value + len, sizeof value - (size_t)len, " %" PRId64,
                        grid->outages_ms[i % GRID_OUTAGES_MAX]);
    ports->keep(ports->ctx, JOURNAL_OUTAGES_KEY, value);
}

static void keep_distrust(const struct control_ports *ports,
                          const struct evidence *evidence)
{
    char value[PAST_MAX];
    size_t len = (size_t)snprintf(value, sizeof value, "%s", clock_boot_id());

    for (uint32_t i = 0; i < evidence->n; i++) {
        const char *name = evidence->sources[i].name;

        if ((evidence->distrusted >> i & 1) && len + strlen(name) + 2 < sizeof value)
            len += (size_t)snprintf(value + len, sizeof value - len, " %s", name);
    }
    ports->keep(ports->ctx, JOURNAL_DISTRUST_KEY, evidence->distrusted ? value : NULL);
}

void journal_past(struct journal *journal, const struct control_ports *ports,
                  const struct grid_state *grid, const struct evidence *evidence)
{
    if (journal->n_outages != grid->n_outages)
        keep_outages(ports, grid);
    if (journal->distrusted != evidence->distrusted)
        keep_distrust(ports, evidence);
    journal->n_outages = grid->n_outages;
    journal->distrusted = evidence->distrusted;
}

/* Behind the boot id; NULL: of another boot, whose clock is not ours. */
static const char *of_this_boot(const char *value)
{
    size_t len = strlen(clock_boot_id());

    return strncmp(value, clock_boot_id(), len) == 0 ? value + len : NULL;
}

void journal_take_outages(struct journal *journal, const char *value)
{
    const char *at = of_this_boot(value);
    int used;

    journal->n_past = 0;
    while (at && journal->n_past < JOURNAL_OUTAGES_MAX &&
           sscanf(at, " %" SCNd64 "%n", &journal->past_ms[journal->n_past], &used) == 1) {
        at += used;
        journal->n_past++;
    }
}

uint32_t journal_distrusted(const char *value, const struct evidence *evidence)
{
    const char *at = of_this_boot(value);
    uint32_t set = 0;

    while (at && *at == ' ') {
        size_t len = strcspn(++at, " ");

        for (uint32_t i = 0; i < evidence->n; i++)
            if (strlen(evidence->sources[i].name) == len &&
                strncmp(evidence->sources[i].name, at, len) == 0)
                set |= 1U << i;
        at += len;
    }
    return set;
}

void journal_resume(struct journal *journal, struct grid_state *grid)
{
    for (uint32_t i = 0; i < journal->n_past; i++)
        grid_state_add_outage(grid, journal->past_ms[i]);
    journal->n_outages = grid->n_outages;
    journal->n_past = 0;
}

int journal_state(const char *value)
{
    return grid_state_from_name(value);
}
