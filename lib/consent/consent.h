/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent: who may get which data, decided by the resident, enforced before data leaves.
 * consent_allows stands before every publish of every route and format. Default: nothing.
 * Pure but for the list it holds; one thread (the store's).
 */
#ifndef GATEWAYD_CONSENT_CONSENT_H
#define GATEWAYD_CONSENT_CONSENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/config.h"
#include "lib/consent/consent_address.h"
#include "lib/consent/consent_json.h"

/* grants and withdrawals kept; more are refused, -ENOSPC */
#define CONSENT_EVENTS_MAX 4096

struct consent;

/* Where a route's data goes. */
struct consent_route {
    const char *recipient; /* "self" or a party */
    bool is_local; /* loopback, or inside a prefix of one of the box's interfaces */
};

enum consent_answer {
    CONSENT_REFUSED = 0,
    CONSENT_ALLOWED = 1, /* at the granularity asked */
};

struct consent *consent_new(void);
void consent_free(struct consent *consent);

/* One event of the list, in order; the list alone decides. Copies. add_grant: 1 entered
 * (the caller keeps the event in the store), 0 not entered: this (id, hash) was seen, or
 * the id was withdrawn, which wins for ever. Another hash of a known id replaces what
 * that id gave. withdraw: 1 entered, 0 it was withdrawn before; an unknown id is
 * withdrawn in advance. Both -ENOMEM, -ENOSPC. */
int consent_add_grant(struct consent *consent, const struct config_grant *grant);
int consent_withdraw(struct consent *consent, const char *id);

/* It was this late once. is_needed: the clock is not trusted, so it is no earlier
 * whatever `now` the questions bring: a clock at 1970 must not bring ended grants back to
 * life. */
void consent_set_past(struct consent *consent, int64_t wall_ms, bool is_needed);
int64_t consent_past(const struct consent *consent);
/* When the last of the grants that are over by then ended; 0: none is. */
int64_t consent_last_end(const struct consent *consent, int64_t now_wall_ms);

/* May data of this category go to the route's recipient at this granularity now? A grant
 * at RAW allows coarser ones too (RAW, 1MIN, 30MIN, EVENT, AGGREGATE in this order);
 * CATEGORY_STATUS needs any live grant to that recipient. "self" needs a local route and
 * no grant. A refusal is counted. */
enum consent_answer consent_allows(const struct consent *consent,
                                   const struct consent_route *route,
                                   enum category category, enum granularity granularity,
                                   int64_t now_wall_ms);
/* The finest granularity allowed, or -1: none. Counts nothing. */
int consent_finest(const struct consent *consent, const struct consent_route *route,
                   enum category category, int64_t now_wall_ms);

/* Refusals by consent_allows since start, for metrics: all, and of one category. */
uint64_t consent_refused(const struct consent *consent);
uint64_t consent_refused_of(const struct consent *consent, enum category category);

#endif
