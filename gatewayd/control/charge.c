/* SPDX-License-Identifier: Apache-2.0 */
/* Charges believed and summed; see charge.h. Called by control once a step. */
#include "gatewayd/control/charge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gatewayd/control/sense.h"
#include "lib/base/clock.h"

#define GAP_MS 60000       /* what was not watched for longer is not integrated */
#define JUMP_PERMILLE 100  /* more between two looks is first a reading that errs */
#define JUMP_READINGS 3    /* until it has been told so often */
#define STUCK_SHARE 0.05   /* of the capacity moved while what it tells did not */
#define FORGET_S 14400.0   /* a meter's small error must not add up to that over days */
#define FULL_PERMILLE 980  /* a battery that balances itself draws and stays full */
#define EMPTY_PERMILLE 20  /* above the cut-off: likewise below */
#define MS_PER_H 3.6e6

/* The next step clears an alarm that stands. */
void charge_forget(struct charge *charge)
{
    *charge = (struct charge){.told_stuck = charge->told_stuck};
}

static double clip(double permille)
{
    return fmin(fmax(permille, 0), 1000);
}

/* A charge far from the believed one is taken when it was told three times. */
static void believe(struct charge_battery *battery, double permille)
{
    if (battery->is_known && fabs(permille - battery->soc_permille) > JUMP_PERMILLE) {
        if (!battery->n_odd || fabs(permille - battery->odd_permille) > JUMP_PERMILLE)
            battery->n_odd = 0;
        battery->odd_permille = permille;
        if (++battery->n_odd < JUMP_READINGS)
            return;
    }
    battery->n_odd = 0;
    battery->soc_permille = clip(permille);
    battery->is_known = true;
}

/* At its ends a battery may stand still though some power flows. */
static bool may_stand_still(const struct charge_battery *battery,
                            const struct config_source *source)
{
    return (battery->moved_wh < 0 && battery->told_permille >= FULL_PERMILLE) ||
           (battery->moved_wh > 0 &&
            battery->told_permille <= source->cut_off * 10 + EMPTY_PERMILLE);
}

static void hear(struct charge_battery *battery, const struct config_source *source,
                 const struct control_reading *reading)
{
    bool is_same = battery->is_known && reading->value == battery->told_permille;

    if (battery->is_known && reading->t_boot_ns / CLOCK_NS_PER_MS == battery->told_ms)
        return;
    battery->told_ms = reading->t_boot_ns / CLOCK_NS_PER_MS;
    battery->told_permille = reading->value;
    if (!is_same) {
        battery->is_stuck = false;
        battery->moved_wh = 0;
    } else if (!battery->is_stuck && !may_stand_still(battery, source) &&
               fabs(battery->moved_wh) > STUCK_SHARE * source->capacity_wh) {
        battery->is_stuck = true;
        battery->soc_permille =
            clip(battery->soc_permille - battery->moved_wh / source->capacity_wh * 1000);
    }
    if (!battery->is_stuck)
        believe(battery, reading->value);
}

static void step_one(struct charge_battery *battery, const struct site_battery *from,
                     const struct control_ports *ports, int64_t dt_ms)
{
    double w = sense_battery_w(ports, from), moved_wh = w * (double)dt_ms / MS_PER_H;
    struct control_reading reading;
    bool is_here = !from->plugged.is_there || sense_value(ports, &from->plugged) > 0.5;
    bool is_told = is_here && from->soc.is_there &&
                   ports->read(ports->ctx, &from->soc, &reading) && reading.is_good &&
                   reading.has_value && sense_is_charge(reading.value);

    if (!isnan(moved_wh)) {
        battery->moved_wh =
            battery->moved_wh * exp(-(double)dt_ms / 1000 / FORGET_S) + moved_wh;
        if (battery->is_known && (battery->is_stuck || !is_told) &&
            from->source->capacity_wh > 0)
            battery->soc_permille =
                clip(battery->soc_permille - moved_wh / from->source->capacity_wh * 1000);
    }
    if (is_told)
        hear(battery, from->source, &reading);
    battery->is_live = is_told && !(battery->is_stuck && isnan(w));
}

static void tell(struct charge *charge, const struct site_map *map,
                 const struct control_ports *ports)
{
    uint32_t stuck = 0;
    char text[300];

    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct charge_battery *battery = &charge->batteries[i];

        stuck |= (uint32_t)battery->is_stuck << i;
        if (!battery->is_stuck || charge->told_stuck >> i & 1)
            continue;
        snprintf(text, sizeof text,
                 "%s: its charge stays at %.1f %% while %.0f Wh were %s; it is reckoned "
                 "from the "
                 "power until it moves",
                 map->batteries[i].source->battery, battery->told_permille / 10,
                 fabs(battery->moved_wh), battery->moved_wh > 0 ? "drawn" : "stored");
        ports->event(ports->ctx, "battery-stuck", "alarm", text);
    }
    if (charge->told_stuck && !stuck)
        ports->clear(ports->ctx, "battery-stuck", "the battery's charge moves again");
    charge->told_stuck = stuck;
}

void charge_step(struct charge *charge, const struct site_map *map,
                 const struct control_ports *ports, int64_t t_boot_ms)
{
    int64_t dt_ms = charge->t_ms ? t_boot_ms - charge->t_ms : 0;

    if (dt_ms < 0 || dt_ms > GAP_MS)
        dt_ms = 0;
    charge->t_ms = t_boot_ms;
    for (uint32_t i = 0; i < map->n_batteries; i++)
        step_one(&charge->batteries[i], &map->batteries[i], ports, dt_ms);
    tell(charge, map, ports);
}

/* Energy above the device's own cut-off, as permille of what lies above it. */
static double usable_permille(double soc_permille, double cut_off_percent)
{
    double floor = cut_off_percent * 10;

    return clip((soc_permille - floor) / (1000 - floor) * 1000);
}

void charge_sum(const struct charge *charge, const struct site_map *map,
                struct charge_sum *ret)
{
    double soc_wh = 0, all_wh = 0;
    bool is_live = false;

    *ret = (struct charge_sum){.t_ms = 0};
    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct charge_battery *battery = &charge->batteries[i];
        const struct config_source *source = map->batteries[i].source;
        double floor = map->batteries[i].floor;
        double above_wh = source->capacity_wh * (1 - floor / 100);

        if (map->batteries[i].is_car || !battery->is_known)
            continue;
        all_wh += source->capacity_wh;
        soc_wh += source->capacity_wh * battery->soc_permille / 1000;
        ret->capacity_wh += above_wh;
        ret->usable_wh +=
            usable_permille(battery->soc_permille, floor) / 1000 * above_wh;
        is_live |= battery->is_live;
        if (battery->is_live && battery->told_ms > ret->t_ms)
            ret->t_ms = battery->told_ms;
    }
    if (!is_live || !(ret->capacity_wh > 0))
        ret->usable_wh = soc_wh = (double)NAN;
    ret->usable_permille = ret->usable_wh / ret->capacity_wh * 1000;
    ret->soc_permille = soc_wh / all_wh * 1000;
}
