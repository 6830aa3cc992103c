/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of consent events and what it allows; see consent.h. Grants come from the
 * configuration and the store's list, questions from forward. On the store's thread.
 */
#include "lib/consent/consent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One id: what its last grant gave, and every hash under which it was signed. */
struct grant_entry {
    char *id, *recipient;
    char **hashes;
    uint32_t n_hashes;
    uint32_t categories;
    enum granularity granularity;
    int64_t until_ms;
    bool withdrawn;
};

/* Apart from the list: consent_allows counts although the list is const to it. */
struct refusals {
    uint64_t total, by_category[CATEGORY_COUNT];
};

struct consent {
    struct grant_entry *entries;
    uint32_t n_entries, n_events;
    int64_t past_ms;
    bool needs_past;
    struct refusals *refusals;
};

struct consent *consent_new(void)
{
    struct consent *consent = calloc(1, sizeof *consent);

    if (!consent)
        return NULL;
    consent->refusals = calloc(1, sizeof *consent->refusals);
    if (!consent->refusals) {
        free(consent);
        return NULL;
    }
    return consent;
}

static void entry_done(struct grant_entry *entry)
{
    for (uint32_t i = 0; i < entry->n_hashes; i++)
        free(entry->hashes[i]);
    free(entry->hashes);
    free(entry->id);
    free(entry->recipient);
}

void consent_free(struct consent *consent)
{
    if (!consent)
        return;
    for (uint32_t i = 0; i < consent->n_entries; i++)
        entry_done(&consent->entries[i]);
    free(consent->entries);
    free(consent->refusals);
    free(consent);
}

static struct grant_entry *find_entry(const struct consent *consent, const char *id)
{
    for (uint32_t i = 0; i < consent->n_entries; i++)
        if (strcmp(consent->entries[i].id, id) == 0)
            return &consent->entries[i];
    return NULL;
}

static struct grant_entry *new_entry(struct consent *consent, const char *id)
{
    struct grant_entry *entries =
        realloc(consent->entries, (consent->n_entries + 1) * sizeof *entries);
    struct grant_entry *entry;

    if (!entries)
        return NULL;
    consent->entries = entries;
    entry = &entries[consent->n_entries];
    *entry = (struct grant_entry){.id = strdup(id)};
    if (!entry->id)
        return NULL;
    consent->n_entries++;
    return entry;
}

static bool has_hash(const struct grant_entry *entry, const char *hash)
{
    for (uint32_t i = 0; i < entry->n_hashes; i++)
        if (strcmp(entry->hashes[i], hash) == 0)
            return true;
    return false;
}

static int add_hash(struct grant_entry *entry, const char *hash)
{
    char **hashes = realloc(entry->hashes, (entry->n_hashes + 1) * sizeof *hashes);

    if (!hashes)
        return -ENOMEM;
    entry->hashes = hashes;
    hashes[entry->n_hashes] = strdup(hash);
    if (!hashes[entry->n_hashes])
        return -ENOMEM;
    entry->n_hashes++;
    return 0;
}

int consent_add_grant(struct consent *consent, const struct config_grant *grant)
{
    const char *hash = grant->hash ? grant->hash : "";
    struct grant_entry *entry = find_entry(consent, grant->id);
    char *recipient;

    if (entry && (entry->withdrawn || has_hash(entry, hash)))
        return 0;
    if (consent->n_events >= CONSENT_EVENTS_MAX)
        return -ENOSPC;
    recipient = strdup(grant->recipient);
    if (!entry)
        entry = new_entry(consent, grant->id);
    if (!entry || !recipient || add_hash(entry, hash) < 0) {
        free(recipient);
        return -ENOMEM;
    }
    free(entry->recipient);
    entry->recipient = recipient;
    entry->categories = grant->categories;
    entry->granularity = grant->granularity;
    entry->until_ms = grant->until_ms;
    consent->n_events++;
    return 1;
}

int consent_withdraw(struct consent *consent, const char *id)
{
    struct grant_entry *entry = find_entry(consent, id);

    if (entry && entry->withdrawn)
        return 0;
    /* the bound holds for unknown ids only: a resident can always withdraw what he
     * gave */
    if (!entry && consent->n_events >= CONSENT_EVENTS_MAX)
        return -ENOSPC;
    if (!entry)
        entry = new_entry(consent, id);
    if (!entry)
        return -ENOMEM;
    entry->withdrawn = true;
    consent->n_events++;
    return 1;
}

void consent_set_past(struct consent *consent, int64_t wall_ms, bool is_needed)
{
    consent->past_ms = wall_ms;
    consent->needs_past = is_needed;
}

int64_t consent_past(const struct consent *consent)
{
    return consent->past_ms;
}

int64_t consent_last_end(const struct consent *consent, int64_t now_wall_ms)
{
    int64_t last = 0;

    for (uint32_t i = 0; i < consent->n_entries; i++)
        if (consent->entries[i].until_ms <= now_wall_ms &&
            consent->entries[i].until_ms > last)
            last = consent->entries[i].until_ms;
    return last;
}

static bool is_live(const struct grant_entry *entry, const char *recipient,
                    int64_t now_ms)
{
    return !entry->withdrawn && entry->recipient && now_ms < entry->until_ms &&
           strcmp(entry->recipient, recipient) == 0;
}

static bool gives(const struct grant_entry *entry, enum category category)
{
    return category == CATEGORY_STATUS || (entry->categories & (1u << category)) != 0;
}

int consent_finest(const struct consent *consent, const struct consent_route *route,
                   enum category category, int64_t now_wall_ms)
{
    int finest = -1;

    if ((unsigned)category >= CATEGORY_COUNT || !route->recipient)
        return -1;
    if (consent->needs_past && now_wall_ms < consent->past_ms)
        now_wall_ms = consent->past_ms;
    if (strcmp(route->recipient, "self") == 0)
        return route->is_local ? GRANULARITY_RAW : -1;
    for (uint32_t i = 0; i < consent->n_entries; i++) {
        const struct grant_entry *entry = &consent->entries[i];
        int granularity =
            category == CATEGORY_STATUS ? GRANULARITY_RAW : (int)entry->granularity;

        if (is_live(entry, route->recipient, now_wall_ms) && gives(entry, category) &&
            (finest < 0 || granularity < finest))
            finest = granularity;
    }
    return finest;
}

enum consent_answer consent_allows(const struct consent *consent,
                                   const struct consent_route *route,
                                   enum category category, enum granularity granularity,
                                   int64_t now_wall_ms)
{
    int finest = consent_finest(consent, route, category, now_wall_ms);

    if (finest >= 0 && (int)granularity >= finest)
        return CONSENT_ALLOWED;
    consent->refusals->total++;
    if ((unsigned)category < CATEGORY_COUNT)
        consent->refusals->by_category[category]++;
    return CONSENT_REFUSED;
}

uint64_t consent_refused(const struct consent *consent)
{
    return consent->refusals->total;
}

uint64_t consent_refused_of(const struct consent *consent, enum category category)
{
    return (unsigned)category < CATEGORY_COUNT ? consent->refusals->by_category[category]
                                               : 0;
}
