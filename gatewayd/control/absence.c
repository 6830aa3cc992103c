/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of seconds; see absence.h. */
#include "gatewayd/control/absence.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/energy/flows.h"

#define GAP_MS 60000           /* not watched for longer: not known */
#define RESTART_MS INT64_C(7200000) /* of a restart between two times without the grid */
#define KNOWN_SHARE 0.95

static void finish(struct absence *absence, const struct control_ports *ports)
{
    if ((double)absence->known_ms >= KNOWN_SHARE * (double)FLOWS_SLOT_MS)
        ports->off_grid(ports->ctx, absence->slot_ms,
                        (int32_t)((absence->off_ms + 500) / 1000));
    absence->off_ms = absence->known_ms = 0;
}

/* From the last look to this one it was as it was then. */
static void count(struct absence *absence, const struct control_ports *ports,
                  int64_t until_ms)
{
    while (absence->t_wall_ms < until_ms) {
        int64_t end_ms = absence->slot_ms + FLOWS_SLOT_MS, dt_ms;

        end_ms = end_ms < until_ms ? end_ms : until_ms;
        dt_ms = end_ms - absence->t_wall_ms;
        absence->known_ms += dt_ms;
        absence->off_ms += absence->is_off ? dt_ms : 0;
        absence->t_wall_ms = end_ms;
        if (end_ms == absence->slot_ms + FLOWS_SLOT_MS) {
            finish(absence, ports);
            absence->slot_ms = end_ms;
        }
    }
}

static void begin(struct absence *absence, const struct absence_in *in)
{
    absence->t_wall_ms = in->t_wall_ms;
    absence->slot_ms = in->t_wall_ms / FLOWS_SLOT_MS * FLOWS_SLOT_MS;
    absence->off_ms = absence->known_ms = 0;
}

static void keep(struct absence *absence, const struct control_ports *ports)
{
    char value[120];

    if (!absence->is_off) {
        if (absence->is_kept)
            ports->keep(ports->ctx, ABSENCE_KEY, NULL);
        absence->is_kept = false;
        return;
    }
    snprintf(value, sizeof value, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
             absence->t_wall_ms, absence->slot_ms, absence->off_ms, absence->known_ms);
    ports->keep(ports->ctx, ABSENCE_KEY, value);
    absence->is_kept = true;
    absence->kept_slot_ms = absence->slot_ms;
}

void absence_restore(struct absence *absence, const char *value)
{
    struct absence was = {.is_off = true, .is_kept = true};

    if (sscanf(value, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &was.t_wall_ms,
               &was.slot_ms, &was.off_ms, &was.known_ms) == 4 &&
        was.slot_ms > 0 && was.t_wall_ms >= was.slot_ms &&
        was.t_wall_ms - was.slot_ms < FLOWS_SLOT_MS)
        *absence = was;
}

/* Does the span since the last look count as what was seen then? */
static bool is_covered(const struct absence *absence, const struct absence_in *in)
{
    int64_t dt_ms = in->t_wall_ms - absence->t_wall_ms;

    if (!absence->is_running) /* a restart */
        return absence->is_kept && in->is_off && dt_ms >= 0 && dt_ms < RESTART_MS;
    /* both clocks agree on the span: nobody stepped the one */
    return in->t_boot_ms - absence->t_boot_ms < GAP_MS &&
           dt_ms - (in->t_boot_ms - absence->t_boot_ms) < 1000 &&
           dt_ms - (in->t_boot_ms - absence->t_boot_ms) > -1000;
}

int64_t absence_step(struct absence *absence, const struct control_ports *ports,
                     const struct absence_in *in)
{
    int64_t slot_ms;
    bool is_news;

    if (!in->is_clock_set)
        return INT64_MAX;
    if (is_covered(absence, in))
        count(absence, ports, in->t_wall_ms);
    else
        begin(absence, in);
    slot_ms = absence->slot_ms;
    is_news = in->is_off != absence->is_off || !absence->is_running;
    absence->is_off = in->is_off;
    absence->is_running = true;
    absence->t_boot_ms = in->t_boot_ms;
    /* while it is gone also once a slot */
    if (is_news || (in->is_off && slot_ms != absence->kept_slot_ms))
        keep(absence, ports);
    return in->t_boot_ms + slot_ms + FLOWS_SLOT_MS - in->t_wall_ms;
}
