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

struct consent;

/* Where a route's data goes. */
struct consent_route {
    const char *recipient; /* "self" or a party */
    bool is_local;         /* loopback, or inside a prefix of one of the box's interfaces */
};

enum consent_answer {
    CONSENT_REFUSED = 0,
    CONSENT_ALLOWED = 1, /* at the granularity asked */
};

struct consent *consent_new(void);
void consent_free(struct consent *consent);

/* One event of the list, in order; the list alone decides. A grant whose (id, hash) was
 * seen is not entered again; a withdrawal of an id wins for ever. */
int consent_add_grant(struct consent *consent, const struct config_grant *grant);
int consent_withdraw(struct consent *consent, const char *id);
/* The grant as JSON for the store's list, and back (malloc'ed strings inside *ret). */
char *consent_grant_to_json(const struct config_grant *grant);
int consent_grant_from_json(const char *json, struct config_grant *ret_grant);
void consent_grant_done(struct config_grant *grant);

/* May data of this category go to the route's recipient at this granularity now? A grant at
 * RAW allows coarser ones too; CATEGORY_STATUS needs any live grant to that recipient. */
enum consent_answer consent_allows(const struct consent *consent,
                                   const struct consent_route *route, enum category category,
                                   enum granularity granularity, int64_t now_wall_ms);
/* The finest granularity allowed, or -1: none. */
int consent_finest(const struct consent *consent, const struct consent_route *route,
                   enum category category, int64_t now_wall_ms);

/* Counts of refusals by recipient and category, for metrics: bumped by consent_allows. */
uint64_t consent_refused(const struct consent *consent);

/* Is this address (literal IPv4/IPv6) loopback or on a network of one of our interfaces? */
bool consent_address_is_local(const char *address);

#endif
