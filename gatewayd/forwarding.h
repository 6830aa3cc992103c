/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the routes: forward (store's thread), gateway-route processes (loop), consent and
 * store. Made by gateway.c. Functions say on which thread they run.
 */
#ifndef GATEWAYD_FORWARDING_H
#define GATEWAYD_FORWARDING_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "gatewayd/forward/forward.h"
#include "gatewayd/forward/route_process.h"
#include "gatewayd/loop_calls.h"
#include "gatewayd/store/store.h"

struct forwarding;

struct forwarding_options {
    const char *route_program, *credentials, *version;
};

struct forwarding_hooks {
    void *ctx;
    /* Loop: a message on cmd/<id> of this route. */
    void (*command)(void *ctx, const char *route, const char *id,
                    const struct route_message *message);
    /* Loop: a message on plan of this route. */
    void (*plan)(void *ctx, const char *route, const struct route_message *message);
    /* Any thread. */
    void (*event)(void *ctx, const char *code, const char *severity, const char *text);
    /* Loop: an alarm of that code is over. */
    void (*clear)(void *ctx, const char *code, const char *text);
    /* Loop: after forwarding_stop. */
    void (*stopped)(void *ctx);
};

/* Loop. NULL: no memory. */
struct forwarding *forwarding_new(sd_event *event, struct loop_calls *calls,
                                  const struct forwarding_options *options,
                                  const struct forwarding_hooks *hooks);
/* Loop, after the store's thread has ended. */
void forwarding_free(struct forwarding *forwarding);
/* Loop: runs these routes and enters these grants; unchanged routes go on. */
int forwarding_apply(struct forwarding *forwarding, struct store *store,
                     const struct config *config);
/* Loop, each second. */
void forwarding_tick(struct forwarding *forwarding);
/* Loop: says goodbye on every route and ends them. */
void forwarding_stop(struct forwarding *forwarding);
/* Loop: publishes a small message (an acknowledgement) on that route, under consent for
 * `status`; dropped when the route is away: the sender asks again with the same id. */
void forwarding_answer(struct forwarding *forwarding, const char *route,
                       const char *topic, const char *payload);

/* Loop: from now on this is the grid message, retained on every route that has consent
 * for `grid`; sent again when a route connects. */
void forwarding_publish_grid(struct forwarding *forwarding, const char *payload);

/* Any thread: readings are gathered for a minute before routes see them; an event takes
 * along what waits. What is no record (grid, state, ack) is not concerned. */
void forwarding_save(struct forwarding *forwarding, bool is_saving);

/* Store's thread: its hooks. */
void forwarding_committed(struct forwarding *forwarding, uint64_t last_seq);
void forwarding_store_tick(struct forwarding *forwarding);
void forwarding_epoch_changed(struct forwarding *forwarding);

struct forwarding_view {
    const char *name, *state, *text;
    uint32_t n_restarts;
    struct forward_stats stats;
};
/* Any thread; strings borrowed for the call. */
void forwarding_visit(struct forwarding *forwarding,
                      void (*visit)(void *ctx, const struct forwarding_view *view),
                      void *ctx);

#endif
