/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of OUTAGE 4: a verdict in, the state and what it demands out. One
 * table of rows for each outage.island; grid_table.h. The dispatch half plans within the
 * demand, the daemon journals each transition with its sentence, then actuates. Pure:
 * time is passed in, randomness is a hash of the seed, a step allocates nothing.
 */
#ifndef GATEWAYD_MICROGRID_GRID_STATE_H
#define GATEWAYD_MICROGRID_GRID_STATE_H

#include "lib/microgrid/circuit.h"
#include "lib/microgrid/evidence.h"
#include "lib/microgrid/grid_config.h"

/* "GRID_OK", ... and back; -1: no such state. */
const char *grid_state_name(enum grid_state_id state);
int grid_state_from_name(const char *name);

#define GRID_TRANSITIONS_MAX 6 /* of one step: a ladder walked down at once */
#define GRID_WHY_MAX 256
#define GRID_OUTAGES_MAX 16    /* remembered for the anti-flap rule; older ones go */
#define GRID_HOLDS 20

enum grid_person { PERSON_NONE, PERSON_GRID_OK, PERSON_OUTAGE, PERSON_CLEAR };

/* What the coordinator's plan says (community only). */
struct grid_plan {
    bool is_valid;              /* received, valid_s not over */
    int64_t t_ms;               /* boot time of its reception */
    enum grid_state_id state;
};

struct grid_input {
    const struct evidence_verdict *verdict;
    enum evidence_tri forecast_below; /* plan reaches the critical floor before dawn */
    bool has_pcs_alarm;         /* of the PCS: its V/f are not good */
    bool is_pv_seen, is_daylight;
    bool is_sync_ok;            /* the transfer switch's own */
    bool is_locked;             /* manual hold */
    bool is_island_wanted;      /* planned island: own only; reconnects when it ends */
    bool has_contactor_fault;   /* command and feedback disagree beyond 2 s */
    bool has_two_masters;       /* another controller writes what we own */
    enum grid_person person;    /* a person's decision, in the step it is given */
    struct grid_plan plan;
};

/* Bits; a transition's and, while they stand, the demand's. */
enum grid_alarm {
    ALARM_GRID_UNKNOWN = 1,     /* no proof in 60 s */
    ALARM_SYNC_LATE = 2,        /* asked to synchronise, the tie stays open */
    ALARM_USABLE_UNKNOWN = 4,   /* islanded and no battery tells its charge */
    ALARM_CONTACTOR = 8, ALARM_TWO_MASTERS = 16,
    ALARM_OUT_OF_BAND = 32,     /* the grid is there but not usable */
    ALARM_TRANSFER_FAILED = 64, ALARM_CONTRADICTION = 128,
    /* a community is silent: only a person knows of the grid */
    ALARM_ASK = 256,
    ALARM_UNCONFIRMED = 512,    /* taken for back, and no evidence says so */
};

/* What is asked of the rest of the program, this step. */
struct grid_demand {
    enum grid_state_id state;
    enum circuit_class highest_class; /* that may be on; CIRCUIT_NONE: none */
    bool drop_p4;               /* now, before any journal or plan */
    bool open_all_first;        /* all contactors, before anything else */
    bool freeze_exports;        /* no export */
    bool freeze_forced;         /* no forced charge or discharge of everyday policies */
    bool shed_to_budget;        /* plan within power and energy */
    /* the island's limits hold: power rule, unbacked circuits */
    bool is_islanded;
    bool no_switching;          /* MANUAL, FAULT: nothing automatic */
    bool ask_sync, close_tie;   /* let the switch synchronise; close it: its sync is OK */
    bool open_tie;              /* planned island: let the switch open */
    bool try_restart;           /* black start window is open, P0 only */
    bool stage_loads;           /* switch on only what restore releases */
    bool may_start_v2h, may_start_generator;
    bool save_power;            /* poll slower, save radio */
    bool flush_store;
    bool tell_owner, tell_coordinator;
    uint32_t pv_limit_permille; /* of PV power towards the grid: the enter-service ramp */
    uint32_t alarms;            /* enum grid_alarm */
    uint32_t p4_returned;       /* GRID_UNKNOWN for long: so many P4 circuits may be on */
    uint64_t seed;              /* for restore_begin: changes with each outage */
    int64_t next_ms;            /* boot time it wants to be called at the latest */
};

/* One row taken. from == to: a notice (alarm, owner told), state unchanged. */
struct grid_transition {
    enum grid_state_id from, to;
    const char *row;            /* name of the table's row */
    int64_t t_ms;               /* boot time */
    uint32_t evidence;          /* set of sources that caused it */
    bool distrust;              /* call evidence_distrust with this step's verdict */
    char why[GRID_WHY_MAX];     /* one plain sentence */
};

struct grid_out {
    struct grid_demand demand;
    uint32_t n_transitions;
    struct grid_transition transitions[GRID_TRANSITIONS_MAX];
};

struct grid_state {
    struct grid_config config;
    enum grid_state_id state, came_from; /* came_from: of RECONNECTING */
    int64_t entered_ms, last_ms; /* boot time */
    int64_t hold_ms[GRID_HOLDS]; /* since when a condition holds, -1: it does not; cleared
                                  * on leaving a state */
    /* rows of notices given in this state; cleared likewise */
    uint64_t noticed;
    uint32_t alarms;            /* of these notices; enum grid_alarm */
    /* sources that raised the suspicion and say no better yet */
    uint32_t suspects;
    bool is_p4_dropped;
    bool was_on_grid;           /* the PCS was on the grid in this RECONNECTING */
    int64_t ramp_ms, stage_ms;  /* begin of the ramp and of staging after GRID_OK; -1 */
    int64_t outage_ms;          /* begin of this outage, over the ladder; -1 */
    /* last transition by own evidence: older plans are no news */
    int64_t local_ms;
    uint32_t n_outages;         /* ever; seeds the random delay */
    int64_t outages_ms[GRID_OUTAGES_MAX];
    uint32_t flap_shift;        /* in-band timer x 2^this, latched when reconnecting */
};

/* Begins in a state (GRID_OK, or the journal's last one) with clean counters. */
void grid_state_init(struct grid_state *grid, const struct grid_config *config,
                     enum grid_state_id state, int64_t t_boot_ms);
/* After a start: outages of this boot that the journal knows, oldest first (transitions
 * to TRANSFERRING or BLACK that count for the anti-flap rule). */
void grid_state_add_outage(struct grid_state *grid, int64_t t_boot_ms);
/* One step; ret is filled in full. evidence may be NULL, then sentences name no
 * source. */
void grid_state_step(struct grid_state *grid, int64_t t_boot_ms,
                     const struct grid_input *input, const struct evidence *evidence,
                     struct grid_out *ret);
/* For evidence_step: an island of our own may be what the home's side measures. */
bool grid_state_may_island(const struct grid_state *grid);
/* In-band timer in force and the delay after it, ms. */
uint32_t grid_state_in_band_ms(const struct grid_state *grid);
uint32_t grid_state_delay_ms(const struct grid_state *grid);

#endif
