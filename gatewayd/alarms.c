/* SPDX-License-Identifier: Apache-2.0 */
/* The table of standing alarms; see alarms.h. */
#include "gatewayd/alarms.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

static struct alarm *find(struct alarms *alarms, const char *code)
{
    for (uint32_t i = 0; i < alarms->n; i++)
        if (strcmp(alarms->list[i].code, code) == 0)
            return &alarms->list[i];
    return NULL;
}

bool alarms_raise(struct alarms *alarms, const char *code, const char *text)
{
    struct alarm *alarm = find(alarms, code);
    bool is_new = !alarm;

    if (is_new) {
        if (alarms->n == ALARMS_MAX)
            return true;
        alarm = &alarms->list[alarms->n++];
        snprintf(alarm->code, sizeof alarm->code, "%s", code);
        alarm->since_wall_ms = clock_wall_ms();
    }
    snprintf(alarm->text, sizeof alarm->text, "%s", text);
    return is_new;
}

bool alarms_clear(struct alarms *alarms, const char *code)
{
    struct alarm *alarm = find(alarms, code);

    if (!alarm)
        return false;
    *alarm = alarms->list[--alarms->n];
    return true;
}
