/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes off if the grid is lost now (OUTAGE 4): made every 10 s while the grid is
 * there, so that the first relays of an outage wait for no plan. Pure; on the loop.
 */
#ifndef GATEWAYD_CONTROL_SHED_TABLE_H
#define GATEWAYD_CONTROL_SHED_TABLE_H

#include "gatewayd/control/decide.h"

struct shed_table {     /* bits of circuits */
    int64_t t_boot_ms;  /* when it was made; 0: none yet */
    uint64_t at_sign;   /* off at the first sign of a loss */
    uint64_t at_loss;   /* once it is confirmed, with what is drawn now */
    uint64_t when_dark; /* when nothing feeds the home */
};

/* Made anew when it is due; *decide and *in are of this step and stay as they are. */
void shed_table_refresh(struct shed_table *table, const struct decide *decide,
                        const struct decide_in *in);
/* What this demand drops before any plan: circuits of *in that are on. */
uint64_t shed_table_now(const struct shed_table *table, const struct decide_in *in);

#endif
