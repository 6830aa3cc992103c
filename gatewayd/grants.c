/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants on their way from the configuration into the store's list of consent events, and
 * from that list into the set that is asked. Called on the loop, done on the store's thread.
 */
#include "gatewayd/grants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct grants_job {
    struct store *store;
    struct consent *consent;
    struct grants_hooks hooks;
    uint32_t n;
    struct {
        char *id, *hash, *json;
    } grants[];
};

struct seen_search {
    const char *id, *hash;
    bool seen;
};

static void search_seen(void *ctx, const char *id, const char *kind, const char *hash,
                        const char *json, int64_t t_wall_ms)
{
    struct seen_search *search = ctx;

    (void)json;
    (void)t_wall_ms;
    if (strcmp(kind, "grant") == 0 && strcmp(id, search->id) == 0 &&
        strcmp(hash, search->hash) == 0)
        search->seen = true;
}

static void replay_consent(void *ctx, const char *id, const char *kind, const char *hash,
                           const char *json, int64_t t_wall_ms)
{
    struct consent *consent = ctx;
    struct config_grant grant;

    (void)hash;
    (void)t_wall_ms;
    if (strcmp(kind, "withdraw") == 0) {
        consent_withdraw(consent, id);
    } else if (consent_grant_from_json(json, &grant) == 0) {
        consent_add_grant(consent, &grant);
        consent_grant_done(&grant);
    }
}

/* The list in the store alone decides; a grant of the file is entered when it is new. */
static void enter_grants(void *arg)
{
    struct grants_job *job = arg;
    char text[200];

    for (uint32_t i = 0; i < job->n; i++) {
        struct seen_search search = {job->grants[i].id, job->grants[i].hash, false};

        store_consent_each(job->store, search_seen, &search);
        if (!search.seen && store_consent_append(job->store, job->grants[i].id, "grant",
                                                 job->grants[i].hash, job->grants[i].json) == 0) {
            snprintf(text, sizeof text, "grant '%s' entered from the configuration",
                     job->grants[i].id);
            job->hooks.event(job->hooks.ctx, "consent-granted", "info", text);
        }
        free(job->grants[i].id);
        free(job->grants[i].hash);
        free(job->grants[i].json);
    }
    store_consent_each(job->store, replay_consent, job->consent);
    free(job);
}

int grants_enter(struct store *store, struct consent *consent, const struct config *config,
                 const struct grants_hooks *hooks)
{
    struct grants_job *job =
        calloc(1, sizeof *job + (config->n_grants + 1) * sizeof *job->grants);
    int rc;

    if (!job)
        return -ENOMEM;
    job->store = store;
    job->consent = consent;
    job->hooks = *hooks;
    for (uint32_t i = 0; i < config->n_grants; i++) {
        job->grants[i].id = strdup(config->grants[i].id);
        job->grants[i].hash = strdup(config->grants[i].hash);
        job->grants[i].json = consent_grant_to_json(&config->grants[i]);
        if (!job->grants[i].id || !job->grants[i].hash || !job->grants[i].json)
            break;
        job->n++;
    }
    rc = store_post(store, enter_grants, job, false);
    if (rc < 0)
        free(job);
    return rc;
}
