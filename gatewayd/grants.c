/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants on their way from the configuration into the store's list of consent events, and
 * from that list into the set that is asked. Called on the loop, done on the store's
 * thread.
 */
#include "gatewayd/grants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

struct grants_job {
    struct store *store;
    struct consent *consent;
    struct grants_hooks hooks;
    uint32_t n;
    struct {
        char *id, *hash, *json;
    } grants[];
};

static void job_free(struct grants_job *job)
{
    for (uint32_t i = 0; i < job->n; i++) {
        free(job->grants[i].id);
        free(job->grants[i].hash);
        free(job->grants[i].json);
    }
    free(job);
}

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

#define CLOCK_FACT "clock.high"

static void load_past(struct store *store, struct consent *consent)
{
    char *fact = store_fact_get(store, CLOCK_FACT);
    int64_t past_ms = fact ? strtoll(fact, NULL, 10) : 0;

    free(fact);
    if (past_ms > consent_past(consent))
        consent_set_past(consent, past_ms, true);
}

/* Only the end of a grant is worth a write: no decision depends on the times between. */
void grants_check_clock(struct store *store, struct consent *consent)
{
    bool is_trusted = clock_trust_now() != CLOCK_UNSET;
    int64_t past_ms = consent_past(consent);
    int64_t end_ms = is_trusted ? consent_last_end(consent, clock_wall_ms()) : 0;
    char text[24];

    if (end_ms > past_ms) {
        past_ms = end_ms;
        snprintf(text, sizeof text, "%lld", (long long)past_ms);
        if (store_fact_put(store, CLOCK_FACT, text) < 0)
            log_warning("consent", "cannot note when the last grant ended");
    }
    consent_set_past(consent, past_ms, !is_trusted);
}

void grants_reload(struct store *store, struct consent *consent)
{
    store_consent_each(store, replay_consent, consent);
    load_past(store, consent);
    grants_check_clock(store, consent);
}

/* The list in the store alone decides; a grant of the file is entered when it is new. */
static void enter_grants(void *arg)
{
    struct grants_job *job = arg;
    char text[200];

    if (job->hooks.entering)
        job->hooks.entering(job->hooks.ctx);
    for (uint32_t i = 0; i < job->n; i++) {
        struct seen_search search = {job->grants[i].id, job->grants[i].hash, false};

        store_consent_each(job->store, search_seen, &search);
        if (!search.seen &&
            store_consent_append(job->store, job->grants[i].id, "grant",
                                 job->grants[i].hash, job->grants[i].json) == 0) {
            snprintf(text, sizeof text, "grant '%s' entered from the configuration",
                     job->grants[i].id);
            job->hooks.event(job->hooks.ctx, "consent-granted", "info", text);
        }
    }
    grants_reload(job->store, job->consent);
    job_free(job);
}

int grants_enter(struct store *store, struct consent *consent,
                 const struct config *config, const struct grants_hooks *hooks)
{
    struct grants_job *job =
        calloc(1, sizeof *job + (config->n_grants + 1) * sizeof *job->grants);
    bool is_whole = true; /* nothing is entered half: the next reload tries again */
    int rc;

    if (!job)
        return -ENOMEM;
    job->store = store;
    job->consent = consent;
    job->hooks = *hooks;
    job->n = config->n_grants;
    for (uint32_t i = 0; i < config->n_grants; i++) {
        job->grants[i].id = strdup(config->grants[i].id);
        job->grants[i].hash = strdup(config->grants[i].hash);
        job->grants[i].json = consent_grant_to_json(&config->grants[i]);
        is_whole &= job->grants[i].id && job->grants[i].hash && job->grants[i].json;
    }
    rc = is_whole ? store_post(store, enter_grants, job, false) : -ENOMEM;
    if (rc < 0)
        job_free(job);
    return rc;
}
