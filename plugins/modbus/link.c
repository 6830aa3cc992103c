/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the transports share: the life of the link, and the judgement of a reply. Frames
 * go out through our own few lines (libmodbus sends every raw TCP request with
 * transaction 0 and writes to sockets without MSG_NOSIGNAL in RTU mode). TCP frames carry
 * their length; RTU frames come in through libmodbus, which knows how long each is and
 * checks the CRC.
 */
#include "plugins/modbus/link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugins/modbus/link_rtu.h"
#include "plugins/modbus/link_tcp.h"

int link_init(struct link *line, const struct settings_bus *settings,
              const struct gw_services *services)
{
    *line = (struct link){
        .settings = settings,
        .services = services,
        .fd = -1,
        .timeout_ms = settings->timeout_ms,
        .transaction = (uint16_t)services->get_boot_ns(services->ctx),
    };
    if (settings->transport == SETTINGS_TCP)
        return GW_OK;
    /* This touches no device: the context only holds how frames look. */
    line->modbus = modbus_new_rtu("/dev/null", (int)settings->baud, settings->parity,
                                  settings->data_bits, settings->stop_bits);
    if (!line->modbus)
        return GW_ERR_INTERNAL;
    /* The response timeout then covers the whole reply: no trickle can stretch it. */
    modbus_set_byte_timeout(line->modbus, 0, 0);
    return GW_OK;
}

int link_fail(struct link *line, int result, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(line->text, sizeof(line->text), format, args);
    va_end(args);
    return result;
}

int link_judge(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
               struct link_reply *ret)
{
    int rc = frame_check(pdu, len, ret->pdu, ret->len);

    if (rc < 0)
        return link_fail(line, GW_ERR_PROTOCOL,
                         "unit %u: the reply does not answer the request", unit);
    line->n_replies++;
    line->n_timeouts = 0;
    if (!rc)
        return GW_OK;
    ret->exception = rc;
    return link_fail(line, GW_ERR_DEVICE, "unit %u: %s (exception %d)", unit,
                     frame_exception_text(rc), rc);
}

int link_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                  struct link_reply *ret)
{
    *ret = (struct link_reply){0};
    line->was_sent = false;
    if (line->settings->transport == SETTINGS_TCP)
        return link_tcp_exchange(line, unit, pdu, len, ret);
    return link_rtu_exchange(line, unit, pdu, len, ret);
}

int link_broadcast(struct link *line, const uint8_t *pdu, size_t len)
{
    line->was_sent = false;
    return link_rtu_send(line, 0, pdu, len);
}

uint32_t link_longest_ms(const struct link *line, unsigned data_bytes)
{
    const struct settings_bus *s = line->settings;
    uint64_t frame_ms = (13u + data_bytes) * s->character_ns / 1000000;

    if (s->transport == SETTINGS_TCP)
        return 2 * s->timeout_ms;
    if (s->transport == SETTINGS_RTU_OVER_TCP)
        frame_ms += s->timeout_ms;
    return s->timeout_ms + s->late_reply_ms + s->byte_timeout_ms + (uint32_t)frame_ms +
           10;
}

void link_done(struct link *line)
{
    if (line->settings->transport != SETTINGS_RTU)
        link_tcp_close(line);
    modbus_free(line->modbus);
    line->modbus = NULL;
}
