/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep over starts. Threads take the next start from a counter; each run has its own
 * plant, controllers and metrics.
 */
#include "gatewayctl/simulate/promise.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatewayctl/simulate/promise_slice.h"

#define THREADS_MAX 16
#define SLACK_H (1 / 3600.0)
/* A breaker takes one home's critical load for some steps, and no more. */
#define TRIPS_ALONE_PERCENT 99.8

struct sweep {
    struct promise *promise;
    atomic_uint next;
    atomic_int rc; /* the first that failed */
};

struct promise_home promise_home_of(const struct metrics *metrics, unsigned home,
                                    unsigned step_s)
{
    const struct metrics_home *from = &metrics->homes[home];
    double wanted_wh = from->demand_wh[CIRCUIT_CRITICAL];
    unsigned n_held =
        from->first_loss_step < 0 ? metrics->n_steps : (unsigned)from->first_loss_step;

    return (struct promise_home){
        .held_h = n_held * (double)step_s / 3600,
        .critical_percent =
            wanted_wh > 0 ? 100 * from->served_wh[CIRCUIT_CRITICAL] / wanted_wh : 100};
}

static void judge(const struct promise *promise, const struct metrics *metrics,
                  struct promise_start *start)
{
    start->held_h = HUGE_VAL;
    start->least_percent = 100;
    start->critical_percent = metrics->critical_percent;
    start->n_collapses = metrics->n_collapses;
    start->n_home_trips = metrics->n_home_trips;
    for (unsigned h = 0; h < promise->community->n_homes; h++) {
        struct promise_home home =
            promise_home_of(metrics, h, promise->scenario->axis.step_s);

        start->held_h = fmin(start->held_h, home.held_h);
        start->least_percent = fmin(start->least_percent, home.critical_percent);
    }
}

static int run_start(const struct promise *promise, struct promise_start *start)
{
    struct scenario slice;
    struct metrics metrics = {0};
    struct sim_controller controller = {0};
    struct run run = {.community = promise->community,
                      .scenario = &slice,
                      .is_coordinator_silent = promise->is_coordinator_silent,
                      .seed = promise->seed};
    int rc = promise_slice(promise, start->step, &slice);

    if (rc == 0)
        rc = metrics_init(&metrics, promise->community);
    if (rc == 0 && !promise->make(promise->community, &slice.axis, &controller))
        rc = -ENOMEM;
    if (rc == 0) {
        run_observe(&run, &metrics, metrics_step);
        rc = run_closed_loop(&run, &controller, NULL);
    }
    if (rc == 0)
        judge(promise, &metrics, start);
    if (rc == 0)
        rc = promise_bound_find(promise->community, &slice, &start->bound);
    if (controller.free)
        controller.free(controller.ctx);
    metrics_done(&metrics);
    promise_slice_done(&slice);
    return rc;
}

static void *work(void *arg)
{
    struct sweep *sweep = arg;

    for (;;) {
        unsigned i = atomic_fetch_add(&sweep->next, 1);
        int rc;

        if (i >= sweep->promise->n_starts || atomic_load(&sweep->rc) != 0)
            return NULL;
        rc = run_start(sweep->promise, &sweep->promise->starts[i]);
        if (rc != 0)
            atomic_store(&sweep->rc, rc);
    }
}

/* This thread works too, so that a machine without threads to spare still gets done. */
static int run_all(struct promise *promise)
{
    struct sweep sweep = {.promise = promise};
    long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[THREADS_MAX];
    unsigned n = 0;

    while (n < THREADS_MAX && (long)n + 1 < n_cpus &&
           pthread_create(&threads[n], NULL, work, &sweep) == 0)
        n++;
    work(&sweep);
    while (n)
        pthread_join(threads[--n], NULL);
    return atomic_load(&sweep.rc);
}

/* A home that was dark for long is worse than one that lost a minute early. */
static bool is_worse(const struct promise_start *a, const struct promise_start *b)
{
    if (fabs(a->least_percent - b->least_percent) > 0)
        return a->least_percent < b->least_percent;
    if (fabs(a->critical_percent - b->critical_percent) > 0)
        return a->critical_percent < b->critical_percent;
    return a->held_h < b->held_h;
}

int promise_sweep(struct promise *promise, struct gw_error *reterr)
{
    const struct sim_axis *axis = &promise->scenario->axis;
    unsigned hour = 3600 / axis->step_s ? 3600 / axis->step_s : 1;
    int rc;

    if (promise->n_steps == 0 || promise->n_steps > axis->n_steps)
        return error_set(reterr, -EINVAL, "simulate-promise",
                         "an outage of %.1f h does not fit into the %.1f h of '%s'",
                         promise->n_steps * (double)axis->step_s / 3600,
                         axis->n_steps * (double)axis->step_s / 3600,
                         promise->scenario->name);
    promise->n_starts = (axis->n_steps - promise->n_steps) / hour + 1;
    promise->starts = calloc(promise->n_starts, sizeof *promise->starts);
    if (!promise->starts)
        return -ENOMEM;
    for (unsigned i = 0; i < promise->n_starts; i++)
        promise->starts[i].step = i * hour;
    rc = run_all(promise);
    for (unsigned i = 1; rc == 0 && i < promise->n_starts; i++)
        if (is_worse(&promise->starts[i], &promise->starts[promise->worst]))
            promise->worst = i;
    return rc;
}

struct promise_count promise_count(const struct promise *promise)
{
    double full_h = promise->n_steps * (double)promise->scenario->axis.step_s / 3600;
    struct promise_count count = {0};

    for (unsigned i = 0; i < promise->n_starts; i++) {
        const struct promise_start *start = &promise->starts[i];
        bool is_held = start->held_h >= full_h - SLACK_H;
        bool is_permitted = start->bound.held_h >= full_h - SLACK_H;

        count.n_held += is_held;
        count.n_permitted += is_permitted;
        count.n_tripped += !is_held && is_permitted && start->n_home_trips > 0 &&
                           start->critical_percent >= TRIPS_ALONE_PERCENT;
    }
    return count;
}

bool promise_is_held(const struct promise *promise)
{
    return promise_count(promise).n_held == promise->n_starts;
}

void promise_done(struct promise *promise)
{
    free(promise->starts);
    promise->starts = NULL;
}
