/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole host on one channel: loads the plugin, runs one thread per bus, and holds the
 * dead-man. Used by gateway-devhost as a process, and by the core as a thread for
 * `process: inline`.
 */
#ifndef GATEWAYD_HOST_HOST_H
#define GATEWAYD_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_HEARTBEAT_LIMIT_MS 5000 /* without one for so long: failsafes, exit */
/* a plugin hung or aborted; the blame page names it */
#define HOST_EXIT_STUCK 70
/* outputs it owned could not be brought to failsafe */
#define HOST_EXIT_UNSAFE 71

/* What a signal handler adds to the eventfd stop_fd. */
#define HOST_STOP_SIGNAL 1
#define HOST_STOP_CRASH (1 << 16) /* a plugin aborted: its thread stands still for ever */

struct host_setup {
    int channel_fd; /* taken */
    int blame_fd;   /* borrowed; -1: none */
    int stop_fd;    /* borrowed eventfd; -1: none */
    /* a thread of the core: a stuck bus is told, it does not end the host */
    bool is_inline;
};

/* Runs until the core says stop or is gone. 0: every thread has ended and all is freed;
 * HOST_EXIT_UNSAFE: the same, but for outputs; 1: a malformed message or configuration,
 * all is freed; HOST_EXIT_STUCK: a thread is stuck inside its plugin, outputs of the
 * other buses are at failsafe; the process must _exit. */
int host_run(const struct host_setup *setup);

#endif
