/* SPDX-License-Identifier: Apache-2.0 */
/* The alarms that stand now: raised and cleared on the loop, read by the views. */
#ifndef GATEWAYD_ALARMS_H
#define GATEWAYD_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#define ALARMS_MAX 16 /* more codes than there are; a further one is only logged */

struct alarm {
    char code[40], text[400];
    int64_t since_wall_ms;
};

struct alarms {
    uint32_t n;
    struct alarm list[ALARMS_MAX];
};

/* True when it was not standing yet. A standing one gets the new text. */
bool alarms_raise(struct alarms *alarms, const char *code, const char *text);
/* True when it stood. */
bool alarms_clear(struct alarms *alarms, const char *code);

#endif
