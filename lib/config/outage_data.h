/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections circuits, outage and policies as plain data: what control acts on. Built
 * by circuits.c, outage.c and policies.c, immutable afterwards. Points are named
 * DEVICE.POINT,
 * "" for none; whoever uses them finds them in the catalogue of the day.
 */
#ifndef GATEWAYD_CONFIG_OUTAGE_DATA_H
#define GATEWAYD_CONFIG_OUTAGE_DATA_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_CIRCUITS_MAX 64u
#define CONFIG_EVIDENCE_MAX 16u
#define CONFIG_SOURCES_MAX 8u
#define CONFIG_PLANNED_MAX 512u /* the rows of a rotating schedule count */
#define CONFIG_DEPARTURES_MAX 32u

enum config_leg {
    CONFIG_LEG_NONE, CONFIG_LEG_L1, CONFIG_LEG_L2, CONFIG_LEG_L3, CONFIG_LEG_L1_L2,
    CONFIG_LEG_L1_L2_L3
};

struct config_circuit {
    char *name, *sw, *power;
    int class; /* 0..4: P0..P4 */
    double typical_w, inrush_w; /* 0: not said */
    uint32_t min_on_ms, min_off_ms;
    /* off for at most so long, when energy allows; 0: any time */
    uint32_t latest_return_ms;
    enum config_leg leg;
    bool backed;        /* an island feeds it */
    bool thermostatic;  /* returns late: all of them start at once after a pause */
    bool drops_out;     /* its contactor falls with the grid's voltage by itself */
};

enum config_evidence_kind {
    CONFIG_EVIDENCE_CONTACT, CONFIG_EVIDENCE_VOLTAGE, CONFIG_EVIDENCE_FREQUENCY,
    CONFIG_EVIDENCE_PCS, CONFIG_EVIDENCE_SWITCH, CONFIG_EVIDENCE_UPS
};
const char *config_evidence_name(enum config_evidence_kind kind);

struct config_evidence {
    char *point;
    enum config_evidence_kind kind;
    bool by_grid;     /* fed by the grid: silent in an outage */
    double nominal_v; /* of a voltage; 0: the nearest of 100, 200 or 230 V */
    bool is_inverted;  /* contact, switch, ups: on and off change places */
    bool is_home_side; /* voltage, frequency: on the home's side of the tie */
    bool is_receiving_point; /* on the grid's side of the community's receiving point */
    bool is_certified; /* pcs: its own report of independent operation is proof */
};

struct config_source {
    char *battery;           /* device */
    bool is_ev;
    /* %; max_charge 0: as discharge */
    double capacity_wh, max_discharge_w, max_charge_w, cut_off;
    double departure_floor;  /* %: an EV's owner keeps so much; battery: 0 */
    bool black_start;        /* may form an island alone */
};

struct config_span { /* wall ms */
    int64_t from_ms, until_ms;
};

struct config_departure {
    char *ev;      /* device */
    char *by;      /* who leaves; "" not said */
    int32_t at_min; /* of the day in the site's zone */
    int64_t day;   /* YYYYMMDD; 0: each day */
    double soc;    /* % wanted then */
};

enum config_island { CONFIG_ISLAND_OWN, CONFIG_ISLAND_COMMUNITY, CONFIG_ISLAND_NONE };
enum config_feeds {
    CONFIG_FEEDS_HOUSE,
    CONFIG_FEEDS_PANEL,
    CONFIG_FEEDS_SOCKET,
    CONFIG_FEEDS_NONE
};
enum config_site {
    CONFIG_SITE_HOME,
    CONFIG_SITE_STATION,
    CONFIG_SITE_SHELTER,
    CONFIG_SITE_MOBILITY
};
const char *config_island_name(enum config_island island);
const char *config_feeds_name(enum config_feeds feeds);
const char *config_site_name(enum config_site site);

struct config_policies {
    bool has_surplus;
    double surplus_from_w;    /* export at which a circuit or the car is switched on */
    uint32_t n_surplus;
    char **surplus;           /* circuits, in this order */
    double peak_limit_w;      /* mean of a 30-minute slot; 0: none */
    double storm_reserve;     /* % while a storm or a planned outage is announced */
    uint32_t planned_ahead_ms; /* the reserve is raised so long before a planned outage */
};

struct config_outage {
    bool is_given; /* outage: is there, not only circuits */
    enum config_island island;
    enum config_feeds feeds;
    enum config_site site;
    char *grid_code;
    char *operator_letter;     /* "" none: the profile is unconfirmed */
    uint32_t letter_in_band_ms, in_band_ms; /* 0: not said; the profile's then */
    /* dark for so long: the gateway's machine is switched off; 0: never */
    uint32_t halt_ms;
    double frequency_slope_hz; /* of a community's island, from empty to full; 0: none */
    double reserve, floor_low, floor_critical, floor_black; /* % of usable energy */
    uint32_t n_evidence, n_sources, n_circuits, n_planned, n_departures;
    struct config_evidence *evidence;
    struct config_source *sources;
    struct config_circuit *circuits;
    struct config_span *planned; /* by from_ms */
    struct config_departure *departures;
    struct {
        double power_w;       /* 0: no medical device */
        double battery_h;     /* its own */
        double reserve_h;     /* kept for it, above all plans */
        char *power;          /* point that measures it, "" none */
    } medical;
    struct {
        char *sw;       /* off opens the tie to the grid, on lets it close; "" none */
        char *feedback; /* where the tie stands; "" the switch's own point tells it */
        char *sync;     /* the device's own "sync OK"; "" none */
        bool self_sync; /* let close, it waits for synchronism by itself */
    } tie;
    char *restart; /* boolean request: let the inverter form the island again; "" none */
    struct {
        char *sw;    /* point; "" none */
        double stop; /* % of usable energy */
        uint32_t start_after_ms, min_run_ms, min_rest_ms;
    } generator;
    struct {
        double pcs_w, leg_w[3]; /* continuous power; 0: not said */
    } limits;
    struct config_policies policies;
};

void config_outage_free(struct config_outage *outage); /* NULL is fine */

#endif
