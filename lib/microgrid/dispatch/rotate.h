/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which homes are served when a class is served in part: first those that went without
 * longest, but who is on stays on until another has waited clearly longer, so that few
 * relays move. Pure; for community.
 */
#ifndef GATEWAYD_MICROGRID_DISPATCH_ROTATE_H
#define GATEWAYD_MICROGRID_DISPATCH_ROTATE_H

#include <stdbool.h>

struct rotate_home {
    double expect_w; /* if served */
    double lack_h;   /* hours of its usual demand it went without */
    double held_s;   /* since it was last switched */
    bool is_on, may_be_on;
    bool is_chosen; /* out */
};

struct rotate_rule {
    double target_w;
    double
        fit; /* the part of a home's power that must fit: 0.5 rounds, 1 never exceeds */
    double min_s;   /* nobody is moved within this time, if the target allows */
    double stick_h; /* who is on stays until another lacks so much more */
};

/* Marks is_chosen; order is room for n indices. */
void rotate_choose(struct rotate_home *homes, unsigned n, const struct rotate_rule *rule,
                   unsigned *order);

#endif
