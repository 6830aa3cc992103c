/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway that is only made of fixed answers, for the tests of the API and of the
 * command line: two devices, one of them dead, two routes, three events. */
#ifndef GATEWAYD_TESTS_UNIT_FAKE_PORTS_H
#define GATEWAYD_TESTS_UNIT_FAKE_PORTS_H

#include <stdatomic.h>

#include "gatewayd/api/api.h"

struct fake {
    enum {
        FAKE_POST_ANSWERS, /* at once */
        FAKE_POST_KEEPS,   /* the post stays in `kept` */
        FAKE_POST_REFUSES, /* -ENOBUFS */
    } mode;
    enum api_outcome outcome;
    const char *text;
    _Atomic(struct api_post *) kept;
    struct api_post_request last; /* strings of its value: last_text */
    char last_text[64];
    unsigned n_posts, n_point_visits;
    unsigned changes_after; /* visits, then relay.heater is off and good; 0: never */
    uint64_t change;
    const char *unwell;
    bool has_alarm, is_store_broken, is_slow;
    struct api_history_query history; /* the last that was asked; no names */
    size_t n_read;
    atomic_uint n_freed;
};

/* Ports that answer from *fake. */
struct api_ports fake_ports(struct fake *fake);

#endif
