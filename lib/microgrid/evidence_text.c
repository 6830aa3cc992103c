/* SPDX-License-Identifier: Apache-2.0 */
/* One clause per source: what it is, its name, what it says, since when. */
#include "lib/microgrid/evidence_text.h"

#include <stdio.h>
#include <string.h>

#define VALUE_TEXT_MAX 40

struct words {
    const char *zero, *other; /* of a two-valued kind; NULL: a number */
    const char *unit;
};

static const struct words words[EVIDENCE_KINDS] = {
    [EVIDENCE_CONTACT] = {"open",         "energised",  ""  },
    [EVIDENCE_VOLTAGE] = {NULL,           NULL,         "V" },
    [EVIDENCE_FREQUENCY] = {NULL,           NULL,         "Hz"},
    [EVIDENCE_PCS] = {NULL,           NULL,         ""  },
    [EVIDENCE_SWITCH] = {"open",         "closed",     ""  },
    [EVIDENCE_UPS] = {"on line",      "on battery", ""  },
    [EVIDENCE_BATTERY] = {NULL,           NULL,         "%" },
    [EVIDENCE_NEIGHBOUR] = {"without grid", "has grid",   ""  },
};

static const char *pcs_text(double value)
{
    if (value == PCS_ON_GRID)
        return "on the grid";
    if (value == PCS_ISLANDED)
        return "in independent operation";
    return value == PCS_OFF ? "not supplying" : "in an unknown state";
}

static void put_value(enum evidence_kind kind, const struct evidence_memory *memory,
                      char *text, size_t size)
{
    const struct words *w = &words[kind];

    if (kind == EVIDENCE_PCS)
        snprintf(text, size, "%s", pcs_text(memory->value));
    else if (kind == EVIDENCE_BATTERY)
        snprintf(text, size, "%.0f %%", memory->value / 10);
    else if (w->zero)
        snprintf(text, size, "%s", memory->value != 0 ? w->other : w->zero);
    else
        snprintf(text, size, "%.1f %s%s", memory->value, w->unit,
                 memory->says == SAYS_OUT_OF_BAND ? " (out of band)" : "");
}

const char *evidence_text(const struct evidence *evidence, uint32_t index,
                          int64_t t_boot_ms, char *text, size_t size)
{
    const struct evidence_source *source;
    const struct evidence_memory *memory;
    char value[VALUE_TEXT_MAX];
    double since_s;

    if (size == 0)
        return text;
    text[0] = '\0';
    if (index >= evidence->n)
        return text;
    source = &evidence->sources[index];
    memory = &evidence->memory[index];
    since_s = (double)(t_boot_ms - memory->since_ms) / 1000;
    if (!memory->is_fresh) {
        snprintf(text, size, "%s %s silent", evidence_kind_name(source->kind),
                 source->name);
        return text;
    }
    put_value(source->kind, memory, value, sizeof value);
    if (source->kind == EVIDENCE_BATTERY)
        snprintf(text, size, "battery %s %s", source->name, value);
    else
        snprintf(text, size,
                 since_s < 10 ? "%s %s %s since %.1f s" : "%s %s %s since %.0f s",
                 evidence_kind_name(source->kind), source->name, value, since_s);
    return text;
}

const char *evidence_set_text(const struct evidence *evidence, uint32_t set,
                              int64_t t_boot_ms, char *text, size_t size)
{
    size_t length = 0;

    if (size > 0)
        text[0] = '\0';
    for (uint32_t i = 0; i < evidence->n && length + 3 < size; i++) {
        if (!(set >> i & 1))
            continue;
        if (length > 0) {
            memcpy(text + length, "; ", 3);
            length += 2;
        }
        evidence_text(evidence, i, t_boot_ms, text + length, size - length);
        length += strlen(text + length);
    }
    return text;
}
