/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circuits, set-points and the orders about them: the plain data that all of microgrid
 * shares. The daemon fills configuration and measurements, the dispatch half writes a
 * plan, interlock makes it safer, the daemon actuates what is left. Times are
 * CLOCK_BOOTTIME in ms and always passed in; powers are W; nothing here owns memory.
 */
#ifndef GATEWAYD_MICROGRID_CIRCUIT_H
#define GATEWAYD_MICROGRID_CIRCUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIRCUIT_MAX 64  /* of one site; the configuration check refuses more */
#define CIRCUIT_LEGS 3
#define SETPOINT_MAX 16 /* batteries, EVs and PV inverters of one site */

/* OUTAGE 5: P0 is shed last. */
enum circuit_class {
    CIRCUIT_P0, CIRCUIT_P1, CIRCUIT_P2, CIRCUIT_P3, CIRCUIT_P4,
    CIRCUIT_NONE = -1 /* as the highest class allowed: none may be on */
};

enum circuit_kind {
    CIRCUIT_LOAD,
    CIRCUIT_THERMOSTATIC, /* draws more after a long pause: restored last */
    CIRCUIT_REFILL,       /* water heater, EV, battery: restored after a random delay */
};

/* Legs of a 100/200 V three-wire home or three phases; 0: not known, counted on each. */
enum circuit_leg { LEG_L1 = 1, LEG_L2 = 2, LEG_L3 = 4 };

enum circuit_override { OVERRIDE_AUTO, OVERRIDE_ON, OVERRIDE_OFF };

/* As configured; the override is the owner's and changes while the program runs. */
struct circuit {
    uint16_t index; /* place in every array of this site */
    enum circuit_class class;
    enum circuit_kind kind;
    uint8_t legs;          /* of enum circuit_leg; a load on several shares equally */
    uint8_t group;         /* restored together with its group; 0: alone */
    double typical_w, inrush_w; /* inrush 0: none */
    uint32_t min_on_s, min_off_s;
    uint32_t latest_return_s; /* off for so long: should be on again; 0: no such time */
    bool is_backed;           /* the island feeds it; else never shed nor budgeted */
    bool has_switch;          /* in our hands; a P0 circuit normally is not */
    enum circuit_override override;
    int64_t override_until_ms; /* boot time; beyond it the override is OVERRIDE_AUTO */
};

/* As it stands. */
struct circuit_now {
    bool is_on;         /* as commanded last; true where there is no switch */
    bool has_feedback;  /* is_on_read holds */
    bool is_on_read;    /* what the device read back */
    bool has_power;     /* power_w is fresh and good; a circuit that is off reads 0, which
                         * says nothing about its demand */
    double power_w;
    int64_t since_ms;   /* boot time of the last change of is_on */
};

/* Why an order is as it is. circuit_why() says each in one sentence from value, limit and
 * until_ms, whose meaning stands beside the reason. */
enum circuit_reason {
    WHY_GRID,          /* the grid is there: no limit */
    WHY_SIGN,          /* dropped at the first sign of an outage */
    WHY_CLASS,         /* the state allows classes up to (int) limit only */
    WHY_POWER,         /* value W would be above limit W */
    WHY_LEG,           /* as WHY_POWER, on one leg */
    WHY_ENERGY,        /* value permille must last to until_ms */
    WHY_BUDGET,        /* the community's budget: value Wh or W of limit */
    WHY_SURPLUS,       /* on: value W of PV are over */
    WHY_FITS,          /* on: stored energy covers it and the classes above */
    WHY_LATEST_RETURN, /* on: was off for value s of limit s */
    WHY_OVERRIDE,      /* the owner's, until until_ms */
    WHY_MIN_ON,        /* stays on until until_ms */
    WHY_MIN_OFF,       /* stays off until until_ms */
    WHY_RESTORE,       /* waits for its turn, at until_ms */
    WHY_SCHEDULE,      /* rotating outage, peak limit, demand response: until until_ms */
    WHY_BLACK,         /* all contactors open */
    WHY_UNTOUCHED,     /* P0, not backed, or no switch: kept as it is */
    WHY_HELD,          /* manual hold or fault: kept as it is */
    WHY_MEDICAL,       /* value Wh are stored, limit Wh are kept for the medical device */
    WHY_COUNT
};

/* What is wanted of one circuit. */
struct circuit_order {
    uint16_t index;
    bool want_on;
    enum circuit_reason reason;
    double value, limit; /* by reason */
    int64_t until_ms;    /* by reason, boot time; 0: none */
};

enum setpoint_kind { SETPOINT_BATTERY, SETPOINT_EV, SETPOINT_PV_LIMIT };

/* A writable power, as configured: + discharge, - charge; a PV limit is positive. */
struct setpoint {
    uint16_t index;
    enum setpoint_kind kind;
    double min_w, max_w, failsafe_w;
};

struct setpoint_order {
    uint16_t index;
    bool is_wanted; /* else the device is left to itself */
    double value_w;
    enum circuit_reason reason;
};

/* A whole plan of one gateway at one moment: one order for each circuit, in order. */
struct circuit_plan {
    uint32_t n_circuits, n_setpoints;
    struct circuit_order circuits[CIRCUIT_MAX];
    struct setpoint_order setpoints[SETPOINT_MAX];
    bool ask_sync;  /* let the transfer switch synchronise and close by itself */
    bool close_tie; /* close a tie that does not do so by itself */
};

/* Power the island can give. Values <= 0 or NaN: not known. */
struct circuit_limits {
    double pcs_continuous_w, bms_max_discharge_w;
    double leg_w[CIRCUIT_LEGS]; /* of the PCS, each leg */
    uint32_t headroom_permille; /* 800; 600 for a medical home */
};

/* headroom x min(PCS, BMS) in W; < 0: neither is known. */
double circuit_limit_w(const struct circuit_limits *limits);
/* headroom x one leg's power in W, leg 0..2; < 0: not known. */
double circuit_leg_limit_w(const struct circuit_limits *limits, unsigned leg);
/* What the circuit draws when on: measured if it is on and known, else typical. */
double circuit_expect_w(const struct circuit *circuit, const struct circuit_now *now);
/* The share of its power on one leg: 0..1; 1 where its legs are not known. */
double circuit_leg_share(const struct circuit *circuit, unsigned leg);
/* The override in force at that time. */
enum circuit_override circuit_override_at(const struct circuit *circuit,
                                          int64_t t_boot_ms);

/* "P0".."P4", "none". */
const char *circuit_class_name(enum circuit_class class);
/* Stable word for APIs and the journal: "power", "min-off", ... */
const char *circuit_reason_name(enum circuit_reason reason);
/* One plain sentence into text (size bytes, always ended); until_text is the moment
 * until_ms as people read it, or NULL. Returns text. */
const char *circuit_why(const struct circuit_order *order, const char *until_text,
                        char *text, size_t size);

#endif
