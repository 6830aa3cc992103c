/* SPDX-License-Identifier: Apache-2.0 */
/* From config_outage and the catalogue to lib/microgrid's plain data; see site_map.h. */
#include "gatewayd/control/site_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct control_ref find(struct site_map *map, const struct catalog *catalog,
                               const char *name)
{
    struct control_ref ref = {0};

    if (!name || !*name)
        return ref;
    ref.is_there = catalog_find(catalog, name, &ref.device, &ref.point);
    map->lookups += !ref.is_there;
    return ref;
}

/* A point of a device by its name in docs/names.md, if the device has it. */
static struct control_ref point_of(const struct catalog *catalog, int device,
                                   const char *name)
{
    struct control_ref ref = {0};
    int point =
        device < 0 ? -1 : catalog_device_find_point(&catalog->devices[device], name);

    if (point >= 0)
        ref = (struct control_ref){true, (uint32_t)device, (uint32_t)point};
    return ref;
}

static const struct catalog_point *catalog_point_of(const struct catalog *catalog,
                                                    const struct control_ref *ref)
{
    return &catalog->devices[ref->device].points[ref->point];
}

static uint8_t legs_of(enum config_leg leg)
{
    static const uint8_t legs[] = {
        [CONFIG_LEG_NONE] = 0,
        [CONFIG_LEG_L1] = LEG_L1,
        [CONFIG_LEG_L2] = LEG_L2,
        [CONFIG_LEG_L3] = LEG_L3,
        [CONFIG_LEG_L1_L2] = LEG_L1 | LEG_L2,
        [CONFIG_LEG_L1_L2_L3] = LEG_L1 | LEG_L2 | LEG_L3,
    };

    return legs[leg];
}

static enum circuit_kind kind_of(const struct config_circuit *circuit)
{
    if (circuit->class == CIRCUIT_P4)
        return CIRCUIT_REFILL;
    return circuit->thermostatic ? CIRCUIT_THERMOSTATIC : CIRCUIT_LOAD;
}

static void add_circuit(struct site_map *map, const struct catalog *catalog,
                        const struct config_circuit *from)
{
    uint32_t i = map->n_circuits++;
    struct site_switch *sw = &map->switches[i];

    map->circuits[i] = (struct circuit){.index = (uint16_t)i,
                                        .class = (enum circuit_class)from->class,
                                        .kind = kind_of(from),
                                        .legs = legs_of(from->leg),
                                        .typical_w = from->typical_w,
                                        .inrush_w = from->inrush_w,
                                        .min_on_s = from->min_on_ms / 1000,
                                        .min_off_s = from->min_off_ms / 1000,
                                        .latest_return_s = from->latest_return_ms / 1000,
                                        .is_backed = from->backed};
    sw->ref = find(map, catalog, from->sw);
    sw->power = find(map, catalog, from->power);
    if (!sw->ref.is_there)
        return;
    map->circuits[i].has_switch = true;
    sw->failsafe = catalog_point_of(catalog, &sw->ref)->failsafe;
    sw->lease_ms = catalog_point_of(catalog, &sw->ref)->lease_ms;
}

/* ---- evidence ---------------------------------------------------------------------- */

static enum evidence_kind evidence_kind_of(enum config_evidence_kind kind)
{
    static const enum evidence_kind kinds[] = {
        [CONFIG_EVIDENCE_CONTACT] = EVIDENCE_CONTACT,
        [CONFIG_EVIDENCE_VOLTAGE] = EVIDENCE_VOLTAGE,
        [CONFIG_EVIDENCE_FREQUENCY] = EVIDENCE_FREQUENCY,
        [CONFIG_EVIDENCE_PCS] = EVIDENCE_PCS,
        [CONFIG_EVIDENCE_SWITCH] = EVIDENCE_SWITCH,
        [CONFIG_EVIDENCE_UPS] = EVIDENCE_UPS,
    };

    return kinds[kind];
}

static struct evidence_source *add_source(struct site_map *map, const char *name,
                                          const struct control_ref *ref,
                                          const struct catalog *catalog)
{
    uint32_t i = map->n_evidence;
    struct evidence_source *source = &map->sources[i];

    if (!ref->is_there || i == EVIDENCE_MAX)
        return NULL;
    map->n_evidence++;
    map->evidence[i] = *ref;
    snprintf(map->names[i], sizeof map->names[i], "%s", name);
    *source = (struct evidence_source){
        .name = map->names[i], .poll_ms = catalog_point_of(catalog, ref)->interval_ms};
    return source;
}

static void add_evidence(struct site_map *map, const struct catalog *catalog,
                         const struct config_evidence *from)
{
    struct control_ref ref = find(map, catalog, from->point);
    struct evidence_source *source = add_source(map, from->point, &ref, catalog);

    if (!source)
        return;
    source->kind = evidence_kind_of(from->kind);
    source->is_own_supply = !from->by_grid;
    /* a community's home is lit by the island on both sides of its own main switch */
    source->is_grid_side = map->outage->island == CONFIG_ISLAND_COMMUNITY
                               ? from->is_receiving_point
                               : !from->is_home_side;
    source->is_certified = from->is_certified;
    source->nominal_v = from->nominal_v;
}

/* ---- sources and meters ------------------------------------------------------------ */

static void add_battery(struct site_map *map, const struct catalog *catalog,
                        const struct config_source *from)
{
    struct site_battery *battery = &map->batteries[map->n_batteries++];
    int device = catalog_find_device(catalog, from->battery);

    *battery =
        (struct site_battery){.source = from,
                              .soc = point_of(catalog, device, "soc_permille"),
                              .power = point_of(catalog, device, "power_w"),
                              .setpoint = point_of(catalog, device, "power_setpoint_w"),
                              .alarm = point_of(catalog, device, "alarm"),
                              .plugged = point_of(catalog, device, "plugged"),
                              .overload = point_of(catalog, device, "overload")};
    if (battery->setpoint.is_there) {
        const struct catalog_point *point = catalog_point_of(catalog, &battery->setpoint);

        battery->setpoint.is_there = point->writable;
        battery->setpoint_min_w = point->write_min;
        battery->setpoint_max_w = point->write_max;
        battery->setpoint_failsafe_w = point->failsafe;
        battery->setpoint_lease_ms = point->lease_ms;
    }
}

/* A home without a battery of its own lives on the car whose charger may form an
 * island. */
static void settle_cars(struct site_map *map)
{
    bool has_battery = false;

    for (uint32_t i = 0; i < map->n_batteries; i++)
        has_battery |= !map->batteries[i].source->is_ev;
    for (uint32_t i = 0; i < map->n_batteries; i++) {
        struct site_battery *battery = &map->batteries[i];
        const struct config_source *source = battery->source;

        battery->is_car = source->is_ev && (has_battery || !source->black_start);
        battery->floor = source->is_ev ? fmax(source->cut_off, source->departure_floor)
                                       : source->cut_off;
    }
}

/* One source for all of them, by capacity: what is stored is stored, in whichever. A car
 * may leave: its charge says nothing about the house. */
static void add_charge(struct site_map *map, const struct catalog *catalog)
{
    struct evidence_source *source = NULL;
    char name[CONTROL_NAME_MAX];

    for (uint32_t i = 0; i < map->n_batteries; i++) {
        const struct site_battery *battery = &map->batteries[i];
        uint32_t poll_ms;

        if (battery->is_car || !battery->soc.is_there)
            continue;
        if (source) {
            poll_ms = catalog_point_of(catalog, &battery->soc)->interval_ms;
            source->poll_ms = poll_ms > source->poll_ms ? poll_ms : source->poll_ms;
            snprintf(map->names[map->n_evidence - 1], CONTROL_NAME_MAX, "all");
            continue;
        }
        snprintf(name, sizeof name, "%s.soc_permille", battery->source->battery);
        source = add_source(map, name, &battery->soc, catalog);
        if (!source)
            return;
        source->kind = EVIDENCE_BATTERY;
        source->is_own_supply = true;
    }
}

static void add_meters(struct site_map *map, const struct catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->n_devices; i++) {
        struct control_ref ref = point_of(catalog, (int)i, "power_w");
        enum role role = catalog->devices[i].role;

        if (ref.is_there && role == ROLE_GRID && map->n_grid < SITE_METERS_MAX)
            map->grid[map->n_grid++] = ref;
        if (ref.is_there && role == ROLE_PV && map->n_pv < SITE_METERS_MAX) {
            map->pv_rated[map->n_pv] = point_of(catalog, (int)i, "power_rated_w");
            map->pv[map->n_pv++] = ref;
        }
    }
}

static void add_tie(struct site_map *map, const struct catalog *catalog)
{
    struct site_tie *tie = &map->tie;

    tie->sw = find(map, catalog, map->outage->tie.sw);
    tie->feedback = find(map, catalog, map->outage->tie.feedback);
    tie->sync = find(map, catalog, map->outage->tie.sync);
    tie->self_sync = map->outage->tie.self_sync;
    if (!tie->sw.is_there)
        return;
    tie->failsafe = catalog_point_of(catalog, &tie->sw)->failsafe;
    tie->lease_ms = catalog_point_of(catalog, &tie->sw)->lease_ms;
}

/* ---- what else may be moved -------------------------------------------------------- */

static void add_pv_limit(struct site_map *map, const struct catalog *catalog, int device)
{
    struct control_ref watts = point_of(catalog, device, "power_limit_w");
    struct control_ref permille = point_of(catalog, device, "power_limit_permille");
    bool is_watts = watts.is_there && catalog_point_of(catalog, &watts)->writable;
    const struct control_ref *ref = is_watts ? &watts : &permille;
    const struct catalog_point *point;

    if (!ref->is_there || map->n_pv_limits == SITE_PV_LIMITS_MAX)
        return;
    point = catalog_point_of(catalog, ref);
    if (!point->writable)
        return;
    map->pv_limits[map->n_pv_limits++] =
        (struct site_pv_limit){.limit = *ref,
                               .rated = point_of(catalog, device, "power_rated_w"),
                               .is_permille = !is_watts,
                               .min = point->write_min,
                               .max = point->write_max,
                               .failsafe = point->failsafe,
                               .lease_ms = point->lease_ms};
}

static void add_request(struct site_map *map, const struct catalog *catalog,
                        enum site_request request, const char *name)
{
    struct site_switch *sw = &map->requests[request];

    sw->ref = find(map, catalog, name);
    if (!sw->ref.is_there)
        return;
    sw->failsafe = catalog_point_of(catalog, &sw->ref)->failsafe;
    sw->lease_ms = catalog_point_of(catalog, &sw->ref)->lease_ms;
}

static void add_actors(struct site_map *map, const struct catalog *catalog)
{
    const struct config_outage *outage = map->outage;

    for (uint32_t i = 0; i < catalog->n_devices; i++)
        if (catalog->devices[i].role == ROLE_PV)
            add_pv_limit(map, catalog, (int)i);
    add_request(map, catalog, REQUEST_RESTART, outage->restart);
    add_request(map, catalog, REQUEST_GENERATOR, outage->generator.sw);
}

/* ---- the state machine's configuration --------------------------------------------- */

/* The profile for tests has the same rows, walked faster. */
static void hasten(struct grid_timing *timing)
{
    timing->clean_ms /= 5;
    timing->vf_good_ms /= 5;
    timing->unproven_ms /= 5;
    timing->transfer_ms /= 5;
    timing->tell_owner_ms /= 20;
    timing->p4_return_ms /= 100;
    timing->recover_ms /= 100;
    timing->try_ms /= 100;
    timing->try_every_ms /= 100;
    timing->sync_ms /= 5;
    timing->ask_ms /= 200;
}

static void fill_config(struct site_map *map, const char *gateway_id)
{
    const struct config_outage *outage = map->outage;
    const struct grid_code *code = grid_code_find(outage->grid_code);
    struct grid_timers letter = grid_code_no_timers(), configured = grid_code_no_timers();
    struct grid_code applied;

    if (!code)
        code = grid_code_find("japan-tepco-50hz");
    if (outage->letter_in_band_ms)
        letter.in_band_ms = outage->letter_in_band_ms;
    if (outage->in_band_ms)
        configured.in_band_ms = outage->in_band_ms;
    applied = grid_code_apply(code, &letter, &configured);
    map->config = grid_config_default(&applied, grid_config_seed(gateway_id));
    map->config.island = (enum grid_island)outage->island;
    map->config.can_black_start = map->n_batteries == 0; /* nobody said */
    for (uint32_t i = 0; i < map->n_batteries; i++)
        map->config.can_black_start |= outage->sources[i].black_start;
    if (applied.is_for_tests)
        hasten(&map->config.timing);
    if (!outage->is_given)
        return;
    map->config.island_slope_hz = outage->frequency_slope_hz;
    map->config.low_permille = (uint32_t)lround(outage->floor_low * 10);
    map->config.critical_permille = (uint32_t)lround(outage->floor_critical * 10);
    map->config.black_permille = (uint32_t)lround(outage->floor_black * 10);
}

_Static_assert((int)CONFIG_ISLAND_OWN == (int)ISLAND_OWN &&
                   (int)CONFIG_ISLAND_COMMUNITY == (int)ISLAND_COMMUNITY &&
                   (int)CONFIG_ISLAND_NONE == (int)ISLAND_NONE,
               "the words of outage.island are one list");

void site_map_build(struct site_map *map, const struct config_outage *outage,
                    const struct catalog *catalog, const char *gateway_id)
{
    memset(map, 0, sizeof *map);
    map->outage = outage;
    map->is_active = outage->is_given;
    map->n_devices = catalog->n_devices;
    for (uint32_t i = 0; i < outage->n_circuits; i++)
        add_circuit(map, catalog, &outage->circuits[i]);
    for (uint32_t i = 0; i < outage->n_evidence; i++)
        add_evidence(map, catalog, &outage->evidence[i]);
    for (uint32_t i = 0; i < outage->n_sources; i++)
        add_battery(map, catalog, &outage->sources[i]);
    settle_cars(map);
    add_charge(map, catalog);
    add_meters(map, catalog);
    add_tie(map, catalog);
    add_actors(map, catalog);
    if (outage->medical.power)
        map->medical = find(map, catalog, outage->medical.power);
    fill_config(map, gateway_id);
}

static void spare(struct control_ref *ref, const struct config *config)
{
    if (ref->is_there && config->devices[ref->device].points[ref->point].persistent)
        ref->is_there = false;
}

void site_map_spare_flash(struct site_map *map, const struct config *config)
{
    for (uint32_t i = 0; i < map->n_batteries; i++)
        spare(&map->batteries[i].setpoint, config);
    for (uint32_t i = 0; i < map->n_pv_limits; i++)
        spare(&map->pv_limits[i].limit, config);
}

const char *site_map_request_name(enum site_request request)
{
    static const char *const names[REQUEST_COUNT] = {
        [REQUEST_RESTART] = "restart",
        [REQUEST_GENERATOR] = "generator",
    };

    return names[request];
}

const char *site_map_request_of(const struct site_map *map, uint32_t device,
                                uint32_t point)
{
    for (int i = 0; i < REQUEST_COUNT; i++) {
        const struct control_ref *ref = &map->requests[i].ref;

        if (ref->is_there && ref->device == device && ref->point == point)
            return site_map_request_name((enum site_request)i);
    }
    return NULL;
}

uint32_t site_map_tie_output(const struct site_map *map)
{
    return map->n_circuits + map->n_batteries + map->n_pv_limits;
}

const char *site_map_circuit_name(const struct site_map *map, uint32_t index)
{
    return map->outage->circuits[index].name;
}

int site_map_find_circuit(const struct site_map *map, const char *name)
{
    for (uint32_t i = 0; i < map->n_circuits; i++)
        if (strcmp(map->outage->circuits[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool site_map_is_evidence(const struct site_map *map, uint32_t device)
{
    for (uint32_t i = 0; i < map->n_evidence; i++)
        if (map->evidence[i].device == device)
            return true;
    for (uint32_t i = 0; i < map->n_batteries; i++)
        if (map->batteries[i].soc.is_there && map->batteries[i].soc.device == device)
            return true;
    return false;
}

int site_map_switch_of(const struct site_map *map, uint32_t device, uint32_t point)
{
    for (uint32_t i = 0; i < map->n_circuits; i++) {
        const struct control_ref *ref = &map->switches[i].ref;

        if (ref->is_there && ref->device == device && ref->point == point)
            return (int)i;
    }
    return -1;
}
