/* SPDX-License-Identifier: Apache-2.0 */
/* One gateway with one route for tests of forward: time, commits and what the route and
 * the receiver do, in short words. One at a time; CUnit asserts inside. */
#ifndef GATEWAYD_TESTS_UNIT_FAKE_HOME_H
#define GATEWAYD_TESTS_UNIT_FAKE_HOME_H

#include "tests/unit/fake_log.h"

extern int64_t home_now_s;
extern struct fake *fake;
extern struct consent *consent;
extern struct forward *forward;
extern struct config_route home_route; /* may be changed between begin and start */
extern char home_host[32];

/* begin, (change the route), start, ..., end. Restart: forward_free, start. */
void home_begin(bool receiver, const char *recipient);
void home_start(void);
void home_end(void);

void home_set_time(int64_t s);
void home_pass(int64_t s); /* a tick for each second */
void home_grant(const char *id, uint32_t categories, enum granularity granularity);
void home_append(unsigned n); /* of "meter", committed */
/* Everything in the route arrives and is acknowledged. */
void home_deliver_all(void);
void home_give_receipt(void);
bool home_all_covered(uint64_t from);
struct forward_stats home_stats(void);

#endif
