/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the plugin and what they say of a point. Bus thread. */
#ifndef GATEWAYD_GPIO_SETTINGS_H
#define GATEWAYD_GPIO_SETTINGS_H

#include <gateway/plugin.h>

#include "plugins/gpio/lines.h"

enum settings_direction { SETTINGS_IN, SETTINGS_OUT, SETTINGS_COUNT };

extern const struct gw_option settings_options[];

struct settings_point {
    const char *line; /* borrowed from the configuration */
    enum settings_direction direction;
    struct lines_config
        config;          /* without consumer; debounce_us 0 when it is ours to do */
    int64_t debounce_ns; /* ours, in software */
    double per_pulse;    /* of a counter: what one pulse adds */
};

/* NULL, or what is wrong: "debounce is for inputs". */
const char *settings_read_point(const struct gw_services *services,
                                const struct gw_point *point, struct settings_point *ret);

#endif
