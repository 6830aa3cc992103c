/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's planner: keeps what reports say and learns demand and sun from it;
 * community_ration.c prices what is stored, community_choose.c decides who is served. See
 * community.h.
 */
#include "lib/microgrid/dispatch/community.h"

#include "lib/microgrid/dispatch/community_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* After an outage the next one is near: storages are refilled at once for so long. */
#define STORM_S (24 * 3600.0)
/* What a circuit that is off may read. */
#define STUCK_OFF_W 5.0

static void init_homes(struct community_planner *planner)
{
    const struct dispatch_setup *setup = planner->setup;

    for (unsigned h = 0; h < setup->n_homes; h++) {
        struct community_home *home = &planner->homes[h];

        planner->rated_wp += setup->homes[h].pv_wp;
        for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
            forecast_demand_init(&home->circuits[c], setup->homes[h].mean_w[c]);
            home->is_on[c] = home->was_on[c] = true;
            home->held_s[c] = 1e6;
        }
        home->plan = (struct dispatch_plan){.mode = DISPATCH_NORMAL,
                                            .p_max = DISPATCH_P4,
                                            .valid_s = 900,
                                            .power_w = setup->homes[h].service_limit_w,
                                            .until_s = 43200};
    }
}

struct community_planner *community_new(const struct dispatch_setup *setup)
{
    struct community_planner *planner = calloc(1, sizeof(*planner));

    if (!planner)
        return NULL;
    planner->setup = setup;
    planner->homes = calloc(setup->n_homes + 1, sizeof(*planner->homes));
    planner->storages = calloc(setup->n_storages + 1, sizeof(*planner->storages));
    planner->rotation = calloc(setup->n_homes + 1, sizeof(*planner->rotation));
    planner->order = calloc(setup->n_homes + 1, sizeof(*planner->order));
    if (!planner->homes || !planner->storages || !planner->rotation || !planner->order) {
        community_free(planner);
        return NULL;
    }
    planner->is_grid_up = true;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        planner->target[c] = 1;
    planner->area_pv_w = -1;
    init_homes(planner);
    forecast_pv_init(&planner->pv, fmin(planner->rated_wp, setup->pv_limit_w));
    return planner;
}

void community_free(struct community_planner *planner)
{
    if (!planner)
        return;
    free(planner->homes);
    free(planner->storages);
    free(planner->rotation);
    free(planner->order);
    free(planner);
}

void community_history(struct community_planner *planner, unsigned home, unsigned slot,
                       const double circuit_w[DISPATCH_CLASSES], double pv_w)
{
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        forecast_demand_history(&planner->homes[home].circuits[c], slot, circuit_w[c]);
    /* rows come home by home: the community's sun is their sum */
    forecast_pv_history(&planner->pv, slot,
                        planner->pv.history_w[slot % DISPATCH_SLOTS] + fmax(pv_w, 0));
}

void community_forecast_begin(struct community_planner *planner)
{
    forecast_pv_begin_issue(&planner->pv);
}

void community_forecast_add(struct community_planner *planner,
                            const struct forecast_pv_point *point)
{
    forecast_pv_add(&planner->pv, point);
}

void community_announce(struct community_planner *planner, double issued_s, double end_s)
{
    double span = planner->end_s - planner->issued_s;

    /* corrected only when due: a promise broken, not one revised in time */
    if (planner->has_announcement && end_s > planner->end_s &&
        issued_s >= planner->end_s - fmin(fmax(0.05 * span, 900), 0.5 * span))
        planner->n_broken++;
    planner->has_announcement = true;
    planner->issued_s = issued_s;
    planner->end_s = end_s;
}

void community_book(struct community_planner *planner, unsigned storage, double depart_s,
                    double return_s, double trip_wh)
{
    if (planner->n_trips == HORIZON_TRIPS_MAX || storage >= planner->setup->n_storages)
        return;
    planner->trips[planner->n_trips].storage = storage;
    planner->trips[planner->n_trips].depart_s = depart_s;
    planner->trips[planner->n_trips].return_s = return_s;
    planner->trips[planner->n_trips++].trip_wh = trip_wh;
}

void community_report(struct community_planner *planner, unsigned home,
                      const struct dispatch_report *report)
{
    struct community_home *known = &planner->homes[home];

    known->report = *report;
    known->has_report = true;
    for (unsigned i = 0; i < planner->setup->n_storages && report->stored_soc >= 0; i++)
        if (planner->setup->storages[i].home == (int)home) {
            planner->storages[i].soc = report->stored_soc;
            planner->storages[i].is_known = planner->storages[i].is_connected = true;
            planner->storages[i].is_told = true;
        }
}

void community_area_report(struct community_planner *planner,
                           const struct dispatch_area_report *report)
{
    unsigned next = 0;

    planner->has_area = planner->is_area_told = true;
    planner->is_grid_up = report->is_grid_up;
    planner->area_pv_w = report->pv_w;
    for (unsigned i = 0; i < planner->setup->n_storages && next < report->n_storages;
         i++) {
        struct community_storage *storage = &planner->storages[i];

        if (planner->setup->storages[i].home >= 0)
            continue;
        storage->soc = report->soc[next];
        storage->power_w = report->power_w[next];
        storage->is_connected = report->is_connected[next++];
        storage->is_known = storage->is_told = true;
    }
    /* batteries of homes that say nothing are as full as the frequency tells of all */
    for (unsigned i = 0; i < planner->setup->n_storages && report->forming_soc >= 0;
         i++) {
        struct community_storage *storage = &planner->storages[i];

        if (!planner->setup->storages[i].is_grid_forming || storage->is_told)
            continue;
        storage->soc = report->forming_soc;
        storage->is_known = storage->is_connected = true;
    }
    for (unsigned i = 0; i < planner->setup->n_storages; i++)
        planner->storages[i].is_told = false;
}

/* A relay that sticks shows only in the meter: what it feeds cannot be shed, and must be
 * planned with. A meter that sticks reads the same all the time, and is not believed. */
static void see_stuck(struct community_home *home, unsigned c, double w)
{
    struct forecast_demand *circuit = &home->circuits[c];

    if (w < STUCK_OFF_W) {
        home->is_stuck[c] = false;
        return;
    }
    home->is_stuck[c] = (float)w != circuit->last_w;
    circuit->last_w = (float)w;
}

/* A circuit that was on all through the step tells its demand; one that was off does not.
 */
static void learn_home(struct community_planner *planner, struct community_home *home,
                       unsigned slot)
{
    const struct dispatch_report *report = &home->report;

    if (report->was_dark)
        return;
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        bool is_on = report->on_mask >> c & 1;

        if (is_on && home->was_on[c] && c != DISPATCH_P3)
            forecast_demand_measure(&home->circuits[c], slot, report->circuit_w[c],
                                    planner->step_s);
        if (!is_on && !home->was_on[c])
            see_stuck(home, c, report->circuit_w[c]);
        home->was_on[c] = is_on;
    }
    home->tank_wh = report->tank_wh;
}

/* What the home went without in the step that ended. */
static void count_lack(struct community_planner *planner, struct community_home *home,
                       unsigned slot)
{
    double hours = planner->step_s / 3600;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        double usual_w = forecast_demand_w(&home->circuits[c], slot);
        bool is_served =
            home->has_report ? home->report.on_mask >> c & 1 : home->is_on[c];

        if (!is_served || (home->has_report && home->report.was_dark))
            home->lack_wh[c] += usual_w * hours;
    }
}

static void expect_home(struct community_planner *planner, struct community_home *home,
                        unsigned slot)
{
    const struct dispatch_class_rule *tank = &planner->setup->classes[DISPATCH_P3];

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        home->expect_w[c] = forecast_demand_now(&home->circuits[c], slot,
                                                home->has_report && home->was_on[c]);
    /* of P0 never less than usual: what it lacks is not what it draws */
    home->expect_w[DISPATCH_P0] =
        fmax(home->expect_w[DISPATCH_P0],
             forecast_demand_w(&home->circuits[DISPATCH_P0], slot));
    if (tank->tank_wh > 0) /* the tank says what it lacks */
        home->expect_w[DISPATCH_P3] = fmin(
            tank->rated_w, home->tank_wh * 3600 / planner->step_s +
                               forecast_demand_w(&home->circuits[DISPATCH_P3], slot));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The roofs' median per Wp: one sensor that sticks or triples moves nothing. */
static double measured_pv_w(const struct community_planner *planner)
{
    double per_wp[256];
    unsigned n = 0;

    for (unsigned h = 0; h < planner->setup->n_homes && n < 256; h++)
        if (planner->homes[h].has_report && planner->setup->homes[h].pv_wp > 0)
            per_wp[n++] = planner->homes[h].report.pv_w / planner->setup->homes[h].pv_wp;
    if (n < 5)
        return planner->area_pv_w;
    qsort(per_wp, n, sizeof(per_wp[0]), compare);
    return per_wp[n / 2] * planner->rated_wp;
}

/* A report that was lost: what gave then has given since, or an island near its floor is
 * planned with energy that is gone. */
static void drain_untold(struct community_planner *planner)
{
    for (unsigned i = 0; i < planner->setup->n_storages; i++) {
        const struct dispatch_storage *is = &planner->setup->storages[i];
        struct community_storage *storage = &planner->storages[i];
        double given_wh =
            fmax(storage->power_w, 0) * planner->step_s / 3600 / is->eta_discharge;

        if (storage->is_known && storage->is_connected && is->capacity_wh > 0)
            storage->soc = fmax(storage->soc - given_wh / is->capacity_wh,
                                fmin(storage->soc, is->soc_min));
    }
}

static void learn(struct community_planner *planner, const struct dispatch_time *time)
{
    unsigned before =
        dispatch_slot((double)time->local_s + DISPATCH_DAY_S - planner->step_s / 2);
    unsigned now = dispatch_slot(time->local_s);

    if (!planner->is_area_told && !planner->is_grid_up)
        drain_untold(planner);
    planner->is_area_told = false;
    forecast_pv_measure(&planner->pv, time, measured_pv_w(planner), planner->step_s);
    for (unsigned h = 0; h < planner->setup->n_homes; h++) {
        struct community_home *home = &planner->homes[h];

        if (home->has_report)
            learn_home(planner, home, before);
        if (!planner->is_grid_up)
            count_lack(planner, home, before);
        expect_home(planner, home, now);
        home->has_report = false;
    }
}

static void plan_grid(struct community_planner *planner, const struct dispatch_time *time)
{
    bool is_storm = planner->has_outage && time->now_s - planner->grid_since_s < STORM_S;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        planner->target[c] = 1;
    for (unsigned h = 0; h < planner->setup->n_homes; h++) {
        struct community_home *home = &planner->homes[h];

        for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
            home->is_on[c] = true;
        home->plan = (struct dispatch_plan){
            .mode = is_storm ? DISPATCH_STORM : DISPATCH_NORMAL,
            .p_max = DISPATCH_P4,
            .power_w = planner->setup->homes[h].service_limit_w,
            .valid_s = 900,
            .until_s = 43200,
            .energy_wh = planner->setup->homes[h].service_limit_w * 12};
    }
}

void community_plan(struct community_planner *planner, const struct dispatch_time *time,
                    double step_s)
{
    bool was_up = planner->outage_since_s <= planner->grid_since_s;

    planner->step_s = step_s;
    learn(planner, time);
    if (planner->is_grid_up) {
        if (!was_up)
            planner->grid_since_s = time->now_s;
        planner->n_broken = 0;
        planner->has_announcement = false;
        plan_grid(planner, time);
        return;
    }
    planner->is_first_step =
        !planner->has_outage ||
        (was_up && time->now_s - planner->grid_since_s > STORM_S);
    if (was_up || !planner->has_outage) {
        planner->outage_since_s = time->now_s;
        planner->has_outage = true;
    }
    community_ration(planner, time);
    community_choose(planner, time);
}

const struct dispatch_plan *community_plan_of(const struct community_planner *planner,
                                              unsigned home)
{
    return &planner->homes[home].plan;
}

double community_stored_wh(const struct community_planner *planner)
{
    return planner->energy_wh;
}

double community_price(const struct community_planner *planner)
{
    return planner->price;
}
