/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One route's forwarding: reads committed records through its cursor, asks consent,
 * encodes (json), hands finished payloads out, and moves the cursor on confirmation. All
 * on the store's thread; gateway.c joins it to the store and to gateway-route by the
 * callbacks.
 */
#ifndef GATEWAYD_FORWARD_FORWARD_H
#define GATEWAYD_FORWARD_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/config.h"
#include "lib/consent/consent.h"
#include "lib/model/record.h"

/* 60 KiB: with topic and header one channel message */
#define FORWARD_PAYLOAD_MAX 61440
#define FORWARD_RECORDS_MAX 500
#define FORWARD_CURSOR_RANGES 64

struct forward_cursor {
    char epoch[33];
    uint64_t low;
    uint32_t n_ranges;
    struct {
        uint64_t first, last;
    } ranges[FORWARD_CURSOR_RANGES];
};

/* What forwarding needs of the store and of the route process. */
struct forward_ports {
    void *ctx;
    int (*open)(void *ctx, uint64_t from_seq, void **ret_reader);
    int (*next)(void *ctx, void *reader, struct stored_record *ret_record);
    void (*close)(void *ctx, void *reader);
    int (*cursor_load)(void *ctx, const char *route, struct forward_cursor *ret_cursor);
    int (*cursor_save)(void *ctx, const char *route, const struct forward_cursor *cursor);
    /* Hands a payload to the route process; 0, or -EAGAIN when there is no room now. */
    int (*publish)(void *ctx, const char *route, uint64_t token, const char *topic_suffix,
                   bool retain, const char *payload, size_t len);
    /* Events of the route's own life: code ("receiver-silent"), severity, text. */
    void (*event)(void *ctx, const char *route, const char *code, const char *severity,
                  const char *text);
};

struct forward;

/* All is copied but consent and ports.ctx. The consent set is borrowed and may
 * change between calls. The cursor is loaded. NULL: no memory. */
struct forward *forward_new(const struct config_route *route, const char *gateway_id,
                            const char *epoch, const char *boot, struct consent *consent,
                            const struct forward_ports *ports);
void forward_free(struct forward *forward);

/* Is the route's host on loopback or the home's own network? Decides over `recipient:
 * self`. forward_new knows it for "localhost" and for addresses; whoever resolved another
 * name says it here, before forward_connected. */
void forward_set_local(struct forward *forward, bool is_local);
/* Does it send means? Their periods end by the clock: it must see records at once. */
bool forward_sends_means(const struct forward *forward);
/* The log's last committed seq. */
void forward_committed(struct forward *forward, uint64_t last_seq);
/* The route process connected (window > 0) or lost its broker (window 0). */
void forward_connected(struct forward *forward, unsigned window);
/* PUBACK of a token with its reason code; lost: to be sent again. Unknown tokens (of an
 * earlier process of the route) are ignored. */
void forward_done(struct forward *forward, uint64_t token, unsigned reason);
void forward_lost(struct forward *forward, uint64_t token);
/* A message on receipt/<epoch>. */
void forward_receipt(struct forward *forward, const char *epoch, const char *json,
                     size_t len);
/* Once a second: token bucket, receipt time-outs, means that are due. */
void forward_tick(struct forward *forward);

struct forward_stats {
    bool connected;
    uint64_t backlog;       /* seqs not confirmed yet */
    int64_t oldest_wall_ms; /* of the first unconfirmed record, 0: none */
    uint64_t n_sent, n_confirmed, n_resent, n_refused; /* readings; refused by consent */
    uint64_t n_messages;
};
/* Store's thread; gateway.c copies it for the API. */
void forward_get_stats(const struct forward *forward, struct forward_stats *ret_stats);

#endif
