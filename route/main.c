/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway-route: one MQTT route of gatewayd, started by it. Signals, limits and memory
 * before any thread exists; then route_run.
 */
#include <dirent.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/channel/channel.h"
#include "route/route.h"

#define ACK_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000
#define LAST_THREAD_MS 20000 /* above the longest look-up of a name */

static const char usage[] =
    "Usage: gateway-route [--ack-timeout-ms N] [--connect-timeout-ms N] [--tidy]\n"
    "Runs one MQTT route of gatewayd, which starts it and talks to it on descriptor 3.\n";

/* Before Paho is loaded with outside bytes; seccomp and Landlock come here later. */
static void lock_down(void)
{
    static const struct rlimit no_core = {0, 0}, few_files = {256, 256};

    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_NOFILE, &few_files);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int take_signals(void)
{
    sigset_t mask;

    /* Paho writes to sockets without MSG_NOSIGNAL */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void set_environment(void)
{
    /* one arena: three threads that hardly ever allocate at once share it */
    mallopt(M_ARENA_MAX, 1);
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    /* Paho takes these for a proxy of plain MQTT too */
    unsetenv("http_proxy");
    unsetenv("https_proxy");
}

/* Ends the program where it was asked what it is. */
static bool parse(int argc, char **argv, struct route_options *options, bool *ret_tidy)
{
    static const struct option table[] = {
        {"ack-timeout-ms", required_argument, NULL, 'a'},
        {"connect-timeout-ms", required_argument, NULL, 'c'},
        {"tidy", no_argument, NULL,
         't'}, /* free everything at the end, for leak checks */
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'a')
            options->ack_timeout_ms = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'c')
            options->connect_timeout_ms = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 't')
            *ret_tidy = true;
        else if (c == 'h' || c == 'V') {
            fputs(c == 'V' ? PACKAGE_STRING "\n" : usage, stdout);
            exit(0);
        } else
            return false;
    }
    return optind == argc && options->ack_timeout_ms && options->connect_timeout_ms;
}

static unsigned n_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned n = 0;

    if (!tasks)
        return 1;
    for (const struct dirent *task; (task = readdir(tasks));)
        n += task->d_name[0] != '.';
    closedir(tasks);
    return n;
}

/* Paho detaches its threads and says that they have ended while OpenSSL's memory of each
 * is still to be freed; the process's end before that would look like a leak. */
static void wait_for_threads(void)
{
    int64_t until_ns = clock_boot_ns() + LAST_THREAD_MS * INT64_C(1000000);

    while (n_threads() > 1 && clock_boot_ns() < until_ns)
        poll(NULL, 0, 1);
}

int main(int argc, char **argv)
{
    struct route_options options = {.channel_fd = CHANNEL_CHILD_FD,
                                    .ack_timeout_ms = ACK_TIMEOUT_MS,
                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct route *route;
    bool tidy = false;
    int type, rc;
    socklen_t size = sizeof type;

    if (!parse(argc, argv, &options, &tidy) ||
        getsockopt(CHANNEL_CHILD_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        type != SOCK_SEQPACKET) {
        fputs(usage, stderr);
        return 2;
    }
    set_environment();
    options.signal_fd = take_signals();
    lock_down();
    route = route_new(&options);
    if (!route)
        return 1;
    rc = route_run(route);
    if (!tidy || rc != 0)
        _exit(rc); /* no destructors under Paho's running threads */
    route_free(route);
    wait_for_threads();
    return rc;
}
