/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the simulator's views to the inputs of dispatch and back. Every actor keeps its
 * own state here and is handed nothing but its view; see drive.h.
 */
#include "gatewayctl/simulate/drive.h"

#include "lib/microgrid/circuit.h"
#include "lib/microgrid/dispatch/area.h"
#include "lib/microgrid/dispatch/community.h"
#include "lib/microgrid/dispatch/site.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One home's actor. */
struct drive_home {
    struct site *site;
    struct circuit circuits[N_CIRCUITS];
    struct circuit_now now[N_CIRCUITS]; /* as commanded */
    struct dispatch_plan plan;          /* the last that came, copied out of its bytes */
    bool has_history;
};

struct drive {
    const struct sim_axis *axis;
    struct dispatch_setup setup;
    struct dispatch_home *known_homes;
    struct dispatch_storage *known_storages;
    struct drive_home *homes;
    unsigned n_homes;
    struct area area;
    bool has_bookings;
    struct community_planner *planner;
    bool has_planner_history;
    unsigned n_announced; /* estimates taken so far */
    int last_issue;       /* step of the forecast taken last; -1: none */
};

static struct dispatch_time time_of(const struct sim_axis *axis, unsigned step)
{
    double utc = (double)axis->start_utc_s + (double)step * axis->step_s;
    double local = fmod(utc + axis->timezone_offset_h * 3600, DISPATCH_DAY_S);

    return (struct dispatch_time){.now_s = (double)step * axis->step_s,
                                  .local_s = (unsigned)local};
}

static unsigned slot_of(const struct sim_axis *axis, int step)
{
    double s =
        (double)time_of(axis, 0).local_s + DISPATCH_DAY_S + (double)step * axis->step_s;

    return dispatch_slot(s);
}

static void setup_classes(struct drive *drive, const struct community *community)
{
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        const struct community_class *from = &community->classes[c];

        drive->setup.classes[c] =
            (struct dispatch_class_rule){.weight = from->weight,
                                         .min_on_s = from->min_on_s,
                                         .min_off_s = from->min_off_s,
                                         .rated_w = from->rated_w,
                                         .tank_wh = from->tank_wh};
    }
}

static void setup_fill(struct drive *drive, const struct community *community)
{
    for (unsigned h = 0; h < community->n_homes; h++) {
        const struct community_home *from = &community->homes[h];

        drive->known_homes[h] =
            (struct dispatch_home){.pv_wp = from->pv_wp,
                                   .service_limit_w = from->service_limit_w,
                                   .is_medical = from->is_medical};
        memcpy(drive->known_homes[h].mean_w, from->mean_w, sizeof(from->mean_w));
    }
    for (unsigned i = 0; i < community->n_storages; i++) {
        const struct community_storage *from = &community->storages[i];

        drive->known_storages[i] =
            (struct dispatch_storage){.is_ev = from->is_ev,
                                      .is_grid_forming = from->is_grid_forming,
                                      .home = from->home,
                                      .capacity_wh = from->capacity_wh,
                                      .soc_min = from->soc_min,
                                      .soc_max = from->soc_max,
                                      .soc_reserve = from->soc_reserve,
                                      .soc_depart = from->soc_depart,
                                      .max_charge_w = from->max_charge_w,
                                      .max_discharge_w = from->max_discharge_w,
                                      .eta_charge = from->eta_charge,
                                      .eta_discharge = from->eta_discharge};
    }
    drive->setup.homes = drive->known_homes;
    drive->setup.n_homes = community->n_homes;
    drive->setup.storages = drive->known_storages;
    drive->setup.n_storages = community->n_storages;
    drive->setup.import_limit_w = community->grid_import_limit_w;
    drive->setup.max_island_w = community->max_island_load_w;
    drive->setup.pv_limit_w = community->pv_limit_w;
    drive->setup.frequency_hz = community->freq_nominal_hz;
    drive->setup.frequency_slope_hz = community->freq_soc_slope_hz;
    setup_classes(drive, community);
}

static bool home_init(struct drive *drive, unsigned h, const struct community *community)
{
    struct drive_home *home = &drive->homes[h];
    struct site_config config = {.setup = &drive->setup,
                                 .home = h,
                                 .circuits = home->circuits,
                                 .n_circuits = N_CIRCUITS,
                                 .breaker_w = community->homes[h].service_limit_w,
                                 .refill_delay_s = 600 + (h * 2654435761U >> 16) % 600};

    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        home->circuits[c] = (struct circuit){
            .index = (uint16_t)c,
            .class = (enum circuit_class)c,
            .kind = c == CIRCUIT_DEFERRABLE ? CIRCUIT_REFILL : CIRCUIT_LOAD,
            .typical_w = community->homes[h].mean_w[c],
            .min_on_s = (uint32_t)community->classes[c].min_on_s,
            .min_off_s = (uint32_t)community->classes[c].min_off_s,
            .is_backed = true,
            .has_switch = true};
        home->now[c] = (struct circuit_now){.is_on = true, .since_ms = INT64_MIN / 2};
    }
    home->site = site_new(&config);
    return home->site != NULL;
}

static void put(struct sim_message *message, const void *data, size_t size)
{
    memcpy(message->data, data, size);
    message->size = (unsigned)size;
}

/* A payload has no alignment of its own: it is copied out. */
static bool get(const struct sim_message *message, void *ret, size_t size)
{
    if (!message || message->size != size)
        return false;
    memcpy(ret, message->data, size);
    return true;
}

static void site_input(const struct drive *drive, const struct sim_home_view *view,
                       struct site_in *in)
{
    struct drive_home *home = &drive->homes[view->home];
    const struct sim_common_view *common = &view->common;

    *in = (struct site_in){.time = time_of(drive->axis, common->step),
                           .step_s = drive->axis->step_s,
                           .is_grid_up = common->is_grid_up,
                           .class_max = CIRCUIT_P4,
                           .frequency_hz = common->frequency_hz,
                           .was_dark = common->was_dark,
                           .now = home->now,
                           .pv_w = common->has_readings ? view->pv_available_w : -1,
                           .tank_wh = view->tank_debt_wh};
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        home->now[c].has_power = common->has_readings;
        home->now[c].power_w = view->circuit_w[c];
    }
    for (unsigned i = 0; i < common->n_storages && i < SITE_STORAGES_MAX; i++)
        in->storages[in->n_storages++] = (struct site_storage){
            .soc = common->storages[i].soc, .power_w = common->storages[i].power_w};
    if (get(common->plan, &home->plan, sizeof(home->plan)))
        in->plan = &home->plan;
    in->plan_age_s = (double)common->plan_age_steps * drive->axis->step_s;
    in->span_age_s = in->plan_age_s;
}

static void read_history(struct drive *drive, const struct sim_home_view *view)
{
    struct drive_home *home = &drive->homes[view->home];

    for (unsigned i = 0; i < view->n_history && !home->has_history; i++)
        site_history(home->site, slot_of(drive->axis, view->history[i].step),
                     view->history[i].circuit_w, view->history[i].pv_w);
    home->has_history = true;
}

static void home_report(void *ctx, const struct sim_home_view *view,
                        struct sim_message *ret)
{
    struct drive *drive = ctx;
    struct dispatch_report report;
    struct site_in in;

    if (!view->common.has_readings)
        return;
    site_input(drive, view, &in);
    site_report(drive->homes[view->home].site, &in, &report);
    put(ret, &report, sizeof(report));
}

static void home_act(void *ctx, const struct sim_home_view *view,
                     struct sim_home_commands *commands)
{
    struct drive *drive = ctx;
    struct drive_home *home = &drive->homes[view->home];
    struct site_out out;
    struct site_in in;

    read_history(drive, view);
    site_input(drive, view, &in);
    site_step(home->site, &in, &out);
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        if (home->now[c].is_on != out.plan.circuits[c].want_on)
            home->now[c].since_ms = (int64_t)(in.time.now_s * 1000);
        home->now[c].is_on = commands->is_on[c] = out.plan.circuits[c].want_on;
    }
    for (unsigned i = 0; i < out.plan.n_setpoints; i++)
        commands->storage_w[i] = out.plan.setpoints[i].value_w;
}

static void area_input(const struct drive *drive, const struct sim_area_view *view,
                       struct area_in *in)
{
    const struct sim_common_view *common = &view->common;

    *in = (struct area_in){.time = time_of(drive->axis, common->step),
                           .step_s = drive->axis->step_s,
                           .is_grid_up = common->is_grid_up,
                           .was_dark = common->was_dark,
                           .frequency_hz = common->frequency_hz,
                           .pv_available_w = view->pv_available_w,
                           .pv_used_w = view->pv_used_w,
                           .grid_w = view->grid_w};
    for (unsigned i = 0; i < common->n_storages && i < AREA_STORAGES_MAX; i++)
        in->storages[i] =
            (struct area_storage){.soc = common->storages[i].soc,
                                  .power_w = common->storages[i].power_w,
                                  .is_connected = common->storages[i].is_connected};
}

static void tell_area(void *ctx, const struct sim_area_view *view,
                      struct sim_message *ret)
{
    struct drive *drive = ctx;
    struct dispatch_area_report report;
    struct area_in in;

    area_input(drive, view, &in);
    area_report(&drive->area, &in, &report);
    if (!view->common.has_readings)
        report.pv_w = -1;
    put(ret, &report, sizeof(report));
}

static void area_act(void *ctx, const struct sim_area_view *view,
                     struct sim_area_commands *commands)
{
    struct drive *drive = ctx;
    struct area_in in;

    for (unsigned i = 0; i < view->n_bookings && !drive->has_bookings; i++)
        area_book(&drive->area, view->bookings[i].storage,
                  (double)view->bookings[i].depart_step * drive->axis->step_s);
    drive->has_bookings = true;
    area_input(drive, view, &in);
    area_step(&drive->area, &in, commands->storage_w);
}

static void planner_start(struct drive *drive, const struct sim_coordinator_view *view)
{
    for (unsigned h = 0; h < drive->n_homes; h++)
        for (unsigned i = 0; i < view->n_history; i++) {
            const struct sim_history *row = &view->history[h * view->n_history + i];

            community_history(drive->planner, h, slot_of(drive->axis, row->step),
                              row->circuit_w, row->pv_w);
        }
    for (unsigned i = 0; i < view->n_bookings; i++)
        community_book(drive->planner, view->bookings[i].storage,
                       (double)view->bookings[i].depart_step * drive->axis->step_s,
                       (double)view->bookings[i].return_step * drive->axis->step_s,
                       view->bookings[i].trip_wh);
    drive->has_planner_history = true;
}

/* What was issued since the last step: announcements, and the newest forecast. */
static void take_news(struct drive *drive, const struct sim_coordinator_view *view)
{
    double step_s = drive->axis->step_s;
    int newest = -1;

    for (; drive->n_announced < view->n_estimates; drive->n_announced++)
        community_announce(drive->planner,
                           view->estimates[drive->n_announced].issue_step * step_s,
                           view->estimates[drive->n_announced].end_step * step_s);
    for (unsigned i = 0; i < view->n_forecasts; i++)
        newest = (int)view->forecasts[i].issue_step > newest
                     ? (int)view->forecasts[i].issue_step
                     : newest;
    if (newest <= drive->last_issue)
        return;
    drive->last_issue = newest;
    community_forecast_begin(drive->planner);
    for (unsigned i = 0; i < view->n_forecasts; i++) {
        const struct sim_forecast *from = &view->forecasts[i];
        struct forecast_pv_point point = {
            .from_s = from->target_step * step_s,
            .w = {from->p10_w, from->p50_w, from->p90_w}
        };

        if ((int)from->issue_step == newest)
            community_forecast_add(drive->planner, &point);
    }
}

static void coordinate(void *ctx, const struct sim_coordinator_view *view,
                       struct sim_message *ret_plans)
{
    struct drive *drive = ctx;
    struct dispatch_time time = time_of(drive->axis, view->step);
    struct dispatch_area_report area;
    struct dispatch_report report;

    if (!drive->has_planner_history)
        planner_start(drive, view);
    take_news(drive, view);
    for (unsigned h = 0; h < drive->n_homes; h++)
        if (get(view->reports[h], &report, sizeof(report)))
            community_report(drive->planner, h, &report);
    if (get(view->reports[drive->n_homes], &area, sizeof(area)))
        community_area_report(drive->planner, &area);
    community_plan(drive->planner, &time, drive->axis->step_s);
    for (unsigned h = 0; h < drive->n_homes; h++)
        put(&ret_plans[h], community_plan_of(drive->planner, h),
            sizeof(struct dispatch_plan));
}

static void drive_free(void *ctx)
{
    struct drive *drive = ctx;

    for (unsigned h = 0; drive->homes && h < drive->n_homes; h++)
        site_free(drive->homes[h].site);
    community_free(drive->planner);
    free(drive->homes);
    free(drive->known_homes);
    free(drive->known_storages);
    free(drive);
}

bool drive_new(const struct community *community, const struct sim_axis *axis,
               struct sim_controller *ret_controller)
{
    struct drive *drive = calloc(1, sizeof(*drive));
    bool ok;

    if (!drive)
        return false;
    drive->axis = axis;
    drive->last_issue = -1;
    drive->n_homes = community->n_homes;
    drive->homes = calloc(community->n_homes + 1, sizeof(*drive->homes));
    drive->known_homes = calloc(community->n_homes + 1, sizeof(*drive->known_homes));
    drive->known_storages =
        calloc(community->n_storages + 1, sizeof(*drive->known_storages));
    ok = drive->homes && drive->known_homes && drive->known_storages;
    if (ok) {
        setup_fill(drive, community);
        area_init(&drive->area, &drive->setup);
        drive->planner = community_new(&drive->setup);
        ok = drive->planner != NULL;
    }
    for (unsigned h = 0; ok && h < community->n_homes; h++)
        ok = home_init(drive, h, community);
    if (!ok) {
        drive_free(drive);
        return false;
    }
    *ret_controller = (struct sim_controller){.ctx = drive,
                                              .home_report = home_report,
                                              .area_report = tell_area,
                                              .coordinate = coordinate,
                                              .home_act = home_act,
                                              .area_act = area_act,
                                              .free = drive_free};
    return true;
}
