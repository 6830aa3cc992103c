/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence about the grid (OUTAGE 2): every source votes, silence never does. The daemon
 * fills one reading per source from its latest values; the verdict goes to grid_state.
 * Pure: the time is passed in; the memory between calls is struct evidence; no pointer is
 * kept but the configuration's.
 */
#ifndef GATEWAYD_MICROGRID_EVIDENCE_H
#define GATEWAYD_MICROGRID_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/microgrid/grid_config.h"

#define EVIDENCE_MAX 32       /* sources of one site; sets of them are bits of a uint32_t */
#define EVIDENCE_STALE_POLLS 3

/* What a source measures; in brackets the meaning of its value. */
enum evidence_kind {
    EVIDENCE_CONTACT,   /* hard-wired (1: energised, 0: open) */
    EVIDENCE_VOLTAGE,   /* one phase (V) */
    EVIDENCE_FREQUENCY, /* (Hz) */
    EVIDENCE_PCS,       /* grid_status of docs/names.md (enum evidence_pcs), of the one that
                         * forms the island: followers take an island for the grid */
    EVIDENCE_SWITCH,    /* the tie's auxiliary contact (1: closed, 0: open) */
    EVIDENCE_UPS,       /* (1: on battery, 0: on line) */
    EVIDENCE_BATTERY,   /* usable energy in permille; never votes about the grid */
    EVIDENCE_NEIGHBOUR, /* (1: has grid, 0: has none); advisory: shown, never counted */
    EVIDENCE_KINDS
};
const char *evidence_kind_name(enum evidence_kind kind);

enum evidence_pcs { PCS_UNKNOWN, PCS_ON_GRID, PCS_ISLANDED, PCS_OFF };

/* One source, as configured. */
struct evidence_source {
    const char *name;    /* "panel.grid_present"; borrowed for the life of the evidence */
    enum evidence_kind kind;
    bool is_own_supply;  /* false: fed by the grid, so its silence is weak evidence */
    bool is_grid_side;   /* of the tie; V/f, contact and UPS of the home's side are never the
                          * grid's while the tie may be open (OUTAGE 2.6); a community's
                          * home has all its sources on the home's side */
    bool is_certified;   /* PCS: two reads of one session confirm */
    double nominal_v;    /* voltage: 100, 101, 200, 202, 230, ... */
    uint32_t poll_ms;    /* older than 3 of it is unknown; inputs with edges: how often
                          * the daemon is told that the input still lives */
};

/* What it said last. */
struct evidence_reading {
    bool is_good;     /* quality good; false: unknown, whatever the age */
    double value;     /* by kind; NaN: unknown */
    int64_t t_ms;     /* boot time it was read (not when it changed) */
    uint32_t session; /* of the connection to the device: changes when it reconnects */
};

/* Said of the grid by one source. */
enum evidence_says {
    SAYS_NOTHING,     /* unknown, or not its subject */
    SAYS_PRESENT,     /* there, not good enough to enter */
    SAYS_IN_BAND,     /* there and good enough to enter */
    SAYS_OUT_OF_BAND, /* there, beyond a trip limit */
    SAYS_ABSENT,
};

enum evidence_tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

/* Memory of one source. */
struct evidence_memory {
    enum evidence_says says;
    int64_t since_ms;       /* it says so since then */
    double value, before;   /* the last good one, the one before it in this session or NaN */
    int64_t t_ms;           /* of the last reading counted */
    uint32_t session, n_reads; /* reads of one session with the same value */
    uint32_t within_ms;     /* out of band: counts after so long */
    bool is_fresh;
    bool is_said_twice;     /* by both readings: loss, or presence */
};

struct evidence {
    struct grid_code code;
    enum grid_island island;
    uint32_t n;
    const struct evidence_source *sources;
    struct evidence_memory memory[EVIDENCE_MAX];
    int64_t tie_ms;      /* since when the tie is seen closed; INT64_MAX: it is not */
    uint32_t distrusted; /* proven wrong: does not count until it has agreed once */
};

/* Sets are bits 1 << index of the source. */
struct evidence_verdict {
    int64_t t_ms;
    uint32_t loss;       /* say absent or out of band; while an island may run, a PCS and a
                          * switch speak of the tie only */
    uint32_t absent;     /* of these, absent */
    uint32_t present;    /* say present or in band */
    uint32_t silent;     /* unknown */
    uint32_t weak;       /* of these, fed by the grid: fits an outage, proves nothing */
    bool has_sign;       /* first evidence: OUTAGE_SUSPECTED at once */
    bool has_hard_sign;  /* of a contact or PCS: drop P4 at once, not after 2 s */
    bool is_loss_confirmed;   /* OUTAGE 2.3; by no single reading */
    bool is_present_confirmed; /* OUTAGE 2.3; a contact or PCS outweighs meters */
    bool is_return_confirmed;  /* and no voltage or frequency of the grid out of its band */
    bool is_absent;      /* with is_loss_confirmed: absent, else present but out of band */
    /* these by two readings of one session, as what must not follow one that is wrong */
    enum evidence_tri tie_closed; /* switch, else two reads of the PCS, else home V/f */
    enum evidence_tri vf_good;    /* of the home's side; unknown without such readings */
    enum evidence_tri supply;     /* voltage at the home's side at all; TRI_NO only when all
                                   * such sources say so and none is silent */
    enum evidence_pcs pcs;        /* on two reads of one session; PCS_UNKNOWN before */
    bool has_usable;
    uint32_t usable_permille;     /* the lowest of all battery sources; the daemon composes
                                   * all batteries of a home into one source */
    double home_hz;               /* of the home's side; NaN: unknown */
};

/* sources: at most EVIDENCE_MAX, borrowed. code is copied. In a community a PCS sees the
 * community's bus, not the grid: it counts as of the home's side. */
void evidence_init(struct evidence *evidence, const struct grid_code *code,
                   enum grid_island island, const struct evidence_source *sources,
                   uint32_t n_sources);
/* readings: one per source in its order. may_island: grid_state_may_island(), false until
 * there is a state: then V/f of the home's side are not the grid's. */
void evidence_step(struct evidence *evidence, int64_t t_boot_ms,
                   const struct evidence_reading *readings, bool may_island,
                   struct evidence_verdict *ret);
/* The grid is proven to be there: who says otherwise now is not believed until it has
 * agreed once. Call with the transition's flag of that name. */
void evidence_distrust(struct evidence *evidence, const struct evidence_verdict *verdict);

#endif
