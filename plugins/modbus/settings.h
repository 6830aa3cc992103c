/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's configuration: the declarative table the core checks the YAML against, and
 * what the plugin makes of a checked bus, device and point.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_SETTINGS_H
#define GATEWAYD_PLUGINS_MODBUS_SETTINGS_H

#include "plugins/modbus/codec.h"

#define SETTINGS_TEXT_SIZE 160

extern const struct gw_option settings_options[];

enum settings_transport { SETTINGS_TCP, SETTINGS_RTU, SETTINGS_RTU_OVER_TCP };

/* Strings are borrowed from the configuration. */
struct settings_bus {
    enum settings_transport transport;
    const char *device, *host;
    uint16_t port;
    uint32_t baud;
    char parity; /* 'N', 'E', 'O' */
    uint8_t data_bits, stop_bits;
    uint32_t timeout_ms;
    uint32_t byte_timeout_ms; /* added to a frame's own time once it has begun */
    uint32_t late_reply_ms;
    uint32_t turnaround_ms;
    uint32_t keepalive_s; /* 0: off */
    uint64_t silence_ns;  /* before each request */
    uint64_t character_ns;
};

struct settings_device {
    uint8_t unit;
    uint8_t base;
    uint32_t max_registers, max_bits;
    int64_t max_gap; /* < 0: by cost */
    uint32_t turnaround_ms;
    const char *order;
    struct ranges never_read;
};

/* Each returns NULL, or what is wrong, in words that name the option (kept in `text` when
 * put together). On failure nothing needs to be freed. */
const char *settings_read_bus(const struct gw_services *services,
                              const struct gw_config *config, struct settings_bus *ret);
const char *settings_read_device(const struct gw_services *services,
                                 const struct gw_config *config,
                                 const struct settings_bus *bus,
                                 struct settings_device *ret);
const char *settings_read_point(const struct gw_services *services,
                                const struct gw_config *config,
                                const struct settings_device *device,
                                struct codec_point *ret);
void settings_device_done(struct settings_device *device);
void settings_point_done(struct codec_point *point);

/* Whether the baud rate is one that libmodbus and termios know; libmodbus would open any
 * other at 9600 without a word. */
bool settings_baud_is_known(uint32_t baud);

#endif
