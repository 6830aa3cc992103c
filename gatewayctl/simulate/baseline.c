/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controllers without a plan or a message: what a home could do with a frequency relay.
 * They bound from below what the real controllers must do better.
 */
#include "gatewayctl/simulate/baseline.h"

#define RISE_SOC 0.05 /* hysteresis of the way back */
#define EV_START_SOC 0.35
#define EV_MARGIN 0.03 /* above the driver's floor, of the capacity */

static void all_on_home(void *ctx, const struct sim_home_view *view,
                        struct sim_home_commands *commands)
{
    (void)ctx;
    (void)view;
    for (unsigned c = 0; c < N_CIRCUITS; c++)
        commands->is_on[c] = true;
}

static void all_on_area(void *ctx, const struct sim_area_view *view,
                        struct sim_area_commands *commands)
{
    (void)ctx;
    (void)view;
    (void)commands;
}

bool baseline_all_on(const struct community *community, const struct sim_axis *axis,
                     struct sim_controller *ret_controller)
{
    (void)community;
    (void)axis;
    *ret_controller =
        (struct sim_controller){.home_act = all_on_home, .area_act = all_on_area};
    return true;
}

/* Charge of the grid-forming batteries as the frequency tells it; 0 in the dark. */
static double island_soc(const struct sim_common_view *view)
{
    const struct community *c = view->community;

    if (view->frequency_hz <= 0 || c->freq_soc_slope_hz <= 0)
        return 0;
    return (view->frequency_hz - c->freq_nominal_hz) / c->freq_soc_slope_hz + 0.5;
}

static void thresholds_home(void *ctx, const struct sim_home_view *view,
                            struct sim_home_commands *commands)
{
    static const double off_below[N_CIRCUITS] = {0.0, 0.25, 0.45, 0.55, 0.65};
    double soc = island_soc(&view->common);

    (void)ctx;
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        double limit = off_below[c] + (commands->is_on[c] ? 0 : RISE_SOC);

        commands->is_on[c] =
            view->common.is_grid_up || c == CIRCUIT_CRITICAL || soc >= limit;
    }
}

static void thresholds_area(void *ctx, const struct sim_area_view *view,
                            struct sim_area_commands *commands)
{
    const struct sim_common_view *common = &view->common;

    (void)ctx;
    for (unsigned i = 0; i < common->n_storages; i++) {
        const struct community_storage *is =
            &common->community->storages[common->storages[i].storage];
        /* One that is away may come back with next to nothing: no set-point waits for it.
         */
        bool helps = is->is_ev && common->storages[i].is_connected &&
                     !common->is_grid_up && island_soc(common) < EV_START_SOC &&
                     common->storages[i].soc > is->soc_reserve + EV_MARGIN;

        commands->storage_w[i] = helps ? is->max_discharge_w : 0;
    }
}

bool baseline_thresholds(const struct community *community, const struct sim_axis *axis,
                         struct sim_controller *ret_controller)
{
    (void)community;
    (void)axis;
    *ret_controller =
        (struct sim_controller){.home_act = thresholds_home, .area_act = thresholds_area};
    return true;
}
