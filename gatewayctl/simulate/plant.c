/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of the community: EVs, relays, demand, limits, then the balance (balance.c),
 * then energy. Nothing here decides anything; commands come from run.c or replay.
 */
#include "gatewayctl/simulate/plant.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/simulate/balance.h"

#define LONG_AGO (-1000000)
#define TRIP_FLOOR 0.05 /* of the capacity: what a trip leaves at least */
#define SOC_EPSILON 1e-9

static bool overlaps(const struct scenario_event *event,
                     const struct sim_booking *booking)
{
    return event->kind == EVENT_EV_DEPARTURE && event->storage == booking->storage &&
           event->start_step < booking->return_step &&
           booking->depart_step < event->end_step;
}

/* Bookings that no unannounced departure replaces, then those departures. */
static void collect_trips(struct plant *plant)
{
    const struct scenario *s = plant->scenario;

    for (unsigned i = 0; i < s->n_bookings; i++) {
        const struct sim_booking *b = &s->bookings[i];
        bool is_replaced = false;

        for (unsigned j = 0; j < s->n_events; j++)
            is_replaced |= overlaps(&s->events[j], b);
        if (!is_replaced)
            plant->trips[plant->n_trips++] = (struct plant_trip){
                b->storage, b->depart_step, b->return_step, b->trip_wh, true};
    }
    for (unsigned j = 0; j < s->n_events; j++) {
        const struct scenario_event *e = &s->events[j];

        if (e->kind == EVENT_EV_DEPARTURE)
            plant->trips[plant->n_trips++] = (struct plant_trip){
                e->storage, e->start_step, e->end_step, e->trip_wh, false};
    }
}

int plant_init(struct plant *plant, const struct community *community,
               const struct scenario *scenario)
{
    size_t n = (size_t)community->n_homes * N_CIRCUITS;

    *plant = (struct plant){.community = community, .scenario = scenario};
    plant->dt_h = scenario->axis.step_s / 3600.0;
    plant->relays = calloc(n, sizeof *plant->relays);
    plant->demand_w = calloc(n, sizeof *plant->demand_w);
    plant->served_w = calloc(n, sizeof *plant->served_w);
    plant->tank_debt_wh = calloc(community->n_homes, sizeof *plant->tank_debt_wh);
    plant->tripped_until = calloc(community->n_homes, sizeof *plant->tripped_until);
    plant->storages = calloc(community->n_storages + 1u, sizeof *plant->storages);
    plant->trips =
        calloc(scenario->n_bookings + scenario->n_events + 1u, sizeof *plant->trips);
    if (!plant->relays || !plant->demand_w || !plant->served_w || !plant->tank_debt_wh ||
        !plant->tripped_until || !plant->storages || !plant->trips)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        plant->relays[i] = (struct plant_relay){.is_on = true, .since_step = LONG_AGO};
    for (unsigned i = 0; i < community->n_storages; i++)
        plant->storages[i] = (struct plant_storage){
            .energy_wh = scenario->initial_soc[i] * community->storages[i].capacity_wh,
            .is_connected = true};
    collect_trips(plant);
    return 0;
}

void plant_done(struct plant *plant)
{
    free(plant->relays);
    free(plant->demand_w);
    free(plant->served_w);
    free(plant->tank_debt_wh);
    free(plant->tripped_until);
    free(plant->storages);
    free(plant->trips);
    memset(plant, 0, sizeof *plant);
}

static void depart(struct plant *plant, const struct plant_trip *trip)
{
    const struct community_storage *ev = &plant->community->storages[trip->storage];
    struct plant_storage *storage = &plant->storages[trip->storage];
    double due = trip->is_booked ? ev->soc_depart : ev->soc_reserve;

    if (!storage->is_connected)
        return;
    plant->n_departures++;
    plant->n_let_down += storage->energy_wh / ev->capacity_wh < due - SOC_EPSILON;
    storage->is_connected = false;
}

static void come_back(struct plant *plant, const struct plant_trip *trip)
{
    double floor = TRIP_FLOOR * plant->community->storages[trip->storage].capacity_wh;
    struct plant_storage *storage = &plant->storages[trip->storage];

    storage->energy_wh = fmax(storage->energy_wh - trip->trip_wh, floor);
    storage->is_connected = true;
}

/* Returns first: an EV may leave again in the step it came back. */
static void move_evs(struct plant *plant, unsigned step)
{
    for (unsigned i = 0; i < plant->n_trips; i++)
        if (plant->trips[i].return_step == step)
            come_back(plant, &plant->trips[i]);
    for (unsigned i = 0; i < plant->n_trips; i++)
        if (plant->trips[i].depart_step == step)
            depart(plant, &plant->trips[i]);
}

/* The state in which a relay sticks now, over what it would do. */
static bool stuck_state(const struct plant *plant, unsigned step, unsigned home,
                        enum sim_circuit circuit, bool is_on)
{
    for (unsigned i = 0; i < plant->scenario->n_events; i++) {
        const struct scenario_event *e = &plant->scenario->events[i];

        if (e->kind == EVENT_RELAY_STUCK && e->home == (int)home &&
            e->circuit == circuit && step >= e->start_step && step < e->end_step)
            is_on = e->is_on;
    }
    return is_on;
}

static void switch_relay(struct plant *plant, unsigned step, unsigned home,
                         enum sim_circuit circuit, bool is_wanted)
{
    const struct community_class *class = &plant->community->classes[circuit];
    struct plant_relay *relay = &plant->relays[home * N_CIRCUITS + circuit];
    double age_s =
        (double)((int64_t)step - relay->since_step) * plant->scenario->axis.step_s;
    bool is_locked = is_wanted && !relay->is_on && age_s < class->min_off_s, is_on;

    plant->n_lock_outs += is_locked;
    is_on = stuck_state(plant, step, home, circuit, is_wanted && !is_locked);
    if (is_on == relay->is_on)
        return;
    plant->n_early_offs += relay->is_on && age_s < class->min_on_s;
    relay->is_on = is_on;
    relay->since_step = step;
    relay->n_changes++;
}

static void set_demand(struct plant *plant, unsigned step, unsigned home)
{
    const struct profile_cell *cell =
        scenario_cell(plant->scenario, plant->community, step, home);
    const struct community_class *heater = &plant->community->classes[CIRCUIT_DEFERRABLE];
    double *debt_wh = &plant->tank_debt_wh[home];
    size_t at = (size_t)home * N_CIRCUITS;

    *debt_wh = fmin(*debt_wh + cell->circuit_w[CIRCUIT_DEFERRABLE] * plant->dt_h,
                    heater->tank_wh);
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        double want_w = c == CIRCUIT_DEFERRABLE
                            ? fmin(heater->rated_w, *debt_wh / plant->dt_h)
                            : cell->circuit_w[c];

        plant->demand_w[at + c] = plant->relays[at + c].is_on ? want_w : 0;
        plant->served_w[at + c] = 0;
    }
    plant->pv_available_w += cell->pv_w;
}

static void set_limits(struct plant *plant)
{
    for (unsigned i = 0; i < plant->community->n_storages; i++) {
        const struct community_storage *is = &plant->community->storages[i];
        struct plant_storage *s = &plant->storages[i];
        double above_wh = s->energy_wh - is->soc_min * is->capacity_wh;
        double room_wh = is->soc_max * is->capacity_wh - s->energy_wh;

        s->discharge_limit_w = s->charge_limit_w = s->power_w = 0;
        if (!s->is_connected)
            continue;
        s->discharge_limit_w = fmax(
            0, fmin(is->max_discharge_w, above_wh * is->eta_discharge / plant->dt_h));
        s->charge_limit_w =
            fmax(0, fmin(is->max_charge_w, room_wh / (is->eta_charge * plant->dt_h)));
    }
}

static void settle_storages(struct plant *plant)
{
    for (unsigned i = 0; i < plant->community->n_storages; i++) {
        const struct community_storage *is = &plant->community->storages[i];
        struct plant_storage *s = &plant->storages[i];

        if (s->power_w > 0)
            s->energy_wh -= s->power_w * plant->dt_h / is->eta_discharge;
        else
            s->energy_wh -= s->power_w * is->eta_charge * plant->dt_h;
        plant->n_below_reserve +=
            is->is_ev && s->power_w > 0 &&
            s->energy_wh / is->capacity_wh < is->soc_reserve - SOC_EPSILON;
    }
}

void plant_step(struct plant *plant, unsigned step, const struct plant_commands *commands)
{
    unsigned n_homes = plant->community->n_homes;

    plant->is_dark = plant->has_collapsed = false;
    plant->load_w = plant->pv_available_w = plant->pv_used_w = plant->grid_w = 0;
    plant->n_tripped = 0;
    move_evs(plant, step);
    for (unsigned h = 0; h < n_homes; h++) {
        for (unsigned c = 0; c < N_CIRCUITS; c++)
            switch_relay(plant, step, h, (enum sim_circuit)c,
                         commands->is_on[h * N_CIRCUITS + c]);
        set_demand(plant, step, h);
    }
    set_limits(plant);
    if (plant->scenario->is_grid_up[step])
        balance_with_grid(plant, commands);
    else
        balance_island(plant, step, commands);
    for (unsigned h = 0; h < n_homes; h++)
        plant->tank_debt_wh[h] -=
            plant->served_w[h * N_CIRCUITS + CIRCUIT_DEFERRABLE] * plant->dt_h;
    settle_storages(plant);
}

double plant_frequency_hz(const struct plant *plant)
{
    const struct community *c = plant->community;
    double energy_wh = 0, capacity_wh = 0;

    for (unsigned i = 0; i < c->n_storages; i++)
        if (c->storages[i].is_grid_forming) {
            energy_wh += plant->storages[i].energy_wh;
            capacity_wh += c->storages[i].capacity_wh;
        }
    if (capacity_wh <= 0)
        return 0;
    return c->freq_nominal_hz + c->freq_soc_slope_hz * (energy_wh / capacity_wh - 0.5);
}

int plant_commands_init(struct plant_commands *commands,
                        const struct community *community)
{
    size_t n = (size_t)community->n_homes * N_CIRCUITS;

    commands->pv_limit_w = -1;
    commands->is_on = malloc(n * sizeof *commands->is_on);
    commands->storage_w = calloc(community->n_storages + 1u, sizeof *commands->storage_w);
    if (!commands->is_on || !commands->storage_w)
        return -ENOMEM;
    memset(commands->is_on, true, n * sizeof *commands->is_on);
    return 0;
}

void plant_commands_done(struct plant_commands *commands)
{
    free(commands->is_on);
    free(commands->storage_w);
    *commands = (struct plant_commands){0};
}
