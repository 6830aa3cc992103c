/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables of plugins that need no plugin: what the tests and fuzzers of the loader
 * check configurations against.
 */
#ifndef GATEWAYD_TESTS_UNIT_CONFIG_PLUGINS_H
#define GATEWAYD_TESTS_UNIT_CONFIG_PLUGINS_H

#include <string.h>

#include "gateway/plugin.h"

#define OPTION(name, where, kind, ...)                                                   \
    {.key = name, .scope = GW_SCOPE_##where, .type = GW_OPT_##kind, __VA_ARGS__}
#define REQUIRED .flags = GW_OPTION_REQUIRED
#define NAMED .flags = GW_OPTION_REQUIRED | GW_OPTION_NO_NUMBER

static const struct gw_option config_plugins_modbus[] = {
    OPTION("transport", BUS, ENUM, REQUIRED, .words = "tcp rtu rtu-over-tcp"),
    OPTION("device", BUS, STRING, .flags = GW_OPTION_RESOURCE),
    OPTION("host", BUS, STRING, .help = "host name"),
    OPTION("port", BUS, INT, .fallback = "502", .min = 1, .max = 65535),
    OPTION("baud", BUS, INT, .fallback = "9600", .min = 50, .max = 4000000),
    OPTION("parity", BUS, ENUM, .fallback = "even", .words = "none even odd"),
    OPTION("stop_bits", BUS, INT, .fallback = "1", .min = 1, .max = 2),
    OPTION("timeout", BUS, DURATION, .min = 10, .max = 60000),
    OPTION("unit", DEVICE, INT, REQUIRED, .max = 255, .help = "the unit's number"),
    OPTION("base", DEVICE, INT, .fallback = "0", .max = 1),
    OPTION("max_registers", DEVICE, INT, .fallback = "125", .min = 1, .max = 125),
    OPTION("max_gap", DEVICE, INT, .max = 125),
    OPTION("never_read", DEVICE, INT_LIST, .max = 65535),
    OPTION("order", DEVICE, ENUM, .fallback = "ABCD", .words = "ABCD CDAB BADC DCBA"),
    OPTION("table", POINT, ENUM, REQUIRED, .words = "coil discrete input holding"),
    OPTION("address", POINT, INT, REQUIRED, .max = 65535,
           .help = "first register or bit"),
    OPTION("type", POINT, ENUM, .fallback = "uint16",
           .words = "bool int16 uint16 int32 uint32 int64 uint64 float32 float64 "
                    "string bits"),
    OPTION("order", POINT, ENUM, .words = "ABCD CDAB BADC DCBA"),
    OPTION("bit", POINT, INT, .max = 15),
    OPTION("length", POINT, INT, .min = 1, .max = 125),
    OPTION("invalid", POINT, INT_LIST, .help = "codes for no value"),
    {.key = NULL},
};

static const struct gw_option config_plugins_gpio[] = {
    OPTION("chip", BUS, STRING, NAMED, .help = "label of the chip"),
    OPTION("line", POINT, STRING, NAMED, .help = "name of the line"),
    OPTION("direction", POINT, ENUM, REQUIRED, .words = "in out count"),
    OPTION("bias", POINT, ENUM, .words = "none pull-up pull-down"),
    OPTION("active", POINT, ENUM, .fallback = "high", .words = "high low"),
    OPTION("debounce", POINT, DURATION, .max = 1000),
    OPTION("rest", POINT, ENUM, .fallback = "keep", .words = "keep off on"),
    OPTION("pulses_per_kwh", POINT, FLOAT, .min = 0.001, .max = 1e6),
    {.key = NULL},
};

static const struct gw_option config_plugins_echonet[] = {
    OPTION("interface", BUS, STRING, REQUIRED),
    OPTION("node", DEVICE, STRING, REQUIRED),
    OPTION("eoj", DEVICE, STRING, REQUIRED),
    OPTION("gain", DEVICE, FLOAT, .max = 2),
    OPTION("fast", DEVICE, BOOL, .help = "hurry"),
    {.key = NULL},
};

static const struct gw_option config_plugins_sim[] = {
    OPTION("script", BUS, STRING, .fallback = "day"),
    OPTION("speed", BUS, FLOAT, .fallback = "1", .min = 0.001, .max = 100000),
    OPTION("model", DEVICE, ENUM, REQUIRED, .words = "grid pv battery load ev relay"),
    OPTION("signal", POINT, STRING, .help = "signal's name"),
    {.key = NULL},
};

#undef OPTION
#undef REQUIRED
#undef NAMED

static inline const struct gw_option *
config_plugins_options(void *ctx, const char *plugin, const char **ret_reason)
{
    (void)ctx;
    if (strcmp(plugin, "modbus") == 0)
        return config_plugins_modbus;
    if (strcmp(plugin, "gpio") == 0)
        return config_plugins_gpio;
    if (strcmp(plugin, "echonet") == 0)
        return config_plugins_echonet;
    if (strcmp(plugin, "sim") == 0)
        return config_plugins_sim;
    *ret_reason = "there is no such plugin";
    return NULL;
}

#endif
