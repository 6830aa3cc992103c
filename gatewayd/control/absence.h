/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seconds without the grid, energy slot by energy slot (OUTAGE 8). A slot that was not
 * watched nearly all the time is not told. What a restart interrupts goes on, when the
 * grid was gone before and after it: kept as a fact while it is gone. On the loop.
 */
#ifndef GATEWAYD_CONTROL_ABSENCE_H
#define GATEWAYD_CONTROL_ABSENCE_H

#include "gatewayd/control/ports.h"

#define ABSENCE_KEY "control.off-grid"

struct absence {
    bool is_running, is_off;      /* since the last look */
    int64_t t_boot_ms, t_wall_ms; /* of it */
    int64_t slot_ms, off_ms, known_ms; /* the slot it lies in */
    bool is_kept;
    int64_t kept_slot_ms;
};

struct absence_in {
    int64_t t_boot_ms, t_wall_ms;
    bool is_off, is_clock_set;
};

/* The fact's value, before the first look. */
void absence_restore(struct absence *absence, const char *value);
/* Returns the boot time in ms at which the slot ends; INT64_MAX: no clock. */
int64_t absence_step(struct absence *absence, const struct control_ports *ports,
                     const struct absence_in *in);

#endif
