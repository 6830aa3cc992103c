/* SPDX-License-Identifier: Apache-2.0 */
/* Debouncing and counting; see input.h. */
#include "plugins/gpio/input.h"

void input_begin(struct input *input, bool is_active)
{
    /* pulses while nobody looked */
    input->has_gap = true;
    input->is_known = true;
    input->is_active = is_active;
    input->is_settling = false;
}

static void change(struct input *input, bool is_active)
{
    input->n_pulses += is_active && !input->is_active;
    input->is_active = is_active;
}

void input_doubt(struct input *input)
{
    input->has_gap = true;
}

/* Edges alternate, so the number of the lost ones tells how many of them were pulses. */
static void count_lost(struct input *input, uint32_t n_lost)
{
    input->n_lost += n_lost;
    input->has_gap = true;
    input->n_pulses += input->is_active ? n_lost / 2 : (n_lost + UINT64_C(1)) / 2;
    if (n_lost % 2)
        input->is_active = !input->is_active;
}

bool input_edge(struct input *input, bool is_active, uint32_t n_lost, int64_t t_boot_ns)
{
    bool was_active = input->is_active;

    if (input->debounce_ns > 0) {
        /* what bounced is of no interest, so neither is what of it was lost */
        input->is_settling = true;
        input->raw_active = is_active;
        input->raw_since_ns = t_boot_ns;
        return false;
    }
    if (n_lost > 0)
        count_lost(input, n_lost);
    if (is_active == input->is_active) /* the edge between was lost without a number */
        count_lost(input, 1);
    change(input, is_active);
    return n_lost > 0 || is_active != was_active;
}

bool input_level(struct input *input, bool is_active)
{
    if (input->is_settling || is_active == input->is_active)
        return false;
    input->n_lost++;
    input->has_gap = true;
    change(input, is_active);
    return true;
}

int64_t input_deadline_ns(const struct input *input)
{
    return input->is_settling ? input->raw_since_ns + input->debounce_ns : INT64_MAX;
}

bool input_settle(struct input *input, bool is_active, int64_t now_boot_ns,
                  int64_t *ret_t_boot_ns)
{
    if (now_boot_ns < input_deadline_ns(input))
        return false;
    /* the level disagrees with the last edge: one was lost, it may still bounce */
    if (is_active != input->raw_active) {
        input->raw_active = is_active;
        input->raw_since_ns = now_boot_ns;
        return false;
    }
    input->is_settling = false;
    *ret_t_boot_ns = input->raw_since_ns;
    if (is_active == input->is_active)
        return false;
    change(input, is_active);
    return true;
}

bool input_take_gap(struct input *input)
{
    bool had_gap = input->has_gap;

    input->has_gap = false;
    return had_gap;
}
