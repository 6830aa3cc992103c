/* SPDX-License-Identifier: Apache-2.0 */
/* See home_load.h. The same numbers in every run. */
#include "tests/unit/home_load.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "lib/base/clock.h"

static const char *const point_names[HOME_LOAD_POINTS] = {
    "voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "current_l1_a", "current_l2_a",
    "current_l3_a", "power_l1_w", "power_l2_w", "power_l3_w", "power_w",
    "reactive_power_var", "apparent_power_va", "power_factor", "frequency_hz",
    "energy_import_wh", "energy_export_wh", "temperature_c", "soc_permille",
    "dc_voltage_v", "dc_current_a", "dc_power_w", "limit_w", "state", "alarm",
    "insulation_kohm",
};

static void name_points(struct catalog_device *device)
{
    device->n_points = HOME_LOAD_POINTS;
    device->points = calloc(HOME_LOAD_POINTS, sizeof *device->points);
    for (int p = 0; p < HOME_LOAD_POINTS; p++) {
        device->points[p].name = strdup(point_names[p]);
        device->points[p].unit = strdup("");
    }
}

void home_load_init(struct home_load *load, int64_t t_boot_ns)
{
    *load = (struct home_load){.random = 1, .t_boot_ns = t_boot_ns};
    load->catalog = catalog_new(1, HOME_LOAD_DEVICES);
    for (int i = 0; i < HOME_LOAD_DEVICES; i++) {
        char name[24];

        snprintf(name, sizeof name, "meter-%d", i);
        load->catalog->devices[i].name = strdup(name);
        load->catalog->devices[i].bus = strdup("bus");
        name_points(&load->catalog->devices[i]);
    }
    catalog_seal(load->catalog);
}

void home_load_done(struct home_load *load)
{
    catalog_unref(load->catalog);
}

static uint32_t next_random(struct home_load *load)
{
    load->random =
        load->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(load->random >> 32);
}

struct gw_value home_load_value(struct home_load *load, uint32_t point)
{
    if (point % 2 == 0)
        return (struct gw_value){.type = GW_TYPE_INT,
                                 .v.i = 9900 + (int64_t)(next_random(load) % 201)};
    /* 2^7..2^8 with every bit of the mantissa at random */
    return (struct gw_value){.type = GW_TYPE_FLOAT32,
                             .v.f = 128.0f + (float)(next_random(load) >> 9) / 65536.0f};
}

struct record_batch *home_load_batch(struct home_load *load, unsigned seconds)
{
    struct record_batch *batch = record_batch_new(load->catalog);

    for (uint32_t i = 0; i < seconds * HOME_LOAD_DEVICES; i++) {
        uint32_t device = i % HOME_LOAD_DEVICES;

        record_batch_begin(batch, device, load->t_boot_ns + device * 7 * CLOCK_NS_PER_MS);
        for (uint32_t p = 0; p < HOME_LOAD_POINTS; p++) {
            struct gw_value value = home_load_value(load, p);

            record_batch_add(batch, p, GW_GOOD, 0, &value);
        }
        if (device == HOME_LOAD_DEVICES - 1)
            load->t_boot_ns += CLOCK_NS_PER_S;
    }
    return batch;
}
