/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest of some words; see suggest.h. */
#include "lib/config/suggest.h"

#include <string.h>

#define WORD_MAX 64u
#define FAR 3u

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Optimal string alignment on three rows. */
unsigned suggest_distance(const char *a, const char *b)
{
    size_t len_a = strlen(a), len_b = strlen(b);
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    if (len_a > WORD_MAX || len_b > WORD_MAX || len_a > len_b + 2 || len_b > len_a + 2)
        return FAR;
    memset(rows, 0, sizeof rows);
    for (unsigned j = 0; j <= len_b; j++)
        now[j] = j;
    for (unsigned i = 1; i <= len_a; i++) {
        unsigned *reused = before;

        before = last;
        last = now;
        now = reused;
        now[0] = i;
        for (unsigned j = 1; j <= len_b; j++) {
            unsigned cost = a[i - 1] != b[j - 1];

            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min3(now[j], before[j - 2] + 1, FAR);
        }
    }
    return now[len_b] < FAR ? now[len_b] : FAR;
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
    size_t len = strlen(suggest->word);
    unsigned limit = len <= 2 ? 0 : len == 3 ? 1 : 2;
    unsigned distance = suggest_distance(suggest->word, candidate);

    if (distance > limit || (suggest->best && distance >= suggest->distance))
        return;
    suggest->best = candidate;
    suggest->distance = distance;
}
