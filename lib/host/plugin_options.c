/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's table of options as text and back; see plugin_options.h. */
#include "lib/host/plugin_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "gateway-plugin-options 1"
#define N_FIELDS 9
#define MAX_OPTIONS 1000

static void put_field(struct strbuf *buf, const char *text, char end)
{
    if (!text)
        strbuf_puts(buf, "\\0");
    for (; text && *text; text++) {
        if (*text == '\\' || *text == '\t' || *text == '\n')
            strbuf_putc(buf, '\\');
        strbuf_putc(buf, *text == '\t' ? 't' : *text == '\n' ? 'n' : *text);
    }
    strbuf_putc(buf, end);
}

void plugin_options_print(const struct gw_plugin *plugin, struct strbuf *buf)
{
    put_field(buf, MAGIC, '\t');
    put_field(buf, plugin->name, '\t');
    put_field(buf, plugin->version, '\t');
    put_field(buf, plugin->description, '\n');
    for (const struct gw_option *option = plugin->options; option->key; option++) {
        strbuf_printf(buf, "%u\t%u\t%u\t%.17g\t%.17g\t", (unsigned)option->scope,
                      (unsigned)option->type, (unsigned)option->flags, option->min,
                      option->max);
        put_field(buf, option->key, '\t');
        put_field(buf, option->fallback, '\t');
        put_field(buf, option->words, '\t');
        put_field(buf, option->help, '\n');
    }
    strbuf_puts(buf, "end\n");
}

/* Cuts the line into its fields in place; the number of fields, at most max + 1. */
static unsigned split(char *line, char **fields, unsigned max)
{
    unsigned n = 0;

    for (char *p = line;; p++) {
        char *tab = strchr(p, '\t');

        if (n < max)
            fields[n] = p;
        n++;
        if (!tab || n > max)
            return n;
        *tab = '\0';
        p = tab;
    }
}

/* The text of a field, or NULL for \0; false when it is malformed or there is no
 * memory. */
static bool take_text(const char *field, const char **ret_text)
{
    char *text, *out;

    *ret_text = NULL;
    if (strcmp(field, "\\0") == 0)
        return true;
    text = out = malloc(strlen(field) + 1);
    if (!text)
        return false;
    for (; *field; field++) {
        if (*field == '\\') {
            field++;
            if (*field != '\\' && *field != 't' && *field != 'n') {
                free(text);
                return false;
            }
            *out++ = *field == 't' ? '\t' : *field == 'n' ? '\n' : '\\';
        } else {
            *out++ = *field;
        }
    }
    *out = '\0';
    *ret_text = text;
    return true;
}

static bool take_u32(const char *field, uint32_t *ret)
{
    char *end;
    unsigned long value = strtoul(field, &end, 10);

    *ret = (uint32_t)value;
    return *field >= '0' && *field <= '9' && !*end && value <= UINT32_MAX;
}

static bool take_double(const char *field, double *ret)
{
    char *end;

    *ret = strtod(field, &end);
    return *field && !*end;
}

static bool take_row(char *line, struct gw_option *option)
{
    char *fields[N_FIELDS];

    return split(line, fields, N_FIELDS) == N_FIELDS &&
           take_u32(fields[0], &option->scope) && take_u32(fields[1], &option->type) &&
           take_u32(fields[2], &option->flags) && take_double(fields[3], &option->min) &&
           take_double(fields[4], &option->max) && take_text(fields[5], &option->key) &&
           option->key && *option->key && take_text(fields[6], &option->fallback) &&
           take_text(fields[7], &option->words) && take_text(fields[8], &option->help);
}

static void free_row(const struct gw_option *option)
{
    free((void *)(uintptr_t)option->key);
    free((void *)(uintptr_t)option->fallback);
    free((void *)(uintptr_t)option->words);
    free((void *)(uintptr_t)option->help);
}

static int take_rows(char *text, struct gw_option *table)
{
    unsigned n = 0;
    char *save = NULL, *line = strtok_r(text, "\n", &save);

    if (!line || strncmp(line, MAGIC "\t", sizeof MAGIC) != 0)
        return -EBADMSG;
    while ((line = strtok_r(NULL, "\n", &save)) && strcmp(line, "end") != 0) {
        bool good = n < MAX_OPTIONS && take_row(line, &table[n]);

        if (!good) {
            free_row(&table[n]);
            memset(&table[n], 0, sizeof table[n]);
            return -EBADMSG;
        }
        n++;
    }
    return line ? 0 : -EBADMSG;
}

int plugin_options_parse(const char *text, size_t len, struct gw_option **ret_table)
{
    char *copy;
    struct gw_option *table;
    int rc;

    if (memchr(text, '\0', len))
        return -EBADMSG;
    copy = strndup(text, len);
    table = calloc(MAX_OPTIONS + 1, sizeof *table);
    rc = copy && table ? take_rows(copy, table) : -ENOMEM;
    free(copy);
    if (rc == 0)
        *ret_table = table;
    else
        plugin_options_free(table);
    return rc;
}

void plugin_options_free(struct gw_option *table)
{
    for (struct gw_option *option = table; option && option->key; option++)
        free_row(option);
    free(table);
}
