/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table walker: which keys a mapping has, which it lacks, which it should not have.
 * What a single value must look like stands in schema_value.c.
 */
#include "lib/config/schema.h"

#include <string.h>

#include "lib/config/schema_value.h"
#include "lib/config/suggest.h"

static const struct schema_key *find_key(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_keys; i++)
        if (strcmp(schema->keys[i].key, name) == 0)
            return &schema->keys[i];
    return NULL;
}

static const struct gw_option *find_option(const struct gw_option *options,
                                           const char *name)
{
    for (; options && options->key; options++)
        if (strcmp(options->key, name) == 0)
            return options;
    return NULL;
}

static bool is_option(const struct schema *schema, const char *name)
{
    for (const struct gw_option *o = schema->options; o && o->key; o++)
        if (o->scope == schema->scope && strcmp(o->key, name) == 0)
            return true;
    return false;
}

static void offer(struct strbuf *list, struct suggest *suggest, const char *key)
{
    strbuf_puts(list, list->len ? ", " : "");
    strbuf_puts(list, key);
    suggest_offer(suggest, key);
}

static void report_unknown(struct config_report *report, const struct schema *schema,
                           const struct tree_entry *entry)
{
    static const char *const scopes[] = {"a bus", "a device", "a point"};
    const struct gw_option *elsewhere = find_option(schema->options, entry->key);
    struct suggest suggest = {.word = entry->key};
    struct strbuf list;

    strbuf_init(&list);
    for (size_t i = 0; i < schema->n_keys; i++)
        offer(&list, &suggest, schema->keys[i].key);
    for (const struct gw_option *o = schema->options; o && o->key; o++)
        if (o->scope == schema->scope)
            offer(&list, &suggest, o->key);
    if (elsewhere && elsewhere->scope < 3)
        report_error(report, entry->key_place, "config-wrong-place",
                     "key '%s' is not allowed in %s, expected it in %s", entry->key,
                     schema->what, scopes[elsewhere->scope]);
    else
        report_error(report, entry->key_place, "config-unknown-key",
                     "unknown key '%s' in %s, expected one of %s%s%s%s",
                     report_quote(entry->key), schema->what, list.data ? list.data : "",
                     suggest.best ? "; did you mean '" : "",
                     suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
    strbuf_done(&list);
}

static void *field(void *out, const struct schema_key *key)
{
    return key->offset == SCHEMA_ANYWHERE ? NULL : (char *)out + key->offset;
}

static void fill_defaults(const struct schema *schema, void *out)
{
    for (size_t i = 0; i < schema->n_keys; i++)
        if (schema->keys[i].fallback && field(out, &schema->keys[i]))
            schema_value_default(&schema->keys[i], field(out, &schema->keys[i]));
}

static bool report_missing(struct config_report *report, const struct schema *schema,
                           const struct tree_node *node)
{
    bool ok = true;

    for (size_t i = 0; i < schema->n_keys; i++) {
        const struct schema_key *key = &schema->keys[i];

        if (!key->required || yaml_tree_get(node, key->key))
            continue;
        report_error(report, node->place, "config-missing-key",
                     "%s lacks the key '%s', expected %s", schema->what, key->key,
                     schema_value_expected(key));
        ok = false;
    }
    return ok;
}

static bool read_entry(struct config_report *report, const struct schema *schema,
                       const struct tree_entry *entry, void *out)
{
    const struct schema_key *key = find_key(schema, entry->key);

    if (key)
        return schema_read_value(report, key, entry->node, field(out, key));
    if (schema->is_open || is_option(schema, entry->key))
        return true;
    report_unknown(report, schema, entry);
    return false;
}

bool schema_read(struct config_report *report, const struct schema *schema,
                 const struct tree_node *node, void *out)
{
    bool ok = true;

    fill_defaults(schema, out);
    if (node->kind == TREE_BROKEN)
        return false;
    if (node->kind != TREE_MAP) {
        report_error(report, node->place, "config-type",
                     "%s is %s here, expected a mapping of keys and values", schema->what,
                     yaml_tree_kind_name(node));
        return false;
    }
    for (uint32_t i = 0; i < node->n; i++)
        ok = read_entry(report, schema, &node->entries[i], out) && ok;
    return report_missing(report, schema, node) && ok;
}
