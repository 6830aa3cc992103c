/* SPDX-License-Identifier: Apache-2.0 */
/* The limit of PV by state; see pv_limit.h. On the loop. */
#include "gatewayd/control/pv_limit.h"

#include <math.h>

#define FULL_PERMILLE 970.0
#define ROOM_PERMILLE 930.0 /* below it is no longer full */
#define TAPER_PERMILLE 50.0 /* so far below full, charging is not limited */
#define PROBE_W 500.0       /* for a car that may take more */
#define EXPORT_W 50.0       /* less is the regulation's own ripple */
#define RAISE_MS 5000
#define STEP_PART 0.02 /* of rated power: smaller changes are not written */

double pv_limit_rated_w(const struct site_pv_limit *pv, const struct control_ports *ports)
{
    double rated_w = pv->rated.is_there ? sense_value(ports, &pv->rated) : (double)NAN;

    if (rated_w > 0)
        return rated_w;
    return !pv->is_permille && pv->max > 0 ? pv->max : (double)NAN;
}

static double all_rated_w(const struct pv_limit_in *in)
{
    double sum = 0;

    for (uint32_t i = 0; i < in->map->n_pv_limits; i++)
        sum += pv_limit_rated_w(&in->map->pv_limits[i], in->ports);
    return sum;
}

double pv_limit_share(const struct pv_limit_in *in, double total_w, uint32_t i)
{
    const struct site_pv_limit *pv = &in->map->pv_limits[i];
    double part = fmin(fmax(total_w / all_rated_w(in), 0), 1);

    return pv->is_permille ? round(part * 1000)
                           : round(part * pv_limit_rated_w(pv, in->ports));
}

/* ---- what the state asks ---- */

static void note_full(struct pv_limit *limit, const struct pv_limit_in *in)
{
    if (!in->demand->is_islanded || isnan(in->usable_permille) ||
        in->usable_permille < ROOM_PERMILLE)
        limit->is_full = false;
    else if (in->usable_permille >= FULL_PERMILLE)
        limit->is_full = true;
}

/* What the home uses and, the fuller the battery, the less of what that takes. */
static double island_w(const struct pv_limit_in *in)
{
    double room = fmin(fmax((1000 - in->usable_permille) / TAPER_PERMILLE, 0), 1);

    return in->power->load_w + in->cars_take_w + room * in->charge_w +
           (in->may_feed_car ? PROBE_W : 0);
}

/* Use at home, what the battery takes now, and so much of export as the ramp allows. */
static double export_w(const struct pv_limit_in *in)
{
    double ramp_w = in->demand->pv_limit_permille / 1000.0 * all_rated_w(in);

    return in->power->load_w + fmax(0, -in->power->battery_w) + ramp_w;
}

static bool is_exporting(const struct pv_limit *limit, const struct pv_limit_in *in)
{
    return limit->is_limited || in->power->grid_w < -EXPORT_W;
}

/* NaN: none. */
static double target_w(struct pv_limit *limit, const struct pv_limit_in *in,
                       struct pv_limit_out *ret)
{
    const struct grid_demand *demand = in->demand;

    note_full(limit, in);
    if (demand->no_switching || demand->state == BLACK)
        return (double)NAN;
    if (demand->is_islanded) {
        ret->is_over = limit->is_full;
        ret->why = "the battery is full: PV gives what is used";
        return limit->is_full ? island_w(in) : (double)NAN;
    }
    if (demand->pv_limit_permille >= 1000 || !is_exporting(limit, in))
        return (double)NAN;
    ret->why = demand->state == GRID_OK ? "export rises slowly after the grid's return"
                                        : "nothing is exported until the grid is sure";
    return export_w(in);
}

/* ---- what is ordered ---- */

static void follow(struct pv_limit *limit, const struct pv_limit_in *in, double total_w)
{
    double step_w = STEP_PART * all_rated_w(in);
    bool is_new = !limit->is_limited;

    if (!is_new && fabs(total_w - limit->total_w) < step_w)
        return;
    if (!is_new && total_w > limit->total_w &&
        in->t_boot_ms - limit->raised_ms < RAISE_MS)
        return;
    if (is_new || total_w > limit->total_w)
        limit->raised_ms = in->t_boot_ms;
    limit->total_w = total_w;
    limit->is_limited = true;
}

void pv_limit_step(struct pv_limit *limit, const struct pv_limit_in *in,
                   struct pv_limit_out *ret)
{
    double total_w;

    *ret = (struct pv_limit_out){0};
    total_w = target_w(limit, in, ret);
    if (isnan(total_w) && ret->why && (limit->is_full || !in->demand->is_islanded) &&
        limit->is_limited) {
        /* a reading is missing: the last limit stands */
    } else if (isnan(total_w)) {
        limit->is_limited = false;
        *ret = (struct pv_limit_out){0};
        return;
    } else {
        follow(limit, in, fmax(total_w, 0));
    }
    ret->is_wanted = limit->is_limited;
    ret->total_w = limit->total_w;
}
