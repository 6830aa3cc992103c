/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to messages: consent is asked for each, consecutive ones of one boot go
 * into one `readings` payload, events, gaps and corrections into their own. Between the
 * store's reader and the route's publish port, on the store's thread.
 */
#include "gatewayd/forward/send.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"

/* bounds what one message covers where much is withheld */
#define ROWS_PER_MESSAGE 4000
/* covers without records at the log's end, at most this often */
#define ACCOUNT_INTERVAL_S 10
/* the rest is kept for live records */
#define BACKLOG_FLIGHTS_MAX (FLIGHTS_MAX * 3 / 4)
/* farther behind, "live" begins anew and the rest is backlog */
#define LIVE_LAG_MAX 20000

/* ---- consent
 * ---------------------------------------------------------------------------- */

bool send_allows(struct forward *forward, enum category category,
                 enum granularity granularity)
{
    return consent_allows(forward->consent, &forward->route, category, granularity,
                          clock_wall_ms()) == CONSENT_ALLOWED;
}

static enum granularity granularity_of(uint32_t period_ms)
{
    if (period_ms == 0)
        return GRANULARITY_RAW;
    return period_ms <= 60000 ? GRANULARITY_1MIN : GRANULARITY_30MIN;
}

static enum send_class classify_readings(struct forward *forward,
                                         const struct stored_record *record,
                                         uint32_t *ret_period_ms)
{
    int finest;

    if (send_allows(forward, record->category, granularity_of(record->period_ms)))
        return SEND_RECORD;
    finest = consent_finest(forward->consent, &forward->route, record->category,
                            clock_wall_ms());
    if (finest != GRANULARITY_1MIN && finest != GRANULARITY_30MIN)
        return SEND_WITHHELD;
    *ret_period_ms = finest == GRANULARITY_1MIN ? 60000 : 1800000;
    return SEND_MEAN;
}

/* Events about the grid need consent for `grid`, whichever device saw them; those of the
 * gateway itself are status, unless whoever raised them said more. */
static enum category event_category(const struct stored_record *record)
{
    const char *code = record->code ? record->code : "";

    if (strncmp(code, "grid", 4) == 0 || strncmp(code, "outage", 6) == 0)
        return CATEGORY_GRID;
    if (!*record->device && record->category == CATEGORY_ENERGY)
        return CATEGORY_STATUS;
    return record->category;
}

static enum send_class classify(struct forward *forward,
                                const struct stored_record *record,
                                uint32_t *ret_period_ms)
{
    bool allowed;

    if (record->kind == STORED_READINGS)
        return classify_readings(forward, record, ret_period_ms);
    if (record->kind == STORED_EVENT)
        allowed = send_allows(forward, event_category(record), GRANULARITY_EVENT);
    else
        allowed = send_allows(forward, CATEGORY_STATUS, GRANULARITY_RAW);
    return allowed ? SEND_SINGLE : SEND_WITHHELD;
}

uint64_t send_n_refused(const struct stored_record *record)
{
    return record->kind == STORED_READINGS ? record->n_values : 1;
}

enum send_class send_classify(struct forward *forward, const struct stored_record *record,
                              uint32_t *ret_period_ms)
{
    if (forward->class_seq != record->seq) {
        forward->class_period_ms = 0;
        forward->class = (int)classify(forward, record, &forward->class_period_ms);
        forward->class_seq = record->seq;
    }
    *ret_period_ms = forward->class_period_ms;
    return (enum send_class)forward->class;
}

/* ---- room
 * ------------------------------------------------------------------------------- */

void send_next_free(const struct forward *forward, uint64_t from, uint64_t *ret_first,
                    uint64_t *ret_last)
{
    uint64_t next = from;

    do {
        from = next;
        cursor_next_free(&forward->cursor, from, ret_first, ret_last);
    } while (!flights_cut(&forward->flights, *ret_first, ret_last, &next));
}

bool send_has_room(const struct forward *forward)
{
    unsigned window = forward->probing && forward->window > 1 ? 1 : forward->window;

    return !forward->blocked && clock_boot_ns() >= forward->backoff_until_boot_ns &&
           flights_n_published(&forward->flights) < window &&
           forward->flights.n < FLIGHTS_MAX &&
           flights_n_seqs(&forward->flights) < FLIGHTS_SEQS_MAX;
}

/* ---- one message
 * ------------------------------------------------------------------------ */

void send_begin(struct forward *forward, struct message *message, uint64_t first)
{
    memset(message, 0, sizeof *message);
    message->first = first;
    message->last = first - 1;
    message->hold_first = UINT64_MAX;
    message->suffix = encode_json_topic(STORED_READINGS);
    encode_json_begin(&forward->buf);
}

static bool is_empty(const struct message *message)
{
    return message->last < message->first;
}

/* What the log no longer holds is declared by its gap record, never by a `covers`; a mean
 * of the thinned log stands for the rows before it. False: the message ends before the
 * hole. */
static bool step_over_hole(struct forward *forward, struct message *message,
                           const struct stored_record *record)
{
    if (record->seq == message->last + 1 || record->period_ms)
        return true;
    if (!is_empty(message))
        return false;
    forward->cursor_changed |=
        cursor_add(&forward->cursor, message->first, record->seq - 1);
    message->first = record->seq;
    message->last = record->seq - 1;
    return true;
}

static void too_large(struct forward *forward, const struct stored_record *record)
{
    uint64_t suppressed;

    /* the event is stored and forwarded too: one an hour tells enough */
    if (log_limit_pass(&forward->large_limit, 3600, &suppressed))
        forward->ports.event(
            forward->ports.ctx, forward->name, "record-too-large", "warning",
            record->kind == STORED_READINGS
                ? "a record does not fit into a message, values are left out"
                : "a record does not fit into a message, it is left out");
}

static bool add_reading(struct forward *forward, struct message *message,
                        const struct stored_record *record)
{
    if (message->n_records == FORWARD_RECORDS_MAX)
        return false;
    if (!encode_json_record(&forward->buf, record, FORWARD_PAYLOAD_MAX)) {
        if (message->n_records > 0)
            return false;
        too_large(forward, record);
        encode_json_record_cut(&forward->buf, record, FORWARD_PAYLOAD_MAX);
    }
    message->n_records++;
    message->n_readings += record->n_values;
    return true;
}

static bool add_single(struct forward *forward, struct message *message,
                       const struct stored_record *record)
{
    const struct encode_json_ids ids = {forward->gateway, forward->epoch};

    if (!is_empty(message))
        return false;
    message->payload = encode_json_single(&forward->buf, &ids, record, &message->len);
    message->suffix = encode_json_topic(record->kind);
    if (message->payload && message->len > FORWARD_PAYLOAD_MAX) {
        too_large(forward, record);
        send_begin(forward, message, message->first);
    }
    return true;
}

/* False: the record is for the next message. */
static bool add_row(struct forward *forward, struct message *message,
                    const struct stored_record *record)
{
    uint32_t period_ms;
    enum send_class class;

    if (!step_over_hole(forward, message, record))
        return false;
    if (!is_empty(message) && strcmp(message->boot, record->boot) != 0)
        return false;
    class = send_classify(forward, record, &period_ms);
    if (class == SEND_MEAN) {
        if (!forward->means_mode && is_empty(message)) {
            forward->means_mode = true;
            forward->scan = forward->cursor.low;
        }
        return false;
    }
    if ((class == SEND_RECORD && !add_reading(forward, message, record)) ||
        (class == SEND_SINGLE && !add_single(forward, message, record)))
        return false;
    if (class == SEND_WITHHELD)
        message->n_refused += send_n_refused(record);
    if (is_empty(message)) {
        strncpy(message->boot, record->boot, sizeof message->boot - 1);
        message->t_wall_ms = record->t_wall_ms;
    }
    message->last = record->seq;
    return true;
}

void send_collect(struct forward *forward, struct message *message, uint64_t last)
{
    const struct stored_record *record;

    while (
        !message->payload && message->n_rows < ROWS_PER_MESSAGE && message->last < last &&
        (record = rows_peek(&forward->rows, message->last + 1)) && record->seq <= last) {
        if (!add_row(forward, message, record))
            return;
        message->n_rows++;
    }
    record = message->last < last ? rows_peek(&forward->rows, message->last + 1) : NULL;
    if (record && record->seq > last && is_empty(message)) {
        forward->cursor_changed |= cursor_add(&forward->cursor, message->first, last);
        message->first = last + 1;
        message->last = last;
    }
}

/* ---- handing out
 * ------------------------------------------------------------------------ */

static bool finish_payload(struct forward *forward, struct message *message)
{
    const struct encode_json_ids ids = {forward->gateway, forward->epoch};
    const uint64_t covers[2] = {message->first, message->last};

    if (!message->payload)
        message->payload =
            encode_json_finish(&forward->buf, &ids, message->boot, covers, &message->len);
    return message->payload != NULL;
}

bool send_publish(struct forward *forward, struct message *message)
{
    struct flight flight = {.token = forward->last_token + 1,
                            .first = message->first,
                            .last = message->last,
                            .hold_first = message->hold_first,
                            .n_readings = message->n_readings,
                            .t_wall_ms = message->t_wall_ms,
                            .is_aside = strcmp(message->suffix, "readings") != 0,
                            .t_boot_ns = clock_boot_ns()};

    if (!finish_payload(forward, message) ||
        forward->ports.publish(forward->ports.ctx, forward->name, flight.token,
                               message->suffix, false, message->payload,
                               message->len) < 0) {
        forward->blocked = true;
        return false;
    }
    forward->last_token = flight.token;
    if (forward->flights.n == 0)
        forward->t_progress_boot_ns = flight.t_boot_ns;
    flights_add(&forward->flights, &flight);
    forward->stats.n_sent += message->n_readings;
    forward->stats.n_messages++;
    return true;
}

static bool close_account(struct forward *forward, struct message *message)
{
    int64_t now_ns = clock_boot_ns();

    if (!send_allows(forward, CATEGORY_STATUS, GRANULARITY_RAW)) {
        cursor_add(&forward->cursor, message->first, message->last);
        forward->cursor_changed = true;
        return true;
    }
    if (message->last >= forward->committed &&
        now_ns - forward->t_account_boot_ns < ACCOUNT_INTERVAL_S * CLOCK_NS_PER_S)
        return false;
    forward->t_account_boot_ns = now_ns;
    return send_publish(forward, message);
}

bool send_finish(struct forward *forward, struct message *message)
{
    bool done;

    if (is_empty(message))
        return false;
    if (message->payload || message->n_records > 0)
        done = send_publish(forward, message);
    else
        done = close_account(forward, message);
    if (done)
        forward->stats.n_refused += message->n_refused;
    return done;
}

/* ---- the order of raw records
 * ----------------------------------------------------------- */

static bool send_range(struct forward *forward, uint64_t first, uint64_t last,
                       bool is_backlog)
{
    struct message message;

    send_begin(forward, &message, first);
    send_collect(forward, &message, last);
    if (forward->means_mode)
        return true;
    if (!send_finish(forward, &message))
        return message.first > last && !forward->blocked; /* all of it was a hole */
    if (is_backlog)
        forward->tokens -= (double)message.n_readings;
    return true;
}

static bool send_live(struct forward *forward)
{
    uint64_t first, last;

    if (forward->strict_order || forward->live_from == 0)
        return false;
    send_next_free(forward, forward->live_from, &first, &last);
    if (first > forward->committed)
        return false;
    if (forward->committed - first > LIVE_LAG_MAX) {
        forward->live_from = forward->committed;
        first = last = forward->committed;
    }
    return send_range(forward, first,
                      last < forward->committed ? last : forward->committed, false);
}

static bool send_backlog(struct forward *forward)
{
    bool is_backlog;
    uint64_t first, last;

    send_next_free(forward, forward->cursor.low + 1, &first, &last);
    if (first > forward->committed)
        return false;
    is_backlog = first < forward->live_from || forward->live_from == 0;
    if (!forward->strict_order &&
        (!is_backlog || forward->flights.n >= BACKLOG_FLIGHTS_MAX))
        return false;
    if (is_backlog && forward->rate_per_s > 0 && forward->tokens <= 0)
        return false;
    if (last > forward->committed)
        last = forward->committed;
    if (is_backlog && forward->live_from && last >= forward->live_from)
        last = forward->live_from - 1;
    return send_range(forward, first, last, is_backlog);
}

bool send_next(struct forward *forward)
{
    return send_live(forward) || (!forward->blocked && send_backlog(forward));
}
