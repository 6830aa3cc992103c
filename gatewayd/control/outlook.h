/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Will what is stored last until the sun carries the home again? Reckoned with what P0 to
 * P2 and the rest of the home draw by time of day in its own past, and with the sun of a
 * dull day: whatever else runs is the programme's to stop. Pure.
 */
#ifndef GATEWAYD_CONTROL_OUTLOOK_H
#define GATEWAYD_CONTROL_OUTLOOK_H

#include "gatewayd/control/past.h"
#include "lib/microgrid/evidence.h"

struct outlook {
    bool is_known;
    /* by half hour of the site's day */
    double load_w[DISPATCH_SLOTS], pv_w[DISPATCH_SLOTS];
};

/* Known where the past tells the roof and the home's load of a whole day. */
void outlook_learn(struct outlook *outlook, const struct past *past, int64_t zone_ms);
/* TRI_YES: above_wh are used up before dawn. NaN: not known. */
enum evidence_tri outlook_below(const struct outlook *outlook, int64_t local_ms,
                                double above_wh);

#endif
