/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site configures of the state machine: which table it runs, timers, floors. Built
 * by the daemon from `outage:` (or by the simulator); defaults are those of OUTAGE 4.
 */
#ifndef GATEWAYD_MICROGRID_GRID_CONFIG_H
#define GATEWAYD_MICROGRID_GRID_CONFIG_H

#include "lib/microgrid/grid_code.h"

enum grid_state_id {
    GRID_OK, OUTAGE_SUSPECTED, TRANSFERRING, ISLANDED, LOW_RESERVE, CRITICAL, BLACK,
    RECONNECTING, MANUAL, FAULT, GRID_STATE_COUNT
};

/* outage.island of the configuration: which table a site runs. */
enum grid_island { ISLAND_OWN, ISLAND_COMMUNITY, ISLAND_NONE };

/* The starred values of OUTAGE 4, all ms. */
struct grid_timing {
    uint32_t drop_p4_ms;        /* 2 s, signs other than a contact or PCS */
    uint32_t clean_ms;          /* 10 s */
    uint32_t unproven_ms;       /* 60 s: alarm "grid state unknown" */
    uint32_t p4_return_ms;      /* 10 min after that alarm */
    uint32_t vf_good_ms;        /* 5 s */
    uint32_t transfer_ms;       /* 60 s */
    uint32_t tell_owner_ms;     /* 60 s islanded */
    uint32_t recover_ms;        /* 10 min above a floor + 5 points */
    uint32_t try_ms, try_every_ms; /* black start: 6 min of each hour */
    uint32_t sync_ms;           /* 60 s asked without a closed tie: alarm */
    /* 30 min in an outage that nothing tells of: a person is asked */
    uint32_t ask_ms;
    uint32_t flap_span_ms, flap_max_ms; /* 1 h; in-band timer at most 30 min */
    uint32_t flap_outages;      /* 3: more of them in flap_span_ms double the timer */
    uint32_t gap_ms;            /* 60 s: what was not watched for longer did not hold; 0:
                                 * any (a simulation in coarse steps) */
};
struct grid_timing grid_timing_default(void);

struct grid_config {
    enum grid_island island;
    struct grid_code code;      /* after grid_code_apply */
    struct grid_timing timing;
    uint32_t low_permille, critical_permille, black_permille; /* R1 > R2 > R3, usable */
    uint32_t recover_permille;  /* 50: above a floor before it is left */
    bool can_black_start;       /* some source may form an island alone; false: none is
                                 * asked to */
    bool has_forecast;          /* false: is_forecast_below is never known */
    uint64_t site_seed;         /* hash of the gateway's id: spreads homes in time */
    /* community: frequency tells usable energy: hz = nominal + slope x (usable - 0.5) */
    double island_slope_hz;     /* 0: it tells nothing */
};
/* Island own, the default timing, R1..R3 of 30, 15 and 8 %, recovery at 5 points
 * above. */
struct grid_config grid_config_default(const struct grid_code *code, uint64_t site_seed);
/* A seed from the gateway's id. */
uint64_t grid_config_seed(const char *gateway_id);

#endif
