/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grid codes as data (OUTAGE 3): when the grid is good enough to enter, how long it has
 * to stay so, and when an inverter gives up. Used by evidence (bands) and grid_state
 * (timers); the configuration check asks grid_code_check. Voltages are per unit of the
 * nominal one.
 */
#ifndef GATEWAYD_MICROGRID_GRID_CODE_H
#define GATEWAYD_MICROGRID_GRID_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRID_CODE_TRIPS 2
#define GRID_CODE_BANDS 2

/* Beyond limit for within_ms, an inverter under this code leaves the grid. */
struct grid_trip {
    double limit; /* per unit or Hz; 0: no such row */
    uint32_t within_ms;
};

/* Enter-service voltage at one nominal voltage; nominal_v 0: any. */
struct grid_band {
    double nominal_v, low_pu, high_pu;
};

struct grid_code {
    const char *name;
    double nominal_hz;
    struct grid_band enter_v[GRID_CODE_BANDS];
    double enter_low_hz, enter_high_hz;
    bool is_enter_hz_given; /* false: the operator's letter has to give it; until then the
                             * trip limits stand in */
    struct grid_trip under_v[GRID_CODE_TRIPS], over_v[GRID_CODE_TRIPS];
    struct grid_trip under_hz[GRID_CODE_TRIPS], over_hz[GRID_CODE_TRIPS];
    uint32_t in_band_ms, in_band_max_ms; /* default and the most one may ask for */
    uint32_t ramp_ms, random_ms;         /* then one of them; the other is 0 */
    uint32_t watch_ms;                   /* tie closed and stable before it counts */
    uint32_t confirm_ms; /* loss has to hold so long: never faster than the inverters */
    bool is_for_tests;
};

/* The operator's letter, and equally what an installer configured; < 0: not given. */
struct grid_timers {
    int64_t in_band_ms, ramp_ms, random_ms;
    double enter_low_hz, enter_high_hz;
};

/* "ieee1547-2018", "japan-tepco-50hz", "test"; NULL: not known. */
const struct grid_code *grid_code_find(const char *name);
/* Names in order; NULL beyond the last. */
const char *grid_code_name(size_t index);

/* Nothing given: all < 0. */
struct grid_timers grid_code_no_timers(void);
/* True when the configured timers may be used: none faster than the operator's (without a
 * letter: than the code's default), ramp or random but not both, all within range. Else
 * one sentence in text. letter may be NULL. */
bool grid_code_check(const struct grid_code *code, const struct grid_timers *letter,
                     const struct grid_timers *configured, char *text, size_t size);
/* The code with letter, then configured, put in; of times the slower one. Either may be
 * NULL. */
struct grid_code grid_code_apply(const struct grid_code *code,
                                 const struct grid_timers *letter,
                                 const struct grid_timers *configured);

/* Where a voltage or frequency stands. */
enum grid_fit {
    GRID_FIT_NONE,    /* as good as absent: below any voltage an inverter stays at */
    GRID_FIT_TRIP,    /* present, beyond a trip limit */
    GRID_FIT_PRESENT, /* neither good enough to enter nor bad enough to leave */
    GRID_FIT_ENTER,   /* within the enter-service band */
};
/* ret_within_ms: how long an inverter stays at such a value; 0 unless GRID_FIT_TRIP. */
enum grid_fit grid_code_fit_v(const struct grid_code *code, double nominal_v, double v,
                              uint32_t *ret_within_ms);
enum grid_fit grid_code_fit_hz(const struct grid_code *code, double hz,
                               uint32_t *ret_within_ms);

#endif
