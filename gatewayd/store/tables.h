/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small durable tables beside the log: facts, commands, consent. Each change commits
 * at once. The store's thread only; errors as lib/sqlite/db.h; results as store.h says.
 */
#ifndef GATEWAYD_STORE_TABLES_H
#define GATEWAYD_STORE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sqlite/db.h"

int tables_fact_put(struct db *db, const char *key, const char *value);
/* malloc'ed or NULL */
char *tables_fact_get(struct db *db, const char *key);
int tables_fact_each(struct db *db, const char *prefix,
                     void (*fn)(void *ctx, const char *key, const char *value),
                     void *ctx);

int tables_command_begin(struct db *db, const char *id, char **ret_answer);
int tables_command_finish(struct db *db, const char *id, const char *answer);

int tables_consent_append(struct db *db, const char *id, const char *kind,
                          const char *hash, const char *json);
int tables_consent_each(struct db *db,
                        void (*fn)(void *ctx, const char *id, const char *kind,
                                   const char *hash, const char *json, int64_t t_wall_ms),
                        void *ctx);

/* Copies facts, commands and consent from one database to another, as far as they can be
 * read: what the house agreed to must not go with a damaged disk. */
int tables_copy(struct db *from, struct db *to);

/* In a transaction of `to`: brings back what changed in `from` since it was copied out of
 * `to`. is_whole: `from` had all facts, so that those it lacks were deleted. */
int tables_merge(struct db *from, struct db *to, bool is_whole);

/* In a transaction of `to`, an older database that takes the place of `from`: what the
 * house decided since, on top of what it knew then. Not the store's own facts ("store.",
 * "history."), which speak of its rows. */
int tables_merge_house(struct db *from, struct db *to);

#endif
