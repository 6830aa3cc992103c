/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean": the nearest of some words, by Damerau-Levenshtein distance. Pure. */
#ifndef GATEWAYD_CONFIG_SUGGEST_H
#define GATEWAYD_CONFIG_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap neighbours) between two words; 3 stands for "more
 * than 2". */
unsigned suggest_distance(const char *a, const char *b);

/* Begin with {.word = W}; offer every candidate; best is NULL or the nearest one within 2
 * edits (1 for words of 3 characters, none for
 * shorter ones), the first among equals. Borrowed. */
struct suggest {
    const char *word, *best;
    unsigned distance;
};
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
