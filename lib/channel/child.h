/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervised child of the core on one channel: started, fed, watched, restarted with
 * back-off. Lives on the core's loop; only child_send_now may be called from elsewhere.
 */
#ifndef GATEWAYD_CHANNEL_CHILD_H
#define GATEWAYD_CHANNEL_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "lib/channel/channel.h"

struct child;

struct child_hooks {
    void *ctx;
    /* The child was started; send it its configuration. */
    void (*up)(void *ctx);
    /* A message; return < 0 when it is malformed: the child is ended. */
    int (*message)(void *ctx, const struct channel_message *message);
    /* It ended: wait status as of waitpid, and whether it will be started again (after
     * restart_ms). Not called for the end that child_stop asked for. */
    void (*down)(void *ctx, int status, bool again, unsigned restart_ms);
    /* It ended after child_stop. */
    void (*stopped)(void *ctx);
};

struct child_options {
    const char *subject;     /* for logs: "host modbus"; copied */
    const char *const *argv; /* NULL-terminated, argv[0] a path; copied */
    int (*thread_main)(
        int fd);             /* instead of a process: runs on a thread of its own with its
                              * end of the channel, which it takes; NULL: a process */
    int extra_fd;            /* becomes descriptor 4 of the child; borrowed; -1: none */
    const char *extra_env;   /* "KEY=VALUE" or NULL; copied */
    uint16_t heartbeat_type; /* message sent each second by child_tick */
    /* a child that says nothing for so long is killed; 0: never */
    unsigned silence_limit_s;
};

/* NULL: no memory. Does not start it. */
struct child *child_new(sd_event *event, const struct child_options *options,
                        const struct child_hooks *hooks);
/* Kills what runs (SIGKILL) and frees; use child_stop first for a clean end. */
void child_free(struct child *child);
/* Closes the channel and lets the process live: it sees the end and acts on it. Only
 * child_free may follow. */
void child_abandon(struct child *child);

/* Starts it, unless it runs or waits for its restart; when that fails, it is tried again
 * like after a crash. */
void child_start(struct child *child);
bool child_is_running(const struct child *child);
pid_t child_pid(const struct child *child);

/* Queues a message, in order. -ENOTCONN when it does not run; -ENOBUFS when 4 MiB wait:
 * the child does not read, it is ended. fd is duplicated. */
int child_send(struct child *child, uint16_t type, const void *body, size_t len, int fd);
/* Any thread: sends at once or not at all (-EAGAIN, -ENOTCONN). */
int child_send_now(struct child *child, uint16_t type, const void *body, size_t len);

/* Each second: heartbeat, silence check. */
void child_tick(struct child *child);

/* Sends the message, then SIGTERM after term_ms and SIGKILL after kill_ms; hooks.stopped
 * when it is gone (at once when it was not running). */
void child_stop(struct child *child, uint16_t type, const void *body, size_t len,
                unsigned term_ms, unsigned kill_ms);
/* Ends it now (SIGKILL); it comes back as after a crash. */
void child_kill(struct child *child, const char *why);
/* In hooks.stopped: wait status of the end after child_stop; 0 when it did not run. */
int child_stop_status(const struct child *child);
uint32_t child_n_restarts(const struct child *child);

#endif
