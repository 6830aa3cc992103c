/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and doubts about the tie; see tie.h. */
#include "gatewayd/control/tie.h"

#include "gatewayd/control/sense.h"
#include "lib/base/clock.h"

bool tie_is_sync_ok(const struct site_map *map, const struct control_ports *ports)
{
    return map->tie.sw.is_there &&
           (map->tie.self_sync || sense_value(ports, &map->tie.sync) > 0.5);
}

/* A device that waits for synchronism by itself closes when it likes; and a closed tie
 * that opens while the grid is there is a sign of an outage, not of a fault. */
static bool must_follow(const struct tie_in *in, const struct actuator_now *out)
{
    if (!out->has_want || !out->is_commanded)
        return false;
    if (out->value > 0.5)
        return in->state == RECONNECTING && !in->map->tie.self_sync;
    return in->state >= TRANSFERRING && in->state <= BLACK;
}

static bool differs(const struct tie_in *in, const struct actuator_now *out)
{
    const struct control_ref *ref =
        in->map->tie.feedback.is_there ? &in->map->tie.feedback : &in->map->tie.sw;
    struct control_reading reading;

    return in->ports->read(in->ports->ctx, ref, &reading) && reading.is_good &&
           reading.has_value && reading.t_boot_ns / CLOCK_NS_PER_MS > out->since_ms &&
           (reading.value > 0.5) != (out->value > 0.5);
}

void tie_look(struct tie *tie, const struct tie_in *in)
{
    struct actuator_now out;

    if (!in->map->tie.sw.is_there)
        return;
    actuate_get(in->actuate, in->output, &out);
    if (!must_follow(in, &out) || !differs(in, &out)) {
        tie->differs_ms = 0;
        return;
    }
    if (!tie->differs_ms)
        tie->differs_ms = in->t_boot_ms;
    if (in->t_boot_ms - tie->differs_ms < ACTUATE_FEEDBACK_MS)
        return;
    tie->is_faulty = true;
    tie->differs_ms = 0;
    actuate_forget(in->actuate, in->output);
}

void tie_clear(struct tie *tie)
{
    *tie = (struct tie){.is_faulty = false};
}

void tie_move(struct tie *tie, const struct tie_in *in, const struct grid_demand *demand)
{
    struct actuator_now out;

    if (!in->map->tie.sw.is_there || tie->is_faulty || demand->no_switching)
        return;
    actuate_get(in->actuate, in->output, &out);
    if (demand->state >= TRANSFERRING && demand->state <= BLACK)
        actuate_want(in->actuate, in->output, 0, true);
    else if (demand->close_tie || (demand->state == GRID_OK && out.has_want &&
                                   tie_is_sync_ok(in->map, in->ports)))
        actuate_want(in->actuate, in->output, 1, false);
}
