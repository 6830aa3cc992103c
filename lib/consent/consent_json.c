/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grant <-> JSON for the append-only list in the store; see consent_json.h. Written with
 * strbuf, read with jansson and checked field by field.
 */
#include "lib/consent/consent_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "ISO/IEC TS 27560:2023"

/* The record's own words, fixed by what is already stored: not the configuration's, which
 * may learn other spellings. */
static const char *const granularity_words[GRANULARITY_COUNT] = {"raw", "1 min", "30 min",
                                                                 "event", "aggregate"};

static int granularity_of(const char *word)
{
    for (int i = 0; i < GRANULARITY_COUNT; i++)
        if (word && strcmp(word, granularity_words[i]) == 0)
            return i;
    return -1;
}

static void put_member(struct strbuf *buf, const char *before, const char *text)
{
    strbuf_puts(buf, before);
    strbuf_put_json_string(buf, text ? text : "");
}

static void put_categories(struct strbuf *buf, uint32_t categories)
{
    bool first = true;

    strbuf_putc(buf, '[');
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        if (!(categories & (1u << i)))
            continue;
        put_member(buf, first ? "{\"pii_type\":" : ",{\"pii_type\":",
                   category_name((enum category)i));
        strbuf_putc(buf, '}');
        first = false;
    }
    strbuf_putc(buf, ']');
}

char *consent_grant_to_json(const struct config_grant *grant)
{
    struct strbuf buf;

    strbuf_init(&buf);
    put_member(&buf,
               "{\"v\":1,\"header\":{\"schema_version\":\"" SCHEMA "\",\"record_id\":",
               grant->id);
    put_member(&buf,
               ",\"pii_principal_id\":\"household\",\"content_hash\":", grant->hash);
    put_member(&buf, "},\"processing\":{\"purpose\":", grant->purpose);
    put_member(&buf, ",\"recipient_third_parties\":[", grant->recipient);
    put_member(&buf, "],\"granularity\":", granularity_words[grant->granularity]);
    strbuf_puts(&buf,
                ",\"collection_method\":\"signature\",\"storage_locations\":[\"home\"],"
                "\"withdrawal_method\":\"gatewayctl consent withdraw, home page\"}");
    strbuf_puts(&buf, ",\"pii\":");
    put_categories(&buf, grant->categories);
    put_member(&buf, ",\"party\":[{\"party_id\":", grant->recipient);
    strbuf_puts(
        &buf,
        ",\"role\":\"recipient\"}],\"event\":{\"event_type\":\"expressed\","
        "\"event_state\":\"given\",\"entity_id\":\"household\",\"valid_until_ms\":");
    strbuf_put_i64(&buf, grant->until_ms);
    strbuf_puts(&buf, "}}");
    return strbuf_take(&buf);
}

static const char *get_text(const json_t *root, const char *section, const char *key)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(root, section), key));

    return text && *text ? text : NULL;
}

static uint32_t get_categories(const json_t *root)
{
    const json_t *list = json_object_get(root, "pii"), *item;
    uint32_t categories = 0;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "pii_type"));
        int category = name ? category_from_name(name) : -1;

        if (category < 0)
            return 0;
        categories |= 1u << category;
    }
    return categories;
}

static int read_grant(const json_t *root, struct config_grant *ret_grant)
{
    const json_t *until =
        json_object_get(json_object_get(root, "event"), "valid_until_ms");
    const json_t *parties = json_object_get(root, "party");
    const char *party =
        json_string_value(json_object_get(json_array_get(parties, 0), "party_id"));
    const char *id = get_text(root, "header", "record_id");
    const char *purpose = get_text(root, "processing", "purpose");
    const char *hash = get_text(root, "header", "content_hash");
    const char *text = get_text(root, "processing", "granularity");
    int granularity = granularity_of(text);
    struct config_grant grant = {.categories = get_categories(root)};

    if (!id || !party || granularity < 0 || !json_is_integer(until) || !grant.categories)
        return -EINVAL;
    grant.granularity = (enum granularity)granularity;
    grant.until_ms = json_integer_value(until);
    grant.id = strdup(id);
    grant.recipient = strdup(party);
    grant.purpose = strdup(purpose ? purpose : "");
    grant.hash = strdup(hash ? hash : "");
    if (!grant.id || !grant.recipient || !grant.purpose || !grant.hash) {
        consent_grant_done(&grant);
        return -ENOMEM;
    }
    *ret_grant = grant;
    return 0;
}

int consent_grant_from_json(const char *json, struct config_grant *ret_grant)
{
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    if (!root)
        return -EINVAL;
    rc = read_grant(root, ret_grant);
    json_decref(root);
    return rc;
}

void consent_grant_done(struct config_grant *grant)
{
    free(grant->id);
    free(grant->recipient);
    free(grant->purpose);
    free(grant->hash);
    memset(grant, 0, sizeof *grant);
}
