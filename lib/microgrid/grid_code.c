/* SPDX-License-Identifier: Apache-2.0 */
/* The table of OUTAGE 3 and what is asked of it. Values with a source: IEEE 1547-2018
 * (default settings) and the sample sheet of a 200 V PCS for TEPCO's 50 Hz area. */
#include "lib/microgrid/grid_code.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SUPPLY_101 {101, 95.0 / 101, 107.0 / 101}
#define SUPPLY_202 {202, 182.0 / 202, 222.0 / 202}
#define IN_BAND_MAX_MS 600000
#define RANDOM_MAX_MS 1000000 /* IEEE: 1-1000 s */
#define ABSENT_PU 0.2 /* what the lines of a dead grid carry by induction stays below */

static const struct grid_code codes[] = {
    {
        .name = "ieee1547-2018",
        .nominal_hz = 60,
        .enter_v = {{0, 0.917, 1.05}},
        .enter_low_hz = 59.5,
        .enter_high_hz = 60.1,
        .is_enter_hz_given = true,
        .under_v = {{0.70, 2000}, {0.45, 160}},
        .over_v = {{1.10, 2000}, {1.20, 160}},
        .under_hz = {{58.5, 300000}, {56.5, 160}},
        .over_hz = {{61.2, 300000}, {62.0, 160}},
        .in_band_ms = 300000,
        .in_band_max_ms = IN_BAND_MAX_MS,
        .ramp_ms = 300000,
        .watch_ms = 60000,
        .confirm_ms = 2000,
    },
    {
        .name = "japan-tepco-50hz",
        .nominal_hz = 50,
        .enter_v = {SUPPLY_101, SUPPLY_202},
        .enter_low_hz = 48.5,
        .enter_high_hz = 51.0,
        .under_v = {{160.0 / 202, 1000}},
        .over_v = {{230.0 / 202, 1000}},
        .under_hz = {{48.5, 1000}},
        .over_hz = {{51.0, 1000}},
        .in_band_ms = 300000,
        .in_band_max_ms = IN_BAND_MAX_MS,
        .random_ms = 300000,
        .watch_ms = 60000,
        .confirm_ms = 1000,
    },
    {
        .name = "test",
        .nominal_hz = 50,
        .enter_v = {SUPPLY_101, SUPPLY_202},
        .enter_low_hz = 49.0,
        .enter_high_hz = 50.5,
        .is_enter_hz_given = true,
        .under_v = {{160.0 / 202, 1000}},
        .over_v = {{230.0 / 202, 1000}},
        .under_hz = {{48.5, 1000}},
        .over_hz = {{51.0, 1000}},
        .in_band_ms = 5000,
        .in_band_max_ms = IN_BAND_MAX_MS,
        .random_ms = 20000,
        .watch_ms = 5000,
        .confirm_ms = 1000,
        .is_for_tests = true,
    },
};

#define N_CODES (sizeof codes / sizeof codes[0])

const struct grid_code *grid_code_find(const char *name)
{
    for (size_t i = 0; i < N_CODES; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return &codes[i];
    }
    return NULL;
}

const char *grid_code_name(size_t index)
{
    return index < N_CODES ? codes[index].name : NULL;
}

struct grid_timers grid_code_no_timers(void)
{
    return (struct grid_timers){-1, -1, -1, -1, -1};
}

/* ---- the operator's letter and the installer's wish ---- */

static bool refuse(char *text, size_t size, const char *what, int64_t got_ms,
                   int64_t wanted_ms, const char *whose)
{
    snprintf(text, size, "%s of %lld s, expected %lld s or %s", what,
             (long long)(got_ms / 1000), (long long)(wanted_ms / 1000), whose);
    return false;
}

static bool check_in_band(const struct grid_code *code, const struct grid_timers *letter,
                          int64_t in_band_ms, char *text, size_t size)
{
    bool has_letter = letter && letter->in_band_ms >= 0;
    int64_t least_ms = has_letter ? letter->in_band_ms : code->in_band_ms;
    int64_t most_ms =
        least_ms > code->in_band_max_ms ? least_ms : (int64_t)code->in_band_max_ms;

    if (in_band_ms > most_ms)
        return refuse(text, size, "an in-band time", in_band_ms, most_ms, "less");
    if (in_band_ms < least_ms)
        return refuse(text, size, "an in-band time", in_band_ms, least_ms,
                      has_letter ? "more: the operator's letter says so"
                                 : "more: only the operator's letter may allow less");
    return true;
}

static bool check_spread(const struct grid_timers *letter,
                         const struct grid_timers *asked, char *text, size_t size)
{
    if (asked->ramp_ms > 0 && asked->random_ms > 0) {
        snprintf(text, size, "a ramp and a random delay, expected one of them");
        return false;
    }
    if (asked->random_ms > RANDOM_MAX_MS)
        return refuse(text, size, "a random delay", asked->random_ms, RANDOM_MAX_MS,
                      "less");
    if (letter && asked->ramp_ms >= 0 && asked->ramp_ms < letter->ramp_ms)
        return refuse(text, size, "a ramp", asked->ramp_ms, letter->ramp_ms,
                      "more: the operator's letter says so");
    if (letter && asked->random_ms >= 0 && asked->random_ms < letter->random_ms)
        return refuse(text, size, "a random delay", asked->random_ms, letter->random_ms,
                      "more: the operator's letter says so");
    return true;
}

static bool check_hz(const struct grid_timers *letter, const struct grid_timers *asked,
                     char *text, size_t size)
{
    if (letter && ((letter->enter_low_hz > 0 && asked->enter_low_hz > 0 &&
                    asked->enter_low_hz < letter->enter_low_hz) ||
                   (letter->enter_high_hz > 0 && asked->enter_high_hz > 0 &&
                    asked->enter_high_hz > letter->enter_high_hz))) {
        snprintf(text, size,
                 "a frequency band wider than the operator's letter, expected "
                 "its band or a narrower one");
        return false;
    }
    return true;
}

bool grid_code_check(const struct grid_code *code, const struct grid_timers *letter,
                     const struct grid_timers *configured, char *text, size_t size)
{
    if (size > 0)
        text[0] = '\0';
    if (configured->in_band_ms >= 0 &&
        !check_in_band(code, letter, configured->in_band_ms, text, size))
        return false;
    return check_spread(letter, configured, text, size) &&
           check_hz(letter, configured, text, size);
}

static uint32_t clamp_ms(int64_t ms, int64_t max_ms)
{
    return (uint32_t)(ms > max_ms ? max_ms : ms);
}

/* A ramp stands for a random delay and the other way round: never both. */
static void apply(struct grid_code *code, const struct grid_timers *timers)
{
    if (timers->in_band_ms >= 0)
        code->in_band_ms = clamp_ms(timers->in_band_ms, code->in_band_max_ms);
    if (timers->random_ms > 0) {
        code->random_ms = clamp_ms(timers->random_ms, RANDOM_MAX_MS);
        code->ramp_ms = 0;
    } else if (timers->ramp_ms > 0) {
        code->ramp_ms = clamp_ms(timers->ramp_ms, RANDOM_MAX_MS);
        code->random_ms = 0;
    }
    if (timers->enter_low_hz > 0)
        code->enter_low_hz = timers->enter_low_hz;
    if (timers->enter_high_hz > 0)
        code->enter_high_hz = timers->enter_high_hz;
    if (timers->enter_low_hz > 0 && timers->enter_high_hz > 0)
        code->is_enter_hz_given = true;
}

struct grid_code grid_code_apply(const struct grid_code *code,
                                 const struct grid_timers *letter,
                                 const struct grid_timers *configured)
{
    struct grid_code applied = *code;
    uint32_t least_ms;

    if (letter) {
        /* the operator's wish is not cut to what inverters usually offer */
        if (letter->in_band_ms > applied.in_band_max_ms)
            applied.in_band_max_ms = clamp_ms(letter->in_band_ms, UINT32_MAX);
        apply(&applied, letter);
    }
    least_ms = applied.in_band_ms;
    if (configured)
        apply(&applied, configured);
    if (applied.in_band_ms < least_ms)
        applied.in_band_ms = least_ms;
    return applied;
}

/* ---- where a value stands ---- */

/* The trip row with the shortest time that the value is beyond. */
static bool is_tripped(const struct grid_trip *under, const struct grid_trip *over,
                       double x, uint32_t *ret_within_ms)
{
    bool found = false;

    for (int i = 0; i < GRID_CODE_TRIPS; i++) {
        const struct grid_trip *rows[] = {&under[i], &over[i]};

        for (int side = 0; side < 2; side++) {
            const struct grid_trip *row = rows[side];

            if (row->limit <= 0 || (side == 0 ? x >= row->limit : x <= row->limit))
                continue;
            if (!found || row->within_ms < *ret_within_ms)
                *ret_within_ms = row->within_ms;
            found = true;
        }
    }
    return found;
}

static const struct grid_band *band_of(const struct grid_code *code, double nominal_v)
{
    const struct grid_band *best = &code->enter_v[0];

    for (int i = 1; i < GRID_CODE_BANDS; i++) {
        const struct grid_band *band = &code->enter_v[i];

        if (band->high_pu > 0 &&
            fabs(band->nominal_v - nominal_v) < fabs(best->nominal_v - nominal_v))
            best = band;
    }
    return best;
}

enum grid_fit grid_code_fit_v(const struct grid_code *code, double nominal_v, double v,
                              uint32_t *ret_within_ms)
{
    const struct grid_band *band = band_of(code, nominal_v);
    double base_v = band->nominal_v > 0 ? band->nominal_v : nominal_v;
    double pu = base_v > 0 ? v / base_v : 0;

    *ret_within_ms = 0;
    if (pu < ABSENT_PU)
        return GRID_FIT_NONE;
    if (is_tripped(code->under_v, code->over_v, pu, ret_within_ms))
        return GRID_FIT_TRIP;
    return pu >= band->low_pu && pu <= band->high_pu ? GRID_FIT_ENTER : GRID_FIT_PRESENT;
}

enum grid_fit grid_code_fit_hz(const struct grid_code *code, double hz,
                               uint32_t *ret_within_ms)
{
    *ret_within_ms = 0;
    if (hz < code->nominal_hz / 2) /* meters show 0 Hz, or noise, without voltage */
        return GRID_FIT_NONE;
    if (is_tripped(code->under_hz, code->over_hz, hz, ret_within_ms))
        return GRID_FIT_TRIP;
    return hz >= code->enter_low_hz && hz <= code->enter_high_hz ? GRID_FIT_ENTER
                                                                 : GRID_FIT_PRESENT;
}
