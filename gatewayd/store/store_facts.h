/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store keeps besides the log: facts, commands by id, consent. On the store's thread
 * only: from its hooks and from what store_post runs.
 */
#ifndef GATEWAYD_STORE_STORE_FACTS_H
#define GATEWAYD_STORE_STORE_FACTS_H

#include <stdint.h>

#include "gatewayd/store/store.h"

/* Commits what was appended before: a fact that speaks of it is never ahead of it. */
void store_commit(struct store *store);

/* Small durable facts ("owned.custom.limit_w"), committed at once. get: malloc'ed or
 * NULL. */
char *store_fact_get(struct store *store, const char *key);
/* NULL: delete */
int store_fact_put(struct store *store, const char *key, const char *value);
/* fn for each key that begins with prefix. */
int store_fact_each(struct store *store, const char *prefix,
                    void (*fn)(void *ctx, const char *key, const char *value), void *ctx);

/* Commands by id: kept 24 h of boottime-independent age, at most 10,000. begin: 0 new and
 * stored, 1 seen before (*ret_answer malloc'ed: its answer, or NULL while it is under
 * way). finish: stores the answer. Both commit at once. */
int store_command_begin(struct store *store, const char *id, char **ret_answer);
int store_command_finish(struct store *store, const char *id, const char *answer);

/* Consent events, append-only: (id, kind "grant"|"withdraw", hash, json). */
int store_consent_append(struct store *store, const char *id, const char *kind,
                         const char *hash, const char *json);
int store_consent_each(struct store *store,
                       void (*fn)(void *ctx, const char *id, const char *kind,
                                  const char *hash, const char *json, int64_t t_wall_ms),
                       void *ctx);

#endif
