/* SPDX-License-Identifier: Apache-2.0 */
/* When an island is wanted; see planned.h. */
#include "gatewayd/control/planned.h"

#define LEAD_MS 60000 /* a transfer that fails has ended before the grid goes */
#define TEST_SPEED 20

/* When the wish, or the planned outage that is or begins within the lead, ends; 0:
 * none. */
static int64_t current_end_ms(const struct planned_in *in)
{
    int64_t lead_ms = LEAD_MS / (in->map->config.code.is_for_tests ? TEST_SPEED : 1);

    if (in->t_boot_ms < in->owner_until_ms)
        return in->owner_until_ms;
    for (uint32_t i = 0; in->is_clock_set && i < in->map->outage->n_planned; i++) {
        const struct config_span *span = &in->map->outage->planned[i];

        if (span->from_ms - lead_ms <= in->t_wall_ms && in->t_wall_ms < span->until_ms)
            return span->until_ms;
    }
    return 0;
}

static bool is_low(const struct planned_in *in)
{
    const struct grid_config *config = &in->map->config;

    return !(in->usable_permille >= config->low_permille + config->recover_permille);
}

bool planned_wants_island(struct planned *planned, const struct planned_in *in)
{
    int64_t end_ms = in->map->tie.sw.is_there ? current_end_ms(in) : 0;

    if (!end_ms) {
        *planned = (struct planned){.is_wanted = false};
        return false;
    }
    if (in->state >= TRANSFERRING && in->state <= BLACK)
        planned->has_begun = true;
    if ((planned->has_begun && in->state == GRID_OK) ||
        (in->state >= LOW_RESERVE && in->state <= BLACK))
        planned->given_up_ms = end_ms;
    planned->is_wanted = planned->given_up_ms != end_ms &&
                         (planned->has_begun || !is_low(in));
    return planned->is_wanted;
}
