/* SPDX-License-Identifier: Apache-2.0 */
/* One route's state, shared by forward.c (life, confirmations), send.c (messages) and
 * scan.c (means). Nobody else includes it. */
#ifndef GATEWAYD_FORWARD_FORWARD_STATE_H
#define GATEWAYD_FORWARD_FORWARD_STATE_H

#include "gatewayd/forward/cursor.h"
#include "gatewayd/forward/encode_json.h"
#include "gatewayd/forward/flights.h"
#include "gatewayd/forward/forward.h"
#include "gatewayd/forward/means.h"
#include "gatewayd/forward/rows.h"
#include "lib/base/log.h"

#define FORWARD_ROWS_PER_TURN 8000 /* a turn is one call from the store's thread */

struct forward {
    char *name, *recipient, *host;
    char gateway[64], epoch[33], boot[33];
    bool confirm_receiver, strict_order;
    double rate_per_s;
    struct consent *consent;
    struct consent_route route;
    struct forward_ports ports;

    /* what is delivered, what flies; the rest of 1..committed is still to be sent */
    struct forward_cursor cursor;
    struct flights flights;
    bool cursor_changed;
    uint64_t committed;
    uint64_t live_from; /* live-first: committed since the connection; 0: not known yet */
    uint64_t last_token;

    unsigned window; /* 0: not connected */
    bool blocked;    /* the route took nothing: until it settles one, or a tick */
    bool probing;    /* after a refusal one message at a time */
    bool heard;      /* the last readings of this connection met a subscriber */
    unsigned backoff_s;
    int64_t backoff_until_boot_ns;
    double tokens; /* readings the backlog may send now */
    int64_t t_tick_boot_ns;
    int64_t
        t_progress_boot_ns; /* the last receipt that said something new, or connection */
    int64_t t_account_boot_ns; /* the last message without records */
    struct log_limit large_limit, read_limit;
    bool silent, ahead; /* events told once */

    struct rows rows;
    struct strbuf buf;
    uint64_t class_seq; /* the record whose class is known, asked once per turn */
    int class;
    uint32_t class_period_ms;

    /* means: the log is looked at in order up to `scan`; see scan.c */
    bool means_mode;
    struct means *means;
    uint64_t scan;

    uint64_t oldest_seq;
    struct forward_stats stats;
};

/* A message being made; empty while last < first. */
struct message {
    uint64_t first, last, hold_first;
    uint32_t n_records, n_rows;
    uint64_t n_readings, n_refused;
    int64_t t_wall_ms;
    char boot[40];
    const char *suffix, *payload;
    size_t len;
};

#endif
