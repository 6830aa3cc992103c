/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables of plugins that need no plugin: what the tests and fuzzers of the loader
 * check configurations against.
 */
#ifndef GATEWAYD_TESTS_UNIT_CONFIG_PLUGINS_H
#define GATEWAYD_TESTS_UNIT_CONFIG_PLUGINS_H

#include <string.h>

#include "gateway/plugin.h"

#define R GW_OPTION_REQUIRED

static const struct gw_option config_plugins_modbus[] = {
    {"transport",     GW_SCOPE_BUS,    GW_OPT_ENUM,     R,                  0, NULL,     0,  0,       "tcp rtu rtu-over-tcp",           NULL                 },
    {"device",        GW_SCOPE_BUS,    GW_OPT_STRING,   GW_OPTION_RESOURCE, 0, NULL,     0,  0,       NULL,                             "serial port"        },
    {"host",          GW_SCOPE_BUS,    GW_OPT_STRING,   0,                  0, NULL,     0,  0,       NULL,                             "host name"          },
    {"port",          GW_SCOPE_BUS,    GW_OPT_INT,      0,                  0, "502",    1,  65535,   NULL,                             "TCP port"           },
    {"baud",          GW_SCOPE_BUS,    GW_OPT_INT,      0,                  0, "9600",   50, 4000000, NULL,                             "bits per second"    },
    {"parity",        GW_SCOPE_BUS,    GW_OPT_ENUM,     0,                  0, "even",   0,  0,       "none even odd",                  "parity"             },
    {"stop_bits",     GW_SCOPE_BUS,    GW_OPT_INT,      0,                  0, "1",      1,  2,       NULL,                             "1 or 2"             },
    {"timeout",       GW_SCOPE_BUS,    GW_OPT_DURATION, 0,                  0, NULL,     10, 60000,   NULL,                             "wait for a reply"   },
    {"unit",          GW_SCOPE_DEVICE, GW_OPT_INT,      R,                  0, NULL,     0,  255,     NULL,                             "the unit's number"  },
    {"base",          GW_SCOPE_DEVICE, GW_OPT_INT,      0,                  0, "0",      0,  1,       NULL,                             "first address"      },
    {"max_registers", GW_SCOPE_DEVICE, GW_OPT_INT,      0,                  0, "125",    1,  125,     NULL,                             "of one request"     },
    {"max_gap",       GW_SCOPE_DEVICE, GW_OPT_INT,      0,                  0, NULL,     0,  125,     NULL,                             "registers to read over"},
    {"never_read",    GW_SCOPE_DEVICE, GW_OPT_INT_LIST, 0,                  0, NULL,     0,  65535,   NULL,                             "forbidden addresses"},
    {"order",         GW_SCOPE_DEVICE, GW_OPT_ENUM,     0,                  0, "ABCD",   0,  0,       "ABCD CDAB BADC DCBA",            "of bytes"           },
    {"table",         GW_SCOPE_POINT,  GW_OPT_ENUM,     R,                  0, NULL,     0,  0,       "coil discrete input holding",    "coil, discrete, input or holding"},
    {"address",       GW_SCOPE_POINT,  GW_OPT_INT,      R,                  0, NULL,     0,  65535,   NULL,                             "the first address"  },
    {"type",          GW_SCOPE_POINT,  GW_OPT_ENUM,     0,                  0, "uint16", 0,  0,
     "bool int16 uint16 int32 uint32 int64 uint64 float32 float64 string bits",                                                       "of the value"       },
    {"order",         GW_SCOPE_POINT,  GW_OPT_ENUM,     0,                  0, NULL,     0,  0,       "ABCD CDAB BADC DCBA",            "of bytes"           },
    {"bit",           GW_SCOPE_POINT,  GW_OPT_INT,      0,                  0, NULL,     0,  15,      NULL,                             "lowest bit"         },
    {"length",        GW_SCOPE_POINT,  GW_OPT_INT,      0,                  0, NULL,     1,  125,     NULL,                             "bits or registers"  },
    {"invalid",       GW_SCOPE_POINT,  GW_OPT_INT_LIST, 0,                  0, NULL,     0,  0,       NULL,                             "codes for no value" },
    {NULL,            0,               0,               0,                  0, NULL,     0,  0,       NULL,                             NULL                 },
};

static const struct gw_option config_plugins_gpio[] = {
    {"chip",      GW_SCOPE_BUS,   GW_OPT_STRING,   R, 0, NULL,   0, 0,    NULL,                       "chip's label" },
    {"line",      GW_SCOPE_POINT, GW_OPT_STRING,   R, 0, NULL,   0, 0,    NULL,                       "line's name"  },
    {"direction", GW_SCOPE_POINT, GW_OPT_ENUM,     R, 0, NULL,   0, 0,    "in out",                   "in or out"    },
    {"bias",      GW_SCOPE_POINT, GW_OPT_ENUM,     0, 0, NULL,   0, 0,    "none pull-up pull-down",   "bias"         },
    {"active",    GW_SCOPE_POINT, GW_OPT_ENUM,     0, 0, "high", 0, 0,    "high low",                 "active level" },
    {"debounce",  GW_SCOPE_POINT, GW_OPT_DURATION, 0, 0, NULL,   0, 1000, NULL,                       "debounce"     },
    {NULL,        0,              0,               0, 0, NULL,   0, 0,    NULL,                       NULL           },
};

static const struct gw_option config_plugins_echonet[] = {
    {"interface", GW_SCOPE_BUS,    GW_OPT_STRING, R, 0, NULL, 0, 0, NULL, "interface"  },
    {"node",      GW_SCOPE_DEVICE, GW_OPT_STRING, R, 0, NULL, 0, 0, NULL, "address"    },
    {"eoj",       GW_SCOPE_DEVICE, GW_OPT_STRING, R, 0, NULL, 0, 0, NULL, "object code"},
    {"gain",      GW_SCOPE_DEVICE, GW_OPT_FLOAT,  0, 0, NULL, 0, 2, NULL, "a factor"   },
    {"fast",      GW_SCOPE_DEVICE, GW_OPT_BOOL,   0, 0, NULL, 0, 0, NULL, "hurry"      },
    {NULL,        0,               0,             0, 0, NULL, 0, 0, NULL, NULL         },
};

static const struct gw_option config_plugins_sim[] = {
    {"script", GW_SCOPE_BUS,    GW_OPT_STRING, 0, 0, "day", 0,     0,   NULL,                           "the day"         },
    {"speed",  GW_SCOPE_BUS,    GW_OPT_FLOAT,  0, 0, "1",   0.001, 1e5, NULL,                           "times as fast"   },
    {"model",  GW_SCOPE_DEVICE, GW_OPT_ENUM,   R, 0, NULL,  0,     0,   "grid pv battery load ev relay", "part of the home"},
    {"signal", GW_SCOPE_POINT,  GW_OPT_STRING, 0, 0, NULL,  0,     0,   NULL,                           "signal's name"   },
    {NULL,     0,               0,             0, 0, NULL,  0,     0,   NULL,                           NULL              },
};

#undef R

static inline const struct gw_option *config_plugins_options(void *ctx, const char *plugin,
                                                             const char **ret_reason)
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
