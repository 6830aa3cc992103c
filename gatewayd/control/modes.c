/* SPDX-License-Identifier: Apache-2.0 */
/* When a battery is charged by force; see modes.h. On the loop. */
#include "gatewayd/control/modes.h"

#include <math.h>

#define AGAIN 3.0 /* % below the reserve at which it begins again */

static bool may_force(const struct modes_in *in)
{
    return in->demand->state == GRID_OK && !in->demand->freeze_forced && !in->is_held &&
           (in->policy->is_storm || in->policy->is_planned_soon) &&
           in->ports->is_on_disk(in->ports->ctx);
}

static double usable_percent(const struct modes_in *in,
                             const struct site_battery *battery)
{
    double soc = sense_charge(in->ports, &battery->soc) / 10, floor = battery->floor;

    return (soc - floor) / (100 - floor) * 100;
}

double modes_step(struct modes *modes, const struct modes_in *in, uint32_t i)
{
    const struct site_battery *battery = &in->map->batteries[i];
    const struct config_source *source = battery->source;
    double most_w =
        source->max_charge_w > 0 ? source->max_charge_w : source->max_discharge_w;
    double usable = usable_percent(in, battery);
    uint32_t bit = UINT32_C(1) << i;

    if (!may_force(in) || !battery->setpoint.is_there || battery->is_car ||
        isnan(usable) || usable >= in->policy->reserve)
        modes->charging &= ~bit;
    else if (usable < in->policy->reserve - AGAIN)
        modes->charging |= bit;
    return modes->charging & bit ? fmax(-most_w, battery->setpoint_min_w) : (double)NAN;
}
