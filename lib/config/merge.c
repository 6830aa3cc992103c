/* SPDX-License-Identifier: Apache-2.0 */
/* Lays one file's tree over another's; see merge.h. */
#include "lib/config/merge.h"

#include <string.h>

/* The key by which the items of this list are known, or NULL: the list is one value. */
static const char *item_key(const char *list)
{
    static const char *const by_name[] = {"buses", "devices", "circuits", "forward"};

    for (size_t i = 0; i < sizeof by_name / sizeof by_name[0]; i++)
        if (strcmp(list, by_name[i]) == 0)
            return "name";
    return strcmp(list, "grants") == 0 ? "id" : NULL;
}

static struct tree_entry *find_item(struct tree_node *list, uint32_t n, const char *key,
                                    const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *other = yaml_tree_text(list->entries[i].node, key);

        if (other && strcmp(other, name) == 0)
            return &list->entries[i];
    }
    return NULL;
}

static bool merge_lists(struct arena *arena, struct tree_node *base,
                        const struct tree_node *overlay, const char *key)
{
    /* Two items of one name in the same file must both stay, to be reported. */
    uint32_t n_base = base->n;

    for (uint32_t i = 0; i < overlay->n; i++) {
        const struct tree_entry *item = &overlay->entries[i];
        const char *name = yaml_tree_text(item->node, key);
        struct tree_entry *old = name ? find_item(base, n_base, key, name) : NULL;

        if (old && old->node->place.file != item->node->place.file)
            *old = *item;
        else if (!yaml_tree_add(arena, base, *item))
            return false;
    }
    return true;
}

static bool merge_entry(struct arena *arena, struct tree_entry *base,
                        const struct tree_entry *overlay)
{
    const char *key = item_key(overlay->key);
    struct tree_node *under = base->node, *over = overlay->node;

    if (yaml_tree_is_null(over))
        return true;
    if (under->kind == TREE_MAP && over->kind == TREE_MAP) {
        for (uint32_t i = 0; i < over->n; i++) {
            uint32_t j = 0;

            while (j < under->n &&
                   strcmp(under->entries[j].key, over->entries[i].key) != 0)
                j++;
            if (j == under->n
                    ? !yaml_tree_add(arena, under, over->entries[i])
                    : !merge_entry(arena, &under->entries[j], &over->entries[i]))
                return false;
        }
        return true;
    }
    if (key && under->kind == TREE_LIST && over->kind == TREE_LIST)
        return merge_lists(arena, under, over, key);
    *base = *overlay;
    return true;
}

bool merge_trees(struct arena *arena, struct config_report *report,
                 struct tree_node *base, const struct tree_node *overlay)
{
    struct tree_entry under = {NULL, base->place, base};
    struct tree_entry over = {"", overlay->place, NULL};
    struct tree_node copy = *overlay;

    if (base->kind != TREE_MAP)
        return true; /* the schema walker will say so */
    if (overlay->kind != TREE_MAP) {
        report_error(report, overlay->place, "config-type",
                     "the file holds %s, expected a mapping of keys and values",
                     yaml_tree_kind_name(overlay));
        return true;
    }
    over.node = &copy;
    return merge_entry(arena, &under, &over);
}
