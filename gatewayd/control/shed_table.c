/* SPDX-License-Identifier: Apache-2.0 */
/* Losses that are played while the grid is there; see shed_table.h. */
#include "gatewayd/control/shed_table.h"

#include <stddef.h>

#define EVERY_MS 10000

/* The programme learns from what is, not from what is played. */
static uint64_t play(const struct decide *decide, const struct decide_in *real,
                     const struct grid_demand *demand)
{
    struct decide played = *decide;
    struct decide_in in = *real;
    struct circuit_plan plan;
    uint64_t off = 0;

    in.demand = demand;
    in.programme = NULL;
    in.setpoints = NULL;
    in.tie_closed = demand->is_islanded ? TRI_NO : real->tie_closed;
    decide_step(&played, &in, &plan);
    for (uint32_t i = 0; i < plan.n_circuits; i++)
        if (in.map->circuits[i].has_switch && !plan.circuits[i].want_on)
            off |= UINT64_C(1) << i;
    return off;
}

void shed_table_refresh(struct shed_table *table, const struct decide *decide,
                        const struct decide_in *in)
{
    const struct grid_demand sign = {.state = OUTAGE_SUSPECTED,
                                     .highest_class = CIRCUIT_P3,
                                     .drop_p4 = true,
                                     .freeze_forced = true};
    const struct grid_demand loss = {.state = TRANSFERRING,
                                     .highest_class = CIRCUIT_P3,
                                     .drop_p4 = true,
                                     .freeze_forced = true,
                                     .shed_to_budget = true,
                                     .is_islanded =
                                         in->map->config.island != ISLAND_NONE};
    const struct grid_demand dark = {.state = BLACK,
                                     .highest_class = CIRCUIT_NONE,
                                     .open_all_first = true,
                                     .freeze_forced = true};

    if (in->demand->state != GRID_OK ||
        (table->t_boot_ms && in->t_boot_ms - table->t_boot_ms < EVERY_MS))
        return;
    table->at_sign = play(decide, in, &sign);
    table->at_loss = play(decide, in, &loss);
    table->when_dark = play(decide, in, &dark);
    table->t_boot_ms = in->t_boot_ms;
}

/* The owner may have asked since for a circuit to stay on. */
static bool may_drop(const struct decide_in *in, uint32_t i)
{
    return in->now[i].is_on &&
           (in->demand->open_all_first ||
            circuit_override_at(&in->map->circuits[i], in->t_boot_ms) != OVERRIDE_ON);
}

uint64_t shed_table_now(const struct shed_table *table, const struct decide_in *in)
{
    const struct grid_demand *demand = in->demand;
    uint64_t off = 0, drop = 0;

    if (!table->t_boot_ms || demand->no_switching)
        return 0;
    if (demand->drop_p4)
        off |= table->at_sign;
    if (demand->open_all_first && !demand->try_restart)
        off |= table->when_dark;
    for (uint32_t i = 0; off && i < in->map->n_circuits; i++)
        if (off >> i & 1 && in->map->circuits[i].has_switch && may_drop(in, i))
            drop |= UINT64_C(1) << i;
    return drop;
}
