/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences for people in an outage; see notices.h. */
#include "gatewayd/control/notices.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

#define OUTAGE_CODE "outage"
#define ETA 0.95   /* of the battery's way to the device */
#define AGAIN 1.25 /* so much above a threshold, and it may be told again */

static const double thresholds_h[] = {8, 4, 2, 1};

#define LEVELS (sizeof thresholds_h / sizeof *thresholds_h)

void notices_init(struct notices *notices)
{
    *notices = (struct notices){.medical_h = (double)NAN};
}

/* ---- the owner ---- */

static void put_runtime(double runtime_s, char text[60])
{
    if (runtime_s < 0)
        snprintf(text, 60, "how long it lasts is not known");
    else
        snprintf(text, 60, "it lasts about %.1f h", runtime_s / 3600);
}

static void tell_owner(const struct control_ports *ports, const struct notices_in *in)
{
    char text[500], runtime[60], stored[160] = "";
    double min = (double)(in->t_boot_ms - in->outage_ms) / 60000;

    put_runtime(in->runtime_s, runtime);
    if (!isnan(in->power->usable_permille))
        snprintf(stored, sizeof stored, "; %.0f %% of the usable energy is stored, %s",
                 in->power->usable_permille / 10, runtime);
    snprintf(text, sizeof text, "the grid has been gone for %.0f min%s; off by us: %s",
             ceil(min), stored, *in->off ? in->off : "nothing");
    ports->event(ports->ctx, OUTAGE_CODE, "alarm", text);
}

static void step_owner(struct notices *notices, const struct control_ports *ports,
                       const struct notices_in *in)
{
    if (in->demand->tell_owner && !notices->is_owner_told) {
        tell_owner(ports, in);
        notices->is_owner_told = true;
    } else if (in->demand->state == GRID_OK && notices->is_owner_told) {
        ports->clear(ports->ctx, OUTAGE_CODE, "the home is on the grid again");
        notices->is_owner_told = false;
    }
}

/* ---- the medical device ---- */

static double device_w(const struct notices_in *in)
{
    return in->power->medical_w > 1 ? in->power->medical_w
                                    : in->map->outage->medical.power_w;
}

static double p0_w(const struct notices_in *in)
{
    double sum = 0;

    for (uint32_t i = 0; i < in->map->n_circuits; i++)
        if (in->map->circuits[i].class == CIRCUIT_P0)
            sum += in->map->circuits[i].typical_w;
    return fmax(sum, device_w(in));
}

/* First what all draw on, then what is kept for the device and the rest of P0, then the
 * device's own battery. Sun is not counted on. */
static double hours_left(const struct notices *notices, const struct notices_in *in)
{
    const struct config_outage *outage = in->map->outage;
    double floor_wh = in->power->capacity_wh * outage->floor_black / 100;
    double stored_wh = fmax(in->power->usable_wh - floor_wh, 0) * ETA;
    double kept_wh = fmin(stored_wh, device_w(in) * outage->medical.reserve_h);
    double load_w = isnan(in->mean_load_w) ? p0_w(in) : fmax(in->mean_load_w, p0_w(in));

    if (notices->dark_ms) {
        double dark_h = (double)(in->t_boot_ms - notices->dark_ms) / 3.6e6;

        return fmax(outage->medical.battery_h - dark_h, 0);
    }
    if (isnan(in->power->usable_wh))
        return (double)NAN;
    return outage->medical.battery_h + kept_wh / p0_w(in) +
           (stored_wh - kept_wh) / load_w;
}

static unsigned level_of(double hours)
{
    unsigned level = 0;

    while (level < LEVELS && hours <= thresholds_h[level])
        level++;
    return level;
}

static void tell_medical(const struct notices *notices, const struct control_ports *ports)
{
    char text[200];

    snprintf(text, sizeof text,
             "the medical device runs for %s %.1f h more%s; this is no medical alarm",
             notices_is_at_most(notices) ? "at most" : "about", notices->medical_h,
             notices->dark_ms ? ", on its own battery" : "");
    ports->event(ports->ctx, NOTICES_MEDICAL_CODE, "alarm", text);
}

static void note_dark(struct notices *notices, const struct control_ports *ports,
                      const struct notices_in *in)
{
    char value[120];

    if ((in->demand->state == BLACK) == (notices->dark_ms != 0))
        return;
    notices->dark_ms = in->demand->state == BLACK ? in->t_boot_ms : 0;
    notices->dark_wall_ms = 0;
    snprintf(value, sizeof value, "%s %" PRId64 " %" PRId64, clock_boot_id(),
             notices->dark_ms, clock_wall_ms());
    ports->keep(ports->ctx, NOTICES_DARK_KEY, notices->dark_ms ? value : NULL);
}

/* A clock that is not set yet may be behind: then it was dark for longer. */
static void count_dark(struct notices *notices, int64_t wall_ms, int64_t t_boot_ms)
{
    int64_t dark_for_ms = clock_wall_ms() > wall_ms ? clock_wall_ms() - wall_ms : 0;

    notices->dark_ms = t_boot_ms - dark_for_ms;
    if (!notices->dark_ms)
        notices->dark_ms = -1;
    notices->dark_wall_ms = clock_trust_now() == CLOCK_UNSET ? wall_ms : 0;
}

static void count_again(struct notices *notices, int64_t t_boot_ms)
{
    if (!notices->dark_wall_ms || clock_trust_now() == CLOCK_UNSET)
        return;
    count_dark(notices, notices->dark_wall_ms, t_boot_ms);
    notices->medical_level = 0; /* what was told was a bound: told again */
}

static void step_medical(struct notices *notices, const struct control_ports *ports,
                         const struct notices_in *in)
{
    unsigned level;

    note_dark(notices, ports, in);
    count_again(notices, in->t_boot_ms);
    notices->medical_h = (double)NAN;
    if (!in->demand->tell_coordinator) { /* no outage */
        if (notices->medical_level)
            ports->clear(ports->ctx, NOTICES_MEDICAL_CODE,
                         "the medical device has the grid");
        notices->medical_level = 0;
        return;
    }
    notices->medical_h = hours_left(notices, in);
    if (isnan(notices->medical_h))
        return;
    level = level_of(notices->medical_h);
    if (level > notices->medical_level)
        tell_medical(notices, ports);
    else
        level = level_of(notices->medical_h / AGAIN) < notices->medical_level
                    ? level_of(notices->medical_h / AGAIN)
                    : notices->medical_level;
    if (!level && notices->medical_level)
        ports->clear(ports->ctx, NOTICES_MEDICAL_CODE,
                     "the medical device has more than 8 h");
    notices->medical_level = level;
}

/* ---- all ---- */

void notices_restore(struct notices *notices, const char *value)
{
    char boot[64];
    int64_t t_ms, wall_ms;

    if (sscanf(value, "%63s %" SCNd64 " %" SCNd64, boot, &t_ms, &wall_ms) != 3)
        return;
    if (strcmp(boot, clock_boot_id()) == 0)
        notices->dark_ms = t_ms ? t_ms : -1;
    else
        count_dark(notices, wall_ms, clock_boot_ns() / CLOCK_NS_PER_MS);
}

bool notices_is_at_most(const struct notices *notices)
{
    return notices->dark_ms && notices->dark_wall_ms;
}

void notices_end(struct notices *notices, const struct control_ports *ports)
{
    if (notices->is_owner_told)
        ports->clear(ports->ctx, OUTAGE_CODE, "outages are not controlled any more");
    if (notices->medical_level)
        ports->clear(ports->ctx, NOTICES_MEDICAL_CODE,
                     "outages are not controlled any more");
    notices->is_owner_told = false;
    notices->medical_level = 0;
    notices->medical_h = (double)NAN;
}

void notices_step(struct notices *notices, const struct control_ports *ports,
                  const struct notices_in *in)
{
    step_owner(notices, ports, in);
    if (in->map->outage->medical.power_w > 0)
        step_medical(notices, ports, in);
}
