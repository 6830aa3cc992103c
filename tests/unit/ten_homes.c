/* SPDX-License-Identifier: Apache-2.0 */
/* Ten homes behind one receiving point; see ten_homes.h. */
#include "tests/unit/ten_homes.h"

#include <string.h>

struct dispatch_home ten_homes[TEN_HOMES_N];
const struct dispatch_storage ten_homes_storages[2] = {
    {.is_grid_forming = true,
     .home = -1,
     .capacity_wh = 25000,
     .soc_min = 0.1,
     .soc_max = 1,
     .soc_reserve = 0.1,
     .max_charge_w = 20000,
     .max_discharge_w = 20000,
     .eta_charge = 0.95,
     .eta_discharge = 0.95},
    { .is_ev = true,
     .home = -1,
     .capacity_wh = 40000,
     .soc_min = 0.1,
     .soc_max = 1,
     .soc_reserve = 0.3,
     .soc_depart = 0.6,
     .max_charge_w = 10000,
     .max_discharge_w = 10000,
     .eta_charge = 0.95,
     .eta_discharge = 0.95},
};
struct dispatch_setup ten_homes_setup;

void ten_homes_make(void)
{
    static const struct dispatch_class_rule classes[DISPATCH_CLASSES] = {
        {.weight = 100},
        {.weight = 10, .min_on_s = 300, .min_off_s = 300},
        {.weight = 3, .min_on_s = 300, .min_off_s = 300},
        {.weight = 1, .min_on_s = 600, .min_off_s = 600, .rated_w = 400, .tank_wh = 1600},
        {.weight = 1, .min_on_s = 600, .min_off_s = 600}};

    for (unsigned h = 0; h < TEN_HOMES_N; h++)
        ten_homes[h] = (struct dispatch_home){
            .pv_wp = 4400, .service_limit_w = 6000, .mean_w = {100, 200, 180, 60, 150}
        };
    ten_homes_setup = (struct dispatch_setup){.n_homes = TEN_HOMES_N,
                                              .n_storages = 2,
                                              .homes = ten_homes,
                                              .storages = ten_homes_storages,
                                              .import_limit_w = 40000,
                                              .max_island_w = 30000,
                                              .pv_limit_w = 40000,
                                              .frequency_hz = 50,
                                              .frequency_slope_hz = 1};
    memcpy(ten_homes_setup.classes, classes, sizeof(classes));
}
