/* SPDX-License-Identifier: Apache-2.0 */
/* A small table; see off_grid.h. */
#include "gatewayd/store/off_grid.h"

#include <string.h>

void off_grid_init(struct off_grid *off)
{
    memset(off->slots, 0, sizeof off->slots);
    pthread_mutex_init(&off->lock, NULL);
}

void off_grid_done(struct off_grid *off)
{
    pthread_mutex_destroy(&off->lock);
}

void off_grid_note(struct off_grid *off, int64_t slot_ms, int32_t s)
{
    unsigned at = 0;

    pthread_mutex_lock(&off->lock);
    for (unsigned i = 0; i < OFF_GRID_SLOTS; i++) {
        if (off->slots[i].slot_ms == slot_ms) {
            at = i;
            break;
        }
        if (off->slots[i].slot_ms < off->slots[at].slot_ms)
            at = i;
    }
    off->slots[at].slot_ms = slot_ms;
    off->slots[at].s = s;
    pthread_mutex_unlock(&off->lock);
}

int32_t off_grid_get(struct off_grid *off, int64_t slot_ms)
{
    int32_t s = -1;

    pthread_mutex_lock(&off->lock);
    for (unsigned i = 0; i < OFF_GRID_SLOTS; i++)
        if (slot_ms && off->slots[i].slot_ms == slot_ms)
            s = off->slots[i].s;
    pthread_mutex_unlock(&off->lock);
    return s;
}
