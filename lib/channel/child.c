/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision of one child process; see child.h. On the core's sd-event loop; the lock
 * guards only the channel pointer against child_send_now from the store's thread.
 */
#include "lib/channel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/channel/spawn.h"

#define QUEUE_MAX_BYTES (4u << 20)
#define RESTART_MAX_MS 60000u
#define STABLE_NS (600 * CLOCK_NS_PER_S)
#define MESSAGES_PER_TURN 64
#define REST_MESSAGES_MAX 4096

struct queued {
    struct queued *next;
    uint16_t type;
    int fd;
    size_t len;
    uint8_t body[];
};

struct thread_start {
    int (*thread_main)(int fd);
    int fd;
};

struct child {
    sd_event *event;
    struct child_hooks hooks;
    char *subject, *extra_env;
    char **argv;
    int extra_fd;
    uint16_t heartbeat_type;
    unsigned silence_limit_s;
    int (*thread_main)(int fd);
    _Atomic bool has_thread; /* thread_main runs, or has ended and waits to be joined */
    pthread_t thread;

    pthread_mutex_t lock; /* channel as seen by child_send_now */
    struct channel *_Atomic channel;
    _Atomic pid_t pid; /* atomic: what views on other threads ask for */
    sd_event_source *io, *exit, *timer;
    struct queued *first, **last;
    size_t queued_bytes;

    int64_t started_boot_ns, heard_boot_ns;
    unsigned restart_ms; /* of the next restart */
    _Atomic uint32_t n_restarts;
    bool stopping;
    unsigned stop_kill_ms;
    int stop_status;
};

static void start_now(struct child *child);

static char **copy_argv(const char *const *argv)
{
    size_t n = 0;
    char **copy;

    while (argv[n])
        n++;
    copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = strdup(argv[i]);
    return copy;
}

struct child *child_new(sd_event *event, const struct child_options *options,
                        const struct child_hooks *hooks)
{
    struct child *child = calloc(1, sizeof *child);

    if (!child)
        return NULL;
    child->event = sd_event_ref(event);
    child->hooks = *hooks;
    child->subject = strdup(options->subject);
    child->extra_env = options->extra_env ? strdup(options->extra_env) : NULL;
    child->argv = copy_argv(options->argv);
    child->extra_fd = options->extra_fd;
    child->heartbeat_type = options->heartbeat_type;
    child->silence_limit_s = options->silence_limit_s;
    child->thread_main = options->thread_main;
    child->last = &child->first;
    pthread_mutex_init(&child->lock, NULL);
    return child;
}

static void drop_queue(struct child *child)
{
    while (child->first) {
        struct queued *next = child->first->next;

        if (child->first->fd >= 0)
            close(child->first->fd);
        free(child->first);
        child->first = next;
    }
    child->last = &child->first;
    child->queued_bytes = 0;
}

static void close_channel(struct child *child)
{
    sd_event_source_disable_unref(child->io);
    child->io = NULL;
    pthread_mutex_lock(&child->lock);
    channel_free(child->channel);
    child->channel = NULL;
    pthread_mutex_unlock(&child->lock);
    drop_queue(child);
}

/* The thread ends when its channel does. */
static void join_thread(struct child *child)
{
    if (child->has_thread)
        pthread_join(child->thread, NULL);
    child->has_thread = false;
}

void child_abandon(struct child *child)
{
    sd_event_source_disable_unref(child->exit);
    child->exit = NULL;
    child->pid = 0;
    close_channel(child);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        sd_event_source_disable_unref(child->exit);
        waitpid(child->pid, NULL, 0);
    }
    sd_event_source_disable_unref(child->timer);
    close_channel(child);
    join_thread(child);
    sd_event_unref(child->event);
    for (char **p = child->argv; p && *p; p++)
        free(*p);
    free(child->argv);
    free(child->subject);
    free(child->extra_env);
    pthread_mutex_destroy(&child->lock);
    free(child);
}

bool child_is_running(const struct child *child)
{
    return (child->pid > 0 || child->has_thread) && child->channel;
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

int child_stop_status(const struct child *child)
{
    return child->stop_status;
}

uint32_t child_n_restarts(const struct child *child)
{
    return child->n_restarts;
}

void child_kill(struct child *child, const char *why)
{
    if (child->has_thread && child->channel) {
        log_warning(child->subject, "ending its thread: %s", why);
        shutdown(channel_fd(child->channel), SHUT_RDWR);
    }
    if (child->pid <= 0)
        return;
    log_warning(child->subject, "ending process %d: %s", (int)child->pid, why);
    kill(child->pid, SIGKILL);
}

/* ---- timers ------------------------------------------------------------------------ */

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
    struct child *child = ctx;

    (void)source;
    (void)usec;
    if (!child->stopping) {
        start_now(child);
    } else if (child->pid > 0 && child->stop_kill_ms > 0) {
        kill(child->pid, SIGTERM);
        sd_event_source_set_time_relative(child->timer,
                                          child->stop_kill_ms * UINT64_C(1000));
        sd_event_source_set_enabled(child->timer, SD_EVENT_ONESHOT);
        child->stop_kill_ms = 0;
    } else if (child->pid > 0) {
        log_warning(child->subject, "process %d did not stop in time, killing it",
                    (int)child->pid);
        kill(child->pid, SIGKILL);
    }
    return 0;
}

static void arm_timer(struct child *child, unsigned delay_ms)
{
    if (!child->timer &&
        sd_event_add_time_relative(child->event, &child->timer, CLOCK_BOOTTIME, 0, 1000,
                                   on_timer, child) < 0) {
        log_error(child->subject, "no memory for a timer");
        return;
    }
    sd_event_source_set_time_relative(child->timer, delay_ms * UINT64_C(1000));
    sd_event_source_set_enabled(child->timer, SD_EVENT_ONESHOT);
}

/* The first restart is at once; then 1, 2, 4 .. 60 s until it has run for 10 min. */
static unsigned next_restart_ms(struct child *child)
{
    unsigned delay_ms;

    if (clock_boot_ns() - child->started_boot_ns > STABLE_NS)
        child->restart_ms = 0;
    delay_ms = child->restart_ms;
    child->restart_ms = delay_ms == 0 ? 1000 : delay_ms * 2;
    if (child->restart_ms > RESTART_MAX_MS)
        child->restart_ms = RESTART_MAX_MS;
    return delay_ms;
}

/* ---- life -------------------------------------------------------------------------- */

static void went_down(struct child *child, int status)
{
    unsigned delay_ms;

    child->pid = 0;
    close_channel(child);
    if (child->stopping) {
        if (child->timer)
            sd_event_source_set_enabled(child->timer, SD_EVENT_OFF);
        child->stop_status = status;
        child->hooks.stopped(child->hooks.ctx);
        return;
    }
    delay_ms = next_restart_ms(child);
    child->n_restarts++;
    arm_timer(child, delay_ms);
    child->hooks.down(child->hooks.ctx, status, true, delay_ms);
}

static int flush_queue(struct child *child)
{
    while (child->first) {
        struct queued *queued = child->first;
        int rc = channel_send(child->channel, queued->type, queued->body, queued->len,
                              queued->fd);

        if (rc < 0)
            return rc;
        child->first = queued->next;
        if (!child->first)
            child->last = &child->first;
        child->queued_bytes -= queued->len;
        if (queued->fd >= 0)
            close(queued->fd);
        free(queued);
    }
    return 0;
}

static int receive_one(struct child *child)
{
    struct channel_message message;
    int rc = channel_receive(child->channel, &message);

    if (rc != 1)
        return rc;
    child->heard_boot_ns = clock_boot_ns();
    rc = child->hooks.message(child->hooks.ctx, &message);
    if (message.fd >= 0)
        close(message.fd);
    return rc < 0 ? rc : 1;
}

static void receive_some(struct child *child)
{
    for (int i = 0; i < MESSAGES_PER_TURN && child->channel; i++) {
        int rc = receive_one(child);

        if (rc == 0)
            return;
        if (rc < 0) {
            /* the exit status follows; do not spin on the hung-up descriptor */
            sd_event_source_set_enabled(child->io, SD_EVENT_OFF);
            if (rc != -EPIPE)
                child_kill(child, "malformed message");
            if (child->has_thread) {
                join_thread(child);
                went_down(child, 0);
            }
            return;
        }
    }
}

/* The exit may be seen before the last messages: they are records and answers too. The
 * bound is for a descendant that still holds the other end. */
static void receive_rest(struct child *child)
{
    for (int i = 0; i < REST_MESSAGES_MAX && child->channel; i++)
        if (receive_one(child) != 1)
            return;
}

static int on_exit_status(sd_event_source *source, const siginfo_t *info, void *ctx)
{
    struct child *child = ctx;
    int status =
        info->si_code == CLD_EXITED ? (info->si_status & 0xFF) << 8 : info->si_status;

    sd_event_source_disable_unref(source);
    child->exit = NULL;
    receive_rest(child);
    went_down(child, status);
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
    struct child *child = ctx;

    (void)fd;
    if (revents & EPOLLOUT && flush_queue(child) == 0)
        sd_event_source_set_io_events(source, EPOLLIN);
    if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive_some(child);
    return 0;
}

static void *run_thread(void *arg)
{
    struct thread_start *start = arg;
    int (*thread_main)(int fd) = start->thread_main;
    int fd = start->fd;

    free(start);
    thread_main(fd);
    return NULL;
}

/* Takes fd. */
static int start_thread(struct child *child, int fd)
{
    struct thread_start *start = malloc(sizeof *start);
    int rc;

    if (!start) {
        close(fd);
        return -ENOMEM;
    }
    *start = (struct thread_start){child->thread_main, fd};
    rc = pthread_create(&child->thread, NULL, run_thread, start);
    if (rc != 0) {
        free(start);
        close(fd);
        return -rc;
    }
    child->has_thread = true;
    return 0;
}

static int start_on(struct child *child, int fd)
{
    int target[5] = {-1, STDERR_FILENO, STDERR_FILENO, -1, child->extra_fd}, rc;
    pid_t pid = 0;

    if (child->thread_main)
        return start_thread(child, fd);
    target[CHANNEL_CHILD_FD] = fd;
    rc = spawn_process((const char *const *)child->argv, target,
                       child->extra_fd >= 0 ? 5 : 4, child->extra_env, &pid);
    close(fd);
    if (rc == 0)
        child->pid = pid;
    return rc;
}

static int spawn_on_channel(struct child *child)
{
    struct channel *channel;
    int fds[2], rc = channel_pair(fds);

    if (rc < 0)
        return rc;
    rc = start_on(child, fds[1]);
    if (rc < 0) {
        close(fds[0]);
        return rc;
    }
    channel = channel_new(fds[0]);
    pthread_mutex_lock(&child->lock);
    child->channel = channel;
    pthread_mutex_unlock(&child->lock);
    rc = channel ? 0 : -ENOMEM;
    if (rc == 0 && child->pid > 0)
        rc = sd_event_add_child(child->event, &child->exit, child->pid, WEXITED,
                                on_exit_status, child);
    if (rc >= 0)
        rc = sd_event_add_io(child->event, &child->io, fds[0], EPOLLIN, on_io, child);
    return rc < 0 ? rc : 0;
}

static void start_now(struct child *child)
{
    int rc = spawn_on_channel(child);

    child->started_boot_ns = child->heard_boot_ns = clock_boot_ns();
    if (rc < 0) {
        log_error(child->subject, "cannot start %s: %s", child->argv[0],
                  error_errno_text(rc));
        if (child->pid > 0) {
            kill(child->pid, SIGKILL);
            sd_event_source_disable_unref(child->exit);
            child->exit = NULL;
            waitpid(child->pid, NULL, 0);
        }
        went_down(child, 127 << 8);
        return;
    }
    child->hooks.up(child->hooks.ctx);
}

static bool waits_for_restart(const struct child *child)
{
    return child->timer && sd_event_source_get_enabled(child->timer, NULL) > 0;
}

void child_start(struct child *child)
{
    child->stopping = false;
    if (child->pid == 0 && !child->has_thread && !waits_for_restart(child))
        start_now(child);
}

/* ---- messages ---------------------------------------------------------------------- */

static int enqueue(struct child *child, uint16_t type, const void *body, size_t len,
                   int fd)
{
    struct queued *queued;

    if (child->queued_bytes + len > QUEUE_MAX_BYTES) {
        child_kill(child, "it does not read its messages");
        return -ENOBUFS;
    }
    queued = malloc(sizeof *queued + len);
    if (!queued)
        return -ENOMEM;
    *queued = (struct queued){.type = type, .len = len, .fd = -1};
    if (len)
        memcpy(queued->body, body, len);
    if (fd >= 0)
        queued->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    *child->last = queued;
    child->last = &queued->next;
    child->queued_bytes += len;
    sd_event_source_set_io_events(child->io, EPOLLIN | EPOLLOUT);
    return 0;
}

int child_send(struct child *child, uint16_t type, const void *body, size_t len, int fd)
{
    int rc;

    if (!child_is_running(child))
        return -ENOTCONN;
    if (child->first)
        return enqueue(child, type, body, len, fd);
    rc = channel_send(child->channel, type, body, len, fd);
    return rc == -EAGAIN ? enqueue(child, type, body, len, fd) : rc;
}

int child_send_now(struct child *child, uint16_t type, const void *body, size_t len)
{
    int rc = -ENOTCONN;

    pthread_mutex_lock(&child->lock);
    if (child->channel)
        rc = channel_send(child->channel, type, body, len, -1);
    pthread_mutex_unlock(&child->lock);
    return rc;
}

void child_tick(struct child *child)
{
    int64_t silent_ns = clock_boot_ns() - child->heard_boot_ns;

    if (!child_is_running(child) || child->stopping)
        return;
    if (child->silence_limit_s > 0 &&
        silent_ns > child->silence_limit_s * CLOCK_NS_PER_S) {
        child->heard_boot_ns = clock_boot_ns();
        child_kill(child, "no sign of life");
        return;
    }
    if (!child->first)
        channel_send(child->channel, child->heartbeat_type, NULL, 0, -1);
}

void child_stop(struct child *child, uint16_t type, const void *body, size_t len,
                unsigned term_ms, unsigned kill_ms)
{
    child->stopping = true;
    if (child->pid == 0 && !child->has_thread) {
        if (child->timer)
            sd_event_source_set_enabled(child->timer, SD_EVENT_OFF);
        child->hooks.stopped(child->hooks.ctx);
        return;
    }
    if (child->channel)
        child_send(child, type, body, len, -1);
    child->stop_kill_ms = kill_ms > term_ms ? kill_ms - term_ms : 1;
    arm_timer(child, term_ms);
}
