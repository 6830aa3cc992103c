/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: readings become views, views reports, reports plans, plans and views
 * commands, commands a step of the plant. What an actor does not see by itself or by
 * message, it does not get.
 */
#include "gatewayctl/simulate/run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/simulate/post.h"
#include "gatewayctl/simulate/sensors.h"

#define PROGRESS_STEPS 12

/* The views of all actors, refilled in every step. */
struct loop {
    const struct run *run;
    const struct sim_controller *controller;
    struct plant plant;
    struct plant_commands commands;
    struct sensors sensors, used_meters; /* the latter: PV used; faults hit both */
    struct post post;
    struct sim_home_view *homes;
    struct sim_area_view area;
};

void run_observe(struct run *run, void *ctx,
                 void (*step)(void *ctx, const struct plant *plant, unsigned step,
                              const struct plant_commands *commands))
{
    if (run->n_observers < RUN_OBSERVERS_MAX)
        run->observers[run->n_observers++] = (struct run_observer){ctx, step};
}

static void observe(const struct run *run, const struct plant *plant, unsigned step,
                    const struct plant_commands *commands)
{
    for (unsigned i = 0; i < run->n_observers; i++)
        run->observers[i].step(run->observers[i].ctx, plant, step, commands);
    if (run->progress && step % PROGRESS_STEPS == 0)
        run->progress(step, run->scenario->axis.n_steps);
}

int run_replay(const struct run *run, void *ctx,
               void (*next)(void *ctx, unsigned step, struct plant_commands *commands))
{
    struct plant plant;
    struct plant_commands commands = {0};
    int rc = plant_init(&plant, run->community, run->scenario);

    if (rc == 0)
        rc = plant_commands_init(&commands, run->community);
    for (unsigned t = 0; rc == 0 && t < run->scenario->axis.n_steps; t++) {
        next(ctx, t, &commands);
        plant_step(&plant, t, &commands);
        observe(run, &plant, t, &commands);
    }
    plant_commands_done(&commands);
    plant_done(&plant);
    return rc;
}

/* ---- views ----------------------------------------------------------------------- */

static int start_common(struct loop *loop, struct sim_common_view *view, int home,
                        struct gw_error *reterr)
{
    const struct community *c = loop->run->community;

    view->community = c;
    view->axis = &loop->run->scenario->axis;
    for (unsigned i = 0; i < c->n_storages; i++) {
        if (c->storages[i].home != home)
            continue;
        if (view->n_storages == SIM_OWN_STORAGES_MAX)
            return error_set(reterr, -EINVAL, "scenario-bound",
                             "more than %d storages at one place", SIM_OWN_STORAGES_MAX);
        view->storages[view->n_storages++].storage = i;
    }
    return 0;
}

static int start_views(struct loop *loop, struct gw_error *reterr)
{
    const struct scenario *s = loop->run->scenario;
    int rc = start_common(loop, &loop->area.common, -1, reterr);

    loop->area.n_bookings = s->n_bookings;
    loop->area.bookings = s->bookings;
    for (unsigned h = 0; rc == 0 && h < loop->run->community->n_homes; h++) {
        struct sim_home_view *view = &loop->homes[h];

        view->home = h;
        view->n_history = SCENARIO_HISTORY_ROWS;
        view->history = &s->history[(size_t)h * SCENARIO_HISTORY_ROWS];
        rc = start_common(loop, &view->common, (int)h, reterr);
    }
    return rc;
}

static void fill_common(struct loop *loop, struct sim_common_view *view, unsigned step)
{
    const struct plant *plant = &loop->plant;

    view->step = step;
    view->is_grid_up = loop->run->scenario->is_grid_up[step];
    view->has_readings = step > 0;
    view->was_dark = plant->is_dark;
    if (view->is_grid_up)
        view->frequency_hz = loop->run->community->freq_nominal_hz;
    else
        view->frequency_hz = plant->is_dark ? 0 : plant_frequency_hz(plant);
    for (unsigned i = 0; i < view->n_storages; i++) {
        struct sim_storage_reading *to = &view->storages[i];
        const struct plant_storage *from = &plant->storages[to->storage];

        to->is_connected = from->is_connected;
        to->power_w = from->power_w;
        /* A car that is away shows what it had when it left. */
        if (from->is_connected || step == 0)
            to->soc =
                from->energy_wh / loop->run->community->storages[to->storage].capacity_wh;
    }
}

static void fill_home(struct loop *loop, unsigned home, unsigned step)
{
    struct sim_home_view *view = &loop->homes[home];
    const struct plant *plant = &loop->plant;
    double share, pv_w;

    fill_common(loop, &view->common, step);
    if (step == 0)
        return;
    for (unsigned c = 0; c < N_CIRCUITS; c++)
        view->circuit_w[c] =
            sensors_read(&loop->sensors, step - 1, (int)home, (enum sim_circuit)c,
                         plant->served_w[home * N_CIRCUITS + c]);
    pv_w = scenario_cell(loop->run->scenario, loop->run->community, step - 1, home)->pv_w;
    share = plant->pv_available_w > 0 ? plant->pv_used_w / plant->pv_available_w : 0;
    view->pv_available_w = sensors_read(&loop->sensors, step - 1, (int)home,
                                        (enum sim_circuit)N_CIRCUITS, pv_w);
    view->pv_used_w = sensors_read(&loop->used_meters, step - 1, (int)home,
                                   (enum sim_circuit)N_CIRCUITS, share * pv_w);
    view->tank_debt_wh = plant->tank_debt_wh[home];
}

static void fill_area(struct loop *loop, unsigned step)
{
    const struct plant *plant = &loop->plant;

    fill_common(loop, &loop->area.common, step);
    if (step == 0)
        return;
    loop->area.pv_available_w =
        sensors_read(&loop->sensors, step - 1, -1, (enum sim_circuit)N_CIRCUITS,
                     plant->pv_available_w);
    loop->area.pv_used_w = sensors_read(&loop->used_meters, step - 1, -1,
                                        (enum sim_circuit)N_CIRCUITS, plant->pv_used_w);
    loop->area.grid_w = plant->grid_w;
}

static void show_plans(struct loop *loop, unsigned step)
{
    unsigned n_homes = loop->run->community->n_homes;

    for (unsigned i = 0; i <= n_homes; i++) {
        struct sim_common_view *view =
            i < n_homes ? &loop->homes[i].common : &loop->area.common;

        view->plan = post_plan(&loop->post, i, step, &view->plan_age_steps);
    }
}

/* ---- calls ----------------------------------------------------------------------- */

static unsigned count_issued(const struct scenario *s, unsigned step,
                             unsigned *ret_estimates)
{
    unsigned n_forecasts = 0, n_estimates = 0;

    while (n_forecasts < s->n_forecasts && s->forecasts[n_forecasts].issue_step <= step)
        n_forecasts++;
    while (n_estimates < s->n_estimates && s->estimates[n_estimates].issue_step <= step)
        n_estimates++;
    *ret_estimates = n_estimates;
    return n_forecasts;
}

static void coordinate(struct loop *loop, unsigned step)
{
    const struct scenario *s = loop->run->scenario;
    struct sim_coordinator_view view = {.community = loop->run->community,
                                        .axis = &s->axis,
                                        .step = step,
                                        .reports = loop->post.arrived,
                                        .n_bookings = s->n_bookings,
                                        .bookings = s->bookings,
                                        .estimates = s->estimates,
                                        .forecasts = s->forecasts,
                                        .n_history = SCENARIO_HISTORY_ROWS,
                                        .history = s->history};

    view.n_forecasts = count_issued(s, step, &view.n_estimates);
    loop->controller->coordinate(loop->controller->ctx, &view, loop->post.plans);
}

static void talk(struct loop *loop, unsigned step)
{
    const struct sim_controller *c = loop->controller;
    unsigned n_homes = loop->run->community->n_homes;

    post_clear(&loop->post);
    for (unsigned h = 0; c->home_report && h < n_homes; h++)
        c->home_report(c->ctx, &loop->homes[h], &loop->post.reports[h]);
    if (c->area_report)
        c->area_report(c->ctx, &loop->area, &loop->post.reports[n_homes]);
    post_collect(&loop->post, step);
    if (c->coordinate)
        coordinate(loop, step);
    post_deliver(&loop->post, step);
}

static double sane(double power_w)
{
    return isfinite(power_w) ? power_w : 0;
}

static void take_storages(struct loop *loop, const struct sim_common_view *view,
                          const double *storage_w)
{
    for (unsigned i = 0; i < view->n_storages; i++)
        loop->commands.storage_w[view->storages[i].storage] = sane(storage_w[i]);
}

static void preset_storages(const struct loop *loop, const struct sim_common_view *view,
                            double *storage_w)
{
    for (unsigned i = 0; i < view->n_storages; i++)
        storage_w[i] = loop->commands.storage_w[view->storages[i].storage];
}

static void act_home(struct loop *loop, unsigned home)
{
    bool *is_on = &loop->commands.is_on[home * N_CIRCUITS];
    const struct sim_home_view *view = &loop->homes[home];
    struct sim_home_commands commands = {0};

    memcpy(commands.is_on, is_on, sizeof commands.is_on);
    preset_storages(loop, &view->common, commands.storage_w);
    loop->controller->home_act(loop->controller->ctx, view, &commands);
    memcpy(is_on, commands.is_on, sizeof commands.is_on);
    take_storages(loop, &view->common, commands.storage_w);
}

static void act_area(struct loop *loop)
{
    struct sim_area_commands commands = {.pv_limit_w = loop->commands.pv_limit_w};

    preset_storages(loop, &loop->area.common, commands.storage_w);
    loop->controller->area_act(loop->controller->ctx, &loop->area, &commands);
    take_storages(loop, &loop->area.common, commands.storage_w);
    loop->commands.pv_limit_w = isfinite(commands.pv_limit_w) && commands.pv_limit_w >= 0
                                    ? commands.pv_limit_w
                                    : -1;
}

static void one_step(struct loop *loop, unsigned step)
{
    unsigned n_homes = loop->run->community->n_homes;

    for (unsigned h = 0; h < n_homes; h++)
        fill_home(loop, h, step);
    fill_area(loop, step);
    show_plans(loop, step);
    talk(loop, step);
    show_plans(loop, step);
    for (unsigned h = 0; h < n_homes; h++)
        act_home(loop, h);
    act_area(loop);
    plant_step(&loop->plant, step, &loop->commands);
    observe(loop->run, &loop->plant, step, &loop->commands);
}

static int start(struct loop *loop, struct gw_error *reterr)
{
    const struct run *run = loop->run;
    int rc = plant_init(&loop->plant, run->community, run->scenario);

    if (rc == 0)
        rc = plant_commands_init(&loop->commands, run->community);
    if (rc == 0)
        rc = sensors_init(&loop->sensors, run->scenario);
    if (rc == 0)
        rc = sensors_init(&loop->used_meters, run->scenario);
    if (rc == 0)
        rc = post_init(&loop->post, run->community->n_homes, run->scenario);
    loop->post.is_silent = run->is_coordinator_silent;
    loop->post.seed = run->seed;
    loop->homes = calloc(run->community->n_homes, sizeof *loop->homes);
    if (!loop->homes)
        rc = -ENOMEM;
    return rc == 0 ? start_views(loop, reterr) : rc;
}

int run_closed_loop(const struct run *run, const struct sim_controller *controller,
                    struct gw_error *reterr)
{
    struct loop loop = {.run = run, .controller = controller};
    int rc = start(&loop, reterr);

    for (unsigned t = 0; rc == 0 && t < run->scenario->axis.n_steps; t++)
        one_step(&loop, t);
    free(loop.homes);
    post_done(&loop.post);
    sensors_done(&loop.sensors);
    sensors_done(&loop.used_meters);
    plant_commands_done(&loop.commands);
    plant_done(&loop.plant);
    return rc;
}
