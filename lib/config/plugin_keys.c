/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's own keys, checked against its table before the plugin sees anything, and
 * normalised: durations in ms, numbers in decimal, lists as "1,16,20-29".
 */
#include "lib/config/plugin_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/config/int_list.h"
#include "lib/config/schema_value.h"

struct plugin_table {
    struct plugin_table *next;
    const char *name, *reason;
    const struct gw_option *options; /* NULL: unusable */
};

static struct plugin_table *ask(struct load *load, const char *plugin)
{
    struct plugin_table *table;
    const char *reason = "there is no such plugin";

    for (table = load->plugins; table; table = table->next)
        if (strcmp(table->name, plugin) == 0)
            return table;
    table = arena_alloc(load->arena, sizeof *table);
    if (!table) {
        load->no_memory = true;
        return NULL;
    }
    table->name = plugin;
    table->options = load->sources->plugin_options(load->sources->ctx, plugin, &reason);
    table->reason = arena_copy(load->arena, reason, strlen(reason));
    table->next = load->plugins;
    load->plugins = table;
    return table;
}

const struct gw_option *plugin_keys_table(struct load *load, struct place place,
                                          const char *plugin)
{
    const struct plugin_table *table = ask(load, plugin);

    if (table && !table->options)
        report_error(load->report, place, "config-plugin",
                     "plugin '%s' cannot be used: %s, expected an installed plugin",
                     report_quote(plugin), table->reason ? table->reason : "");
    return table ? table->options : NULL;
}

const struct gw_option *plugin_keys_known(struct load *load, const char *plugin)
{
    for (const struct plugin_table *table = load->plugins; table; table = table->next)
        if (strcmp(table->name, plugin) == 0)
            return table->options;
    return NULL;
}

static enum schema_type type_of(const struct gw_option *option)
{
    switch (option->type) {
    case GW_OPT_BOOL:
        return SCHEMA_BOOL;
    case GW_OPT_INT:
        return SCHEMA_INT;
    case GW_OPT_FLOAT:
        return SCHEMA_NUMBER;
    case GW_OPT_DURATION:
        return SCHEMA_DURATION;
    case GW_OPT_ENUM:
        return SCHEMA_WORD;
    default: /* also types of a newer header: the plugin gets the text */
        return SCHEMA_TEXT;
    }
}

static struct schema_key row_of(const struct gw_option *option)
{
    return (struct schema_key){.key = option->key,
                               .type = type_of(option),
                               .min = option->min,
                               .max = option->max,
                               .words = option->words ? option->words : ""};
}

/* What a row can fill; text where the schema borrows it. */
union filled {
    const char *text;
    int64_t integer;
    double number;
    bool truth;
};

static bool put(struct load *load, struct option_set *set, const char *key,
                const struct option *value)
{
    if (option_set_put(set, key, value->text, value->integer, value->number,
                       value->truth) < 0)
        load->no_memory = true;
    return !load->no_memory;
}

/* /dev/ttyUSB0 is another adapter after the next start. */
static void warn_unstable(struct load *load, const struct gw_option *option,
                          const struct tree_node *node)
{
    if ((option->flags & GW_OPTION_RESOURCE) &&
        (strncmp(node->text, "/dev/ttyUSB", 11) == 0 ||
         strncmp(node->text, "/dev/ttyACM", 11) == 0))
        report_warning(
            load->report, node->place, "config-unstable-name",
            "'%s' can be another adapter after a restart, expected a name from "
            "/dev/serial/by-id",
            report_quote(node->text));
}

/* 17, 0x11, gpiochip0, /dev/gpiochip0: another thing with another kernel. */
static bool is_number(const char *text)
{
    static const char *const numbered[] = {"/dev/gpiochip", "gpiochip", "0x", "0X", ""};
    size_t i = 0;

    while (strncmp(text, numbered[i], strlen(numbered[i])) != 0)
        i++;
    text += strlen(numbered[i]);
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool refuse_number(struct load *load, const struct gw_option *option,
                          const struct tree_node *node)
{
    if (!(option->flags & GW_OPTION_NO_NUMBER) || !is_number(node->text))
        return false;
    report_error(
        load->report, node->place, "config-unstable-name",
        "'%s' is a number, and numbers change with the kernel and with the order of "
        "plugging in, expected the %s",
        report_quote(node->text), option->help ? option->help : "name");
    return true;
}

static bool read_scalar(struct load *load, const struct gw_option *option,
                        const struct tree_node *node, struct option_set *set)
{
    struct schema_key row = row_of(option);
    union filled filled = {0};
    struct option value = {0};
    char text[64];

    if (!schema_read_value(load->report, &row, node, &filled))
        return false;
    value.text = text;
    text[0] = '\0';
    if (row.type == SCHEMA_BOOL) {
        value.truth = filled.truth;
        value.integer = filled.truth;
        value.number = filled.truth;
        snprintf(text, sizeof text, "%s", filled.truth ? "true" : "false");
    } else if (row.type == SCHEMA_WORD) {
        value.integer = filled.integer;
        schema_word(row.words, (size_t)filled.integer, text, sizeof text);
    } else if (row.type == SCHEMA_NUMBER) {
        struct strbuf buf;

        strbuf_init(&buf);
        strbuf_put_double(&buf, filled.number);
        snprintf(text, sizeof text, "%s", buf.data ? buf.data : "0");
        strbuf_done(&buf);
        value.number = filled.number;
    } else if (row.type == SCHEMA_TEXT) {
        if (refuse_number(load, option, node))
            return false;
        warn_unstable(load, option, node);
        return option_set_put(set, option->key, filled.text, 0, 0, false) == 0 ||
               !(load->no_memory = true);
    } else {
        value.integer = filled.integer;
        value.number = (double)filled.integer;
        snprintf(text, sizeof text, "%" PRId64, filled.integer);
    }
    return put(load, set, option->key, &value);
}

static bool read_list(struct load *load, const struct gw_option *option,
                      const struct tree_node *node, struct option_set *set)
{
    struct schema_key row = row_of(option);
    struct strbuf text;
    bool ok;

    strbuf_init(&text);
    ok = int_list_read(load->report, &row, node, &text);
    if (ok &&
        option_set_put(set, option->key, text.data ? text.data : "", 0, 0, false) < 0)
        load->no_memory = true;
    strbuf_done(&text);
    return ok;
}

static const struct gw_option *find(const struct gw_option *options, uint32_t scope,
                                    const char *key)
{
    for (; options && options->key; options++)
        if (options->scope == scope && strcmp(options->key, key) == 0)
            return options;
    return NULL;
}

bool plugin_keys_read(struct load *load, const struct tree_node *node,
                      const struct gw_option *options, uint32_t scope,
                      struct option_set *set)
{
    bool ok = true;

    for (uint32_t i = 0; node->kind == TREE_MAP && i < node->n; i++) {
        const struct tree_entry *entry = &node->entries[i];
        const struct gw_option *option = find(options, scope, entry->key);

        if (!option)
            continue;
        if (option->type == GW_OPT_INT_LIST)
            ok = read_list(load, option, entry->node, set) && ok;
        else
            ok = read_scalar(load, option, entry->node, set) && ok;
    }
    return ok;
}

bool plugin_keys_require(struct load *load, const struct tree_node *node,
                         const char *what, const struct gw_option *options,
                         uint32_t scope, const struct option_set *set)
{
    bool ok = true;

    for (; options && options->key; options++) {
        struct schema_key row = row_of(options);

        if (options->scope != scope || !(options->flags & GW_OPTION_REQUIRED) ||
            options->fallback || option_set_find(set, options->key) ||
            yaml_tree_get(node, options->key))
            continue;
        report_error(load->report, node->place, "config-missing-key",
                     "%s lacks the key '%s'%s%s%s, expected %s", what, options->key,
                     options->help ? " (" : "", options->help ? options->help : "",
                     options->help ? ")" : "", schema_value_expected(&row));
        ok = false;
    }
    return ok;
}

const char *plugin_keys_text(const struct gw_option *options, uint32_t scope,
                             const struct option_set *set, const char *key)
{
    const struct option *given = option_set_find(set, key);
    const struct gw_option *option = find(options, scope, key);

    return given ? given->text : option ? option->fallback : NULL;
}

bool plugin_keys_need_points(const struct gw_option *options)
{
    for (; options && options->key; options++)
        if (options->scope == GW_SCOPE_POINT && (options->flags & GW_OPTION_REQUIRED))
            return true;
    return false;
}
