/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of one bus, on its own thread; see bus_runner.h. */
#include "lib/host/bus_runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"
#include "lib/host/bus_stats.h"
#include "lib/model/value.h"

#define STACK_BYTES (256 * 1024)
#define FLUSH_NS CLOCK_NS_PER_S
#define FAILSAFE_NS (2 * CLOCK_NS_PER_S)
#define FAILSAFE_LEAST_NS (CLOCK_NS_PER_S / 2)
#define LINK_FIRST_NS (CLOCK_NS_PER_S / 2)
#define LINK_MAX_STEP 4 /* 8 s */
#define EVENT_RETRY_NS CLOCK_NS_PER_S

/* One request that is due in this turn. */
struct due {
    int64_t due_boot_ns;
    uint32_t device, request, plan_serial;
};

struct bus_runner {
    struct bus bus;
    pthread_t thread;
    bool is_started;
    int wake_fd, control_fd;
    struct command_queue *commands;
    _Atomic int state;     /* enum bus_runner_state */
    _Atomic int stop;      /* 1: close; 2: failsafes first */
    _Atomic int64_t stop_boot_ns; /* set before stop */
    _Atomic bool is_kicked;
    char text[200];        /* written before the state, read after it; so the next */
    unsigned n_unsafe;     /* outputs not at failsafe at the end */

    /* bus thread only */
    struct lease_table leases;
    struct bus_stats stats;
    struct due *due;
    uint32_t n_due, due_capacity;
    unsigned link_failures; /* in a row; 0: the link is up */
    bool link_was_told;
    int64_t link_retry_boot_ns, event_retry_boot_ns, flushed_boot_ns;
    int event_fd;
};

static void flush(struct bus_runner *runner)
{
    sink_flush(runner->bus.sink);
    runner->flushed_boot_ns = clock_boot_ns();
}

/* ---- the link of the whole bus ----------------------------------------------------- */

static void link_failed(struct bus_runner *runner, struct plan_request *request)
{
    struct bus *bus = &runner->bus;
    int64_t now_ns = clock_boot_ns();
    unsigned step = runner->link_failures < LINK_MAX_STEP ? runner->link_failures
                                                          : LINK_MAX_STEP;
    /* a resource asked for at the first attempt is about to come: no alarm about that */
    bool is_quiet = services_was_waiting(bus->services) && runner->link_failures == 0;

    runner->link_failures++;
    runner->link_retry_boot_ns = now_ns + (LINK_FIRST_NS << step);
    if (request && request->due_boot_ns < now_ns)
        request->due_boot_ns = now_ns; /* the next attempt is another request's */
    if (is_quiet)
        return;
    for (uint32_t i = 0; i < bus->config->n_devices; i++)
        sink_mark_device(bus->sink, i, GW_LINK_DOWN, now_ns);
    if (!runner->link_was_told) {
        const char *text = sink_text(bus->sink);

        runner->link_was_told = true;
        outbox_log(bus->outbox, LOG_LEVEL_WARNING, bus->subject,
                   "link down: %s; all points stale, trying again",
                   *text ? text : "no reason given");
        bus_stats_ask(&runner->stats);
    }
}

static void link_works(struct bus_runner *runner, const struct plan_request *done)
{
    struct bus *bus = &runner->bus;

    if (runner->link_failures == 0)
        return;
    runner->link_failures = 0;
    runner->link_retry_boot_ns = 0;
    for (uint32_t i = 0; i < bus->config->n_devices; i++)
        plan_catch_up(&bus->devices[i].plan, done, clock_boot_ns());
    if (runner->link_was_told) {
        outbox_log(bus->outbox, LOG_LEVEL_INFO, bus->subject, "link is up");
        bus_stats_ask(&runner->stats);
    }
    runner->link_was_told = false;
}

/* ---- the plan ---------------------------------------------------------------------- */

static void describe(struct bus_runner *runner, uint32_t number)
{
    struct bus *bus = &runner->bus;
    enum gw_result result = bus_describe(bus, number);

    if (result != GW_OK)
        outbox_log(bus->outbox, LOG_LEVEL_ERROR, bus->subject,
                   "device '%s' is refused by its plugin (%s); the others go on",
                   bus->devices[number].config->name, result_name(result));
}

/* ---- one request ------------------------------------------------------------------- */

static void judge(struct bus_runner *runner, uint32_t number,
                  const struct plan_request *done, enum gw_result result,
                  int64_t start_ns)
{
    struct bus_device *device = &runner->bus.devices[number];
    int64_t now_ns = clock_boot_ns();
    int64_t longest_ns =
        breaker_longest_ns(runner->bus.config->n_devices, now_ns - start_ns);

    if (breaker_end(&device->breaker, result, now_ns, longest_ns)) {
        /* the core tells people: it sees the transition in the statistics */
        bus_stats_ask(&runner->stats);
        if (device->breaker.state == BREAKER_CLOSED)
            plan_catch_up(&device->plan, done, now_ns);
    }
    /* not asked any more: nothing of it is known, told again with every probe */
    if (device->breaker.state == BREAKER_OPEN && result != GW_ERR_LINK)
        sink_mark_device(runner->bus.sink, number, quality_from_result(result), now_ns);
}

static void forget_request(struct bus_runner *runner, const struct bus_device *device,
                           struct plan_request *request)
{
    request->due_boot_ns = INT64_MAX;
    outbox_log(runner->bus.outbox, LOG_LEVEL_ERROR, runner->bus.subject,
               "device '%s': %s cannot work (%s), not asked any more",
               device->config->name, request->text, device->last_error);
}

static enum gw_result attempt(struct bus_runner *runner, uint32_t number,
                              struct plan_request *request)
{
    struct bus *bus = &runner->bus;
    struct bus_device *device = &bus->devices[number];
    int64_t start_ns = clock_boot_ns();
    enum gw_result result;

    breaker_begin(&device->breaker);
    result = bus_read(bus, number, request);
    if (result == GW_ERR_LINK) {
        link_failed(runner, request);
    } else {
        bus->n_overruns += plan_advance(&device->plan, request, start_ns);
        link_works(runner, request);
    }
    judge(runner, number, request, result, start_ns);
    if (result == GW_ERR_CONFIG)
        forget_request(runner, device, request);
    if (sink_wants_plan(bus->sink))
        describe(runner, number);
    if (sink_is_urgent(bus->sink) || clock_boot_ns() - runner->flushed_boot_ns > FLUSH_NS)
        flush(runner);
    return result;
}

/* ---- commands ---------------------------------------------------------------------- */

static void read_now(struct bus_runner *runner, const struct command *command)
{
    struct bus_device *device;
    enum gw_result worst = GW_ERR_UNSUPPORTED, result;
    char text[120] = "nothing to read";

    if (command->device < runner->bus.config->n_devices) {
        device = &runner->bus.devices[command->device];
        for (uint32_t i = 0; i < device->plan.n; i++) {
            result = attempt(runner, command->device, &device->plan.requests[i]);
            if (i == 0 || (worst == GW_OK && result != GW_OK)) {
                worst = result;
                snprintf(text, sizeof text, "%s",
                         result == GW_OK ? "" : device->last_error);
            }
            /* a silent device would hold the line for each of its requests */
            if (result == GW_ERR_TIMEOUT || result == GW_ERR_LINK)
                break;
        }
    }
    flush(runner);
    bus_stats_read_done(&runner->bus, command->id, worst, text);
}

static void do_commands(struct bus_runner *runner)
{
    struct command command;

    while (!atomic_load(&runner->stop) && command_queue_take(runner->commands, &command))
        switch (command.kind) {
        case COMMAND_WRITE:
            command_write(&runner->bus, &runner->leases, &command);
            break;
        case COMMAND_RELEASE:
            command_release(&runner->bus, &runner->leases, &command);
            break;
        case COMMAND_READ:
            read_now(runner, &command);
            break;
        }
    command_end_leases(&runner->bus, &runner->leases);
}

/* ---- what is due ------------------------------------------------------------------- */

static bool add_due(struct bus_runner *runner, uint32_t number,
                    const struct plan_request *request, int64_t due_boot_ns)
{
    const struct bus_device *device = &runner->bus.devices[number];
    uint32_t capacity = runner->due_capacity ? runner->due_capacity * 2 : 64;
    struct due *bigger;

    if (runner->n_due == runner->due_capacity) {
        bigger = realloc(runner->due, capacity * sizeof *bigger);
        if (!bigger)
            return false;
        runner->due = bigger;
        runner->due_capacity = capacity;
    }
    runner->due[runner->n_due++] =
        (struct due){due_boot_ns, number, (uint32_t)(request - device->plan.requests),
                     device->plan_serial};
    return true;
}

/* When the device wants the line next, and by which request if it is by now. */
static int64_t next_of_device(struct bus_runner *runner, uint32_t number, int64_t now_ns,
                              bool collect)
{
    struct bus_device *device = &runner->bus.devices[number];
    struct plan_request *cheapest;
    int64_t next_ns = INT64_MAX;

    if (device->breaker.state != BREAKER_CLOSED) {
        cheapest = plan_cheapest(&device->plan);
        if (!cheapest)
            return INT64_MAX;
        next_ns = device->breaker.next_try_boot_ns;
        if (collect && next_ns <= now_ns)
            add_due(runner, number, cheapest, next_ns);
        return next_ns;
    }
    for (uint32_t i = 0; i < device->plan.n; i++) {
        const struct plan_request *request = &device->plan.requests[i];

        if (collect && request->due_boot_ns <= now_ns)
            add_due(runner, number, request, request->due_boot_ns);
        if (request->due_boot_ns < next_ns)
            next_ns = request->due_boot_ns;
    }
    return next_ns;
}

static int compare_due(const void *a, const void *b)
{
    const struct due *x = a, *y = b;

    if (x->due_boot_ns != y->due_boot_ns)
        return x->due_boot_ns < y->due_boot_ns ? -1 : 1;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->request < y->request ? -1 : x->request > y->request;
}

static void read_due(struct bus_runner *runner)
{
    int64_t now_ns = clock_boot_ns();

    if (atomic_exchange(&runner->is_kicked, false))
        runner->link_retry_boot_ns = 0;
    if (now_ns < runner->link_retry_boot_ns)
        return;
    runner->n_due = 0;
    for (uint32_t i = 0; i < runner->bus.config->n_devices; i++)
        next_of_device(runner, i, now_ns, true);
    qsort(runner->due, runner->n_due, sizeof *runner->due, compare_due);
    runner->flushed_boot_ns = now_ns;
    for (uint32_t i = 0; i < runner->n_due && !atomic_load(&runner->stop); i++) {
        const struct due *due = &runner->due[i];
        struct bus_device *device = &runner->bus.devices[due->device];

        if (i > 0)
            do_commands(runner);
        if (due->plan_serial != device->plan_serial ||
            !breaker_allows(&device->breaker, clock_boot_ns()))
            continue;
        if (attempt(runner, due->device, &device->plan.requests[due->request]) ==
            GW_ERR_LINK)
            break;
    }
}

/* ---- the loop ---------------------------------------------------------------------- */

static int64_t next_wake_boot_ns(struct bus_runner *runner)
{
    int64_t next_ns = INT64_MAX, other_ns;

    for (uint32_t i = 0; i < runner->bus.config->n_devices; i++) {
        other_ns = next_of_device(runner, i, 0, false);
        if (other_ns < next_ns)
            next_ns = other_ns;
    }
    if (next_ns < runner->link_retry_boot_ns)
        next_ns = runner->link_retry_boot_ns;
    other_ns = lease_next_boot_ns(&runner->leases);
    if (other_ns < next_ns)
        next_ns = other_ns;
    return next_ns < runner->stats.next_boot_ns ? next_ns : runner->stats.next_boot_ns;
}

static void handle_events(struct bus_runner *runner)
{
    enum gw_result result = bus_ready(&runner->bus);

    if (result == GW_ERR_LINK)
        link_failed(runner, NULL);
    if (result != GW_OK) /* a descriptor in error stays readable: do not spin on it */
        runner->event_retry_boot_ns = clock_boot_ns() + EVENT_RETRY_NS;
    flush(runner); /* edges are worth a message of their own */
}

static void wait_for_work(struct bus_runner *runner)
{
    struct pollfd fds[2] = {{.fd = runner->wake_fd, .events = POLLIN}, {.fd = -1}};
    int64_t now_ns = clock_boot_ns(), wait_ns = next_wake_boot_ns(runner) - now_ns;
    struct timespec wait;
    eventfd_t count;

    if (now_ns >= runner->event_retry_boot_ns)
        fds[1] = (struct pollfd){.fd = bus_event_fd(&runner->bus), .events = POLLIN};
    else if (wait_ns > runner->event_retry_boot_ns - now_ns)
        wait_ns = runner->event_retry_boot_ns - now_ns;
    if (wait_ns <= 0 && fds[1].fd < 0)
        return;
    if (wait_ns < 0)
        wait_ns = 0;
    wait.tv_sec = (time_t)(wait_ns / CLOCK_NS_PER_S);
    wait.tv_nsec = (long)(wait_ns % CLOCK_NS_PER_S);
    if (ppoll(fds, 2, &wait, NULL) <= 0)
        return;
    if (fds[0].revents)
        eventfd_read(runner->wake_fd, &count);
    if (fds[1].revents)
        handle_events(runner);
}

static void set_state(struct bus_runner *runner, enum bus_runner_state state)
{
    atomic_store(&runner->state, (int)state);
    if (runner->control_fd >= 0)
        eventfd_write(runner->control_fd, 1);
}

static bool open_and_describe(struct bus_runner *runner)
{
    struct bus *bus = &runner->bus;
    enum gw_result result = bus_open(bus);

    if (result != GW_OK) {
        snprintf(runner->text, sizeof runner->text, "plugin '%s' did not open: %s",
                 bus->plugin->name, result_name(result));
        return false;
    }
    for (uint32_t i = 0; i < bus->config->n_devices; i++)
        describe(runner, i);
    return true;
}

static void take_paces(struct bus_runner *runner)
{
    for (uint32_t i = 0; i < runner->bus.config->n_devices; i++) {
        struct bus_device *device = &runner->bus.devices[i];
        uint32_t pace = atomic_load(&device->pace);

        if (pace != device->plan.pace)
            plan_set_pace(&device->plan, pace, clock_boot_ns());
    }
}

static void run_until_stop(struct bus_runner *runner)
{
    while (!atomic_load(&runner->stop)) {
        atomic_fetch_add(&runner->bus.n_turns, 1);
        do_commands(runner);
        take_paces(runner);
        read_due(runner);
        flush(runner);
        bus_stats_send(&runner->stats, &runner->bus);
        if (!atomic_load(&runner->stop))
            wait_for_work(runner);
    }
}

/* 2 s from when the end was asked for, the call under way included; after a long one
 * still time for an attempt at each living unit. */
static void bring_to_failsafe(struct bus_runner *runner)
{
    int64_t until_ns = atomic_load(&runner->stop_boot_ns) + FAILSAFE_NS;
    int64_t least_ns = clock_boot_ns() + FAILSAFE_LEAST_NS;
    unsigned n_left = command_all_to_failsafe(&runner->bus, &runner->leases,
                                              until_ns > least_ns ? until_ns : least_ns);

    runner->n_unsafe = n_left;
    if (n_left > 0)
        outbox_log(runner->bus.outbox, LOG_LEVEL_ERROR, runner->bus.subject,
                   "%u outputs could not be written to failsafe", n_left);
}

static void *run(void *arg)
{
    struct bus_runner *runner = arg;

    if (!open_and_describe(runner)) {
        set_state(runner, BUS_RUNNER_FAILED);
        return NULL;
    }
    set_state(runner, BUS_RUNNER_OPEN);
    bus_stats_init(&runner->stats);
    run_until_stop(runner);
    if (atomic_load(&runner->stop) == 2)
        bring_to_failsafe(runner);
    bus_close(&runner->bus);
    set_state(runner, BUS_RUNNER_FINISHED);
    return NULL;
}

/* ---- called by the control thread -------------------------------------------------- */

struct bus_runner *bus_runner_new(const struct bus_setup *setup, int wake_fd)
{
    struct bus_runner *runner = calloc(1, sizeof *runner);

    if (!runner)
        return NULL;
    runner->control_fd = wake_fd;
    runner->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    runner->commands = command_queue_new();
    if (runner->wake_fd < 0 || !runner->commands || bus_init(&runner->bus, setup) < 0) {
        if (runner->wake_fd >= 0)
            close(runner->wake_fd);
        command_queue_free(runner->commands);
        free(runner);
        return NULL;
    }
    return runner;
}

int bus_runner_start(struct bus_runner *runner)
{
    int rc = thread_start(run, runner, STACK_BYTES, &runner->thread);

    runner->is_started = rc == 0;
    return rc;
}

void bus_runner_join(struct bus_runner *runner)
{
    if (runner->is_started)
        pthread_join(runner->thread, NULL);
    runner->is_started = false;
}

void bus_runner_free(struct bus_runner *runner)
{
    if (!runner)
        return;
    bus_runner_join(runner);
    bus_done(&runner->bus);
    command_queue_free(runner->commands);
    lease_table_done(&runner->leases);
    free(runner->due);
    close(runner->wake_fd);
    free(runner);
}

enum bus_runner_state bus_runner_state(const struct bus_runner *runner)
{
    return (enum bus_runner_state)atomic_load(&runner->state);
}

const char *bus_runner_text(const struct bus_runner *runner)
{
    return bus_runner_state(runner) == BUS_RUNNER_FAILED ? runner->text : "";
}

unsigned bus_runner_n_unsafe(const struct bus_runner *runner)
{
    return runner->n_unsafe;
}

const struct bus *bus_runner_bus(const struct bus_runner *runner)
{
    return &runner->bus;
}

bool bus_runner_post(struct bus_runner *runner, const struct command *command)
{
    bool is_taken = command_queue_put(runner->commands, command);

    eventfd_write(runner->wake_fd, 1);
    return is_taken;
}

void bus_runner_kick(struct bus_runner *runner)
{
    atomic_store(&runner->is_kicked, true);
    eventfd_write(runner->wake_fd, 1);
}

void bus_runner_set_pace(struct bus_runner *runner, uint32_t device, uint32_t pace)
{
    atomic_store(&runner->bus.devices[device].pace, pace);
    eventfd_write(runner->wake_fd, 1);
}

void bus_runner_give_fd(struct bus_runner *runner, const char *key, int fd, int err)
{
    bool is_there = fd >= 0;

    services_give_fd(runner->bus.services, key, fd, err);
    if (is_there)
        bus_runner_kick(runner);
}

void bus_runner_stop(struct bus_runner *runner, bool to_failsafe)
{
    int none = 0;

    if (atomic_load(&runner->stop) == 0)
        atomic_store(&runner->stop_boot_ns, clock_boot_ns());
    atomic_compare_exchange_strong(&runner->stop, &none, to_failsafe ? 2 : 1);
    eventfd_write(runner->wake_fd, 1);
}
