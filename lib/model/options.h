/* SPDX-License-Identifier: Apache-2.0 */
/* A checked block of plugin configuration: key -> typed value. What plugins see as
 * struct gw_config. */
#ifndef GATEWAYD_MODEL_OPTIONS_H
#define GATEWAYD_MODEL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text is always there (as normalised: durations in ms, lists "1,16,20-29"); integer,
 * number and truth are its readings where they make sense. */
struct option {
    char *key, *text;
    int64_t integer;
    double number;
    bool truth;
};

struct option_set {
    uint32_t n, capacity;
    struct option *options;
};

void option_set_init(struct option_set *set);
void option_set_done(struct option_set *set);
/* Copies; replaces an older value of that key. 0 or -ENOMEM. */
int option_set_put(struct option_set *set, const char *key, const char *text,
                   int64_t integer, double number, bool truth);
/* Borrowed, or NULL. */
const struct option *option_set_find(const struct option_set *set, const char *key);
/* Same keys with same texts, in any order. */
bool option_set_equal(const struct option_set *a, const struct option_set *b);

#endif
