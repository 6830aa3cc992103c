/* SPDX-License-Identifier: Apache-2.0 */
/* A home around control without a daemon: a table of readings, devices that take what is
 * written, events and facts that are kept, a clock that stands until it is moved. */
#ifndef TESTS_UNIT_CONTROL_HOME_H
#define TESTS_UNIT_CONTROL_HOME_H

#include "gatewayd/control/control.h"

/* Points of the test's configuration, in the order of the catalogue. */
enum home_point {
    HOME_HEATER, HOME_WASHER, HOME_KETTLE, HOME_FRIDGE, HOME_CONTACT, /* device panel */
    HOME_TIE, HOME_AUX, HOME_SYNC, HOME_RESTART, HOME_GENERATOR,
    HOME_VOLTAGE, HOME_GRID_W,                                        /* meter */
    HOME_PCS, HOME_SOC, HOME_BATTERY_W, HOME_SETPOINT, HOME_OVERLOAD, /* battery */
    HOME_SOC_2, HOME_BATTERY_2_W,                                     /* shed */
    HOME_CAR_SOC, HOME_CAR_W, HOME_CAR_SETPOINT, HOME_PLUGGED,        /* car */
    HOME_PV_W, HOME_PV_LIMIT, HOME_PV_RATED,                          /* roof, if any */
    HOME_POINTS
};

#define HOME_DEVICES_MAX 8

struct home_write {
    char name[130];
    double value;
    bool is_release, at_once;
    int64_t t_ms;
};

struct home {
    struct control *control;
    struct config *config;
    struct catalog *catalog;
    int64_t t_ms;
    int64_t wall_step_ms; /* the wall clock was set by so much */
    bool is_clock_unset;
    struct {
        double value;
        bool is_good, is_frozen; /* frozen: shows the old value whatever is written */
        int64_t t_ms;
    } points[HOME_POINTS];
    bool refuses;    /* writes fail */
    /* the next write of this point is not answered before home_answer */
    const char *slow;
    control_done_fn unanswered;
    void *unanswered_ctx;
    bool is_on_disk, is_halt_asked;
    unsigned n_flushes, n_saves;
    bool is_saving, needed[HOME_DEVICES_MAX]; /* as told last */
    unsigned n_writes, n_events, n_publishes, n_facts;
    struct home_write writes[512];
    struct {
        char code[40], severity[16], text[600];
    } events[256];
    struct {
        char key[100], value[400];
        bool is_there;
    } facts[32];
    char published[4096];
    unsigned n_slots; /* of energy, told off the grid for so long */
    struct {
        int64_t slot_ms;
        int32_t off_s;
    } slots[64];
    struct past *past; /* asked for and not taken back by the test */
};

extern struct home home;
/* The value of `sources` from the next configuration on; NULL: the one battery. */
extern const char *home_sources;
/* A device of role pv whose power can be limited. */
extern bool home_has_roof;
/* Likewise the lines of `island` and `evidence`; NULL: own, by contact, voltage and
 * PCS. */
extern const char *home_island;
/* Neither circuits nor an outage from the next configuration on. */
extern bool home_is_plain;
/* Circuits after the usual ones, lines of YAML; NULL: none. */
extern const char *home_circuits;

/* more: YAML after `sources`, indented by two; NULL: none. Started with the grid
 * there. */
void home_begin(const char *more);
void home_end(void);
/* A new configuration, or a restart that reads the facts (the boot goes on). */
void home_reload(const char *more);
void home_restart(const char *more);

/* The last write that was not answered is confirmed now. */
void home_answer(void);
void home_set(enum home_point point, double value);
void home_silence(enum home_point point); /* its quality is bad from now on */
/* Every point is read again, then control is told; time does not pass. */
void home_poll(void);
/* Time passes in polls of 250 ms. */
void home_pass(int64_t ms);
/* The grid goes or comes: voltage, contact and PCS agree. */
void home_grid(bool is_there);

const char *home_state(void); /* of the grid document */
/* The last write of the point, or NULL. */
const struct home_write *home_last_write(const char *name);
unsigned home_count_writes(const char *name);
/* How often an event of that code came; text: a part of it, or NULL. */
unsigned home_count_events(const char *code, const char *text);
bool home_is_on(const char *circuit);
/* What a person is told; until the next call. */
const char *home_why(const char *circuit);

#endif
