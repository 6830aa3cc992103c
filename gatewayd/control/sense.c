/* SPDX-License-Identifier: Apache-2.0 */
/* Readings into evidence and powers; see sense.h. On the loop. */
#include "gatewayd/control/sense.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"

#define VOLTAGE_SEEN 60.0 /* V: below, a reading does not tell the nominal voltage */
#define MOST_TIMES_RATED 4.0 /* a short peak may be above the rated power, never so far */
/* a full battery that balances itself tells some more than 1000 */
#define MOST_PERMILLE 1050.0

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

bool sense_is_charge(double soc_permille)
{
    return soc_permille >= 0 && soc_permille <= MOST_PERMILLE;
}

double sense_charge(const struct control_ports *ports, const struct control_ref *ref)
{
    double soc_permille = sense_value(ports, ref);

    return sense_is_charge(soc_permille) ? soc_permille : (double)NAN;
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
    if (from && from->is_inverted)
        return value != 0 ? 0 : 1;
    return value;
}

void sense_evidence(struct sense *sense, struct site_map *map,
                    const struct control_ports *ports, const struct charge_sum *charge,
                    struct evidence_reading *ret)
{
    for (uint32_t i = 0; i < map->n_evidence; i++) {
        struct control_reading reading = {0};
        bool is_good;

        if (map->sources[i].kind == EVIDENCE_BATTERY) {
            ret[i] = (struct evidence_reading){.is_good = !isnan(charge->usable_permille),
                                               .value = charge->usable_permille,
                                               .t_ms = charge->t_ms};
            continue;
        }
        is_good = ports->read(ports->ctx, &map->evidence[i], &reading) &&
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

/* No device gives so much; 32767 and -32768 are its "not available". rated_w NaN: not
 * known. */
static double bounded(double w, double rated_w)
{
    return fabs(w) > MOST_TIMES_RATED * rated_w ? (double)NAN : w;
}

double sense_battery_w(const struct control_ports *ports,
                       const struct site_battery *battery)
{
    return bounded(sense_value(ports, &battery->power),
                   fmax(battery->source->max_discharge_w, battery->source->max_charge_w));
}

static double pv_w(const struct control_ports *ports, const struct site_map *map)
{
    double total = 0;

    for (uint32_t i = 0; i < map->n_pv; i++) {
        double rated_w = sense_value(ports, &map->pv_rated[i]);

        total +=
            bounded(sense_value(ports, &map->pv[i]), rated_w > 0 ? rated_w : (double)NAN);
    }
    return total;
}

/* A car that drove off takes its charger's word with it. What is told and cannot be is
 * not taken for nothing, unless the plug says that no car is there. */
static bool is_car_away(const struct control_ports *ports,
                        const struct site_battery *battery)
{
    return battery->is_car && (isnan(sense_value(ports, &battery->power)) ||
                               sense_value(ports, &battery->plugged) < 0.5);
}

/* The sum over meters of one kind; NaN when there is none or one of them is unknown. */
static double sum(const struct control_ports *ports, const struct control_ref *refs,
                  uint32_t n)
{
    double total = 0;

    if (n == 0)
        return (double)NAN;
    for (uint32_t i = 0; i < n; i++)
        total += sense_value(ports, &refs[i]);
    return total;
}

void sense_powers(const struct site_map *map, const struct control_ports *ports,
                  const struct charge_sum *charge, struct sense_power *ret)
{
    *ret = (struct sense_power){.grid_w = sum(ports, map->grid, map->n_grid),
                                .pv_w = pv_w(ports, map),
                                .usable_wh = charge->usable_wh,
                                .capacity_wh = charge->capacity_wh,
                                .usable_permille = charge->usable_permille,
                                .soc_permille = charge->soc_permille,
                                .medical_w = sense_value(ports, &map->medical)};
    for (uint32_t i = 0; i < map->n_batteries; i++) {
        double w = sense_battery_w(ports, &map->batteries[i]);

        ret->battery_w += isnan(w) && is_car_away(ports, &map->batteries[i]) ? 0 : w;
    }
    ret->load_w = ret->grid_w + ret->pv_w + ret->battery_w;
}

bool sense_overload(const struct site_map *map, const struct control_ports *ports)
{
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (sense_value(ports, &map->batteries[i].overload) > 0.5)
            return true;
    return false;
}

bool sense_alarm(const struct site_map *map, const struct control_ports *ports)
{
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (!map->batteries[i].is_car &&
            sense_value(ports, &map->batteries[i].alarm) > 0.5)
            return true;
    return false;
}
