/* SPDX-License-Identifier: Apache-2.0 */
/* The table of controllers; the first row is the default. */
#include "gatewayctl/simulate/controllers.h"

#include <string.h>

#include "gatewayctl/simulate/baseline.h"
#include "gatewayctl/simulate/drive.h"

static const struct {
    const char *name;
    sim_controller_new *make;
} controllers[] = {
    {"dispatch",   drive_new          },
    {"thresholds", baseline_thresholds},
    {"all-on",     baseline_all_on    },
};

sim_controller_new *controllers_find(const char *name)
{
    if (!name)
        return controllers[0].make;
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
        if (strcmp(controllers[i].name, name) == 0)
            return controllers[i].make;
    return NULL;
}

const char *controllers_names(void)
{
    return "dispatch, thresholds, all-on";
}
