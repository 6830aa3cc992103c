/* SPDX-License-Identifier: Apache-2.0 */
/* Flushing and switching off in the dark; see ending.h. */
#include "gatewayd/control/ending.h"

#include <stdio.h>

#define FLUSH_MS 60000

static void flush(struct ending *ending, const struct control_ports *ports,
                  const struct ending_in *in)
{
    if (!in->demand->flush_store) {
        ending->flushed_ms = 0;
        return;
    }
    if (ending->flushed_ms && in->t_boot_ms - ending->flushed_ms < FLUSH_MS)
        return;
    ending->flushed_ms = in->t_boot_ms;
    ports->flush(ports->ctx);
}

static void ask(struct ending *ending, const struct control_ports *ports,
                uint32_t after_ms)
{
    char text[200];

    ending->is_asked = true;
    snprintf(
        text, sizeof text,
        "the home has been dark for %u min and no sun is seen: the gateway asks to be "
        "switched off",
        after_ms / 60000);
    ports->event(ports->ctx, "halt", "warning", text);
    ports->halt(ports->ctx, true);
}

/* With sun it stays up for the tries to restart; a person who holds wants to see it. */
static bool is_dark(const struct ending_in *in)
{
    return in->demand->state == BLACK && !(in->pv_w > 0);
}

int64_t ending_step(struct ending *ending, const struct control_ports *ports,
                    const struct ending_in *in)
{
    uint32_t after_ms = in->map->outage->halt_ms;

    flush(ending, ports, in);
    if (!is_dark(in) || !after_ms) {
        if (ending->is_asked)
            ports->halt(ports->ctx, false);
        ending->is_asked = false;
        ending->dark_since_ms = 0;
        return INT64_MAX;
    }
    if (!ending->dark_since_ms)
        ending->dark_since_ms = in->t_boot_ms;
    if (ending->is_asked)
        return INT64_MAX;
    if (in->t_boot_ms - ending->dark_since_ms >= after_ms)
        ask(ending, ports, after_ms);
    return ending->is_asked ? INT64_MAX : ending->dark_since_ms + after_ms;
}
