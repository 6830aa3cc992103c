/* SPDX-License-Identifier: Apache-2.0 */
/* Batteries, cars and PV limits as one list; see setpoints.h. On the loop. */
#include "gatewayd/control/setpoints.h"

#include <math.h>
#include <string.h>

const struct control_ref *setpoints_ref(const struct site_map *map, uint32_t i)
{
    return i < map->n_batteries ? &map->batteries[i].setpoint
                                : &map->pv_limits[i - map->n_batteries].limit;
}

static void describe(const struct site_map *map, struct setpoints_out *ret)
{
    ret->n = map->n_batteries + map->n_pv_limits;
    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct site_battery *battery = &map->batteries[i];

        ret->limits[i] =
            (struct setpoint){.index = (uint16_t)i,
                              .kind = battery->is_car ? SETPOINT_EV : SETPOINT_BATTERY,
                              .min_w = battery->setpoint_min_w,
                              .max_w = battery->setpoint_max_w,
                              .failsafe_w = battery->setpoint_failsafe_w};
    }
    for (uint32_t i = map->n_batteries; i < ret->n; i++) {
        const struct site_pv_limit *pv = &map->pv_limits[i - map->n_batteries];

        ret->limits[i] = (struct setpoint){.index = (uint16_t)i,
                                           .kind = SETPOINT_PV_LIMIT,
                                           .min_w = pv->min,
                                           .max_w = pv->max,
                                           .failsafe_w = pv->failsafe};
    }
    for (uint32_t i = 0; i < ret->n; i++)
        ret->orders[i] = (struct setpoint_order){.index = (uint16_t)i};
}

static void want(struct setpoints_out *ret, uint32_t i, double value,
                 enum circuit_reason reason, const char *why)
{
    ret->orders[i].is_wanted = true;
    ret->orders[i].value_w = value;
    ret->orders[i].reason = reason;
    ret->why[i] = why;
}

static double charge_w(const struct site_map *map)
{
    double sum = 0;

    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct config_source *source = map->batteries[i].source;

        if (!map->batteries[i].is_car)
            sum +=
                source->max_charge_w > 0 ? source->max_charge_w : source->max_discharge_w;
    }
    return sum;
}

static bool has_movable_car(const struct site_map *map)
{
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (map->batteries[i].is_car && map->batteries[i].setpoint.is_there)
            return true;
    return false;
}

static double cars_take_w(const struct setpoints_in *in)
{
    double sum = 0;

    for (uint32_t i = 0; i < in->map->n_batteries; i++) {
        double w = sense_battery_w(in->ports, &in->map->batteries[i]);

        if (in->map->batteries[i].is_car && w < 0)
            sum -= w;
    }
    return sum;
}

static void step_batteries(struct setpoints *setpoints, const struct setpoints_in *in,
                           struct setpoints_out *ret)
{
    const struct modes_in modes = {in->map, in->ports, in->demand, in->policy,
                                   in->is_held};

    for (uint32_t i = 0; i < in->map->n_batteries; i++) {
        double w = modes_step(&setpoints->modes, &modes, i);

        if (!isnan(w))
            want(ret, i, w, WHY_SCHEDULE, "charged up to the reserve before an outage");
    }
}

static bool step_pv(struct setpoints *setpoints, const struct setpoints_in *in,
                    struct setpoints_out *ret)
{
    const struct pv_limit_in pv = {.t_boot_ms = in->t_boot_ms,
                                   .map = in->map,
                                   .ports = in->ports,
                                   .demand = in->demand,
                                   .power = in->power,
                                   .usable_permille = in->usable_permille,
                                   .charge_w = charge_w(in->map),
                                   .may_feed_car = has_movable_car(in->map),
                                   .cars_take_w = cars_take_w(in)};
    struct pv_limit_out out;

    pv_limit_step(&setpoints->pv, &pv, &out);
    ret->is_pv_wanted = out.is_wanted;
    ret->pv_why = out.why;
    for (uint32_t i = 0; i < in->map->n_pv_limits && out.is_wanted; i++) {
        double share = pv_limit_share(&pv, out.total_w, i);

        want(ret, in->map->n_batteries + i, share, WHY_SURPLUS, out.why);
        if (isnan(share))
            ret->refused[in->map->n_batteries + i] = "its rated power is not known";
    }
    return out.is_over;
}

static void step_cars(struct setpoints *setpoints, const struct setpoints_in *in,
                      bool is_pv_over, struct setpoints_out *ret)
{
    const struct cars_in cars = {.map = in->map,
                                 .ports = in->ports,
                                 .demand = in->demand,
                                 .power = in->power,
                                 .plan = in->plan,
                                 .is_pv_over = is_pv_over,
                                 .is_clock_set = in->is_clock_set,
                                 .local_ms = in->local_ms};
    struct cars_order orders[SITE_BATTERIES_MAX];

    cars_step(&setpoints->cars, &cars, orders);
    for (uint32_t i = 0; i < in->map->n_batteries; i++)
        if (orders[i].is_wanted)
            want(ret, i, orders[i].value_w, WHY_FITS, orders[i].why);
}

/* What a restart could not know of is not forced. */
static void refuse(const struct setpoints_in *in, struct setpoints_out *ret, uint32_t i)
{
    if (!setpoints_ref(in->map, i)->is_there)
        ret->refused[i] = "it has no set-point that may be moved";
    else if (in->is_held)
        ret->refused[i] = "a person holds it";
    else if (!in->ports->is_on_disk(in->ports->ctx))
        ret->refused[i] = "there is no journal on disk";
    if (ret->refused[i])
        ret->orders[i].is_wanted = false;
}

void setpoints_step(struct setpoints *setpoints, const struct setpoints_in *in,
                    struct setpoints_out *ret)
{
    bool is_pv_over;

    memset(ret, 0, sizeof *ret);
    describe(in->map, ret);
    step_batteries(setpoints, in, ret);
    is_pv_over = step_pv(setpoints, in, ret);
    step_cars(setpoints, in, is_pv_over, ret);
    for (uint32_t i = 0; i < ret->n; i++)
        if (ret->orders[i].is_wanted)
            refuse(in, ret, i);
}
