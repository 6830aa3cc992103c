/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway-clock FILE: makes FILE when the kernel says that its clock is synchronised, and
 * ends. A program of its own, because the unit of gatewayd may not make the system calls
 * that ask for it: they are those that set the clock. One thread, nothing but libc.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define LOOK_EACH_MS 5000

int main(int argc, char **argv)
{
    int fd;

    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: gateway-clock FILE\n");
        return 2;
    }
    while (!clock_kernel_in_step())
        poll(NULL, 0, LOOK_EACH_MS);
    fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        fprintf(stderr, "gateway-clock: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    close(fd);
    return 0;
}
