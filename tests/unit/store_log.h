/* SPDX-License-Identifier: Apache-2.0 */
/* What a pass over the store's log saw; for the tests of the store. */
#ifndef GATEWAYD_TESTS_UNIT_STORE_LOG_H
#define GATEWAYD_TESTS_UNIT_STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct store_log {
    uint64_t first, last, n, n_events, n_gaps, n_lost, gap_to, sum;
    char boot[33], epoch[33], point[16]; /* of the last record; its first point */
};

/* Reads all from `from` on, on the store's thread; fails the test unless the numbers
 * ascend by one. sum: of all integer values. */
struct store_log store_log_read(uint64_t from);
struct store_log store_log_read_epoch(const char *epoch, uint64_t from);

int store_events_count(void); /* through store_read_events */
int store_consent_count(void);

#endif
