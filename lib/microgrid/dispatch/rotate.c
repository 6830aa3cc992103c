/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding of a share to whole homes; see the header.
 */
#include "lib/microgrid/dispatch/rotate.h"

static double rank(const struct rotate_home *home, const struct rotate_rule *rule)
{
    double r = home->lack_h;

    if (home->is_on)
        r += rule->stick_h;
    if (home->held_s < rule->min_s) /* moved just now: last to be moved again */
        r += home->is_on ? 1e6 : -1e6;
    return r;
}

/* Insertion sort by rank, largest first: n is some tens and nearly sorted. */
static void sort(const struct rotate_home *homes, unsigned n,
                 const struct rotate_rule *rule, unsigned *order)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned j = i;
        double mine = rank(&homes[i], rule);

        for (; j > 0 && rank(&homes[order[j - 1]], rule) < mine; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

void rotate_choose(struct rotate_home *homes, unsigned n, const struct rotate_rule *rule,
                   unsigned *order)
{
    double sum_w = 0;

    sort(homes, n, rule, order);
    for (unsigned i = 0; i < n; i++) {
        struct rotate_home *home = &homes[order[i]];

        home->is_chosen =
            home->may_be_on && sum_w + rule->fit * home->expect_w <= rule->target_w;
        if (home->is_chosen)
            sum_w += home->expect_w;
    }
}
