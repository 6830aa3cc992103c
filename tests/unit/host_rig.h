/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the host share: one configuration, one peer, a file for its
 * outputs. */
#ifndef GATEWAYD_TESTS_UNIT_HOST_RIG_H
#define GATEWAYD_TESTS_UNIT_HOST_RIG_H

#include "tests/unit/host_peer.h"

extern struct host_config rig_config;
extern struct host_peer rig_peer;

/* Device 5 with n counters on bus "first" (10), whose outputs go to the file. */
struct host_device *rig_one_device(uint32_t n_points, uint32_t interval_ms);
/* Device 6 with one counter on bus "second" (11). */
struct host_device *rig_second_bus(uint32_t interval_ms);
void rig_start(void); /* FATAL unless it gets ready */
void rig_finish(void);

/* True when the file holds that line. */
bool rig_was_written(const char *line);
/* Writes and waits for the answer with that id. */
void rig_write(uint64_t id, uint32_t device, uint32_t point, double value);
/* Stops it and expects exit code 0. */
void rig_stop(bool to_failsafe);

/* Conditions for peer_until. */
bool rig_second_has_seen(struct host_peer *peer, int n_readings);
bool rig_has_good_again(struct host_peer *peer, int unused);

#endif
