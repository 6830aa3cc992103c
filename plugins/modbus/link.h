/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the devices: one request out, one checked reply back. Opens and closes its
 * transport itself; one attempt per call, no retry policy (one exception: a connection
 * that was reset while idle is made anew once). Bus thread only.
 */
#ifndef GATEWAYD_PLUGINS_MODBUS_LINK_H
#define GATEWAYD_PLUGINS_MODBUS_LINK_H

#include <modbus.h>

#include "plugins/modbus/frame.h"
#include "plugins/modbus/settings.h"

struct link {
    const struct settings_bus *settings;
    const struct gw_services *services;
    modbus_t *modbus;   /* receives RTU frames; NULL: Modbus TCP */
    int fd;             /* -1: not open */
    bool is_configured; /* serial: termios set since the port came */
    bool is_dirty;      /* serial: after an error, late bytes may come */
    bool has_excess;    /* TCP: more came than the reply */
    bool was_sent;      /* the last exchange reached the line */
    uint16_t transaction;
    uint32_t n_timeouts;    /* in a row */
    uint32_t n_replies;     /* on this connection */
    uint32_t timeout_ms;    /* of the next exchanges; link_init sets the bus's own */
    int64_t t_line_boot_ns; /* serial: last time something was on the line */
    char text[SETTINGS_TEXT_SIZE]; /* what went wrong */
    uint8_t request[MODBUS_MAX_ADU_LENGTH];
    uint8_t reply[MODBUS_MAX_ADU_LENGTH];
};

struct link_reply {
    const uint8_t *pdu; /* in link->reply, until the next exchange */
    size_t len;
    int exception; /* with GW_ERR_DEVICE */
};

/* GW_OK or GW_ERR_INTERNAL. `settings` and `services` must outlive the link. */
int link_init(struct link *line, const struct settings_bus *settings,
              const struct gw_services *services);
/* GW_OK: *ret is the answer of `unit` to `pdu`. GW_ERR_DEVICE: it answered with
 * ret->exception. Else GW_ERR_TIMEOUT, _PROTOCOL, _LINK; text says what happened. */
int link_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                  struct link_reply *ret);
/* A request to all units of a serial line: nobody replies. */
int link_broadcast(struct link *line, const uint8_t *pdu, size_t len);
/* Longest time of one link_exchange that reads a reply of `data_bytes`. */
uint32_t link_longest_ms(const struct link *line, unsigned data_bytes);
void link_done(struct link *line);

#endif
