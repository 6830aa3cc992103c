/* SPDX-License-Identifier: Apache-2.0 */
/* When cars give and take in an island; see cars.h. On the loop. */
#include "gatewayd/control/cars.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "lib/microgrid/dispatch/split.h"

#define DAY_MS INT64_C(86400000)
#define UNKNOWN_S (8 * 3600.0) /* without a clock: booked, and not yet due */
#define STEP_S 60.0            /* no floor is passed within it */
#define ETA 0.95
/* a driver may be so late: what was promised is kept until then */
#define LATE_MS 1800000

/* ---- departures ---- */

static int64_t local_of_day(int64_t yyyymmdd)
{
    struct tm tm = {.tm_year = (int)(yyyymmdd / 10000) - 1900,
                    .tm_mon = (int)(yyyymmdd / 100 % 100) - 1,
                    .tm_mday = (int)(yyyymmdd % 100)};

    return (int64_t)timegm(&tm) * 1000;
}

/* < 0: it is over. */
static double until_s(const struct config_departure *departure, const struct cars_in *in)
{
    int64_t at_ms = departure->at_min * INT64_C(60000), in_ms;

    if (!in->is_clock_set)
        return UNKNOWN_S;
    if (departure->day)
        in_ms = local_of_day(departure->day) + at_ms - in->local_ms;
    else /* the last one that may still be waited for, or the next */
        in_ms = (at_ms - in->local_ms % DAY_MS + DAY_MS + LATE_MS) % DAY_MS - LATE_MS;
    return in_ms < 0 && in_ms >= -LATE_MS ? 0 : (double)in_ms / 1000;
}

double cars_departure_s(const struct config_outage *outage, const char *ev,
                        const struct cars_in *in, double *ret_soc)
{
    double next_s = -1;

    *ret_soc = 0;
    for (uint32_t i = 0; i < outage->n_departures; i++) {
        double s = until_s(&outage->departures[i], in);

        if (strcmp(outage->departures[i].ev, ev) != 0 || s < 0)
            continue;
        if (next_s < 0 || s < next_s)
            next_s = s;
        if (s < SPLIT_BOOKED_S)
            *ret_soc = fmax(*ret_soc, outage->departures[i].soc / 100);
    }
    return next_s;
}

/* ---- one car ---- */

static bool is_there(const struct cars_in *in, const struct site_battery *battery)
{
    if (battery->plugged.is_there && !(sense_value(in->ports, &battery->plugged) > 0.5))
        return false;
    return !isnan(sense_charge(in->ports, &battery->soc));
}

static void describe(const struct cars_in *in, uint32_t i,
                     struct dispatch_storage *storage, struct split_ev *ret)
{
    const struct site_battery *battery = &in->map->batteries[i];
    const struct config_source *source = battery->source;
    double keeps = fmax(source->cut_off, source->departure_floor) / 100, soc_depart;

    *storage = (struct dispatch_storage){.is_ev = true,
                                         .capacity_wh = source->capacity_wh,
                                         .soc_min = source->cut_off / 100,
                                         .soc_max = 1,
                                         .soc_reserve = keeps,
                                         .max_charge_w = source->max_charge_w > 0
                                                             ? source->max_charge_w
                                                             : source->max_discharge_w,
                                         .max_discharge_w = source->max_discharge_w,
                                         .eta_charge = ETA,
                                         .eta_discharge = ETA};
    *ret = (struct split_ev){.storage = storage,
                             .is_connected = is_there(in, battery),
                             .soc = sense_charge(in->ports, &battery->soc) / 1000};
    ret->depart_in_s =
        cars_departure_s(in->map->outage, source->battery, in, &soc_depart);
    storage->soc_depart = fmax(keeps, soc_depart);
}

static bool may_take(const struct cars_in *in)
{
    bool is_planned = in->plan && in->plan->mode == PLAN_ISLAND;

    return in->demand->highest_class == CIRCUIT_P4 &&
           (!is_planned || in->plan->p_max == CIRCUIT_P4);
}

/* The battery comes first: it is what the night lives on. */
static void order_one(const struct cars *cars, const struct cars_in *in, double w,
                      bool is_due, struct cars_order *ret)
{
    *ret = (struct cars_order){.is_wanted = true, .why = "the island charges no car"};
    if (w > 0 && cars->is_giving) {
        ret->value_w = w;
        ret->why = "the car feeds the home: the reserve is low";
    } else if (w < 0 && may_take(in) && (in->is_pv_over || is_due)) {
        ret->value_w = w;
        ret->why = "the car takes what is over, or must leave soon";
    }
}

/* ---- all cars ---- */

/* V2H waits for a low reserve (OUTAGE 4) and for an island of our own: in a community the
 * balance is the coordinator's. */
static void note_giving(struct cars *cars, const struct cars_in *in)
{
    const struct grid_demand *demand = in->demand;

    if (!demand->is_islanded || demand->freeze_forced || demand->state == ISLANDED ||
        in->map->config.island != ISLAND_OWN)
        cars->is_giving = false;
    else if (demand->may_start_v2h)
        cars->is_giving = true;
}

static struct split_island island_of(const struct cars_in *in)
{
    const struct sense_power *power = in->power;
    double net_w = power->load_w - power->pv_w;

    return (struct split_island){.forming_part = power->usable_permille / 1000,
                                 .forming_wh = power->usable_wh,
                                 .forming_charge_wh =
                                     power->capacity_wh - power->usable_wh,
                                 .net_w = isnan(net_w) ? 0 : net_w,
                                 .step_s = STEP_S};
}

static void order_all(const struct cars *cars, const struct cars_in *in,
                      struct cars_order *ret)
{
    struct dispatch_storage storages[SITE_BATTERIES_MAX];
    struct split_ev evs[SITE_BATTERIES_MAX];
    double w[SITE_BATTERIES_MAX];
    const struct split_island island = island_of(in);
    uint32_t n = 0;

    for (uint32_t i = 0; i < in->map->n_batteries; i++)
        if (in->map->batteries[i].is_car) {
            describe(in, i, &storages[n], &evs[n]);
            n++;
        }
    split_evs(evs, n, &island, w);
    n = 0;
    for (uint32_t i = 0; i < in->map->n_batteries; i++)
        if (in->map->batteries[i].is_car) {
            if (evs[n].is_connected)
                order_one(cars, in, w[n], w[n] <= -storages[n].max_charge_w, &ret[i]);
            n++;
        }
}

void cars_step(struct cars *cars, const struct cars_in *in,
               struct cars_order ret[SITE_BATTERIES_MAX])
{
    const struct grid_demand *demand = in->demand;

    memset(ret, 0, SITE_BATTERIES_MAX * sizeof *ret);
    note_giving(cars, in);
    if (demand->is_islanded && !demand->freeze_forced &&
        !isnan(in->power->usable_permille) && in->map->config.island == ISLAND_OWN) {
        order_all(cars, in, ret);
        return;
    }
    /* a bulk load that nothing else may switch */
    for (uint32_t i = 0; i < in->map->n_batteries; i++)
        if (in->map->batteries[i].is_car && is_there(in, &in->map->batteries[i]) &&
            (demand->drop_p4 || (demand->is_islanded && !may_take(in))))
            ret[i] = (struct cars_order){
                .is_wanted = true, .why = "no car is charged while the grid is gone"};
}
