/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site as control sees it: the configuration's circuits, evidence and sources with
 * their points found in the catalogue. Made anew by each configuration; borrows from it.
 */
#ifndef GATEWAYD_CONTROL_SITE_MAP_H
#define GATEWAYD_CONTROL_SITE_MAP_H

#include "gatewayd/control/ports.h"
#include "lib/config/config.h"
#include "lib/config/outage_data.h"
#include "lib/microgrid/circuit.h"
#include "lib/microgrid/evidence.h"
#include "lib/microgrid/grid_state.h"
#include "lib/model/catalog.h"

#define SITE_BATTERIES_MAX CONFIG_SOURCES_MAX
#define SITE_METERS_MAX 8
#define SITE_PV_LIMITS_MAX 8

_Static_assert(SITE_BATTERIES_MAX + SITE_PV_LIMITS_MAX <= SETPOINT_MAX,
               "each battery and each PV limit is a set-point");

struct site_battery {
    const struct config_source *source;
    /* one that may leave; else it forms the island, be it a car's charger */
    bool is_car;
    double floor; /* %: its cut-off, of a car what its owner keeps */
    struct control_ref soc, power, setpoint, alarm, plugged, overload;
    double setpoint_min_w, setpoint_max_w, setpoint_failsafe_w;
    uint32_t setpoint_lease_ms;
};

/* An inverter whose PV can be limited, in W or in permille of its rated power. */
struct site_pv_limit {
    struct control_ref limit, rated;
    bool is_permille;
    double min, max, failsafe; /* as the point is written */
    uint32_t lease_ms;
};

/* Boolean requests to devices: on while we ask, else the device rules itself. */
enum site_request { REQUEST_RESTART, REQUEST_GENERATOR, REQUEST_COUNT };

struct site_switch {
    struct control_ref ref, power;
    double failsafe;
    uint32_t lease_ms;
};

struct site_tie { /* sw: none is in our hands */
    struct control_ref sw, feedback, sync;
    bool self_sync;
    double failsafe;
    uint32_t lease_ms;
};

struct site_map {
    const struct config_outage *outage;
    bool is_active; /* something to decide: outage is given */
    uint32_t n_devices; /* of the catalogue */
    uint32_t n_circuits;
    struct circuit circuits[CIRCUIT_MAX]; /* overrides are filled by wishes.c */
    struct site_switch switches[CIRCUIT_MAX];
    /* of the configuration, then one of all batteries that tell SoC */
    uint32_t n_evidence;
    struct evidence_source sources[EVIDENCE_MAX];
    struct control_ref evidence[EVIDENCE_MAX];
    char names[EVIDENCE_MAX][CONTROL_NAME_MAX];
    uint32_t n_batteries;
    struct site_battery batteries[SITE_BATTERIES_MAX];
    uint32_t n_grid, n_pv;
    /* power_w of the role */
    struct control_ref grid[SITE_METERS_MAX], pv[SITE_METERS_MAX];
    /* [i]: power_rated_w of pv[i]'s device */
    struct control_ref pv_rated[SITE_METERS_MAX];
    struct site_tie tie;
    uint32_t n_pv_limits;
    struct site_pv_limit pv_limits[SITE_PV_LIMITS_MAX];
    struct site_switch requests[REQUEST_COUNT];
    struct grid_config config;
    struct control_ref medical; /* power of the medical device */
    uint32_t lookups; /* of points that the catalogue does not have */
};

/* Both are borrowed until the next call. */
void site_map_build(struct site_map *map, const struct config_outage *outage,
                    const struct catalog *catalog, const char *gateway_id);
/* Set-points that live in a device's flash are not moved: a lease would wear it out. */
void site_map_spare_flash(struct site_map *map, const struct config *config);
/* Its place among the actuators: circuits first, then batteries, PV limits, the tie,
 * requests. */
uint32_t site_map_tie_output(const struct site_map *map);
/* The circuit's name; index < n_circuits. */
const char *site_map_circuit_name(const struct site_map *map, uint32_t index);
int site_map_find_circuit(const struct site_map *map, const char *name);
/* Does control decide anew when this device was read? */
bool site_map_is_evidence(const struct site_map *map, uint32_t device);
/* "restart", "generator": stable words of the API. */
const char *site_map_request_name(enum site_request request);
/* Is this point one of our requests? Its name, or NULL. */
const char *site_map_request_of(const struct site_map *map, uint32_t device,
                                uint32_t point);
/* Is this point the switch of a circuit? Its index, or -1. */
int site_map_switch_of(const struct site_map *map, uint32_t device, uint32_t point);

#endif
