/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of means; see scan.h. From the store's reader through means.c to send_publish,
 * on the store's thread.
 */
#include "gatewayd/forward/scan.h"

#include <string.h>

#include "gatewayd/forward/send.h"
#include "lib/base/clock.h"

#define READY_MAX 500         /* closed periods held; then nothing more is looked at */
#define GRACE_MS 15000        /* for records that come late: three commits */
#define ACCOUNT_INTERVAL_S 60 /* covers without means, at most this often */

bool scan_is_needed(const struct forward *forward)
{
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        int finest = consent_finest(forward->consent, &forward->route, (enum category)i,
                                    clock_wall_ms());

        if (finest == GRANULARITY_1MIN || finest == GRANULARITY_30MIN)
            return true;
    }
    return false;
}

uint64_t scan_held_low(const struct forward *forward)
{
    uint64_t first = means_first_seq(forward->means);
    uint64_t flying = flights_hold_first(&forward->flights);

    uint64_t low = forward->cursor.low;

    if (flying < first)
        first = flying;
    if (first - 1 < low)
        low = first - 1;
    return forward->means_mode && forward->scan < low ? forward->scan : low;
}

void scan_rewind(struct forward *forward)
{
    forward->scan = scan_held_low(forward);
    means_clear(forward->means);
}

static bool is_free(const struct forward *forward, uint64_t seq)
{
    uint64_t first, last;

    send_next_free(forward, seq, &first, &last);
    return first == seq;
}

/* ---- looking ahead
 * ---------------------------------------------------------------------- */

static bool send_directly(struct forward *forward, uint64_t seq)
{
    struct message message;
    uint64_t first, last;

    send_next_free(forward, seq, &first, &last);
    send_begin(forward, &message, seq);
    send_collect(forward, &message,
                 last < forward->committed ? last : forward->committed);
    if (!send_finish(forward, &message))
        return false;
    if (message.first < forward->live_from)
        forward->tokens -= (double)message.n_readings;
    forward->scan = message.last;
    return true;
}

/* A record: into its mean, past it, or (true) out at once. */
static bool look_at(struct forward *forward, const struct stored_record *record,
                    bool *ret_stop)
{
    uint32_t period_ms;
    enum send_class class = send_classify(forward, record, &period_ms);
    bool free_now = is_free(forward, record->seq);

    if (class == SEND_MEAN) {
        if (means_add(forward->means, record, period_ms, clock_boot_ns()) < 0) {
            forward->blocked = *ret_stop = true;
            scan_rewind(forward); /* the mean is half done: from its beginning again */
            return false;
        }
    } else if (class != SEND_WITHHELD && free_now) {
        *ret_stop = true;
        return send_directly(forward, record->seq);
    }
    if (free_now && class != SEND_RECORD && class != SEND_SINGLE)
        forward->stats.n_refused += send_n_refused(record);
    forward->scan = record->seq;
    return false;
}

static bool look_ahead(struct forward *forward)
{
    const struct stored_record *record;
    bool stop = false, sent = false;

    while (!stop && forward->scan < forward->committed &&
           means_n_ready(forward->means) < READY_MAX &&
           (record = rows_peek(&forward->rows, forward->scan + 1)) &&
           record->seq <= forward->committed) {
        if (record->seq > forward->scan + 1 && !record->period_ms)
            forward->cursor_changed |=
                cursor_add(&forward->cursor, forward->scan + 1, record->seq - 1);
        sent = look_at(forward, record, &stop);
    }
    return sent;
}

/* ---- sending means
 * ---------------------------------------------------------------------- */

/* False: the mean is for the next message. */
static bool add_mean(struct forward *forward, struct message *message,
                     const struct mean *mean)
{
    const struct stored_record *record = &mean->record;
    enum granularity granularity =
        record->period_ms == 60000 ? GRANULARITY_1MIN : GRANULARITY_30MIN;

    if (message->n_records == FORWARD_RECORDS_MAX ||
        (*message->boot && strcmp(message->boot, record->boot) != 0))
        return false;
    if (!send_allows(forward, record->category, granularity)) {
        message->n_refused += record->n_values;
        return true;
    }
    if (!encode_json_record(&forward->buf, record, FORWARD_PAYLOAD_MAX)) {
        if (message->n_records > 0)
            return false;
        encode_json_record_cut(&forward->buf, record, FORWARD_PAYLOAD_MAX);
    }
    if (message->n_records++ == 0)
        message->t_wall_ms = record->t_wall_ms;
    strncpy(message->boot, record->boot, sizeof message->boot - 1);
    if (mean->first_seq < message->hold_first)
        message->hold_first = mean->first_seq;
    message->n_readings += record->n_values;
    return true;
}

static void collect_means(struct forward *forward, struct message *message)
{
    const struct mean *mean;

    for (uint32_t i = 0; (mean = means_ready(forward->means, i)); i++) {
        if (mean->record.seq < message->first)
            continue;
        if (mean->record.seq > message->last)
            break;
        if (!add_mean(forward, message, mean)) {
            message->last = mean->record.seq - 1;
            break;
        }
    }
    if (!*message->boot)
        strncpy(message->boot, forward->boot, sizeof message->boot - 1);
}

static bool send_piece(struct forward *forward, uint64_t first, uint64_t last)
{
    struct message message;

    send_begin(forward, &message, first);
    message.last = last;
    collect_means(forward, &message);
    if (message.n_records == 0 && !send_allows(forward, CATEGORY_STATUS, GRANULARITY_RAW))
        forward->cursor_changed |= cursor_add(&forward->cursor, first, message.last);
    else if (!send_publish(forward, &message))
        return false;
    if (first < forward->live_from)
        forward->tokens -= (double)message.n_readings;
    forward->stats.n_refused += message.n_refused;
    forward->t_account_boot_ns = clock_boot_ns();
    means_drop(forward->means, first, message.last);
    return true;
}

/* After a rewind some means are computed that were delivered before. */
static void drop_delivered(struct forward *forward)
{
    const struct mean *mean;

    for (uint32_t i = means_n_ready(forward->means); i-- > 0;) {
        mean = means_ready(forward->means, i);
        if (!is_free(forward, mean->record.seq))
            means_drop(forward->means, mean->record.seq, mean->record.seq);
    }
}

/* The lowest range that was looked at and waits for nothing. */
static bool next_piece(const struct forward *forward, uint64_t *ret_first,
                       uint64_t *ret_last)
{
    uint64_t from = forward->cursor.low + 1, undecided;

    for (;; from = *ret_first + 1) {
        send_next_free(forward, from, ret_first, ret_last);
        if (*ret_first > forward->scan)
            return false;
        if (*ret_last > forward->scan)
            *ret_last = forward->scan;
        undecided = means_undecided(forward->means, *ret_first);
        if (undecided == *ret_first)
            continue;
        if (undecided <= *ret_last)
            *ret_last = undecided - 1;
        return true;
    }
}

static bool flush(struct forward *forward)
{
    int64_t since_ns = clock_boot_ns() - forward->t_account_boot_ns;
    uint64_t first, last;

    drop_delivered(forward);
    if (means_n_ready(forward->means) == 0 &&
        since_ns < ACCOUNT_INTERVAL_S * CLOCK_NS_PER_S)
        return false;
    return next_piece(forward, &first, &last) && send_piece(forward, first, last);
}

/* Nothing is left to average: go on raw. What was covered for a mean that was never sent
 * is looked at again. */
static bool leave(struct forward *forward)
{
    if (means_first_seq(forward->means) != UINT64_MAX || scan_is_needed(forward) ||
        flights_hold_first(&forward->flights) != UINT64_MAX)
        return false;
    forward->means_mode = false;
    if (forward->scan < forward->cursor.low)
        forward->cursor.low = forward->scan;
    return true;
}

bool scan_next(struct forward *forward)
{
    if (leave(forward))
        return true;
    if (forward->rate_per_s > 0 && forward->tokens <= 0 &&
        forward->scan < forward->live_from)
        return false;
    if (look_ahead(forward))
        return true;
    return !forward->blocked && flush(forward);
}

void scan_tick(struct forward *forward)
{
    if (forward->means_mode && forward->scan >= forward->committed)
        means_close_due(forward->means, clock_wall_ms(), clock_boot_ns(), GRACE_MS);
}
