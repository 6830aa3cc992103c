/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of the gateway: each is a link of a forward (store's thread) and a process
 * (loop). What one side has for the other crosses by store_post and loop_calls_post; a
 * link is freed only after the store's thread let go of it. forwarding->lock guards the
 * views.
 */
#include "gatewayd/forwarding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/grants.h"
#include "gatewayd/locality.h"
#include "gatewayd/route_begin.h"
#include "gatewayd/route_link.h"
#include "gatewayd/route_note.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

static void free_link(struct route_link *link)
{
    route_process_free(link->process);
    forward_free(link->live.forward);
    forward_free(link->drain.forward);
    route_note_done(link);
    free(link->route.name);
    free(link->route.url);
    free(link->route.recipient);
    free(link->route.host);
    free(link->gateway_id);
    free(link->site);
    if (link->question)
        locality_cancel(link->question);
    for (unsigned i = 0; i < link->n_receipts; i++)
        free(link->receipts[i].payload);
    for (unsigned i = 0; i < link->n_early; i++)
        free(link->early[i].payload);
    free(link);
}

static void start_waiting(struct forwarding *forwarding);

static void check_stopped(struct forwarding *forwarding)
{
    if (forwarding->stopping && forwarding->n_links == 0 && !forwarding->retired) {
        forwarding->stopping = false;
        forwarding->hooks.stopped(forwarding->hooks.ctx);
    }
}

void forwarding_free_link(void *arg)
{
    struct route_link *link = arg, **at;
    struct forwarding *forwarding = link->owner;

    for (at = &forwarding->retired; *at && *at != link; at = &(*at)->next_retired)
        ;
    if (*at)
        *at = link->next_retired;
    free_link(link);
    start_waiting(forwarding);
    check_stopped(forwarding);
}

#define RESOLVE_RETRY_S 30

/* ---- the route's process (loop) ---------------------------------------------------- */

static void on_state(void *ctx, unsigned window, const char *text)
{
    struct route_link *link = ctx;
    bool was_online = strcmp(link->state, "online") == 0;
    char line[300];

    route_link_set_state(link, window > 0 ? "online" : "offline", window > 0 ? "" : text);
    if (was_online != (window > 0) && link->life != LINK_RETIRED) {
        snprintf(line, sizeof line, "route '%s' %s%s%s", link->route.name,
                 window > 0 ? "connected" : "lost its broker",
                 window > 0 || !*text ? "" : ": ", window > 0 ? "" : text);
        link->owner->hooks.event(link->owner->hooks.ctx,
                                 window > 0 ? "route-online" : "route-offline",
                                 window > 0 ? "info" : "warning", line);
    }
    if (window > 0)
        link->owner->hooks.clear(link->owner->hooks.ctx, "route-process-down",
                                 "the route's process works again");
    route_note_connected(link, window);
}

static void on_done(void *ctx, uint64_t token, unsigned reason)
{
    if (!(token & OWN_TOKEN))
        route_note_send(ctx, NOTE_DONE, token, reason, NULL, NULL, 0);
}

static void on_lost(void *ctx, uint64_t token)
{
    if (!(token & OWN_TOKEN))
        route_note_send(ctx, NOTE_LOST, token, 0, NULL, NULL, 0);
}

static void on_message(void *ctx, const struct route_message *message)
{
    struct route_link *link = ctx;
    struct forwarding *forwarding = link->owner;

    if (strncmp(message->topic, "receipt/", 8) == 0)
        route_note_receipt(link, message->topic, message->payload, message->len);
    else if (strncmp(message->topic, "cmd/", 4) == 0)
        forwarding->hooks.command(forwarding->hooks.ctx, link->route.name,
                                  message->topic + 4, message);
    else if (strcmp(message->topic, "plan") == 0)
        forwarding->hooks.plan(forwarding->hooks.ctx, link->route.name, message);
}

/* State 0 went before it: the forward takes every open token as lost. */
static void on_down(void *ctx)
{
    struct route_link *link = ctx;
    char line[200];

    snprintf(line, sizeof line,
             "the process of route '%s' ended or hung and is started anew",
             link->route.name);
    link->owner->hooks.event(link->owner->hooks.ctx, "route-process-down", "alarm", line);
}

static void on_stopped(void *ctx)
{
    struct route_link *link = ctx;

    route_note_tell(link, NOTE_DETACH, link->is_removed);
}

void forwarding_start_process(void *arg)
{
    struct route_link *link = arg;
    struct forwarding *forwarding = link->owner;
    char will[300];
    struct route_process_options options = {.program = forwarding->route_program,
                                            .credentials = forwarding->credentials,
                                            .gateway_id = link->gateway_id,
                                            .site = link->site,
                                            .will = will};
    struct route_hooks hooks = {.ctx = link,
                                .state = on_state,
                                .done = on_done,
                                .lost = on_lost,
                                .message = on_message,
                                .down = on_down,
                                .stopped = on_stopped};

    if (link->life == LINK_RETIRED) {
        on_stopped(link);
        return;
    }
    snprintf(will, sizeof will,
             "{\"v\":1,\"state\":\"offline\",\"boot\":\"%s\",\"epoch\":\"%s\","
             "\"version\":\"%s\","
             "\"t\":%lld}",
             clock_boot_id(), link->epoch, forwarding->version,
             (long long)clock_wall_ms());
    route_link_set_state(link, "starting", "");
    link->process = route_process_new(forwarding->event, &link->route, &options, &hooks);
    link->life = LINK_RUNNING;
    if (!link->process)
        route_link_set_state(link, "offline", "no memory for the route's process");
}

/* After the goodbye was handed to it. */
void forwarding_stop_process(void *arg)
{
    struct route_link *link = arg;

    route_process_stop(link->process);
}

void forwarding_refuse_link(void *arg)
{
    struct route_link *link = arg;
    char line[400];

    if (link->life == LINK_RETIRED) {
        forwarding_free_link(link);
        return;
    }
    link->life = LINK_REFUSED;
    if (strcmp(link->route.recipient, "self") == 0)
        snprintf(line, sizeof line,
                 "%s is outside the home's network: a route with recipient "
                 "'self' waits for the resident's confirmation",
                 link->route.host);
    else
        snprintf(line, sizeof line, "no live consent for recipient '%s': nothing is sent",
                 link->route.recipient);
    route_link_set_state(link, "refused", line);
    log_warning(link->route.name, "%s", line);
    link->owner->hooks.event(link->owner->hooks.ctx, "route-refused", "warning", line);
}

/* ---- where a route leads: local or not --------------------------------------------- */

static void on_locality(void *ctx, bool found, bool is_local)
{
    struct route_link *link = ctx;

    link->question = NULL;
    if (!found && strcmp(link->route.recipient, "self") == 0) {
        route_link_set_state(link, "offline",
                             "its name cannot be found; asking again in 30 s");
        link->life = LINK_NEW;
        link->resolve_boot_ns = clock_boot_ns() + RESOLVE_RETRY_S * CLOCK_NS_PER_S;
    } else {
        link->is_local = is_local;
        link->life = LINK_WAITING;
        route_note_tell(link, NOTE_ATTACH, 0);
    }
}

/* One route has one process and one forward at a time: the old one of its name may still
 * hand over what it has, and its cursor. The bound is that of the store's thread's
 * table. */
static bool must_wait(const struct route_link *link)
{
    const struct forwarding *forwarding = link->owner;
    unsigned n_taken = 0;

    for (const struct route_link *old = forwarding->retired; old;
         old = old->next_retired) {
        n_taken++;
        if (strcmp(old->route.name, link->route.name) == 0)
            return true;
    }
    for (unsigned i = 0; i < forwarding->n_links; i++)
        n_taken += forwarding->links[i]->life != LINK_NEW;
    return n_taken >= LINKS_MAX;
}

static void start_link(struct route_link *link)
{
    struct locality *question;

    if (must_wait(link))
        return; /* until the end of an old one */
    link->life = LINK_RESOLVING;
    question = locality_ask(link->owner->calls, link->route.host, on_locality, link);
    if (question)
        link->question = question;
}

static void start_waiting(struct forwarding *forwarding)
{
    for (unsigned i = 0; i < forwarding->n_links; i++) {
        struct route_link *link = forwarding->links[i];

        if (link->life == LINK_NEW && clock_boot_ns() >= link->resolve_boot_ns)
            start_link(link);
    }
}

/* ---- life (loop) ------------------------------------------------------------------- */

struct forwarding *forwarding_new(sd_event *event, struct loop_calls *calls,
                                  const struct forwarding_options *options,
                                  const struct forwarding_hooks *hooks)
{
    struct forwarding *forwarding = calloc(1, sizeof *forwarding);

    if (!forwarding)
        return NULL;
    forwarding->event = sd_event_ref(event);
    forwarding->calls = calls;
    forwarding->hooks = *hooks;
    forwarding->route_program = strdup(options->route_program);
    forwarding->credentials = strdup(options->credentials);
    forwarding->version = strdup(options->version);
    forwarding->consent = consent_new();
    pthread_mutex_init(&forwarding->lock, NULL);
    return forwarding;
}

void forwarding_free(struct forwarding *forwarding)
{
    if (!forwarding)
        return;
    for (unsigned i = 0; i < forwarding->n_links; i++)
        free_link(forwarding->links[i]);
    while (forwarding->retired) { /* the time to stop ran out */
        struct route_link *link = forwarding->retired;

        forwarding->retired = link->next_retired;
        free_link(link);
    }
    free(forwarding->grid);
    consent_free(forwarding->consent);
    pthread_mutex_destroy(&forwarding->lock);
    sd_event_unref(forwarding->event);
    free(forwarding->route_program);
    free(forwarding->credentials);
    free(forwarding->version);
    free(forwarding);
}

static struct route_link *make_link(struct forwarding *forwarding,
                                    const struct config *config,
                                    const struct config_route *route)
{
    struct route_link *link = calloc(1, sizeof *link);

    if (!link)
        return NULL;
    link->owner = forwarding;
    link->route = *route;
    link->route.name = strdup(route->name);
    link->route.url = strdup(route->url);
    link->route.recipient = strdup(route->recipient);
    link->route.host = strdup(route->host);
    link->gateway_id = strdup(config->gateway_id);
    link->site = strdup(config->site);
    if (!link->route.name || !link->route.url || !link->route.recipient ||
        !link->route.host || !link->gateway_id || !link->site ||
        route_note_prepare(link) < 0) {
        free_link(link);
        return NULL;
    }
    snprintf(link->state, sizeof link->state, "starting");
    return link;
}

/* Takes the link out of the views; it is freed when everybody let go of it. */
static void retire(struct forwarding *forwarding, unsigned position)
{
    struct route_link *link = forwarding->links[position];
    enum link_life life = link->life;

    pthread_mutex_lock(&forwarding->lock);
    memmove(&forwarding->links[position], &forwarding->links[position + 1],
            (forwarding->n_links - position - 1) * sizeof(struct route_link *));
    forwarding->n_links--;
    pthread_mutex_unlock(&forwarding->lock);
    link->next_retired = forwarding->retired;
    forwarding->retired = link;
    link->life = LINK_RETIRED;
    if (link->question) {
        locality_cancel(link->question);
        link->question = NULL;
    }
    if (life == LINK_RUNNING && link->process) {
        route_note_tell(link, NOTE_GOODBYE, 0);
    } else if (life != LINK_WAITING) {
        on_stopped(link);
    } /* WAITING ends when the answer of the store's thread comes */
}

static bool still_wanted(const struct route_link *link, const struct config *config)
{
    if (strcmp(link->gateway_id, config->gateway_id) != 0 ||
        strcmp(link->site, config->site) != 0 || link->life == LINK_REFUSED)
        return false;
    for (uint32_t i = 0; i < config->n_routes; i++)
        if (strcmp(config->routes[i].name, link->route.name) == 0)
            return config_route_equal(&config->routes[i], &link->route);
    return false;
}

static bool names_route(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->n_routes; i++)
        if (strcmp(config->routes[i].name, name) == 0)
            return true;
    return false;
}

/* Removed and back before its end: it was not removed. */
static void keep_cursor(struct forwarding *forwarding, const char *name)
{
    for (struct route_link *link = forwarding->retired; link; link = link->next_retired)
        if (strcmp(link->route.name, name) == 0)
            link->is_removed = false;
}

static bool has_link(const struct forwarding *forwarding, const char *name)
{
    for (unsigned i = 0; i < forwarding->n_links; i++)
        if (strcmp(forwarding->links[i]->route.name, name) == 0)
            return true;
    return false;
}

static void on_grant_event(void *ctx, const char *code, const char *severity,
                           const char *text)
{
    struct forwarding *forwarding = ctx;

    forwarding->hooks.event(forwarding->hooks.ctx, code, severity, text);
}

int forwarding_apply(struct forwarding *forwarding, struct store *store,
                     const struct config *config)
{
    const struct grants_hooks grants_hooks = {forwarding, on_grant_event,
                                              route_begin_mark};
    int rc;

    forwarding->store = store;
    rc = grants_enter(store, forwarding->consent, config, &grants_hooks);
    for (unsigned i = forwarding->n_links; i > 0; i--)
        if (!still_wanted(forwarding->links[i - 1], config)) {
            forwarding->links[i - 1]->is_removed =
                !names_route(config, forwarding->links[i - 1]->route.name);
            retire(forwarding, i - 1);
        }
    for (uint32_t i = 0; i < config->n_routes && rc == 0; i++) {
        struct route_link *link;

        keep_cursor(forwarding, config->routes[i].name);
        if (has_link(forwarding, config->routes[i].name))
            continue;
        if (forwarding->n_links == LINKS_MAX)
            return -ENOSPC;
        link = make_link(forwarding, config, &config->routes[i]);
        if (!link)
            return -ENOMEM;
        pthread_mutex_lock(&forwarding->lock);
        forwarding->links[forwarding->n_links++] = link;
        pthread_mutex_unlock(&forwarding->lock);
        start_link(link);
    }
    return rc;
}

void forwarding_tick(struct forwarding *forwarding)
{
    for (unsigned i = 0; i < forwarding->n_links; i++) {
        struct route_link *link = forwarding->links[i];

        if (link->process)
            route_process_tick(link->process);
        if (link->owes_state)
            route_note_connected(link, link->new_window);
    }
    start_waiting(forwarding);
}

void forwarding_stop(struct forwarding *forwarding)
{
    forwarding->stopping = true;
    while (forwarding->n_links > 0)
        retire(forwarding, forwarding->n_links - 1);
    check_stopped(forwarding);
}

void forwarding_answer(struct forwarding *forwarding, const char *route,
                       const char *topic, const char *payload)
{
    for (unsigned i = 0; i < forwarding->n_links; i++)
        if (strcmp(forwarding->links[i]->route.name, route) == 0)
            route_note_send(forwarding->links[i], NOTE_ANSWER, 0, 0, topic, payload,
                            strlen(payload));
}

void forwarding_publish_grid(struct forwarding *forwarding, const char *payload)
{
    char *copy = strdup(payload), *old;

    if (!copy)
        return;
    pthread_mutex_lock(&forwarding->lock);
    old = forwarding->grid;
    forwarding->grid = copy;
    pthread_mutex_unlock(&forwarding->lock);
    free(old);
    for (unsigned i = 0; i < forwarding->n_links; i++)
        if (forwarding->links[i]->life == LINK_RUNNING)
            route_note_send(forwarding->links[i], NOTE_GRID, 0, 0, NULL, NULL, 0);
}

void forwarding_visit(struct forwarding *forwarding,
                      void (*visit)(void *ctx, const struct forwarding_view *view),
                      void *ctx)
{
    pthread_mutex_lock(&forwarding->lock);
    for (unsigned i = 0; i < forwarding->n_links; i++) {
        const struct route_link *link = forwarding->links[i];
        struct forwarding_view view = {
            .name = link->route.name, .state = link->state, .text = link->text,
            .n_restarts = link->process ? route_process_n_restarts(link->process) : 0,
            .stats = link->stats};

        visit(ctx, &view);
    }
    pthread_mutex_unlock(&forwarding->lock);
}
