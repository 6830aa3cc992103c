/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of the home: what the sun gives, what the loads ask for, what the battery can
 * do, and the grid takes the rest, or is not there.
 */
#include "plugins/sim/home.h"

#include <math.h>
#include <string.h>

#define DAY_S 86400.0
#define RESTART_S 60.0 /* an island that tripped tries again so much later */
#define EV_TARGET 0.9

struct home_settings home_default_settings(void)
{
    return (struct home_settings){
        .pv_peak_w = 5000,
        .battery_capacity_wh = 9800,
        .battery_max_w = 3000,
        .battery_floor = 0.10,
        .battery_start = 0.45,
        .one_way_efficiency = 0.96,
        .ev_capacity_wh = 40000,
        .ev_max_w = 3000,
        .ev_start = 0.5,
        .base_load_w = 180,
        .relay_load_w = {120, 250, 650, 1200},
        .nominal_v = 101,
        .nominal_hz = 50,
        .start_s = 6 * 3600,
        .seed = 1,
    };
}

void home_init(struct home *home, const struct home_settings *settings)
{
    memset(home, 0, sizeof *home);
    home->settings = *settings;
    home->random = settings->seed * 0x9e3779b97f4a7c15u + 1;
    home->grid_available = true;
    home->pv_limit_w = -1;
    home->battery_wh = settings->battery_start * settings->battery_capacity_wh;
    home->ev_wh = settings->ev_start * settings->ev_capacity_wh;
    for (int i = 0; i < HOME_RELAYS; i++)
        home->relay_on[i] = true;
    home->voltage_v = settings->nominal_v;
    home->frequency_hz = settings->nominal_hz;
}

/* -0.5 .. 0.5 */
static double noise(struct home *home)
{
    home->random ^= home->random << 13;
    home->random ^= home->random >> 7;
    home->random ^= home->random << 17;
    return (double)(home->random >> 11) / 9007199254740992.0 - 0.5;
}

double home_soc(const struct home *home)
{
    return home->battery_wh / home->settings.battery_capacity_wh;
}

double home_ev_soc(const struct home *home)
{
    return home->ev_wh / home->settings.ev_capacity_wh;
}

double home_day_s(const struct home *home)
{
    return fmod(home->settings.start_s + home->t_s, DAY_S);
}

bool home_islanded(const struct home *home)
{
    return !home->grid_available && !home->dark;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double sun_w(struct home *home)
{
    double hour = home_day_s(home) / 3600.0, height, power;

    if (hour < 6 || hour > 18)
        return 0;
    height = sin(M_PI * (hour - 6) / 12);
    power = home->settings.pv_peak_w * pow(height, 1.3) * (1 - 0.9 * home->clouds);
    power *= 1 + 0.02 * noise(home);
    return home->pv_limit_w >= 0 && power > home->pv_limit_w ? home->pv_limit_w : power;
}

/* How much of a load is drawn at this hour: people sleep, cook and come home. */
static double appetite(double hour, int relay)
{
    static const double by_part[HOME_RELAYS][4] = {
  /* night, morning, day, evening */
        {0.1, 0.8, 0.1, 1.0},
        {0.3, 1.0, 0.6, 1.2},
        {0.2, 0.6, 0.5, 1.0},
        {1.0, 0.3, 0.0, 0.6},
    };
    int part = hour < 6 ? 0 : hour < 9 ? 1 : hour < 17 ? 2 : hour < 23 ? 3 : 0;

    return by_part[relay][part];
}

static void ask_loads(struct home *home)
{
    double hour = home_day_s(home) / 3600.0;

    home->load_w =
        home->settings.base_load_w * (1 + 0.05 * noise(home)) + home->extra_load_w;
    for (int i = 0; i < HOME_RELAYS; i++) {
        home->relay_w[i] = home->relay_on[i]
                               ? home->settings.relay_load_w[i] * appetite(hour, i) *
                                     (1 + 0.04 * noise(home))
                               : 0;
        home->load_w += home->relay_w[i];
    }
}

static double ev_draw_w(const struct home *home)
{
    /* In an island the car waits: the home comes first. */
    return home->ev_plugged && home->grid_available && home_ev_soc(home) < EV_TARGET
               ? home->settings.ev_max_w
               : 0;
}

/* What the battery may give (+) and take (-) during this step. */
static void battery_range(const struct home *home, double dt_s, double *ret_low,
                          double *ret_high)
{
    const struct home_settings *s = &home->settings;
    double hours = dt_s / 3600.0;
    double above = home->battery_wh - s->battery_floor * s->battery_capacity_wh;
    double room = s->battery_capacity_wh - home->battery_wh;

    *ret_high = clamp(above * s->one_way_efficiency / hours, 0, s->battery_max_w);
    *ret_low = -clamp(room / s->one_way_efficiency / hours, 0, s->battery_max_w);
}

static void all_off(struct home *home)
{
    home->grid_w = home->battery_w = home->ev_w = home->load_w = home->pv_w = 0;
    for (int i = 0; i < HOME_RELAYS; i++)
        home->relay_w[i] = 0;
    home->voltage_v = home->frequency_hz = 0;
}

static void run_on_grid(struct home *home, double low, double high)
{
    double wanted = home->battery_manual ? home->battery_target_w
                                         : home->load_w - home->pv_w - home->ev_w;

    home->dark = false;
    home->battery_w = clamp(wanted, low, high);
    home->grid_w = home->load_w - home->pv_w - home->battery_w - home->ev_w;
    home->voltage_v = home->settings.nominal_v - home->grid_w / 4000 + 0.6 * noise(home);
    home->frequency_hz = home->settings.nominal_hz + 0.04 * noise(home);
}

static void run_as_island(struct home *home, double low, double high)
{
    double need = home->load_w - home->pv_w;

    home->grid_w = 0;
    if (need > high) {
        home->dark = true;
        home->dark_until_s = home->t_s + RESTART_S;
        all_off(home);
        return;
    }
    /* Sun that neither load nor battery can take is curtailed. */
    if (need < low)
        home->pv_w = home->load_w - low;
    home->battery_w = home->load_w - home->pv_w;
    home->voltage_v = home->settings.nominal_v + 0.2 * noise(home);
    home->frequency_hz = home->settings.nominal_hz + (need < low ? 0.9 : 0.0);
}

static void store_energy(struct home *home, double dt_s)
{
    double hours = dt_s / 3600.0, efficiency = home->settings.one_way_efficiency;
    struct home_counters *c = &home->counters;

    home->battery_wh -=
        home->battery_w * hours * (home->battery_w > 0 ? 1 / efficiency : efficiency);
    home->battery_wh = clamp(home->battery_wh, 0, home->settings.battery_capacity_wh);
    home->ev_wh -= home->ev_w * hours * efficiency;
    *(home->grid_w > 0 ? &c->import_wh : &c->export_wh) += fabs(home->grid_w) * hours;
    *(home->battery_w > 0 ? &c->discharge_wh : &c->charge_wh) +=
        fabs(home->battery_w) * hours;
    c->pv_wh += home->pv_w * hours;
    c->load_wh += home->load_w * hours;
    c->ev_charge_wh -= home->ev_w * hours;
}

static void step(struct home *home, double dt_s)
{
    double low, high;

    home->t_s += dt_s;
    ask_loads(home);
    home->pv_w = sun_w(home);
    home->ev_w = 0 - ev_draw_w(home);
    battery_range(home, dt_s, &low, &high);
    if (home->grid_available) {
        run_on_grid(home, low, high);
    } else if (home->dark && home->t_s < home->dark_until_s) {
        all_off(home);
    } else {
        home->dark = false;
        run_as_island(home, low, high);
    }
    store_energy(home, dt_s);
}

void home_advance(struct home *home, double t_s)
{
    if (t_s - home->t_s > DAY_S)
        home->t_s = t_s - DAY_S;
    while (t_s - home->t_s > HOME_STEP_S)
        step(home, HOME_STEP_S);
    if (t_s > home->t_s)
        step(home, t_s - home->t_s);
}
