/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a simulated home's signals. */
#include "plugins/sim/home_signal.h"

#include <math.h>
#include <string.h>

#define GET(name, expression)                                                                \
    static double get_##name(const struct home *home, int index)                             \
    {                                                                                        \
        (void)index;                                                                         \
        return expression;                                                                   \
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

static const struct home_signal signals[] = {
    {HOME_MODEL_GRID, "power_w", false, 0.1, 0, get_grid_w, NULL},
    {HOME_MODEL_GRID, "voltage_v", false, 0.1, 0, get_grid_v, NULL},
    {HOME_MODEL_GRID, "current_a", false, 0.01, 0, get_grid_a, NULL},
    {HOME_MODEL_GRID, "frequency_hz", false, 0.01, 0, get_grid_hz, NULL},
    {HOME_MODEL_GRID, "energy_import_wh", false, 1, 0, get_import_wh, NULL},
    {HOME_MODEL_GRID, "energy_export_wh", false, 1, 0, get_export_wh, NULL},
    {HOME_MODEL_GRID, "grid_present", true, 1, 0, get_grid_present, NULL},
    {HOME_MODEL_PV, "power_w", false, 0.1, 0, get_pv_w, NULL},
    {HOME_MODEL_PV, "energy_wh", false, 1, 0, get_pv_wh, NULL},
    {HOME_MODEL_PV, "power_limit_w", false, 1, 0, get_pv_limit, set_pv_limit},
    {HOME_MODEL_BATTERY, "power_w", false, 0.1, 0, get_battery_w, NULL},
    {HOME_MODEL_BATTERY, "soc_permille", false, 1, 0, get_soc, NULL},
    {HOME_MODEL_BATTERY, "energy_charge_wh", false, 1, 0, get_charge_wh, NULL},
    {HOME_MODEL_BATTERY, "energy_discharge_wh", false, 1, 0, get_discharge_wh, NULL},
    {HOME_MODEL_BATTERY, "grid_status", false, 1, 0, get_grid_status, NULL},
    {HOME_MODEL_BATTERY, "power_setpoint_w", false, 1, 0, get_target_w, set_target},
    {HOME_MODEL_BATTERY, "remote_control", true, 1, 0, get_manual, set_manual},
    {HOME_MODEL_LOAD, "power_w", false, 0.1, 0, get_load_w, NULL},
    {HOME_MODEL_LOAD, "energy_wh", false, 1, 0, get_load_wh, NULL},
    {HOME_MODEL_LOAD, "voltage_v", false, 0.1, 0, get_load_v, NULL},
    {HOME_MODEL_LOAD, "frequency_hz", false, 0.01, 0, get_load_hz, NULL},
    {HOME_MODEL_EV, "power_w", false, 0.1, 0, get_ev_w, NULL},
    {HOME_MODEL_EV, "soc_permille", false, 1, 0, get_ev_soc, NULL},
    {HOME_MODEL_EV, "plugged", true, 1, 0, get_ev_plugged, NULL},
    {HOME_MODEL_EV, "energy_charge_wh", false, 1, 0, get_ev_charge_wh, NULL},
    {HOME_MODEL_RELAY, "relay_1", true, 1, 0, get_relay, set_relay},
    {HOME_MODEL_RELAY, "relay_2", true, 1, 1, get_relay, set_relay},
    {HOME_MODEL_RELAY, "relay_3", true, 1, 2, get_relay, set_relay},
    {HOME_MODEL_RELAY, "relay_4", true, 1, 3, get_relay, set_relay},
    {HOME_MODEL_RELAY, "relay_1_power_w", false, 0.1, 0, get_relay_w, NULL},
    {HOME_MODEL_RELAY, "relay_2_power_w", false, 0.1, 1, get_relay_w, NULL},
    {HOME_MODEL_RELAY, "relay_3_power_w", false, 0.1, 2, get_relay_w, NULL},
    {HOME_MODEL_RELAY, "relay_4_power_w", false, 0.1, 3, get_relay_w, NULL},
    {HOME_MODEL_RELAY, "grid_present", true, 1, 0, get_grid_present, NULL},
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
