/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's thread of the routes: what the loop has for a forward arrives here as
 * notes; what a forward wants goes to the route's process or back by loop_calls_post.
 */
#include "gatewayd/route_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/grants.h"
#include "gatewayd/route_begin.h"
#include "gatewayd/route_note.h"
#include "gatewayd/store/store_facts.h"
#include "gatewayd/store/store_read.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* of readings, while energy is saved */
#define GATHER_NS (60 * CLOCK_NS_PER_S)

void route_link_set_state(struct route_link *link, const char *state, const char *text)
{
    pthread_mutex_lock(&link->owner->lock);
    snprintf(link->state, sizeof link->state, "%s", state);
    snprintf(link->text, sizeof link->text, "%s", text ? text : "");
    pthread_mutex_unlock(&link->owner->lock);
}

/* ---- the store's thread ------------------------------------------------------------ */

static struct consent_route consent_route_of(const struct route_link *link)
{
    return (struct consent_route){link->route.recipient, link->is_local};
}

static bool status_allowed(const struct route_link *link)
{
    struct consent_route route = consent_route_of(link);

    return consent_allows(link->owner->consent, &route, CATEGORY_STATUS, GRANULARITY_RAW,
                          clock_wall_ms()) == CONSENT_ALLOWED;
}

static void publish_state(struct route_link *link, const char *state)
{
    char payload[400];
    int len;

    if (!link->process || !status_allowed(link))
        return;
    len = snprintf(
        payload, sizeof payload,
        "{\"v\":1,\"state\":\"%s\",\"boot\":\"%s\",\"epoch\":\"%s\",\"version\":\"%s\","
        "\"t\":%lld}",
        state, clock_boot_id(), link->epoch, link->owner->version,
        (long long)clock_wall_ms());
    route_process_publish(link->process, OWN_TOKEN, "state", true, payload, (size_t)len);
}

/* The state of the grid, retained, under consent for `grid`. */
static void publish_grid(struct route_link *link)
{
    struct consent_route route = consent_route_of(link);
    char *payload;

    if (!link->process || link->window == 0 ||
        consent_allows(link->owner->consent, &route, CATEGORY_GRID, GRANULARITY_EVENT,
                       clock_wall_ms()) != CONSENT_ALLOWED)
        return;
    pthread_mutex_lock(&link->owner->lock);
    payload = link->owner->grid ? strdup(link->owner->grid) : NULL;
    pthread_mutex_unlock(&link->owner->lock);
    if (payload)
        route_process_publish(link->process, OWN_TOKEN, "grid", true, payload,
                              strlen(payload));
    free(payload);
}

static int port_open(void *ctx, uint64_t from_seq, void **ret_reader)
{
    const struct route_side *side = ctx;

    return store_reader_open_epoch(side->link->owner->store, side->epoch, from_seq,
                                   (struct store_reader **)ret_reader);
}

static int port_next(void *ctx, void *reader, struct stored_record *ret_record)
{
    (void)ctx;
    return store_reader_next(reader, ret_record);
}

static void port_close(void *ctx, void *reader)
{
    (void)ctx;
    store_reader_close(reader);
}

_Static_assert(sizeof(struct forward_cursor) == sizeof(struct store_cursor),
               "the cursor is the same plain data on both sides");

static int port_cursor_load(void *ctx, const char *route,
                            struct forward_cursor *ret_cursor)
{
    const struct route_side *side = ctx;
    struct store_cursor cursor;
    int rc =
        store_cursor_load_epoch(side->link->owner->store, route, side->epoch, &cursor);

    if (rc == 0)
        memcpy(ret_cursor, &cursor, sizeof cursor);
    return rc;
}

static int port_cursor_save(void *ctx, const char *route,
                            const struct forward_cursor *cursor)
{
    const struct route_side *side = ctx;
    struct store_cursor copy;

    memcpy(&copy, cursor, sizeof copy);
    return store_cursor_save(side->link->owner->store, route, &copy);
}

static int port_publish(void *ctx, const char *route, uint64_t token, const char *topic,
                        bool retain, const char *payload, size_t len)
{
    const struct route_side *side = ctx;

    (void)route;
    if (!side->link->process)
        return -ENOTCONN;
    return route_process_publish(side->link->process, token, topic, retain, payload, len);
}

static void port_event(void *ctx, const char *route, const char *code,
                       const char *severity, const char *text)
{
    const struct route_side *side = ctx;
    struct forwarding *forwarding = side->link->owner;
    char line[300];

    if (side == &side->link->live && strcmp(code, "receiver-ahead") == 0)
        store_new_epoch(forwarding->store, code);
    snprintf(line, sizeof line, "route '%s': %s", route, text);
    forwarding->hooks.event(forwarding->hooks.ctx, code, severity, line);
    if (strcmp(code, "route-no-subscriber") == 0 || strcmp(code, "route-refused") == 0)
        route_link_set_state(side->link, "online", text); /* why nothing gets confirmed */
}

/* ---- a route's forwards, one per epoch --------------------------------------------- */

static void make_forward(struct route_side *side, const char *epoch, uint64_t last_seq)
{
    struct route_link *link = side->link;
    struct forward_ports ports = {.ctx = side,
                                  .open = port_open,
                                  .next = port_next,
                                  .close = port_close,
                                  .cursor_load = port_cursor_load,
                                  .cursor_save = port_cursor_save,
                                  .publish = port_publish,
                                  .event = port_event};

    snprintf(side->epoch, sizeof side->epoch, "%s", epoch);
    side->forward = forward_new(&link->route, link->gateway_id, epoch, clock_boot_id(),
                                link->owner->consent, &ports);
    if (!side->forward)
        return;
    forward_set_local(side->forward, link->is_local);
    forward_committed(side->forward, last_seq);
}

static void free_forward(struct route_side *side)
{
    struct forward_stats stats, *past;

    if (!side->forward) /* the side of a link that never attached knows no link */
        return;
    past = &side->link->past;
    forward_get_stats(side->forward, &stats);
    past->n_sent += stats.n_sent;
    past->n_confirmed += stats.n_confirmed;
    past->n_resent += stats.n_resent;
    past->n_refused += stats.n_refused;
    past->n_messages += stats.n_messages;
    forward_free(side->forward);
    side->forward = NULL;
}

/* Behind the live epoch a closed one gets a quarter of the window; in strict order
 * all. */
static void share_window(struct route_link *link)
{
    unsigned behind = 0, live = link->window;

    if (link->drain.forward && link->window > 0) {
        behind = link->route.strict_order ? live : live / 4 > 0 ? live / 4 : 1;
        live = link->route.strict_order ? 0 : live - behind > 0 ? live - behind : 1;
    }
    if (link->drain.forward)
        forward_connected(link->drain.forward, behind);
    if (link->live.forward)
        forward_connected(link->live.forward, live);
}

/* What the receiver said of this epoch before its turn came. */
static void give_early(struct route_side *side)
{
    struct route_link *link = side->link;

    for (unsigned i = 0; i < link->n_early; i++) {
        struct early_receipt early = link->early[i];

        if (strcmp(early.epoch, side->epoch) != 0)
            continue;
        link->early[i] = link->early[--link->n_early];
        if (side->forward)
            forward_receipt(side->forward, early.epoch, early.payload, early.len);
        free(early.payload);
        return;
    }
}

/* The last of each epoch; of too many the first place is given up, its rows go again. */
static void keep_receipt(struct route_link *link, const char *epoch,
                         struct waiting_receipt *receipt)
{
    struct early_receipt *place = link->early;
    struct store_cursor cursor;
    unsigned i;

    if (strlen(epoch) >= sizeof place->epoch ||
        store_cursor_load_epoch(link->owner->store, link->route.name, epoch, &cursor) < 0)
        return; /* nothing of it is wanted */
    for (i = 0; i < link->n_early && strcmp(link->early[i].epoch, epoch) != 0; i++)
        ;
    if (i < RECEIPTS_MAX)
        place = &link->early[i];
    if (i == link->n_early && i < RECEIPTS_MAX)
        link->n_early++;
    else
        free(place->payload);
    snprintf(place->epoch, sizeof place->epoch, "%s", epoch);
    place->payload = receipt->payload;
    place->len = receipt->len;
    receipt->payload = NULL;
}

/* Takes up the oldest closed epoch, and lets go of one that is done. */
static void update_drain(struct route_link *link)
{
    struct store_epoch oldest;
    int n = store_epochs_pending(link->owner->store, link->route.name, &oldest, 1);

    if (link->drain.forward ? n > 0 && strcmp(oldest.hex, link->drain.epoch) == 0
                            : n == 0)
        return;
    free_forward(&link->drain);
    if (n > 0)
        make_forward(&link->drain, oldest.hex, oldest.last_seq);
    share_window(link);
    if (n > 0)
        give_early(&link->drain);
}

static void make_forwards(struct route_link *link)
{
    struct store_stats stats;

    store_get_stats(link->owner->store, &stats);
    snprintf(link->epoch, sizeof link->epoch, "%s", stats.epoch);
    link->live.link = link->drain.link = link;
    free_forward(&link->live);
    free_forward(&link->drain);
    make_forward(&link->live, stats.epoch, stats.last_seq);
    update_drain(link);
    share_window(link);
}

/* A backlog under a rate limit and waiting receipts need the second's tick; else the
 * store's thread sleeps until its next commit. */
static void update_tick(struct forwarding *forwarding)
{
    bool wanted = false;

    for (unsigned i = 0; i < forwarding->n_active; i++)
        wanted |= forwarding->active[i]->window > 0 &&
                  (forwarding->active[i]->stats.backlog > 0 ||
                   forwarding->active[i]->drain.forward);
    store_set_tick(forwarding->store, wanted);
}

static void add_stats(struct forward_stats *sum, const struct forward *forward)
{
    struct forward_stats stats;

    if (!forward)
        return;
    forward_get_stats(forward, &stats);
    sum->connected |= stats.connected;
    sum->backlog += stats.backlog;
    if (stats.oldest_wall_ms &&
        (!sum->oldest_wall_ms || stats.oldest_wall_ms < sum->oldest_wall_ms))
        sum->oldest_wall_ms = stats.oldest_wall_ms;
    sum->n_sent += stats.n_sent;
    sum->n_confirmed += stats.n_confirmed;
    sum->n_resent += stats.n_resent;
    sum->n_refused += stats.n_refused;
    sum->n_messages += stats.n_messages;
}

static void copy_stats(struct route_link *link)
{
    struct forward_stats stats = link->past;

    add_stats(&stats, link->live.forward);
    add_stats(&stats, link->drain.forward);
    pthread_mutex_lock(&link->owner->lock);
    if (stats.n_confirmed > link->stats.n_confirmed && strcmp(link->state, "online") == 0)
        link->text[0] = '\0';
    link->stats = stats;
    pthread_mutex_unlock(&link->owner->lock);
}

static bool has_any_consent(const struct route_link *link)
{
    struct consent_route route = consent_route_of(link);

    for (int category = 0; category < CATEGORY_COUNT; category++)
        if (consent_finest(link->owner->consent, &route, category, clock_wall_ms()) >= 0)
            return true;
    return false;
}

/* Without any grant not even a connection is made: it alone would tell something. */
static void attach(struct route_link *link)
{
    struct forwarding *forwarding = link->owner;
    bool allowed = has_any_consent(link);

    route_begin(link, allowed);
    if (!allowed) {
        loop_calls_post(forwarding->calls, forwarding_refuse_link, link);
        return;
    }
    forwarding->active[forwarding->n_active++] = link;
    make_forwards(link);
    loop_calls_post(forwarding->calls, forwarding_start_process, link);
}

static void detach(struct route_link *link, bool is_removed)
{
    struct forwarding *forwarding = link->owner;

    for (unsigned i = 0; i < forwarding->n_active; i++)
        if (forwarding->active[i] == link) {
            forwarding->active[i] = forwarding->active[--forwarding->n_active];
            break;
        }
    free_forward(&link->live);
    free_forward(&link->drain);
    if (is_removed) {
        char key[100];

        snprintf(key, sizeof key, "route.%s", link->route.name);
        store_fact_put(forwarding->store, key, NULL);
        store_cursor_forget(forwarding->store, link->route.name);
    }
    loop_calls_post(forwarding->calls, forwarding_free_link, link);
}

static void set_window(struct route_link *link, unsigned window)
{
    link->window = window;
    if (window > 0)
        publish_state(link, "online");
    publish_grid(link);
    share_window(link);
}

static void connected(struct route_link *link)
{
    unsigned window;
    bool went_down;

    pthread_mutex_lock(&link->owner->lock);
    window = link->new_window;
    went_down = link->went_down;
    link->is_state_sent = link->went_down = false;
    pthread_mutex_unlock(&link->owner->lock);
    if (went_down && window > 0)
        set_window(link, 0); /* what the process before it had is lost */
    set_window(link, window);
}

static void receipt(struct route_link *link, struct waiting_receipt *receipt)
{
    const char *epoch = strchr(receipt->topic, '/');
    struct route_side *side = NULL;

    if (!epoch || !link->live.forward)
        return;
    epoch++;
    if (strcmp(epoch, link->live.epoch) == 0)
        side = &link->live;
    else if (link->drain.forward && strcmp(epoch, link->drain.epoch) == 0)
        side = &link->drain;
    if (side)
        forward_receipt(side->forward, epoch, receipt->payload, receipt->len);
    else
        keep_receipt(link, epoch, receipt);
}

static void receipts(struct route_link *link)
{
    struct waiting_receipt taken[RECEIPTS_MAX];
    unsigned n;

    pthread_mutex_lock(&link->owner->lock);
    n = link->n_receipts;
    memcpy(taken, link->receipts, sizeof taken);
    link->n_receipts = 0;
    pthread_mutex_unlock(&link->owner->lock);
    for (unsigned i = 0; i < n; i++) {
        receipt(link, &taken[i]);
        free(taken[i].payload);
    }
}

/* Tokens of another forward are unknown to it and ignored. */
static void done(struct route_link *link, const struct note *note)
{
    if (link->live.forward)
        forward_done(link->live.forward, note->token, note->number);
    if (link->drain.forward)
        forward_done(link->drain.forward, note->token, note->number);
}

static void lost(struct route_link *link, const struct note *note)
{
    if (link->live.forward)
        forward_lost(link->live.forward, note->token);
    if (link->drain.forward)
        forward_lost(link->drain.forward, note->token);
}

void route_link_on_note(void *arg)
{
    struct note *note = arg;
    struct route_link *link = note->link;

    if (note->kind > NOTE_CONNECTED) {
        atomic_fetch_sub(&link->n_waiting, 1);
        atomic_fetch_sub(&link->waiting_bytes, (unsigned)note->len);
    }
    switch (note->kind) {
    case NOTE_CONNECTED:
        connected(link);
        break;
    case NOTE_DONE:
        done(link, note);
        break;
    case NOTE_LOST:
        lost(link, note);
        break;
    case NOTE_RECEIPT:
        receipts(link);
        break;
    case NOTE_ANSWER:
        if (link->process && status_allowed(link))
            route_process_publish(link->process, OWN_TOKEN, note->topic, false,
                                  note->payload, note->len);
        break;
    case NOTE_GRID:
        publish_grid(link);
        break;
    case NOTE_ATTACH:
        attach(link);
        break;
    case NOTE_GOODBYE:
        publish_state(link, "offline");
        loop_calls_post(link->owner->calls, forwarding_stop_process, link);
        break;
    case NOTE_DETACH:
        detach(link, note->number != 0);
        free(note);
        return; /* the link may be gone already */
    }
    if (link->live.forward)
        update_drain(link);
    copy_stats(link);
    update_tick(link->owner);
    free(note);
}

void forwarding_save(struct forwarding *forwarding, bool is_saving)
{
    atomic_store(&forwarding->is_saving, is_saving);
}

/* The radio sleeps while readings gather. The evidence is read on, so that another commit
 * comes. */
static bool may_gather(struct forwarding *forwarding, const struct store_stats *stats)
{
    int64_t now_ns = clock_boot_ns();

    if (atomic_load(&forwarding->is_saving) && now_ns < forwarding->tell_boot_ns &&
        stats->n_events == forwarding->n_events)
        return true;
    forwarding->n_events = stats->n_events;
    forwarding->tell_boot_ns = now_ns + GATHER_NS;
    return false;
}

void forwarding_committed(struct forwarding *forwarding, uint64_t last_seq)
{
    struct store_stats stats;
    bool gathers;

    if (!forwarding->store)
        return;
    store_get_stats(forwarding->store, &stats);
    forwarding->last_seq = last_seq;
    gathers = may_gather(forwarding, &stats);
    for (unsigned i = 0; i < forwarding->n_active; i++) {
        struct route_link *link = forwarding->active[i];

        if (strcmp(stats.epoch, link->epoch) != 0)
            make_forwards(link); /* the store went to RAM, or came back */
        if (link->live.forward && (!gathers || forward_sends_means(link->live.forward)))
            forward_committed(link->live.forward, last_seq);
        update_drain(link);
        copy_stats(link);
    }
    update_tick(forwarding);
}

void forwarding_epoch_changed(struct forwarding *forwarding)
{
    if (forwarding->store)
        grants_reload(forwarding->store, forwarding->consent);
}

void forwarding_store_tick(struct forwarding *forwarding)
{
    if (!forwarding->store) /* it may be at work before it is known here */
        return;
    grants_check_clock(forwarding->store, forwarding->consent);
    for (unsigned i = 0; i < forwarding->n_active; i++) {
        struct route_link *link = forwarding->active[i];

        if (link->live.forward)
            forward_tick(link->live.forward);
        if (link->drain.forward)
            forward_tick(link->drain.forward);
        update_drain(link);
        copy_stats(link);
    }
    update_tick(forwarding);
}
