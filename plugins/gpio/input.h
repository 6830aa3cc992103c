/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What edges make of an input: its state after debouncing, and a count of pulses that
 * says when it may have missed some. Pure: edges, levels and time come from bus.c.
 */
#ifndef GATEWAYD_GPIO_INPUT_H
#define GATEWAYD_GPIO_INPUT_H

#include <stdbool.h>
#include <stdint.h>

struct input {
    int64_t debounce_ns;      /* 0: the kernel does it, or none */
    bool is_known, is_active; /* the debounced state */
    bool is_settling, raw_active;
    int64_t raw_since_ns; /* boot time of the last edge while settling */
    uint64_t n_pulses;    /* changes from inactive to active */
    uint64_t n_lost;      /* edges known to be lost */
    bool has_gap;         /* edges were lost since input_take_gap */
};

/* The level when the line was taken: what was before is not known. */
void input_begin(struct input *input, bool is_active);

/* One edge. True when the debounced state changed by it, or flickered unseen. */
bool input_edge(struct input *input, bool is_active, uint32_t n_lost, int64_t t_boot_ns);
/* Edges may have been dropped, none knows how many. */
void input_doubt(struct input *input);

/* The level, read while no edge waits. True when edges must have been lost: it is the new
 * state. */
bool input_level(struct input *input, bool is_active);

/* When to look at the level once more, or INT64_MAX. */
int64_t input_deadline_ns(const struct input *input);
/* At the deadline, with the level read then. True when the state changed; *ret_t_boot_ns
 * is when. */
bool input_settle(struct input *input, bool is_active, int64_t now_boot_ns,
                  int64_t *ret_t_boot_ns);

/* Was something lost since the last time? */
bool input_take_gap(struct input *input);

#endif
