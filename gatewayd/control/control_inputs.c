/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision is made of: charges and powers, the tie, the state of the grid, the
 * circuits as they stand. Called by control.c at the begin of each step, under the lock.
 */
#include <math.h>

#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"

#define MEAN_SPAN_S 900.0
#define OVERLOAD_MS 2000 /* above what the batteries may give: no spike that they carry */

static void note_mean(struct control *control, int64_t t_ms)
{
    double dt_s = (double)(t_ms - control->mean_ms) / 1000, part;

    if (isnan(control->power.load_w))
        return;
    part = dt_s < MEAN_SPAN_S ? dt_s / MEAN_SPAN_S : 1;
    control->mean_ms = t_ms;
    if (isnan(control->mean_load_w))
        control->mean_load_w = control->power.load_w;
    else
        control->mean_load_w += (control->power.load_w - control->mean_load_w) * part;
}

static void see_circuits(struct control *control, int64_t t_ms)
{
    for (uint32_t i = 0; i < control->map.n_circuits; i++) {
        struct circuit_now *now = &control->now[i];
        double power_w = sense_value(&control->ports, &control->map.switches[i].power);
        struct actuator_now out;

        wishes_apply(&control->wishes, &control->ports,
                     site_map_circuit_name(&control->map, i), t_ms,
                     &control->map.circuits[i]);
        now->has_power = !isnan(power_w);
        now->power_w = now->has_power ? power_w : 0;
        if (!control->map.circuits[i].has_switch) {
            now->is_on = true;
            continue;
        }
        actuate_get(control->actuate, i, &out);
        /* not known yet: what nobody holds stands at its failsafe */
        now->is_on =
            (out.is_commanded || out.has_value ? out.value
                                               : control->map.switches[i].failsafe) > 0.5;
        now->since_ms = out.since_ms;
        now->has_feedback = out.follows != FOLLOWS_UNKNOWN;
        now->is_on_read = out.follows == FOLLOWS_NO ? !now->is_on : now->is_on;
    }
}

static bool has_two_masters(struct control *control, int64_t t_ms)
{
    for (uint32_t i = 0; i < control->map.n_circuits; i++)
        if (actuate_is_overturned(control->actuate, i, t_ms))
            return true;
    return false;
}

struct tie_in control_tie_input(struct control *control, int64_t t_ms)
{
    return (struct tie_in){.map = &control->map, .ports = &control->ports,
                           .actuate = control->actuate,
                           .output = site_map_tie_output(&control->map),
                           .t_boot_ms = t_ms, .state = control->grid.state};
}

static bool is_island_wanted(struct control *control, int64_t t_ms)
{
    const struct planned_in in = {.map = &control->map,
                                  .t_boot_ms = t_ms,
                                  .t_wall_ms = clock_wall_ms(),
                                  .owner_until_ms = control->wishes.island_until_ms,
                                  .is_clock_set = clock_trust_now() != CLOCK_UNSET,
                                  .state = control->grid.state,
                                  .usable_permille = control->power.usable_permille};

    return planned_wants_island(&control->planned, &in);
}

static void look_at_orders(struct control *control, int64_t t_ms)
{
    const struct tie_in in = control_tie_input(control, t_ms);

    if (control->person == PERSON_CLEAR) {
        tie_clear(&control->tie);
        actuate_forgive(control->actuate);
    }
    tie_look(&control->tie, &in);
}

/* Below the critical floor before dawn? A community's home asks its plan. */
static enum evidence_tri forecast_below(const struct control *control)
{
    double floor_wh =
        control->power.capacity_wh * control->map.config.critical_permille / 1000;

    if (clock_trust_now() == CLOCK_UNSET || control->map.config.island != ISLAND_OWN)
        return TRI_UNKNOWN;
    return outlook_below(&control->outlook, clock_wall_ms() + control->zone_ms,
                         control->power.usable_wh - floor_wh);
}

/* The inverter says so, or more is drawn of the batteries than they may give. */
static void see_overload(struct control *control, int64_t t_ms)
{
    double most_w = 0;

    for (uint32_t i = 0; i < control->map.n_batteries; i++)
        most_w += control->map.batteries[i].source->max_discharge_w;
    if (!(control->power.battery_w > most_w) || most_w <= 0)
        control->over_since_ms = 0;
    else if (!control->over_since_ms)
        control->over_since_ms = t_ms;
    control->is_overloaded =
        sense_overload(&control->map, &control->ports) ||
        (control->over_since_ms && t_ms - control->over_since_ms >= OVERLOAD_MS);
}

static void step_state(struct control *control, int64_t t_ms)
{
    const struct plan_content *plan = plan_in_now(&control->plan, t_ms);
    struct grid_input input = {
        .verdict = &control->verdict,
        .forecast_below = forecast_below(control),
        .has_pcs_alarm = sense_alarm(&control->map, &control->ports),
        .is_pv_seen = control->power.pv_w > 0,
        .is_daylight = control->power.pv_w > 0,
        .is_sync_ok = tie_is_sync_ok(&control->map, &control->ports),
        .is_locked = control->wishes.is_held,
        .is_island_wanted = is_island_wanted(control, t_ms),
        .has_contactor_fault = control->tie.is_faulty,
        .has_two_masters = has_two_masters(control, t_ms),
        .person = control->person};

    control->person = PERSON_NONE;
    if (plan && plan->has_state)
        input.plan = (struct grid_plan){true, control->plan.t_last_ms, plan->state};
    sense_evidence(&control->sense, &control->map, &control->ports, &control->stored,
                   control->readings);
    evidence_step(&control->evidence, t_ms, control->readings,
                  grid_state_may_island(&control->grid), &control->verdict);
    grid_state_step(&control->grid, t_ms, &input, &control->evidence, &control->out);
}

/* Behind an open tie, or fed by nobody. */
static int64_t count_absence(struct control *control, int64_t t_ms)
{
    enum grid_state_id state = control->grid.state;
    const struct absence_in in = {
        .t_boot_ms = t_ms,
        .t_wall_ms = clock_wall_ms(),
        .is_off = (state >= TRANSFERRING && state <= BLACK) ||
                  (state == RECONNECTING && control->map.config.island == ISLAND_OWN &&
                   control->verdict.tie_closed == TRI_NO),
        .is_clock_set = clock_trust_now() != CLOCK_UNSET};

    return absence_step(&control->absence, &control->ports, &in);
}

int64_t control_see(struct control *control, int64_t t_ms)
{
    charge_step(&control->charge, &control->map, &control->ports, t_ms);
    charge_sum(&control->charge, &control->map, &control->stored);
    sense_powers(&control->map, &control->ports, &control->stored, &control->power);
    programme_see_cars(&control->programme, &control->map, &control->charge);
    note_mean(control, t_ms);
    see_overload(control, t_ms);
    look_at_orders(control, t_ms);
    step_state(control, t_ms);
    actuate_hold(control->actuate, control->out.demand.no_switching);
    see_circuits(control, t_ms);
    return count_absence(control, t_ms);
}
