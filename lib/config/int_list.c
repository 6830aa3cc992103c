/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of whole numbers and ranges; see int_list.h. */
#include "lib/config/int_list.h"

#include <stdio.h>
#include <string.h>

#include "lib/config/units.h"

#define ITEMS_MAX 256u

struct whole {
    bool negative;
    uint64_t magnitude;
};

static double as_double(struct whole whole)
{
    return whole.negative ? -(double)whole.magnitude : (double)whole.magnitude;
}

static void put(struct strbuf *buf, struct whole whole)
{
    strbuf_puts(buf, whole.negative ? "-" : "");
    strbuf_put_u64(buf, whole.magnitude);
}

static bool parse_whole(const char *text, struct whole *whole)
{
    return units_parse_magnitude(text, &whole->negative, &whole->magnitude) == UNITS_OK &&
           (!whole->negative || whole->magnitude <= (uint64_t)INT64_MAX + 1);
}

/* "7" or "20..29"; first == last for a single number. */
static bool parse_item(const char *text, struct whole *first, struct whole *last)
{
    const char *dots = strstr(text, "..");
    char head[32];

    if (!dots) {
        bool ok = parse_whole(text, first);

        *last = *first;
        return ok;
    }
    if ((size_t)(dots - text) >= sizeof head)
        return false;
    snprintf(head, sizeof head, "%.*s", (int)(dots - text), text);
    return parse_whole(head, first) && parse_whole(dots + 2, last) &&
           as_double(*first) <= as_double(*last);
}

static bool read_item(struct config_report *report, const struct schema_key *key,
                      const struct tree_node *node, struct strbuf *text)
{
    struct whole first = {0}, last = {0};

    if (node->kind == TREE_BROKEN)
        return false;
    if (node->kind != TREE_SCALAR || !parse_item(node->text, &first, &last)) {
        report_error(
            report, node->place, "config-type",
            "bad item '%s' in '%s', expected a whole number, decimal or 0x without "
            "leading zero, or a range such as 20..29",
            node->text ? report_quote(node->text) : "", key->key);
        return false;
    }
    if (key->min < key->max &&
        (as_double(first) < key->min || as_double(last) > key->max)) {
        report_error(report, node->place, "config-range",
                     "bad item '%s' in '%s', expected numbers from %.0f to %.0f",
                     report_quote(node->text), key->key, key->min, key->max);
        return false;
    }
    strbuf_puts(text, text->len ? "," : "");
    put(text, first);
    if (as_double(first) < as_double(last)) {
        strbuf_putc(text, '-');
        put(text, last);
    }
    return true;
}

bool int_list_read(struct config_report *report, const struct schema_key *key,
                   const struct tree_node *node, struct strbuf *ret_text)
{
    bool ok = true;

    if (node->kind != TREE_LIST && node->kind != TREE_MAP)
        return read_item(report, key, node, ret_text);
    if (node->kind == TREE_MAP || node->n > ITEMS_MAX) {
        report_error(report, node->place, "config-type",
                     "'%s' is %s here, expected a list of at most %u numbers", key->key,
                     node->kind == TREE_MAP ? "a mapping" : "a longer list", ITEMS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < node->n; i++)
        ok = read_item(report, key, node->entries[i].node, ret_text) && ok;
    return ok;
}
