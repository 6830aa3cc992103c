/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are copied on their way, so that nobody sees what did not pass. Which ones are
 * lost depends on seed, step and sender alone: a run can be repeated.
 */
#include "gatewayctl/simulate/post.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int post_init(struct post *post, unsigned n_homes, const struct scenario *scenario)
{
    unsigned n = n_homes + 1;

    *post = (struct post){.n_actors = n, .scenario = scenario};
    post->reports = calloc(n, sizeof *post->reports);
    post->plans = calloc(n, sizeof *post->plans);
    post->kept = calloc(n, sizeof *post->kept);
    post->arrived = calloc(n, sizeof *post->arrived);
    post->kept_step = malloc(n * sizeof *post->kept_step);
    if (!post->reports || !post->plans || !post->kept || !post->arrived ||
        !post->kept_step)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        post->kept_step[i] = UINT_MAX;
    return 0;
}

void post_done(struct post *post)
{
    free(post->reports);
    free(post->plans);
    free(post->kept);
    free(post->arrived);
    free(post->kept_step);
    memset(post, 0, sizeof *post);
}

void post_clear(struct post *post)
{
    for (unsigned i = 0; i < post->n_actors; i++)
        post->reports[i].size = post->plans[i].size = 0;
}

/* splitmix64: every bit of the input moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool passes(const struct post *post, unsigned step, uint64_t message)
{
    uint64_t key = mix(mix(post->seed ^ step) ^ message);

    if (post->is_silent)
        return false;
    for (unsigned i = 0; i < post->scenario->n_events; i++) {
        const struct scenario_event *e = &post->scenario->events[i];

        if (step < e->start_step || step >= e->end_step)
            continue;
        if (e->kind == EVENT_COORDINATOR_DOWN)
            return false;
        if (e->kind == EVENT_MESSAGES_LOST &&
            (double)(mix(key ^ i) >> 11) * 0x1p-53 < e->probability)
            return false;
    }
    return true;
}

static bool pass(struct post *post, unsigned step, const struct sim_message *message,
                 uint64_t which)
{
    bool is_through =
        message->size && message->size <= SIM_MESSAGE_MAX && passes(post, step, which);

    post->n_sent += message->size != 0;
    post->n_lost += message->size && !is_through;
    return is_through;
}

void post_collect(struct post *post, unsigned step)
{
    for (unsigned i = 0; i < post->n_actors; i++)
        post->arrived[i] =
            pass(post, step, &post->reports[i], 2u * i) ? &post->reports[i] : NULL;
}

void post_deliver(struct post *post, unsigned step)
{
    for (unsigned i = 0; i < post->n_actors; i++)
        if (pass(post, step, &post->plans[i], 2u * i + 1)) {
            post->kept[i].size = post->plans[i].size;
            memcpy(post->kept[i].data, post->plans[i].data, post->plans[i].size);
            post->kept_step[i] = step;
        }
}

const struct sim_message *post_plan(const struct post *post, unsigned actor,
                                    unsigned step, unsigned *ret_age_steps)
{
    bool has_one = post->kept_step[actor] != UINT_MAX;

    *ret_age_steps = has_one ? step - post->kept_step[actor] : 0;
    return has_one ? &post->kept[actor] : NULL;
}
