/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one epoll: descriptors and one-shot timers on CLOCK_BOOTTIME. Sources and
 * timers are embedded in their owner, who removes them before freeing them.
 */
#ifndef GATEWAYD_DEVICESIM_LOOP_H
#define GATEWAYD_DEVICESIM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_source {
    int fd;
    void (*fn)(void *ctx, uint32_t events);
    void *ctx;
};

struct loop_timer {
    int64_t due_boot_ns;
    void (*fn)(void *ctx);
    void *ctx;
    struct loop_timer *next;
    bool armed;
};

struct loop {
    int epoll_fd, timer_fd, signal_fd;
    bool stop;                 /* set it to leave loop_run */
    struct loop_timer *timers; /* by due time */
};

/* 0 or -errno. SIGINT and SIGTERM end loop_run; SIGPIPE is ignored. */
int loop_init(struct loop *loop);
int loop_add(struct loop *loop, struct loop_source *source);
void loop_remove(struct loop *loop, const struct loop_source *source);
/* Arms or moves. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_boot_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
int loop_run(struct loop *loop);
void loop_done(struct loop *loop);

#endif
