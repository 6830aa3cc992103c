/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of plugin configuration; see options.h. */
#include "lib/model/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void option_set_init(struct option_set *set)
{
    memset(set, 0, sizeof *set);
}

void option_set_done(struct option_set *set)
{
    for (uint32_t i = 0; i < set->n; i++) {
        free(set->options[i].key);
        free(set->options[i].text);
    }
    free(set->options);
    memset(set, 0, sizeof *set);
}

static struct option *find(const struct option_set *set, const char *key)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (strcmp(set->options[i].key, key) == 0)
            return &set->options[i];
    return NULL;
}

const struct option *option_set_find(const struct option_set *set, const char *key)
{
    return find(set, key);
}

static struct option *add(struct option_set *set, const char *key)
{
    struct option *option;

    if (set->n == set->capacity) {
        uint32_t capacity = set->capacity ? set->capacity * 2 : 8;
        struct option *bigger = realloc(set->options, capacity * sizeof *bigger);

        if (!bigger)
            return NULL;
        set->options = bigger;
        set->capacity = capacity;
    }
    option = &set->options[set->n];
    memset(option, 0, sizeof *option);
    option->key = strdup(key);
    if (!option->key)
        return NULL;
    set->n++;
    return option;
}

int option_set_put(struct option_set *set, const char *key, const char *text,
                   int64_t integer, double number, bool truth)
{
    struct option *option = find(set, key);
    char *copy = strdup(text);

    if (copy && !option)
        option = add(set, key);
    if (!copy || !option) {
        free(copy);
        return -ENOMEM;
    }
    free(option->text);
    option->text = copy;
    option->integer = integer;
    option->number = number;
    option->truth = truth;
    return 0;
}

bool option_set_equal(const struct option_set *a, const struct option_set *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct option *other = find(b, a->options[i].key);

        if (!other || strcmp(other->text, a->options[i].text) != 0)
            return false;
    }
    return true;
}
