/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision is made of: charges and powers, the tie, the state of the grid, the
 * circuits as they stand. Called by control.c at the begin of each step, under the lock.
 */
#include <math.h>

#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"

#define MEAN_SPAN_S 900.0

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

        wishes_apply(&control->wishes, &control->ports, site_map_circuit_name(&control->map, i),
                     t_ms, &control->map.circuits[i]);
        now->has_power = !isnan(power_w);
        now->power_w = now->has_power ? power_w : 0;
        if (!control->map.circuits[i].has_switch) {
            now->is_on = true;
            continue;
        }
        actuate_get(control->actuate, i, &out);
        /* not known yet: what nobody holds stands at its failsafe */
        now->is_on = (out.is_commanded || out.has_value ? out.value
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

static bool is_island_wanted(struct control *control)
{
    const struct planned_in in = {&control->map, clock_wall_ms(),
                                  clock_trust_now() != CLOCK_UNSET, control->grid.state,
                                  control->power.usable_permille};

    return planned_wants_island(&control->planned, &in);
}

static void look_at_tie(struct control *control, int64_t t_ms)
{
    const struct tie_in in = control_tie_input(control, t_ms);

    if (control->person == PERSON_CLEAR)
        tie_clear(&control->tie);
    tie_look(&control->tie, &in);
}

static void step_state(struct control *control, int64_t t_ms)
{
    const struct plan_content *plan = plan_in_now(&control->plan, t_ms);
    struct grid_input input = {.verdict = &control->verdict,
                               .has_pcs_alarm = sense_alarm(&control->map, &control->ports),
                               .is_pv_seen = control->power.pv_w > 0,
                               .is_daylight = control->power.pv_w > 0,
                               .is_sync_ok = tie_is_sync_ok(&control->map, &control->ports),
                               .is_locked = control->wishes.is_held,
                               .is_island_wanted = is_island_wanted(control),
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

void control_see(struct control *control, int64_t t_ms)
{
    charge_step(&control->charge, &control->map, &control->ports, t_ms);
    charge_sum(&control->charge, &control->map, &control->stored);
    sense_powers(&control->map, &control->ports, &control->stored, &control->power);
    note_mean(control, t_ms);
    look_at_tie(control, t_ms);
    step_state(control, t_ms);
    see_circuits(control, t_ms);
}
