/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of one bus: polls what is due, does commands before reads, keeps dead units
 * and dead links from costing much, ends leases. Everything here may be called by the
 * control thread; nothing blocks.
 */
#ifndef GATEWAYD_HOST_BUS_RUNNER_H
#define GATEWAYD_HOST_BUS_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/host/bus_command.h"

struct bus_runner;

enum bus_runner_state {
    BUS_RUNNER_STARTING,
    BUS_RUNNER_OPEN,
    BUS_RUNNER_FAILED,   /* open() refused; the thread has ended */
    BUS_RUNNER_FINISHED, /* closed after stop; the thread has ended */
};

/* The setup as for bus_init; wake_fd: an eventfd written when the state changes. NULL: no
 * memory. */
struct bus_runner *bus_runner_new(const struct bus_setup *setup, int wake_fd);
int bus_runner_start(struct bus_runner *runner); /* 0 or -errno */
/* Only when the thread has ended: its state says so. */
void bus_runner_join(struct bus_runner *runner);
/* Joins; only when it was never started or the thread has ended. */
void bus_runner_free(struct bus_runner *runner);

enum bus_runner_state bus_runner_state(const struct bus_runner *runner);
/* Why it failed, once the state says so; "" otherwise. */
const char *bus_runner_text(const struct bus_runner *runner);
/* Outputs that could not be brought to failsafe at the end; once the thread has ended. */
unsigned bus_runner_n_unsafe(const struct bus_runner *runner);
const struct bus *bus_runner_bus(const struct bus_runner *runner); /* its atomics only */

/* False when the queue is full. */
bool bus_runner_post(struct bus_runner *runner, const struct command *command);
/* The device's requests are made each `pace` intervals from now on. */
void bus_runner_set_pace(struct bus_runner *runner, uint32_t device, uint32_t pace);
/* Takes fd; see services_give_fd. */
void bus_runner_give_fd(struct bus_runner *runner, const char *key, int fd, int err);
/* What the link waits for may be there now (an address): try at once. */
void bus_runner_kick(struct bus_runner *runner);
/* Ends after the call under way; to_failsafe: first writes what is owned to its failsafe,
 * within 2 s. */
void bus_runner_stop(struct bus_runner *runner, bool to_failsafe);

#endif
