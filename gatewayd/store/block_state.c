/* SPDX-License-Identifier: Apache-2.0 */
/* Per-layout memory of a block's writer or reader; see block_state.h. */
#include "gatewayd/store/block_state.h"

#include <stdlib.h>
#include <string.h>

struct block_states *block_states_new(void)
{
    struct block_states *states = calloc(1, sizeof *states);

    if (states)
        states->block = 1;
    return states;
}

void block_states_free(struct block_states *states)
{
    if (!states)
        return;
    for (uint32_t i = 0; i < states->n; i++)
        free(states->by_id[i]);
    free(states->by_id);
    free(states);
}

void block_states_next_block(struct block_states *states)
{
    states->block++;
}

static bool grow(struct block_states *states, uint32_t id)
{
    uint32_t n = states->n ? states->n : 16;
    struct block_state **bigger;

    if (id < states->n)
        return true;
    while (n <= id)
        n *= 2;
    bigger = realloc(states->by_id, n * sizeof(struct block_state *));
    if (!bigger)
        return false;
    memset(bigger + states->n, 0, (n - states->n) * sizeof(struct block_state *));
    states->by_id = bigger;
    states->n = n;
    return true;
}

static struct block_state *state_new(uint32_t n_slots)
{
    size_t per_slot = 2 * sizeof(uint64_t) + 2;
    struct block_state *state = calloc(1, sizeof *state + n_slots * per_slot);

    if (!state)
        return NULL;
    state->n_slots = n_slots;
    state->bits = (uint64_t *)(void *)(state + 1);
    state->next_bits = state->bits + n_slots;
    state->forms = (uint8_t *)(state->next_bits + n_slots);
    state->next_forms = state->forms + n_slots;
    return state;
}

struct block_state *block_states_get(struct block_states *states,
                                     const struct layout *layout, bool *ret_fresh)
{
    struct block_state *state;

    if (!grow(states, layout->id))
        return NULL;
    state = states->by_id[layout->id];
    if (!state)
        state = states->by_id[layout->id] = state_new(layout->n_points);
    if (!state)
        return NULL;
    *ret_fresh = state->block != states->block;
    if (*ret_fresh) {
        memset(state->bits, 0, state->n_slots * sizeof *state->bits);
        memset(state->forms, 0, state->n_slots);
        state->block = states->block;
    }
    return state;
}
