/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a simulated home's signals. */
#include "plugins/sim/home_signal.h"

#include <math.h>
#include <string.h>

#define GET(name, expression)                                                            \
    static double get_##name(const struct home *home, int index)                         \
    {                                                                                    \
        (void)index;                                                                     \
        return expression;                                                               \
    }

GET(grid_w, home->grid_w)
GET(grid_v, home->grid_available ? home->voltage_v : 0)
GET(grid_hz, home->grid_available ? home->frequency_hz : 0)
GET(grid_a, home->voltage_v > 0 ? home->grid_w / home->voltage_v : 0)
GET(grid_present, home->grid_available)
GET(import_wh, home->counters.import_wh)
GET(export_wh, home->counters.export_wh)
GET(pv_w, home->pv_w)
GET(pv_wh, home->counters.pv_wh)
GET(pv_limit, home->pv_limit_w < 0 ? home->settings.pv_peak_w : home->pv_limit_w)
GET(battery_w, home->battery_w)
GET(soc, 1000 * home_soc(home))
GET(charge_wh, home->counters.charge_wh)
GET(discharge_wh, home->counters.discharge_wh)
GET(target_w, home->battery_target_w)
GET(manual, home->battery_manual)
GET(grid_status, home->grid_available ? 1 : home->dark ? 3 : 2)
GET(load_w, home->load_w)
GET(load_wh, home->counters.load_wh)
GET(load_v, home->voltage_v)
GET(load_hz, home->frequency_hz)
GET(ev_w, home->ev_w)
GET(ev_soc, 1000 * home_ev_soc(home))
GET(ev_plugged, home->ev_plugged)
GET(ev_charge_wh, home->counters.ev_charge_wh)
GET(relay, home->relay_on[index])
GET(relay_w, home->relay_w[index])

static void set_pv_limit(struct home *home, int index, double value)
{
    (void)index;
    home->pv_limit_w = value;
}

static void set_target(struct home *home, int index, double value)
{
    (void)index;
    home->battery_target_w = value;
}

static void set_manual(struct home *home, int index, double value)
{
    (void)index;
    home->battery_manual = value > 0;
}

static void set_relay(struct home *home, int index, double value)
{
    home->relay_on[index] = value > 0;
}

#define NUMBER(model, name, resolution, index, get, set)                                 \
    {                                                                                    \
        HOME_MODEL_##model, name, false, resolution, index, get, set                     \
    }
#define SWITCH(model, name, index, get, set)                                             \
    {                                                                                    \
        HOME_MODEL_##model, name, true, 1, index, get, set                               \
    }

static const struct home_signal signals[] = {
    NUMBER(GRID, "power_w", 0.1, 0, get_grid_w, NULL),
    NUMBER(GRID, "voltage_v", 0.1, 0, get_grid_v, NULL),
    NUMBER(GRID, "current_a", 0.01, 0, get_grid_a, NULL),
    NUMBER(GRID, "frequency_hz", 0.01, 0, get_grid_hz, NULL),
    NUMBER(GRID, "energy_import_wh", 1, 0, get_import_wh, NULL),
    NUMBER(GRID, "energy_export_wh", 1, 0, get_export_wh, NULL),
    SWITCH(GRID, "grid_present", 0, get_grid_present, NULL),
    NUMBER(PV, "power_w", 0.1, 0, get_pv_w, NULL),
    NUMBER(PV, "energy_wh", 1, 0, get_pv_wh, NULL),
    NUMBER(PV, "power_limit_w", 1, 0, get_pv_limit, set_pv_limit),
    NUMBER(BATTERY, "power_w", 0.1, 0, get_battery_w, NULL),
    NUMBER(BATTERY, "soc_permille", 1, 0, get_soc, NULL),
    NUMBER(BATTERY, "energy_charge_wh", 1, 0, get_charge_wh, NULL),
    NUMBER(BATTERY, "energy_discharge_wh", 1, 0, get_discharge_wh, NULL),
    NUMBER(BATTERY, "grid_status", 1, 0, get_grid_status, NULL),
    NUMBER(BATTERY, "power_setpoint_w", 1, 0, get_target_w, set_target),
    SWITCH(BATTERY, "remote_control", 0, get_manual, set_manual),
    NUMBER(LOAD, "power_w", 0.1, 0, get_load_w, NULL),
    NUMBER(LOAD, "energy_wh", 1, 0, get_load_wh, NULL),
    NUMBER(LOAD, "voltage_v", 0.1, 0, get_load_v, NULL),
    NUMBER(LOAD, "frequency_hz", 0.01, 0, get_load_hz, NULL),
    NUMBER(EV, "power_w", 0.1, 0, get_ev_w, NULL),
    NUMBER(EV, "soc_permille", 1, 0, get_ev_soc, NULL),
    SWITCH(EV, "plugged", 0, get_ev_plugged, NULL),
    NUMBER(EV, "energy_charge_wh", 1, 0, get_ev_charge_wh, NULL),
    SWITCH(RELAY, "relay_1", 0, get_relay, set_relay),
    SWITCH(RELAY, "relay_2", 1, get_relay, set_relay),
    SWITCH(RELAY, "relay_3", 2, get_relay, set_relay),
    SWITCH(RELAY, "relay_4", 3, get_relay, set_relay),
    NUMBER(RELAY, "relay_1_power_w", 0.1, 0, get_relay_w, NULL),
    NUMBER(RELAY, "relay_2_power_w", 0.1, 1, get_relay_w, NULL),
    NUMBER(RELAY, "relay_3_power_w", 0.1, 2, get_relay_w, NULL),
    NUMBER(RELAY, "relay_4_power_w", 0.1, 3, get_relay_w, NULL),
    SWITCH(RELAY, "grid_present", 0, get_grid_present, NULL),
};

#define N_SIGNALS (sizeof signals / sizeof signals[0])

int home_model_from_name(const char *name)
{
    static const char *const names[] = {"grid", "pv", "battery", "load", "ev", "relay"};

    for (int i = 0; i <= HOME_MODEL_RELAY; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

const struct home_signal *home_signal_all(unsigned *ret_n)
{
    *ret_n = N_SIGNALS;
    return signals;
}

const struct home_signal *home_signal_find(enum home_model model, const char *name)
{
    for (unsigned i = 0; i < N_SIGNALS; i++)
        if (signals[i].model == model && strcmp(signals[i].name, name) == 0)
            return &signals[i];
    return NULL;
}

double home_signal_read(const struct home_signal *signal, const struct home *home)
{
    /* + 0.0: no negative zero leaves. */
    double steps = round(signal->get(home, signal->index) / signal->resolution) + 0.0;

    /* Dividing gives 230.1, multiplying 230.10000000000002. */
    return signal->resolution < 1 ? steps / round(1 / signal->resolution)
                                  : steps * signal->resolution;
}
