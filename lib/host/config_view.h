/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin sees as struct gw_config: a block of checked options, with the defaults
 * of the plugin's own table behind it. The get_* functions are those of gw_services.
 * Pure.
 */
#ifndef GATEWAYD_HOST_CONFIG_VIEW_H
#define GATEWAYD_HOST_CONFIG_VIEW_H

#include "gateway/plugin.h"
#include "lib/model/options.h"

/* Both borrowed, for as long as the view lives. */
struct gw_config {
    const struct option_set *set;
    const struct gw_option *table;
    enum gw_scope scope;
};

const char *config_view_string(const struct gw_config *config, const char *key);
int64_t config_view_int(const struct gw_config *config, const char *key, int64_t absent);
double config_view_float(const struct gw_config *config, const char *key, double absent);
bool config_view_bool(const struct gw_config *config, const char *key, bool absent);

#endif
