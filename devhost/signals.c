/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGTERM and a SIGABRT from outside (systemd's watchdog sends it to every process of the
 * unit) ask for failsafes and the end. A SIGABRT that a plugin raised itself must not end
 * the process before the other buses wrote their failsafes: its thread stands still.
 */
#include "devhost/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/host/host.h"

/* If even the control thread cannot go on (abort() with the heap's lock held), the
 * default action of SIGALRM is the end. */
#define LAST_RESORT_S 5

static int signal_fd = -1; /* set once, before the handlers are */

static void on_stop(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    eventfd_t count = HOST_STOP_SIGNAL;

    (void)context;
    if (number == SIGABRT && info->si_pid == getpid())
        count = HOST_STOP_CRASH;
    if (write(signal_fd, &count, sizeof count) != sizeof count)
        _exit(HOST_EXIT_STUCK);
    if (count == HOST_STOP_CRASH) {
        alarm(LAST_RESORT_S);
        for (;;)
            pause();
    }
    errno = saved;
}

void signals_install(int stop_fd)
{
    struct sigaction action = {.sa_sigaction = on_stop,
                               .sa_flags = SA_SIGINFO | SA_RESTART};

    signal_fd = stop_fd;
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGALRM);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
