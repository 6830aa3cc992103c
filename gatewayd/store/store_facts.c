/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, commands and consent, tried again once the database is mended: see store_facts.h. */
#include "gatewayd/store/store_facts.h"

#include "gatewayd/store/store_thread.h"
#include "gatewayd/store/tables.h"
#include "gatewayd/store/writer_repair.h"

char *store_fact_get(struct store *store, const char *key)
{
    return tables_fact_get(store_writer(store)->db, key);
}

void store_commit(struct store *store)
{
    if (writer_has_work(store_writer(store)))
        writer_commit(store_writer(store));
}

int store_fact_put(struct store *store, const char *key, const char *value)
{
    int rc = tables_fact_put(store_writer(store)->db, key, value);

    if (rc < 0 && writer_repair(store_writer(store), rc))
        rc = tables_fact_put(store_writer(store)->db, key, value);
    return rc;
}

int store_fact_each(struct store *store, const char *prefix,
                    void (*fn)(void *ctx, const char *key, const char *value), void *ctx)
{
    return tables_fact_each(store_writer(store)->db, prefix, fn, ctx);
}

int store_command_begin(struct store *store, const char *id, char **ret_answer)
{
    int rc = tables_command_begin(store_writer(store)->db, id, ret_answer);

    if (rc < 0 && writer_repair(store_writer(store), rc))
        rc = tables_command_begin(store_writer(store)->db, id, ret_answer);
    return rc;
}

int store_command_finish(struct store *store, const char *id, const char *answer)
{
    int rc = tables_command_finish(store_writer(store)->db, id, answer);

    if (rc < 0 && writer_repair(store_writer(store), rc))
        rc = tables_command_finish(store_writer(store)->db, id, answer);
    return rc;
}

int store_consent_append(struct store *store, const char *id, const char *kind,
                         const char *hash, const char *json)
{
    int rc = tables_consent_append(store_writer(store)->db, id, kind, hash, json);

    if (rc < 0 && writer_repair(store_writer(store), rc))
        rc = tables_consent_append(store_writer(store)->db, id, kind, hash, json);
    return rc;
}

int store_consent_each(struct store *store,
                       void (*fn)(void *ctx, const char *id, const char *kind,
                                  const char *hash, const char *json, int64_t t_wall_ms),
                       void *ctx)
{
    return tables_consent_each(store_writer(store)->db, fn, ctx);
}
