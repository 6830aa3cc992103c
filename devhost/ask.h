/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions a host process answers on stdout without a core: the options of a plugin, the
 * reading plan of a configuration, what stands on a bus. Return exit codes.
 */
#ifndef GATEWAYD_DEVHOST_ASK_H
#define GATEWAYD_DEVHOST_ASK_H

#include <stdbool.h>

/* The text of plugin_options.h. */
int ask_options(const char *dirs, const char *plugin);

/* path: a file of host_config_encode, "-" for stdin. One JSON object a line:
 *   {"kind":"plan","bus":..,"bus_index":..,"device":..,"device_index":..,"id":..,
 *    "interval_ms":..,"cost_us":..,"timeout_ms":..,"n_points":..,"text":..}
 *   {"kind":"error","bus":..,"device":..,"text":..}      (device "" for the whole bus)
 *   {"kind":"warning", the same}
 *   {"kind":"found","bus":..,"text":..,"yaml":..}        (scan only)
 * Check touches no device. Exit code 1 when there was an error. */
int ask_config(const char *path, bool scan);

#endif
