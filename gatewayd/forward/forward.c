/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one route and its confirmations; see forward.h. gateway.c joins it to the
 * store (records, cursor) and to gateway-route (publish, PUBACK, receipts); send.c and
 * scan.c make the messages. On the store's thread.
 */
#include "gatewayd/forward/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/forward/receipt.h"
#include "gatewayd/forward/scan.h"
#include "gatewayd/forward/send.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

#define RECEIPT_WAIT_S 60 /* without a receipt that says something new: send again */
#define MISSING_GRACE_S 2 /* a receipt may have crossed the message it misses */
#define BACKOFF_FIRST_S 5
#define BACKOFF_MAX_S 60
#define DEFERRED_MAX 32 /* events set aside; more wait like readings */
#define REASON_NOBODY 0x10 /* MQTT 5: no matching subscribers */

/* ---- life
 * ------------------------------------------------------------------------------- */

static bool host_is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || consent_address_is_local(host);
}

static void load_cursor(struct forward *forward)
{
    struct forward_cursor *cursor = &forward->cursor;
    uint64_t stored_low;
    bool was_held;

    if (forward->ports.cursor_load(forward->ports.ctx, forward->name, cursor) < 0 ||
        strcmp(cursor->epoch, forward->epoch) != 0)
        memset(cursor, 0, sizeof *cursor);
    memcpy(cursor->epoch, forward->epoch, sizeof cursor->epoch);
    stored_low = cursor->low;
    was_held = cursor_release(cursor);
    if (scan_is_needed(forward)) {
        /* from the stored mark, even should a receipt move the cursor before the first
         * look */
        forward->means_mode = true;
        forward->scan = stored_low;
    } else if (was_held) {
        /* covered for a mean that was never sent; raw may go now, so it goes again */
        cursor->low = stored_low;
    }
}

static struct forward *init(struct forward *forward, const struct config_route *config)
{
    forward->name = strdup(config->name);
    forward->recipient = strdup(config->recipient ? config->recipient : "");
    forward->host = strdup(config->host ? config->host : "");
    forward->means = means_new();
    if (!forward->name || !forward->recipient || !forward->host || !forward->means) {
        forward_free(forward);
        return NULL;
    }
    forward->route.recipient = forward->recipient;
    forward->route.is_local = host_is_local(forward->host);
    forward->confirm_receiver = config->confirm_receiver;
    forward->strict_order = config->strict_order;
    forward->rate_per_s = config->rate_per_s;
    forward->rows.ports = &forward->ports;
    rows_close(&forward->rows, FORWARD_ROWS_PER_TURN);
    forward->t_tick_boot_ns = clock_boot_ns();
    /* unlike those of an earlier route of that name, whose answers may still come */
    forward->last_token = (uint64_t)forward->t_tick_boot_ns;
    load_cursor(forward);
    return forward;
}

struct forward *forward_new(const struct config_route *route, const char *gateway_id,
                            const char *epoch, const char *boot, struct consent *consent,
                            const struct forward_ports *ports)
{
    struct forward *forward = calloc(1, sizeof *forward);

    if (!forward)
        return NULL;
    strbuf_init(&forward->buf);
    forward->consent = consent;
    forward->ports = *ports;
    snprintf(forward->gateway, sizeof forward->gateway, "%s", gateway_id);
    snprintf(forward->epoch, sizeof forward->epoch, "%s", epoch);
    snprintf(forward->boot, sizeof forward->boot, "%s", boot);
    return init(forward, route);
}

void forward_free(struct forward *forward)
{
    if (!forward)
        return;
    means_free(forward->means);
    strbuf_done(&forward->buf);
    free(forward->name);
    free(forward->recipient);
    free(forward->host);
    free(forward);
}

/* ---- a turn
 * ----------------------------------------------------------------------------- */

static void tell(struct forward *forward, const char *code, const char *severity,
                 const char *text)
{
    forward->ports.event(forward->ports.ctx, forward->name, code, severity, text);
}

static void save_cursor(struct forward *forward)
{
    struct forward_cursor stored = forward->cursor;

    if (!forward->cursor_changed)
        return;
    cursor_hold(&stored, scan_held_low(forward));
    if (forward->ports.cursor_save(forward->ports.ctx, forward->name, &stored) == 0)
        forward->cursor_changed = false;
}

/* The next tick tries again. */
static void read_failed(struct forward *forward)
{
    uint64_t suppressed;
    char text[120];

    forward->blocked = true;
    snprintf(text, sizeof text, "the log cannot be read (%s), forwarding waits for it",
             error_errno_text(forward->rows.error));
    if (log_limit_pass(&forward->read_limit, 3600, &suppressed))
        tell(forward, "store-read-failed", "alarm", text);
}

static void turn(struct forward *forward)
{
    forward->class_seq = 0;
    while (forward->window > 0 && send_has_room(forward))
        if (!(forward->means_mode ? scan_next(forward) : send_next(forward)))
            break;
    if (forward->rows.error < 0)
        read_failed(forward);
    rows_close(&forward->rows, FORWARD_ROWS_PER_TURN);
    save_cursor(forward);
}

bool forward_sends_means(const struct forward *forward)
{
    return forward->means_mode;
}

void forward_committed(struct forward *forward, uint64_t last_seq)
{
    if (last_seq <= forward->committed)
        return;
    forward->committed = last_seq;
    if (forward->live_from == 0 && forward->window > 0)
        forward->live_from = last_seq + 1;
    turn(forward);
}

/* ---- settling messages
 * ------------------------------------------------------------------ */

static void give_back(struct forward *forward, struct flight *flight)
{
    if (!flight->settled) {
        forward->stats.n_resent += flight->n_readings;
        if (forward->means_mode)
            scan_rewind(forward);
    }
    flights_remove(&forward->flights, flight);
}

static void confirm(struct forward *forward, struct flight *flight)
{
    forward->cursor_changed |=
        cursor_add(&forward->cursor, flight->first, flight->last) ||
        flight->hold_first != UINT64_MAX;
    if (!flight->settled)
        forward->stats.n_confirmed += flight->n_readings;
    flights_remove(&forward->flights, flight);
}

static void back_off(struct forward *forward, unsigned reason, bool is_readings)
{
    int64_t now_ns = clock_boot_ns();
    char text[160];

    forward->probing = true;
    if (now_ns < forward->backoff_until_boot_ns)
        return; /* one of several that were under way together */
    if (forward->backoff_s == 0) {
        if (reason == REASON_NOBODY)
            snprintf(text, sizeof text,
                     "nobody subscribes to our %s at the broker: they are kept until "
                     "somebody listens (gw/#)",
                     is_readings ? "readings" : "events");
        else
            snprintf(text, sizeof text,
                     "the broker refused a message (reason 0x%02x); it is kept", reason);
        tell(forward, reason == REASON_NOBODY ? "route-no-subscriber" : "route-refused",
             "warning", text);
    }
    forward->backoff_s = forward->backoff_s ? 2 * forward->backoff_s : BACKOFF_FIRST_S;
    if (forward->backoff_s > BACKOFF_MAX_S)
        forward->backoff_s = BACKOFF_MAX_S;
    forward->backoff_until_boot_ns = now_ns + forward->backoff_s * CLOCK_NS_PER_S;
}

static void back_to_normal(struct forward *forward)
{
    forward->probing = false;
    forward->backoff_s = 0;
    forward->backoff_until_boot_ns = 0;
    forward->blocked = false;
}

static void give_back_deferred(struct forward *forward)
{
    for (uint32_t i = forward->flights.n; i-- > 0;)
        if (forward->flights.items[i].deferred)
            give_back(forward, &forward->flights.items[i]);
}

/* "Nobody listens" is told per topic. A subscriber of the readings alone must not be held
 * up by events it does not want: they are set aside until readings meet a subscriber,
 * tried once more (it may just have come), and then count as settled. */
static bool set_aside(struct forward *forward, struct flight *flight)
{
    if (forward->confirm_receiver || !flight->is_aside ||
        flights_n_acked(&forward->flights) >= DEFERRED_MAX)
        return false;
    if (forward->heard) {
        confirm(forward, flight);
        return true;
    }
    flight->acked = flight->deferred = true;
    flight->t_boot_ns = clock_boot_ns();
    return true;
}

/* What the broker's answer to readings says about who listens. */
static void note_listener(struct forward *forward, const struct flight *flight,
                          unsigned reason)
{
    bool heard = reason == 0;

    if (flight->is_aside || forward->heard == heard)
        return;
    forward->heard = heard;
    give_back_deferred(forward);
}

/* Without any readings to tell, events are offered again now and then. */
static void retry_deferred(struct forward *forward)
{
    int64_t before_ns = clock_boot_ns() - BACKOFF_MAX_S * CLOCK_NS_PER_S;

    for (uint32_t i = forward->flights.n; i-- > 0;)
        if (forward->flights.items[i].deferred &&
            forward->flights.items[i].t_boot_ns < before_ns)
            give_back(forward, &forward->flights.items[i]);
}

void forward_done(struct forward *forward, uint64_t token, unsigned reason)
{
    struct flight *flight = flights_find(&forward->flights, token), copy;

    if (!flight || flight->acked)
        return;
    copy = *flight;
    if (reason == REASON_NOBODY && set_aside(forward, flight)) {
        forward->blocked = false;
    } else if (reason != 0) {
        give_back(forward, flight);
        back_off(forward, reason, !copy.is_aside);
    } else {
        back_to_normal(forward);
        if (!forward->confirm_receiver || flight->settled) {
            confirm(forward, flight);
        } else {
            flight->acked = true;
            flight->t_boot_ns = clock_boot_ns();
        }
    }
    note_listener(forward, &copy, reason);
    turn(forward);
}

void forward_lost(struct forward *forward, uint64_t token)
{
    struct flight *flight = flights_find(&forward->flights, token);

    if (!flight || flight->acked)
        return;
    give_back(forward, flight);
    /* the connection is going: handing it out again at once would only lose it again */
    forward->blocked = true;
    save_cursor(forward);
}

void forward_set_local(struct forward *forward, bool is_local)
{
    forward->route.is_local = is_local;
}

static void lose_published(struct forward *forward)
{
    for (uint32_t i = forward->flights.n; i-- > 0;)
        if (!forward->flights.items[i].acked)
            give_back(forward, &forward->flights.items[i]);
}

void forward_connected(struct forward *forward, unsigned window)
{
    bool was_connected = forward->window > 0;

    forward->window = window;
    if (window == 0 || was_connected) {
        turn(forward);
        return;
    }
    /* a route process that died gave nothing back */
    lose_published(forward);
    give_back_deferred(forward);
    forward->heard = false;
    back_to_normal(forward);
    forward->t_progress_boot_ns = clock_boot_ns();
    forward->live_from = forward->committed ? forward->committed + 1 : 0;
    turn(forward);
}

/* ---- receipts
 * --------------------------------------------------------------------------- */

static bool is_delivered(const struct forward *forward, const struct flight *flight)
{
    uint64_t first, last;

    cursor_next_free(&forward->cursor, flight->first, &first, &last);
    return first > flight->last;
}

/* Marks what the receipt claims; true when some of it was new. */
static bool take_receipt(struct forward *forward, const struct receipt *receipt)
{
    uint64_t first = 1;
    bool is_news = false;

    for (uint32_t i = 0; i < receipt->n_missing; i++) {
        is_news |= cursor_add(&forward->cursor, first, receipt->missing[i].first - 1);
        first = receipt->missing[i].last + 1;
    }
    is_news |= cursor_add(&forward->cursor, first, receipt->upto);
    return is_news;
}

static bool names(const struct receipt *receipt, const struct flight *flight)
{
    for (uint32_t i = 0; i < receipt->n_missing; i++)
        if (receipt->missing[i].first <= flight->last &&
            receipt->missing[i].last >= flight->first)
            return true;
    return false;
}

static void settle(struct forward *forward, struct flight *flight)
{
    if (flight->acked) {
        confirm(forward, flight);
    } else if (!flight->settled) {
        forward->stats.n_confirmed += flight->n_readings;
        flight->settled = true;
        flight->hold_first = UINT64_MAX;
    }
}

/* Sends again what receivers miss, once a crossing receipt is ruled out. */
static void resend_missing(struct forward *forward)
{
    int64_t before_ns = clock_boot_ns() - MISSING_GRACE_S * CLOCK_NS_PER_S;

    for (uint32_t i = forward->flights.n; i-- > 0;) {
        struct flight *flight = &forward->flights.items[i];

        if (flight->acked && flight->missing && flight->t_boot_ns <= before_ns)
            give_back(forward, flight);
    }
}

static void told_ahead(struct forward *forward)
{
    if (!forward->ahead)
        tell(
            forward, "receiver-ahead", "alarm",
            "the receiver has seen higher numbers than the store has given");
    forward->ahead = true;
}

/* A receiver that is ahead has records of another life of this epoch; of ours it has what
 * it was given before it said so and does not miss. */
static void settle_given(struct forward *forward, const struct receipt *receipt)
{
    int64_t before_ns = clock_boot_ns() - MISSING_GRACE_S * CLOCK_NS_PER_S;

    for (uint32_t i = forward->flights.n; i-- > 0;) {
        struct flight *flight = &forward->flights.items[i];

        if (flight->acked && flight->t_boot_ns <= before_ns && !names(receipt, flight)) {
            forward->t_progress_boot_ns = clock_boot_ns();
            confirm(forward, flight);
        }
    }
}

void forward_receipt(struct forward *forward, const char *epoch, const char *json,
                     size_t len)
{
    struct receipt receipt;

    if (!forward->confirm_receiver || forward->committed == 0 ||
        strcmp(epoch, forward->epoch) != 0 || receipt_parse(json, len, &receipt) < 0 ||
        strcmp(receipt.epoch, forward->epoch) != 0)
        return;
    if (receipt.upto > forward->committed) {
        told_ahead(forward);
        settle_given(forward, &receipt);
        turn(forward);
        return;
    }
    if (take_receipt(forward, &receipt)) {
        forward->cursor_changed = true;
        forward->t_progress_boot_ns = clock_boot_ns();
        forward->silent = false;
    }
    for (uint32_t i = forward->flights.n; i-- > 0;) {
        struct flight *flight = &forward->flights.items[i];

        flight->missing = names(&receipt, flight);
        if (is_delivered(forward, flight))
            settle(forward, flight);
    }
    resend_missing(forward);
    turn(forward);
}

static void check_silence(struct forward *forward)
{
    int64_t oldest_ns = INT64_MAX, now_ns = clock_boot_ns();

    for (uint32_t i = 0; i < forward->flights.n; i++)
        if (forward->flights.items[i].acked &&
            forward->flights.items[i].t_boot_ns < oldest_ns)
            oldest_ns = forward->flights.items[i].t_boot_ns;
    if (oldest_ns < forward->t_progress_boot_ns)
        oldest_ns = forward->t_progress_boot_ns;
    if (oldest_ns == INT64_MAX || now_ns - oldest_ns < RECEIPT_WAIT_S * CLOCK_NS_PER_S)
        return;
    for (uint32_t i = forward->flights.n; i-- > 0;)
        if (forward->flights.items[i].acked)
            give_back(forward, &forward->flights.items[i]);
    forward->t_progress_boot_ns = now_ns;
    if (!forward->silent)
        tell(forward, "receiver-silent", "warning",
             "no receipt for 60 s, unconfirmed readings are sent again");
    forward->silent = true;
}

/* ---- each second
 * ------------------------------------------------------------------------ */

static void fill_bucket(struct forward *forward)
{
    int64_t now_ns = clock_boot_ns();
    double passed_s = (double)(now_ns - forward->t_tick_boot_ns) / (double)CLOCK_NS_PER_S;

    forward->t_tick_boot_ns = now_ns;
    forward->tokens += forward->rate_per_s * passed_s;
    if (forward->tokens > forward->rate_per_s)
        forward->tokens = forward->rate_per_s;
}

static const struct flight *flight_at(const struct forward *forward, uint64_t seq)
{
    for (uint32_t i = 0; i < forward->flights.n; i++)
        if (forward->flights.items[i].first <= seq &&
            seq <= forward->flights.items[i].last)
            return &forward->flights.items[i];
    return NULL;
}

static void find_oldest(struct forward *forward)
{
    const struct stored_record *record;
    const struct flight *flight;
    uint64_t first, last;

    cursor_next_free(&forward->cursor, 1, &first, &last);
    if (first > forward->committed || first == forward->oldest_seq) {
        if (first > forward->committed)
            forward->stats.oldest_wall_ms = 0;
        return;
    }
    forward->oldest_seq = first;
    flight = flight_at(forward, first);
    if (flight) {
        forward->stats.oldest_wall_ms = flight->t_wall_ms;
        return;
    }
    record = rows_peek(&forward->rows, first);
    forward->stats.oldest_wall_ms = record ? record->t_wall_ms : 0;
}

void forward_tick(struct forward *forward)
{
    forward->blocked = false;
    fill_bucket(forward);
    if (forward->window > 0 && forward->confirm_receiver) {
        resend_missing(forward);
        check_silence(forward);
    }
    retry_deferred(forward);
    scan_tick(forward);
    turn(forward);
    find_oldest(forward);
    rows_close(&forward->rows, FORWARD_ROWS_PER_TURN);
}

void forward_get_stats(const struct forward *forward, struct forward_stats *ret_stats)
{
    *ret_stats = forward->stats;
    ret_stats->connected = forward->window > 0;
    ret_stats->backlog = cursor_count_free(&forward->cursor, forward->committed);
}
