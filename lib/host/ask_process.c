/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a short-lived child with a deadline; used by plugin_query.c. */
#include "lib/host/ask_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/channel/spawn.h"

enum { IN, OUT, ERR, N_STREAMS };

/* A run under way; fds are our ends, -1 once closed. */
struct run {
    const struct ask_process *ask;
    size_t written;
    int fds[N_STREAMS];
    struct strbuf *outputs[N_STREAMS];
    int64_t end_ns;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Stdin is a socket: a child that does not read it all must not end us with SIGPIPE. */
static int open_streams(int ours[N_STREAMS], int theirs[N_STREAMS])
{
    int pair[2];

    for (int i = 0; i < N_STREAMS; i++) {
        if (i == IN ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)
                    : pipe2(pair, O_CLOEXEC))
            return -errno;
        ours[i] = pair[0];
        theirs[i] = pair[1];
        if (fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

static void feed(struct run *run)
{
    size_t left = run->ask->input_len - run->written;
    const char *input = run->ask->input;
    ssize_t n = 0;

    if (left)
        n = send(run->fds[IN], input + run->written, left, MSG_NOSIGNAL);
    if (n > 0)
        run->written += (size_t)n;
    if (run->written == run->ask->input_len ||
        (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&run->fds[IN]);
}

static int drain(struct run *run, int stream)
{
    char block[16384];
    ssize_t n = read(run->fds[stream], block, sizeof block);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&run->fds[stream]);
    if (n <= 0)
        return 0;
    strbuf_add(run->outputs[stream], block, (size_t)n);
    if (run->outputs[OUT]->len + run->outputs[ERR]->len > run->ask->output_max)
        return -EMSGSIZE;
    return run->outputs[stream]->failed ? -ENOMEM : 0;
}

/* Until both outputs are at their end. */
static int exchange(struct run *run)
{
    int rc = 0;

    while (rc == 0 && (run->fds[OUT] >= 0 || run->fds[ERR] >= 0)) {
        int64_t left_ms = (run->end_ns - clock_boot_ns()) / CLOCK_NS_PER_MS;
        struct pollfd fds[N_STREAMS];

        if (left_ms <= 0)
            return -ETIMEDOUT;
        for (int i = 0; i < N_STREAMS; i++)
            fds[i] =
                (struct pollfd){.fd = run->fds[i], .events = i == IN ? POLLOUT : POLLIN};
        if (poll(fds, N_STREAMS, (int)left_ms) < 0 && errno != EINTR)
            return -errno;
        if (fds[IN].fd >= 0 && fds[IN].revents)
            feed(run);
        for (int i = OUT; i <= ERR && rc == 0; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                rc = drain(run, i);
    }
    return rc;
}

/* A child that closed its outputs and stays is killed at the deadline too. */
static int reap(pid_t pid, int64_t end_ns, int rc)
{
    int status;
    pid_t got;

    if (rc < 0)
        kill(pid, SIGKILL);
    while ((got = waitpid(pid, &status, rc < 0 ? 0 : WNOHANG)) <= 0) {
        if (got < 0 && errno != EINTR)
            return rc < 0 ? rc : -errno;
        if (got == 0 && clock_boot_ns() >= end_ns) {
            kill(pid, SIGKILL);
            rc = -ETIMEDOUT;
        } else if (got == 0) {
            poll(NULL, 0, 1);
        }
    }
    if (rc < 0)
        return rc;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EPIPE;
}

int ask_process_run(const struct ask_process *ask, struct strbuf *ret_out,
                    struct strbuf *ret_err)
{
    struct run run = {
        .ask = ask,
        .fds = {-1,   -1,      -1     },
        .outputs = {NULL, ret_out, ret_err},
        .end_ns = clock_boot_ns() + ask->timeout_ms * CLOCK_NS_PER_MS
    };
    int theirs[N_STREAMS] = {-1, -1, -1};
    pid_t pid = -1;
    int rc = open_streams(run.fds, theirs);

    if (rc == 0)
        rc = spawn_process(ask->argv, theirs, N_STREAMS, NULL, &pid);
    for (int i = 0; i < N_STREAMS; i++)
        close_fd(&theirs[i]);
    if (rc == 0 && pid >= 0)
        rc = reap(pid, run.end_ns, exchange(&run));
    for (int i = 0; i < N_STREAMS; i++)
        close_fd(&run.fds[i]);
    return rc;
}
