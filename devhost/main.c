/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway-devhost: one plugin in its own process. Without arguments it is a child of the
 * core (channel on descriptor 3, blame page on 4); with --options, --check or --scan it
 * answers one question on stdout and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config.h"
#include "devhost/ask.h"
#include "devhost/lockdown.h"
#include "devhost/signals.h"
#include "lib/channel/channel.h"
#include "lib/host/host.h"
#include "lib/host/host_msg.h"

static const char usage[] =
    "Usage: gateway-devhost                       (started by gatewayd)\n"
    "       gateway-devhost --options PLUGIN [--plugins DIR[:DIR...]]\n"
    "       gateway-devhost --check FILE|-\n"
    "       gateway-devhost --scan FILE|-\n"
    "FILE holds the encoded configuration of one host.\n";

static int run_child(void)
{
    struct host_setup setup = {.channel_fd = CHANNEL_CHILD_FD, .blame_fd = HOST_BLAME_FD};
    int rc;

    if (fcntl(CHANNEL_CHILD_FD, F_GETFD) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    fcntl(CHANNEL_CHILD_FD, F_SETFD, FD_CLOEXEC);
    if (fcntl(HOST_BLAME_FD, F_SETFD, FD_CLOEXEC) < 0)
        setup.blame_fd = -1;
    setup.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (setup.stop_fd < 0)
        return 1;
    signals_install(setup.stop_fd);
    lockdown_host();
    rc = host_run(&setup);
    if (rc == HOST_EXIT_STUCK)
        /* a thread is still inside the plugin: no destructors under its feet */
        _exit(rc);
    if (rc == HOST_EXIT_UNSAFE) /* the core may be gone: this reaches the journal */
        fputs("gateway-devhost: some outputs could not be brought to failsafe\n", stderr);
    close(setup.stop_fd);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"options", required_argument, NULL, 'o'},
                                            {"plugins", required_argument, NULL, 'p'},
                                            {"check", required_argument, NULL, 'c'},
                                            {"scan", required_argument, NULL, 's'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *dirs = GATEWAYD_PLUGINDIR, *subject = NULL;
    int c, mode = 0;

    mallopt(M_ARENA_MAX, 1); /* an arena per bus thread would cost more than all else */
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'p':
            dirs = optarg;
            break;
        case 'o':
        case 'c':
        case 's':
            mode = c;
            subject = optarg;
            break;
        case 'V':
            puts(PACKAGE_STRING);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    if (optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    if (!mode)
        return run_child();
    lockdown_host();
    return mode == 'o' ? ask_options(dirs, subject) : ask_config(subject, mode == 's');
}
