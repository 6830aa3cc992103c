/* SPDX-License-Identifier: Apache-2.0 */
/* A played outage; see drill.h. Pure. */
#include "gatewayd/control/drill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void drill_begin(struct drill *drill, int64_t t_boot_ms, int64_t for_ms)
{
    *drill = (struct drill){.is_running = true,
                            .begun_ms = t_boot_ms,
                            .until_ms = t_boot_ms + for_ms,
                            .state = ISLANDED,
                            .runtime_s = -1};
}

static enum grid_state_id state_at(double usable_permille,
                                   const struct grid_config *config)
{
    if (isnan(usable_permille) || usable_permille > config->low_permille)
        return ISLANDED;
    if (usable_permille > config->critical_permille)
        return LOW_RESERVE;
    return usable_permille > config->black_permille ? CRITICAL : BLACK;
}

static enum circuit_class class_of(enum grid_state_id state)
{
    switch (state) {
    case LOW_RESERVE:
        return CIRCUIT_P2;
    case CRITICAL:
        return CIRCUIT_P1;
    case BLACK:
        return CIRCUIT_NONE;
    case GRID_OK:
    case OUTAGE_SUSPECTED:
    case TRANSFERRING:
    case ISLANDED:
    case RECONNECTING:
    case MANUAL:
    case FAULT:
    case GRID_STATE_COUNT:
        break;
    }
    return CIRCUIT_P3;
}

bool drill_step(struct drill *drill, int64_t t_boot_ms, double usable_permille,
                const struct grid_config *config, struct grid_demand *ret_demand)
{
    if (t_boot_ms >= drill->until_ms) {
        drill->is_running = false;
        drill->has_report = true;
        drill->ended_ms = t_boot_ms;
        return true;
    }
    drill->state = state_at(usable_permille, config);
    *ret_demand = (struct grid_demand){.state = drill->state,
                                       .highest_class = class_of(drill->state),
                                       .is_islanded = true,
                                       .shed_to_budget = true,
                                       .next_ms = drill->until_ms};
    return false;
}

void drill_note(struct drill *drill, uint64_t shed, uint64_t stuck, double runtime_s)
{
    drill->shed |= shed;
    drill->stuck |= stuck;
    if (runtime_s >= 0)
        drill->runtime_s = runtime_s;
}

/* Bulk loads that an island would have to carry: nothing of ours takes them off. */
static uint32_t count_unswitched(const struct site_map *map)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < map->n_circuits; i++)
        n += map->circuits[i].class == CIRCUIT_P4 && map->circuits[i].is_backed &&
             !map->circuits[i].has_switch;
    return n;
}

const char *drill_text(const struct drill *drill, const struct site_map *map, char *text,
                       size_t size)
{
    size_t len = (size_t)snprintf(text, size, "drill of %lld s: %s",
                                  (long long)((drill->ended_ms - drill->begun_ms) / 1000),
                                  grid_state_name(drill->state));
    uint32_t n_unswitched = count_unswitched(map);
    bool any = false;

    for (uint32_t i = 0; i < map->n_circuits && len < size; i++)
        if (drill->shed & UINT64_C(1) << i) {
            len +=
                (size_t)snprintf(text + len, size - len, "%s%s",
                                 any ? ", " : "; off: ", site_map_circuit_name(map, i));
            any = true;
        }
    if (!any && len < size)
        len += (size_t)snprintf(text + len, size - len, "; nothing would be off");
    if (drill->stuck && len < size)
        len += (size_t)snprintf(text + len, size - len, "; some switches do not answer");
    if (n_unswitched && len < size)
        len += (size_t)snprintf(text + len, size - len,
                                "; bulk loads without a switch: %u", n_unswitched);
    if (drill->runtime_s >= 0 && len < size)
        snprintf(text + len, size - len, "; energy for %.1f h at the load of now",
                 drill->runtime_s / 3600);
    return text;
}
