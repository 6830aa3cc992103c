/* SPDX-License-Identifier: Apache-2.0 */
/* Surplus, peak limit, storm and planned outages; see policy.h. */
#include "gatewayd/control/policy.h"

#include <math.h>
#include <string.h>

#define GAP_MS 300000     /* what was not watched for longer is not integrated */
#define PEAK_STEP_MS 30000 /* between two circuits held back or given back */
#define PEAK_MARGIN 0.97

void policy_init(struct policy *policy)
{
    *policy = (struct policy){
        .over_since_ms = -1, .under_since_ms = -1, .slot_begin_ms = POLICY_NO_SLOT};
}

/* ---- surplus ----------------------------------------------------------------------- */

static double typical_of(const struct site_map *map, const char *name)
{
    int i = site_map_find_circuit(map, name);

    return i >= 0 ? map->circuits[i].typical_w : 0;
}

/* One circuit more when the export lasts, one less when it would have to be bought. */
static void count_surplus(struct policy *policy, const struct site_map *map,
                          double export_w, int64_t t_ms)
{
    const struct config_policies *config = &map->outage->policies;
    double next_w = policy->n_surplus_on < config->n_surplus
                        ? typical_of(map, config->surplus[policy->n_surplus_on])
                        : (double)INFINITY;
    bool is_over = export_w >= fmax(config->surplus_from_w, next_w);
    bool is_under = export_w < 0;

    policy->over_since_ms = !is_over                  ? -1
                            : policy->over_since_ms < 0 ? t_ms
                                                        : policy->over_since_ms;
    policy->under_since_ms = !is_under                   ? -1
                             : policy->under_since_ms < 0 ? t_ms
                                                          : policy->under_since_ms;
    if (is_over && t_ms - policy->over_since_ms >= POLICY_SURPLUS_MS &&
        policy->n_surplus_on < config->n_surplus) {
        policy->n_surplus_on++;
        policy->over_since_ms = t_ms;
    } else if (is_under && t_ms - policy->under_since_ms >= POLICY_SURPLUS_MS &&
               policy->n_surplus_on > 0) {
        policy->n_surplus_on--;
        policy->under_since_ms = t_ms;
    }
}

static void step_surplus(struct policy *policy, const struct site_map *map,
                         const struct policy_in *in, struct policy_out *ret)
{
    const struct config_policies *config = &map->outage->policies;

    if (!config->has_surplus)
        return;
    ret->surplus_w = -in->power->grid_w;
    if (!in->is_grid_ok)
        policy_init(policy);
    else if (!isnan(ret->surplus_w))
        count_surplus(policy, map, ret->surplus_w, in->t_boot_ms);
    for (uint32_t i = 0; i < config->n_surplus; i++) {
        int circuit = site_map_find_circuit(map, config->surplus[i]);

        if (circuit < 0)
            continue;
        ret->surplus |= UINT64_C(1) << circuit;
        if (i >= policy->n_surplus_on)
            ret->off |= UINT64_C(1) << circuit;
    }
}

/* ---- peak limit -------------------------------------------------------------------- */

/* Slots are those of the meter's clock when we know it. */
static void begin_slot(struct policy *policy, const struct policy_in *in)
{
    int64_t into_ms = in->is_clock_set ? in->t_wall_ms % POLICY_SLOT_MS : 0;

    if (policy->slot_begin_ms != POLICY_NO_SLOT &&
        in->t_boot_ms - policy->slot_begin_ms < POLICY_SLOT_MS)
        return;
    policy->slot_begin_ms = in->t_boot_ms - into_ms;
    policy->slot_wh = 0;
}

static uint32_t count_bulk(const struct site_map *map)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < map->n_circuits; i++)
        n += map->circuits[i].has_switch && map->circuits[i].class >= CIRCUIT_P3;
    return n;
}

static void hold_back(const struct policy *policy, const struct site_map *map,
                      struct policy_out *ret)
{
    uint32_t left = policy->n_peak_off;

    for (int class = CIRCUIT_P4; class >= CIRCUIT_P3 && left; class--)
        for (uint32_t i = 0; i < map->n_circuits && left; i++)
            if (map->circuits[i].has_switch && (int)map->circuits[i].class == class) {
                ret->off |= UINT64_C(1) << i;
                ret->peak |= UINT64_C(1) << i;
                left--;
            }
}

static void step_peak(struct policy *policy, const struct site_map *map,
                      const struct policy_in *in, struct policy_out *ret)
{
    double limit_w = map->outage->policies.peak_limit_w, left_h, allowed_w;
    int64_t dt_ms = policy->last_ms ? in->t_boot_ms - policy->last_ms : 0;

    policy->last_ms = in->t_boot_ms;
    if (!(limit_w > 0) || !in->is_grid_ok || isnan(in->power->grid_w))
        return;
    begin_slot(policy, in);
    if (dt_ms > 0 && dt_ms < GAP_MS)
        policy->slot_wh += in->power->grid_w * (double)dt_ms / 3.6e6;
    ret->slot_end_ms = policy->slot_begin_ms + POLICY_SLOT_MS;
    left_h = (double)(ret->slot_end_ms - in->t_boot_ms) / 3.6e6;
    ret->slot_w = policy->slot_wh / 0.5;
    /* what may be drawn from now to the end of the slot */
    allowed_w =
        left_h > 0 ? (limit_w * PEAK_MARGIN * 0.5 - policy->slot_wh) / left_h : limit_w;
    if (in->t_boot_ms - policy->changed_ms >= PEAK_STEP_MS) {
        if (in->power->grid_w > allowed_w && policy->n_peak_off < count_bulk(map)) {
            policy->n_peak_off++;
            policy->changed_ms = in->t_boot_ms;
        } else if (policy->n_peak_off && in->power->grid_w < 0.6 * allowed_w) {
            policy->n_peak_off--;
            policy->changed_ms = in->t_boot_ms;
        }
    }
    hold_back(policy, map, ret);
}

/* ---- reserve ----------------------------------------------------------------------- */

static void find_planned(const struct site_map *map, const struct policy_in *in,
                         struct policy_out *ret)
{
    for (uint32_t i = 0; in->is_clock_set && i < map->outage->n_planned; i++) {
        const struct config_span *span = &map->outage->planned[i];

        if (span->until_ms <= in->t_wall_ms)
            continue;
        ret->planned_from_ms = span->from_ms;
        ret->planned_until_ms = span->until_ms;
        ret->is_planned_soon =
            span->from_ms - map->outage->policies.planned_ahead_ms <= in->t_wall_ms;
        return; /* they are in order */
    }
}

void policy_step(struct policy *policy, const struct site_map *map,
                 const struct policy_in *in, struct policy_out *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->next_ms = in->t_boot_ms + 10000;
    step_surplus(policy, map, in, ret);
    step_peak(policy, map, in, ret);
    find_planned(map, in, ret);
    ret->is_storm = in->is_plan_storm || in->t_boot_ms < in->storm_until_ms;
    ret->reserve = map->outage->reserve;
    if ((ret->is_storm || ret->is_planned_soon) &&
        map->outage->policies.storm_reserve > ret->reserve)
        ret->reserve = map->outage->policies.storm_reserve;
}
