/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway-route process of one route as the core sees it. On the core's loop, but for
 * route_process_publish, which the store's thread calls.
 */
#ifndef GATEWAYD_FORWARD_ROUTE_PROCESS_H
#define GATEWAYD_FORWARD_ROUTE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config/config.h"

struct route_process;

struct route_message {
    const char *topic; /* without the prefix: "cmd/17" */
    bool retained;
    uint32_t expiry_s; /* 0: none given */
    const char *payload;
    size_t len;
};

struct route_hooks {
    void *ctx;
    /* window 0: not connected; text: why, for people. */
    void (*state)(void *ctx, unsigned window, const char *text);
    void (*done)(void *ctx, uint64_t token, unsigned reason);
    void (*lost)(void *ctx, uint64_t token);
    void (*message)(void *ctx, const struct route_message *message);
    /* The process ended; every token it had is lost. */
    void (*down)(void *ctx);
    void (*stopped)(void *ctx);
};

struct route_process_options {
    const char *program;         /* path of gateway-route */
    const char *credentials;     /* paths begin so, as in route_msg.h; "" none */
    const char *gateway_id, *site;
    const char *will;            /* payload of the will, on PREFIX/state */
};

/* NULL: no memory. Starts it. */
struct route_process *route_process_new(sd_event *event, const struct config_route *route,
                                        const struct route_process_options *options,
                                        const struct route_hooks *hooks);
void route_process_free(struct route_process *process);
void route_process_tick(struct route_process *process);
/* Any thread. 0, -EAGAIN, -ENOTCONN. */
int route_process_publish(struct route_process *process, uint64_t token,
                          const char *topic, bool retain, const char *payload,
                          size_t len);
/* Lets it disconnect; hooks.stopped within 1 s. */
void route_process_stop(struct route_process *process);
/* Ends it and starts it anew, as after a crash: every token it had is lost. */
void route_process_restart(struct route_process *process, const char *why);
uint32_t route_process_n_restarts(const struct route_process *process);

#endif
