/* SPDX-License-Identifier: Apache-2.0 */
/* The night ahead; see outlook.h. */
#include "gatewayd/control/outlook.h"

#include <math.h>

#define DULL 0.35 /* of what the roof gave lately: sun is counted on as an upside only */
#define ETA 0.95  /* of the battery, giving */
#define HOURS (DISPATCH_SLOT_S / 3600.0)

/* Of the last days; < 0: some half hour is not known. */
static double pv_of(const struct past *past, unsigned utc_slot)
{
    unsigned first = (unsigned)(past->from_ms / PAST_SLOT_MS % DISPATCH_SLOTS), n = 0;
    double sum = 0;

    for (unsigned day = PAST_DAYS - PAST_LOAD_DAYS; day < PAST_DAYS; day++) {
        unsigned nth = day * DISPATCH_SLOTS +
                       (utc_slot + DISPATCH_SLOTS - first) % DISPATCH_SLOTS;

        if (past->pv_w[nth] >= 0) {
            sum += (double)past->pv_w[nth];
            n++;
        }
    }
    return n ? sum / n : -1;
}

static double load_of(const struct past *past, unsigned utc_slot)
{
    double sum;

    if (!past->other[utc_slot].n)
        return -1;
    /* what is drawn beside the metered circuits holds those without a meter, also P3 */
    sum = past->other[utc_slot].w / past->other[utc_slot].n;
    sum -= past->planned_w[DISPATCH_P3] + past->planned_w[DISPATCH_P4];
    for (unsigned c = 0; c <= DISPATCH_P2; c++)
        if (past->class[c][utc_slot].n)
            sum += past->class[c][utc_slot].w / past->class[c][utc_slot].n;
    return fmax(sum, 0);
}

void outlook_learn(struct outlook *outlook, const struct past *past, int64_t zone_ms)
{
    unsigned shift = past_shift(zone_ms);

    *outlook = (struct outlook){.is_known = past->n_pv > 0};
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++) {
        unsigned local = (s + shift) % DISPATCH_SLOTS;

        outlook->pv_w[local] = pv_of(past, s);
        outlook->load_w[local] = load_of(past, s);
        outlook->is_known &= outlook->pv_w[local] >= 0 && outlook->load_w[local] >= 0;
    }
}

enum evidence_tri outlook_below(const struct outlook *outlook, int64_t local_ms,
                                double above_wh)
{
    int64_t first = local_ms / PAST_SLOT_MS;
    double part = 1 - (double)(local_ms % PAST_SLOT_MS) / (double)PAST_SLOT_MS;

    if (!outlook->is_known || isnan(above_wh))
        return TRI_UNKNOWN;
    for (unsigned i = 0; i < DISPATCH_SLOTS; i++, part = 1) {
        unsigned slot = (unsigned)((first + i) % DISPATCH_SLOTS);
        double net_w = outlook->load_w[slot] - DULL * outlook->pv_w[slot];

        if (net_w <= 0) /* dawn, or the sun is still up */
            return TRI_NO;
        above_wh -= net_w * part * HOURS / ETA;
        if (above_wh < 0)
            return TRI_YES;
    }
    return TRI_NO;
}
