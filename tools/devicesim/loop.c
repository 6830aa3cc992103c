/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of the device simulator. It takes one event at a time, so that a
 * callback may remove any other source. Single thread.
 */
#include "tools/devicesim/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clock.h"

static int watch(const struct loop *loop, int fd, void *key)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = key};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int loop_init(struct loop *loop)
{
    sigset_t set;
    int rc;

    *loop = (struct loop){.epoll_fd = -1, .timer_fd = -1, .signal_fd = -1};
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->signal_fd < 0)
        return -errno;
    rc = watch(loop, loop->timer_fd, &loop->timer_fd);
    return rc < 0 ? rc : watch(loop, loop->signal_fd, &loop->signal_fd);
}

int loop_add(struct loop *loop, struct loop_source *source)
{
    return watch(loop, source->fd, source);
}

void loop_remove(struct loop *loop, const struct loop_source *source)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

static void arm(const struct loop *loop)
{
    struct itimerspec when = {0};
    int64_t due = loop->timers ? loop->timers->due_boot_ns : 0;

    /* A due time of 0 would disarm; the past is as good as 1 ns after boot. */
    if (loop->timers && due <= 0)
        due = 1;
    when.it_value.tv_sec = due / CLOCK_NS_PER_S;
    when.it_value.tv_nsec = due % CLOCK_NS_PER_S;
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void unlink_timer(struct loop *loop, struct loop_timer *timer)
{
    struct loop_timer **at = &loop->timers;

    while (*at && *at != timer)
        at = &(*at)->next;
    if (*at)
        *at = timer->next;
    timer->armed = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_boot_ns)
{
    struct loop_timer **at = &loop->timers;

    if (timer->armed)
        unlink_timer(loop, timer);
    timer->due_boot_ns = due_boot_ns;
    while (*at && (*at)->due_boot_ns <= due_boot_ns)
        at = &(*at)->next;
    timer->next = *at;
    timer->armed = true;
    *at = timer;
    arm(loop);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->armed)
        return;
    unlink_timer(loop, timer);
    arm(loop);
}

static void run_timers(struct loop *loop)
{
    uint64_t expirations;

    (void)!read(loop->timer_fd, &expirations, sizeof expirations);
    while (loop->timers && loop->timers->due_boot_ns <= clock_boot_ns()) {
        struct loop_timer *timer = loop->timers;

        unlink_timer(loop, timer);
        timer->fn(timer->ctx);
    }
    arm(loop);
}

int loop_run(struct loop *loop)
{
    struct epoll_event event;

    while (!loop->stop) {
        int n = epoll_wait(loop->epoll_fd, &event, 1, -1);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n <= 0)
            continue;
        if (event.data.ptr == &loop->signal_fd) {
            loop->stop = true;
        } else if (event.data.ptr == &loop->timer_fd) {
            run_timers(loop);
        } else {
            struct loop_source *source = event.data.ptr;

            source->fn(source->ctx, event.events);
        }
    }
    return 0;
}

void loop_done(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
}
