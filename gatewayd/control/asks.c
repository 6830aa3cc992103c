/* SPDX-License-Identifier: Apache-2.0 */
/* Requests by state; see asks.h. On the loop. */
#include "gatewayd/control/asks.h"

#include <math.h>
#include <string.h>

void asks_init(struct asks *asks)
{
    *asks = (struct asks){.wanted_ms = -1};
}

static void ask(struct asks_out *ret, enum site_request request, const char *why)
{
    ret->is_wanted[request] = true;
    ret->why[request] = why;
}

/* ---- generator ---- */

static bool is_overloaded(const struct asks_in *in)
{
    return in->demand->is_islanded && in->limit_w >= 0 && in->power->load_w > in->limit_w;
}

static const char *reason_to_run(const struct asks *asks, const struct asks_in *in)
{
    const struct grid_demand *demand = in->demand;

    if (!demand->is_islanded || demand->freeze_forced)
        return NULL; /* the grid's return cancels every reason */
    if (demand->may_start_generator)
        return "the reserve is low";
    if (is_overloaded(in))
        return "the load is more than the inverter should carry";
    if (asks->is_running &&
        in->power->usable_permille < in->map->outage->generator.stop * 10)
        return "the reserve is not filled yet";
    return NULL;
}

static void turn(struct asks *asks, bool is_running, int64_t t_ms)
{
    asks->is_running = is_running;
    asks->changed_ms = t_ms;
}

static void ask_generator(struct asks *asks, const struct asks_in *in,
                          struct asks_out *ret)
{
    const struct config_outage *outage = in->map->outage;
    const char *why = reason_to_run(asks, in);
    bool is_over = in->demand->freeze_forced || !in->demand->is_islanded;
    int64_t least_ms =
        asks->is_running ? outage->generator.min_run_ms : outage->generator.min_rest_ms;
    int64_t free_ms = asks->changed_ms ? asks->changed_ms + least_ms : 0;

    if (!why)
        asks->wanted_ms = -1;
    else if (asks->wanted_ms < 0)
        asks->wanted_ms = in->t_boot_ms;
    if (!asks->is_running && why) {
        int64_t at_ms = asks->wanted_ms + outage->generator.start_after_ms;

        at_ms = at_ms > free_ms ? at_ms : free_ms;
        if (in->t_boot_ms >= at_ms)
            turn(asks, true, in->t_boot_ms);
        else
            ret->next_ms = at_ms;
    } else if (asks->is_running && !why && (is_over || in->t_boot_ms >= free_ms)) {
        turn(asks, false, in->t_boot_ms);
    } else if (asks->is_running && !why) {
        why = "it has run for too short a time";
        ret->next_ms = free_ms;
    }
    if (asks->is_running)
        ask(ret, REQUEST_GENERATOR, why);
}

/* ---- all ---- */

void asks_step(struct asks *asks, const struct asks_in *in, struct asks_out *ret)
{
    *ret = (struct asks_out){.next_ms = INT64_MAX};
    if (in->demand->try_restart)
        ask(ret, REQUEST_RESTART, "a try to start the island again, for P0 alone");
    ask_generator(asks, in, ret);
}
