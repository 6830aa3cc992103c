/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seconds off the grid of the last energy slots, as control tells them, until the summary
 * writes a slot. Any thread; its lock is a leaf.
 */
#ifndef GATEWAYD_STORE_OFF_GRID_H
#define GATEWAYD_STORE_OFF_GRID_H

#include <pthread.h>
#include <stdint.h>

#define OFF_GRID_SLOTS 16 /* four hours: older ones are forgotten, oldest first */

struct off_grid {
    pthread_mutex_t lock;
    struct {
        int64_t slot_ms; /* its begin, UTC; 0: free */
        int32_t s;
    } slots[OFF_GRID_SLOTS];
};

void off_grid_init(struct off_grid *off);
void off_grid_done(struct off_grid *off);
void off_grid_note(struct off_grid *off, int64_t slot_ms, int32_t s);
/* -1: not known. */
int32_t off_grid_get(struct off_grid *off, int64_t slot_ms);

#endif
