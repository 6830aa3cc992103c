/* SPDX-License-Identifier: Apache-2.0 */
/* lib/microgrid/dispatch for one home; see programme.h. On the loop. */
#include "gatewayd/control/programme.h"

#include <math.h>
#include <string.h>

#define ETA 0.95           /* one way, of a home battery */
/* of its typical power a circuit draws in the mean, until measured */
#define MEAN_SHARE 0.3
/* a lone home's frequency tells nothing: its charge is put in */
#define ISLAND_HZ 50.0
#define SLOPE_HZ 1.0
#define NO_LIMIT_W 1e9

/* What a served Wh of a class is worth beside the others. Who took refuge lives on P1 and
 * P2; where cars are shared their charge is no bulk load like another. */
static const double weights[][DISPATCH_CLASSES] = {
    [CONFIG_SITE_HOME] = {100, 10, 3, 1, 1},
    [CONFIG_SITE_STATION] = {100, 10, 3, 1, 1},
    [CONFIG_SITE_SHELTER] = {100, 50, 20, 1, 1},
    [CONFIG_SITE_MOBILITY] = {100, 10, 3, 1, 2},
};

double programme_mean_w(double typical_w)
{
    return MEAN_SHARE * typical_w;
}

struct circuit_limits programme_limits(const struct site_map *map)
{
    struct circuit_limits limits = {.headroom_permille =
                                        map->outage->medical.power_w > 0 ? 600 : 800,
                                    .pcs_continuous_w = map->outage->limits.pcs_w};

    memcpy(limits.leg_w, map->outage->limits.leg_w, sizeof limits.leg_w);
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (!map->batteries[i].is_car)
            limits.bms_max_discharge_w += map->batteries[i].source->max_discharge_w;
    return limits;
}

static struct dispatch_storage storage_of(const struct site_battery *battery,
                                          double floor)
{
    const struct config_source *source = battery->source;
    double soc_min = (battery->is_car ? source->cut_off : battery->floor) / 100;
    double charge_w =
        source->max_charge_w > 0 ? source->max_charge_w : source->max_discharge_w;

    return (struct dispatch_storage){
        .is_ev = battery->is_car,
        .is_grid_forming = !battery->is_car,
        .capacity_wh = source->capacity_wh,
        .soc_min = soc_min + (1 - soc_min) * floor / 100,
        .soc_max = 1,
        .soc_reserve = battery->is_car ? 1 : soc_min, /* a car: until it is seen */
        .soc_depart = battery->is_car ? battery->floor / 100 : 0,
        .max_charge_w = charge_w,
        .max_discharge_w = source->max_discharge_w,
        .eta_charge = ETA,
        .eta_discharge = ETA};
}

/* Below the last floor nothing may be planned: the state machine ends the island
 * there. */
static void fill_setup(struct programme *programme, const struct site_map *map)
{
    struct dispatch_setup *setup = &programme->setup;

    *setup = (struct dispatch_setup){.n_homes = 1,
                                     .homes = &programme->home,
                                     .storages = programme->storages,
                                     .import_limit_w = 1e6,
                                     .max_island_w = 1e6,
                                     .pv_limit_w = 1e6,
                                     .frequency_hz = ISLAND_HZ,
                                     .frequency_slope_hz = SLOPE_HZ};
    programme->home =
        (struct dispatch_home){.service_limit_w = 1e6,
                               .is_medical = map->outage->medical.power_w > 0,
                               .learns_pv = map->n_pv > 0};
    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        setup->classes[c] =
            (struct dispatch_class_rule){.weight = weights[map->outage->site][c]};
    for (uint32_t i = 0; i < map->n_circuits; i++)
        programme->home.mean_w[map->circuits[i].class] +=
            programme_mean_w(map->circuits[i].typical_w);
    for (uint32_t i = 0; i < map->n_batteries; i++)
        programme->storages[setup->n_storages++] =
            storage_of(&map->batteries[i], map->outage->floor_black);
}

void programme_configure(struct programme *programme, const struct site_map *map)
{
    const struct site_config config = {.setup = &programme->setup,
                                       .circuits = map->circuits,
                                       .n_circuits = map->n_circuits,
                                       .limits = programme_limits(map),
                                       .medical_w = map->outage->medical.power_w,
                                       .medical_h = map->outage->medical.reserve_h};

    programme_done(programme);
    fill_setup(programme, map);
    if (programme->setup.n_storages && map->is_active)
        programme->site = site_new(&config);
}

/* Kept for whoever leaves next, whenever that is. */
static double due_soc(const struct site_map *map, const struct site_battery *battery)
{
    double due = battery->floor;

    for (uint32_t i = 0; i < map->outage->n_departures; i++)
        if (strcmp(map->outage->departures[i].ev, battery->source->battery) == 0)
            due = fmax(due, map->outage->departures[i].soc);
    return due / 100;
}

void programme_see_cars(struct programme *programme, const struct site_map *map,
                        const struct charge *charge)
{
    for (uint32_t i = 0; i < map->n_batteries && i < programme->setup.n_storages; i++) {
        const struct site_battery *battery = &map->batteries[i];
        const struct charge_battery *is = &charge->batteries[i];
        double over = is->is_live && battery->setpoint.is_there
                          ? is->soc_permille / 1000 - due_soc(map, battery)
                          : 0;

        if (battery->is_car)
            programme->storages[i].soc_reserve = 1 - fmax(over, 0);
    }
}

void programme_done(struct programme *programme)
{
    site_free(programme->site);
    memset(programme, 0, sizeof *programme);
}

static struct dispatch_plan plan_of(const struct programme_in *in)
{
    static const enum dispatch_mode modes[] = {[PLAN_NORMAL] = DISPATCH_NORMAL,
                                               [PLAN_STORM] = DISPATCH_STORM,
                                               [PLAN_ISLAND] = DISPATCH_ISLAND};

    return (struct dispatch_plan){
        .mode = modes[in->plan->mode],
        .soc_permille = (unsigned)fmax(in->plan->soc_permille, 0),
        .power_w =
            in->is_plan_alive && in->plan->power_w >= 0 ? in->plan->power_w : NO_LIMIT_W,
        .energy_wh = in->is_plan_alive ? in->plan->energy_wh : -1,
        .until_s = in->plan->until_s,
        .valid_s = in->plan->valid_s,
        .p_max = (enum dispatch_class)in->plan->p_max};
}

/* The island's frequency that stands for this charge of the whole battery. */
static double frequency_of(const struct sense_power *power)
{
    if (isnan(power->soc_permille))
        return 0;
    return ISLAND_HZ + (power->soc_permille / 1000 - 0.5) * SLOPE_HZ;
}

bool programme_step(struct programme *programme, const struct programme_in *in,
                    struct circuit_plan *ret)
{
    struct dispatch_plan plan;
    struct site_out out;
    struct site_in site = {
        .time = {.now_s = (double)in->t_boot_ms / 1000,
                 .local_s = (unsigned)(in->local_ms / 1000 % DISPATCH_DAY_S)},
        .step_s = (double)(in->t_boot_ms - programme->last_ms) / 1000,
        .is_grid_up = in->is_grid_up,
        .class_max = in->class_max,
        .frequency_hz = frequency_of(in->power),
        .was_dark = in->is_dark,
        .now = in->now,
        .pv_w = isnan(in->power->pv_w) ? 0 : in->power->pv_w,
        .medical_w = in->power->medical_w,
        .shed_w = in->other_w};

    /* without a battery that tells its charge the floors alone guard */
    if (!programme->site || (!in->is_grid_up && !(site.frequency_hz > 0)))
        return false;
    if (!programme->last_ms || site.step_s <= 0 || site.step_s > 60)
        site.step_s = 1;
    programme->last_ms = in->t_boot_ms;
    if (in->plan) {
        plan = plan_of(in);
        site.plan = &plan;
        site.plan_age_s = (double)(in->t_boot_ms - in->plan_ms) / 1000;
        site.span_age_s = (double)(in->t_boot_ms - in->plan_first_ms) / 1000;
    }
    site_step(programme->site, &site, &out);
    ret->n_circuits = out.plan.n_circuits;
    memcpy(ret->circuits, out.plan.circuits, sizeof ret->circuits);
    return true;
}
