/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration asks of its buses: read plans and predicted load, as JSON that
 * both people's tables and --json are made of. */
#ifndef GATEWAYCTL_CHECK_PLAN_H
#define GATEWAYCTL_CHECK_PLAN_H

#include <jansson.h>

#include "lib/config/config.h"

struct check_tools {
    const char *devhost, *plugin_dir;
};

/* Above these the check warns, and is bad news. */
#define CHECK_LOAD_WARN_PERMILLE 800
#define CHECK_LOAD_MAX_PERMILLE 1000

/* Starts one host process per plugin, touches no device. Appends to ret_buses one
 *   {"name","plugin","baud" (or null),"requests","cycle_ms","load_permille",
 *    "devices":[{"device","requests":[{"interval_ms","cost_us","points","text"}]}]}
 * for each bus, and to messages {"severity","code","file","line","col","text"}. The
 * number of errors among those. */
unsigned check_plan(const struct config *config, const struct check_tools *tools,
                    json_t *ret_buses, json_t *messages);

/* One message of that form. */
json_t *check_message(const char *severity, const char *code,
                      const struct config_mark *mark, const char *text);
/* "0.42 s of each 1 s cycle at 9600 baud (42 %)"; false when nothing is polled. */
bool check_load_text(const json_t *bus, char *ret, size_t size);

#endif
