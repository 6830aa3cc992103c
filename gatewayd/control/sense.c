/* SPDX-License-Identifier: Apache-2.0 */
/* Readings into evidence and powers; see sense.h. On the loop. */
#include "gatewayd/control/sense.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"

#define VOLTAGE_SEEN 60.0 /* V: below, a reading does not tell the nominal voltage */

void sense_init(struct sense *sense)
{
    memset(sense, 0, sizeof *sense);
}

double sense_value(const struct control_ports *ports, const struct control_ref *ref)
{
    struct control_reading reading;

    if (!ref->is_there || !ports->read(ports->ctx, ref, &reading) || !reading.is_good ||
        !reading.has_value)
        return (double)NAN;
    return reading.value;
}

/* Energy above the device's own cut-off, as permille of what lies above it. */
static double usable_permille(double soc_permille, double cut_off_percent)
{
    double floor = cut_off_percent * 10;
    double usable = (soc_permille - floor) / (1000 - floor) * 1000;

    return usable < 0 ? 0 : usable > 1000 ? 1000 : usable;
}

static double nearest_nominal(double v)
{
    static const double usual[] = {101, 202, 230};
    double best = usual[0];

    for (size_t i = 1; i < sizeof usual / sizeof *usual; i++)
        if (fabs(v - usual[i]) < fabs(v - best))
            best = usual[i];
    return best;
}

static const struct config_evidence *configured(const struct site_map *map, uint32_t i)
{
    for (uint32_t j = 0; j < map->outage->n_evidence; j++)
        if (strcmp(map->outage->evidence[j].point, map->names[i]) == 0)
            return &map->outage->evidence[j];
    return NULL;
}

static double value_of(struct site_map *map, uint32_t i, double value)
{
    struct evidence_source *source = &map->sources[i];
    const struct config_evidence *from = configured(map, i);

    if (source->kind == EVIDENCE_VOLTAGE && from && !(from->nominal_v > 0))
        if (value > VOLTAGE_SEEN || !(source->nominal_v > 0))
            source->nominal_v = nearest_nominal(value);
    if (source->kind == EVIDENCE_BATTERY)
        for (uint32_t j = 0; j < map->n_batteries; j++)
            if (map->batteries[j].soc.device == map->evidence[i].device)
                return usable_permille(value, map->batteries[j].source->cut_off);
    if (from && from->is_inverted)
        return value != 0 ? 0 : 1;
    return value;
}

void sense_evidence(struct sense *sense, struct site_map *map,
                    const struct control_ports *ports, struct evidence_reading *ret)
{
    for (uint32_t i = 0; i < map->n_evidence; i++) {
        struct control_reading reading = {0};
        bool is_good = ports->read(ports->ctx, &map->evidence[i], &reading) &&
                       reading.is_good && reading.has_value;

        if (is_good && !sense->sources[i].was_good)
            sense->sources[i].session++;
        sense->sources[i].was_good = is_good;
        ret[i] = (struct evidence_reading){
            .is_good = is_good,
            .value = is_good ? value_of(map, i, reading.value) : (double)NAN,
            .t_ms = reading.t_boot_ns / CLOCK_NS_PER_MS,
            .session = sense->sources[i].session};
    }
}

/* The sum over meters of one kind; NaN when there is none or one of them is unknown. */
static double sum(const struct control_ports *ports, const struct control_ref *refs, uint32_t n)
{
    double total = 0;

    if (n == 0)
        return (double)NAN;
    for (uint32_t i = 0; i < n; i++)
        total += sense_value(ports, &refs[i]);
    return total;
}

static void sense_batteries(const struct site_map *map, const struct control_ports *ports,
                            struct sense_power *ret)
{
    double soc_wh = 0, all_wh = 0;

    ret->battery_w = 0;
    ret->usable_wh = 0;
    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct site_battery *battery = &map->batteries[i];
        const struct config_source *source = battery->source;
        double soc = sense_value(ports, &battery->soc);

        ret->battery_w += sense_value(ports, &battery->power);
        if (source->is_ev)
            continue;
        all_wh += source->capacity_wh;
        soc_wh += source->capacity_wh * soc / 1000;
        ret->capacity_wh += source->capacity_wh * (1 - source->cut_off / 100);
        ret->usable_wh += usable_permille(soc, source->cut_off) / 1000 * source->capacity_wh *
                          (1 - source->cut_off / 100);
    }
    if (!(ret->capacity_wh > 0))
        ret->usable_wh = (double)NAN;
    ret->usable_permille = ret->usable_wh / ret->capacity_wh * 1000;
    ret->soc_permille = all_wh > 0 ? soc_wh / all_wh * 1000 : (double)NAN;
}

void sense_powers(const struct site_map *map, const struct control_ports *ports,
                  struct sense_power *ret)
{
    *ret = (struct sense_power){.grid_w = sum(ports, map->grid, map->n_grid),
                                .pv_w = map->n_pv ? sum(ports, map->pv, map->n_pv) : 0,
                                .medical_w = sense_value(ports, &map->medical)};
    sense_batteries(map, ports, ret);
    ret->load_w = ret->grid_w + ret->pv_w + ret->battery_w;
}

bool sense_alarm(const struct site_map *map, const struct control_ports *ports)
{
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (!map->batteries[i].source->is_ev &&
            sense_value(ports, &map->batteries[i].alarm) > 0.5)
            return true;
    return false;
}
