/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a plugin reads it; see config_view.h. */
#include "lib/host/config_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct gw_option *find_row(const struct gw_config *config, const char *key)
{
    for (const struct gw_option *row = config->table; row && row->key; row++)
        if (row->scope == config->scope && strcmp(row->key, key) == 0)
            return row;
    return NULL;
}

static const char *fallback(const struct gw_config *config, const char *key,
                            enum gw_option_type *ret_type)
{
    const struct gw_option *row = find_row(config, key);

    if (row)
        *ret_type = row->type;
    return row ? row->fallback : NULL;
}

const char *config_view_string(const struct gw_config *config, const char *key)
{
    const struct option *option = option_set_find(config->set, key);
    enum gw_option_type type;

    return option ? option->text : fallback(config, key, &type);
}

/* "200 ms", "5s", "2 min", "1 h"; a bare number is ms, as normalised texts have it. */
static double duration_ms(const char *text)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1},      {"ms", 1},    {"s", 1e3},
                 {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    char *end;
    double number = strtod(text, &end);

    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0)
            return number * units[i].ms;
    return 0;
}

int64_t config_view_int(const struct gw_config *config, const char *key, int64_t absent)
{
    const struct option *option = option_set_find(config->set, key);
    enum gw_option_type type = GW_OPT_INT;
    const char *text;

    if (option)
        return option->integer;
    text = fallback(config, key, &type);
    if (!text)
        return absent;
    return type == GW_OPT_DURATION ? llrint(duration_ms(text)) : strtoll(text, NULL, 0);
}

double config_view_float(const struct gw_config *config, const char *key, double absent)
{
    const struct option *option = option_set_find(config->set, key);
    enum gw_option_type type = GW_OPT_FLOAT;
    const char *text;

    if (option)
        return option->number;
    text = fallback(config, key, &type);
    return text ? strtod(text, NULL) : absent;
}

bool config_view_bool(const struct gw_config *config, const char *key, bool absent)
{
    const struct option *option = option_set_find(config->set, key);
    enum gw_option_type type;
    const char *text;

    if (option)
        return option->truth;
    text = fallback(config, key, &type);
    if (!text)
        return absent;
    return strcmp(text, "true") == 0 || strcmp(text, "on") == 0 ||
           strcmp(text, "yes") == 0;
}
