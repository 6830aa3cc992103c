/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps its interval while energy is saved; see saving.h. */
#include "gatewayd/control/saving.h"

#include <stdlib.h>

static void mark(bool *needed, const struct control_ref *ref)
{
    if (ref->is_there)
        needed[ref->device] = true;
}

static void mark_all(bool *needed, const struct control_ref *refs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        mark(needed, &refs[i]);
}

static void mark_switch(bool *needed, const struct site_switch *sw)
{
    mark(needed, &sw->ref);
    mark(needed, &sw->power);
}

static void mark_battery(bool *needed, const struct site_battery *battery)
{
    mark(needed, &battery->soc);
    mark(needed, &battery->power);
    mark(needed, &battery->setpoint);
    mark(needed, &battery->alarm);
    mark(needed, &battery->plugged);
    mark(needed, &battery->overload);
}

void saving_mark_needed(const struct site_map *map, bool *needed)
{
    for (uint32_t i = 0; i < map->n_circuits; i++)
        mark_switch(needed, &map->switches[i]);
    for (int i = 0; i < REQUEST_COUNT; i++)
        mark_switch(needed, &map->requests[i]);
    for (uint32_t i = 0; i < map->n_batteries; i++)
        mark_battery(needed, &map->batteries[i]);
    for (uint32_t i = 0; i < map->n_pv_limits; i++) {
        mark(needed, &map->pv_limits[i].limit);
        mark(needed, &map->pv_limits[i].rated);
    }
    mark_all(needed, map->evidence, map->n_evidence);
    mark_all(needed, map->grid, map->n_grid);
    mark_all(needed, map->pv, map->n_pv);
    mark_all(needed, map->pv_rated, map->n_pv);
    mark(needed, &map->tie.sw);
    mark(needed, &map->tie.feedback);
    mark(needed, &map->tie.sync);
    mark(needed, &map->medical);
}

void saving_step(struct saving *saving, const struct control_ports *ports,
                 const struct site_map *map, bool is_wanted)
{
    bool *needed = NULL;

    if (saving->is_on == is_wanted && !(is_wanted && saving->is_new_map))
        return;
    if (is_wanted) {
        needed = calloc(map->n_devices + 1, sizeof *needed);
        if (!needed)
            return; /* the next step tries again */
        saving_mark_needed(map, needed);
    }
    ports->save(ports->ctx, needed);
    free(needed);
    saving->is_on = is_wanted;
    saving->is_new_map = false;
}
