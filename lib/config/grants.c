/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consent.grants: what the resident signed; commands.allow: who may move which actuator.
 * Both are empty by default: nothing leaves, nobody commands.
 */
#include "lib/config/grants.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/config/zone.h"

struct grant_keys {
    const char *id, *recipient, *purpose;
    const struct tree_node *categories;
    int64_t granularity, until;
};

#define AT(field) .offset = offsetof(struct grant_keys, field)

/* granularity: in the order of enum granularity. */
static const struct schema_key grant_table[] = {
    SCHEMA_KEY("id", SITE_NAME, AT(id), .required = true),
    SCHEMA_KEY("recipient", SITE_NAME, AT(recipient), .required = true),
    SCHEMA_KEY("purpose", SITE_NAME, AT(purpose), .required = true),
    SCHEMA_KEY("categories", LIST, AT(categories), .required = true),
    SCHEMA_KEY("granularity", WORD, AT(granularity), .required = true,
               .words = "raw|1 min|30 min|event|aggregate"),
    SCHEMA_KEY("until", DATE, AT(until), .required = true),
};

static const struct schema_key category_row = {.key = "categories",
                                               .type = SCHEMA_WORD,
                                               .words =
                                                   "energy grid status health presence"};

struct consent_keys {
    const struct tree_node *grants;
};

static const struct schema_key consent_table[] = {
    SCHEMA_KEY("grants", LIST, SCHEMA_AT(consent_keys, grants))};

struct allow_keys {
    const char *by;
    const struct tree_node *points;
};

static const struct schema_key allow_table[] = {
    SCHEMA_KEY("by", SITE_NAME, SCHEMA_AT(allow_keys, by), .required = true),
    SCHEMA_KEY("points", LIST, SCHEMA_AT(allow_keys, points), .required = true),
};

struct commands_keys {
    const struct tree_node *allow;
};

static const struct schema_key commands_table[] = {
    SCHEMA_KEY("allow", LIST, SCHEMA_AT(commands_keys, allow))};

static const struct schema grant_schema = {"a grant", grant_table, 6, NULL, 0, false};
static const struct schema consent_schema = {"'consent'", consent_table, 1, NULL,
                                             0,           false};
static const struct schema allow_schema = {
    "an item of 'allow'", allow_table, 2, NULL, 0, false};
static const struct schema commands_schema = {"'commands'", commands_table, 1, NULL, 0,
                                              false};

static uint32_t read_categories(struct load *load, const struct tree_node *list)
{
    uint32_t categories = 0;
    int64_t category = 0;

    for (uint32_t i = 0; i < list->n; i++)
        if (schema_read_value(load->report, &category_row, list->entries[i].node,
                              &category))
            categories |= 1u << category;
    if (list->n == 0)
        report_error(load->report, list->place, "config-range",
                     "'categories' is empty, expected at least one of %s",
                     category_row.words);
    return categories;
}

/* FNV-1a, 64 bit, over the grant's canonical text: the same content gives the same hash
 * on every machine and release (docs/config.md). It tells an edited grant from the one
 * that was signed; it is no protection against whoever can edit the file anyway. */
static bool hash_grant(const struct config_grant *grant, int64_t until, char hash[17])
{
    uint64_t fnv = 0xcbf29ce484222325u;
    struct strbuf text;
    bool ok;

    strbuf_init(&text);
    strbuf_printf(&text, "grant-1\n%s\n%s\n%s\n", grant->id, grant->recipient,
                  grant->purpose);
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (grant->categories & (1u << i))
            strbuf_printf(&text, "%s ", category_name((enum category)i));
    strbuf_printf(&text, "\n%s\n%08" PRId64 "\n", granularity_name(grant->granularity),
                  until);
    for (size_t i = 0; i < text.len; i++)
        fnv = (fnv ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    snprintf(hash, 17, "%016" PRIx64, fnv);
    ok = !text.failed;
    strbuf_done(&text);
    return ok;
}

static void check_id_is_new(struct load *load, uint32_t n, const struct tree_node *node,
                            const char *id)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct config_grant *other = &load->config->grants[i];

        if (!other->id || strcmp(other->id, id) != 0)
            continue;
        report_error(
            load->report, yaml_tree_place(node, "id"), "config-duplicate-name",
            "two grants have the id '%s', expected different ids: the other is in "
            "line %u",
            id, other->mark.line);
        return;
    }
}

static void build_grant(struct load *load, uint32_t index, const struct tree_node *node)
{
    struct config_grant *grant = &load->config->grants[index];
    struct grant_keys keys = {0};
    bool ok = schema_read(load->report, &grant_schema, node, &keys);
    char hash[17] = "";

    grant->mark = load_mark(node->place);
    if (keys.id)
        check_id_is_new(load, index, node, keys.id);
    grant->id = load_strdup(load, keys.id);
    grant->recipient = load_strdup(load, keys.recipient);
    grant->purpose = load_strdup(load, keys.purpose);
    grant->granularity = (enum granularity)keys.granularity;
    if (keys.categories)
        grant->categories = read_categories(load, keys.categories);
    if (ok && !load->no_memory) {
        if (!hash_grant(grant, keys.until, hash))
            load->no_memory = true;
        /* That the zone exists was checked: reported, or it can be read. */
        if (!zone_day_end_ms(load->config->timezone, keys.until, &grant->until_ms) &&
            load->report->n_errors == 0)
            load->no_memory = true;
    }
    grant->hash = load_strdup(load, hash);
}

void grants_build(struct load *load, const struct tree_node *consent)
{
    struct consent_keys keys = {0};
    uint32_t n;

    if (consent)
        schema_read(load->report, &consent_schema, consent, &keys);
    n = load_list_length(load, keys.grants, LOAD_ITEMS_MAX, "grants");
    load->config->grants = load_calloc(load, n, sizeof *load->config->grants);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        load->config->n_grants = i + 1;
        build_grant(load, i, keys.grants->entries[i].node);
    }
}

static void read_allowed_point(struct load *load, struct config_allow *allow,
                               const struct tree_node *node)
{
    static const struct schema_key row = {.key = "points", .type = SCHEMA_POINT_REF};
    const struct config_point *point = NULL;
    const char *ref = NULL;

    if (!schema_read_value(load->report, &row, node, &ref) ||
        !load_find_point(load, node->place, ref, &point))
        return;
    if (point && !point->writable)
        report_error(load->report, node->place, "config-not-writable",
                     "'%s' cannot be written to, expected a point with 'write'", ref);
    allow->points[allow->n_points] = load_strdup(load, ref);
    allow->n_points += allow->points[allow->n_points] != NULL;
}

static void build_allow(struct load *load, struct config_allow *allow,
                        const struct tree_node *node)
{
    struct allow_keys keys = {0};
    uint32_t n;

    schema_read(load->report, &allow_schema, node, &keys);
    allow->by = load_strdup(load, keys.by);
    n = load_list_length(load, keys.points, LOAD_ITEMS_MAX, "points");
    allow->points = load_calloc(load, n, sizeof *allow->points);
    for (uint32_t i = 0; !load->no_memory && i < n; i++)
        read_allowed_point(load, allow, keys.points->entries[i].node);
}

void grants_build_allows(struct load *load, const struct tree_node *commands)
{
    struct commands_keys keys = {0};
    uint32_t n;

    if (commands)
        schema_read(load->report, &commands_schema, commands, &keys);
    n = load_list_length(load, keys.allow, LOAD_ITEMS_MAX, "items of 'allow'");
    load->config->allows = load_calloc(load, n, sizeof *load->config->allows);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        load->config->n_allows = i + 1;
        build_allow(load, &load->config->allows[i], keys.allow->entries[i].node);
    }
}
