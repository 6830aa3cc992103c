/* SPDX-License-Identifier: Apache-2.0 */
/* Chips as device nodes; shared by both versions of libgpiod. Bus thread. */
#include "plugins/gpio/lines_dev.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "plugins/gpio/lines.h"

/* A symbolic link to a chip (udev makes some for old programs) would be the same twice.
 */
void lines_list(bool (*chip)(void *ctx, const char *path), void *ctx)
{
    DIR *dir = opendir("/dev");
    struct dirent *entry;
    char path[LINES_NAME_MAX];
    bool goes_on = true;

    while (dir && goes_on && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, "gpiochip", 8) != 0 || entry->d_type == DT_LNK ||
            (size_t)snprintf(path, sizeof path, "/dev/%s", entry->d_name) >= sizeof path)
            continue;
        goes_on = chip(ctx, path);
    }
    if (dir)
        closedir(dir);
}

int lines_dev_error(void)
{
    int err = errno;

    if (err == ENXIO || err == EBADF || err == ENODEV || err == ENOENT)
        return -ENODEV;
    return err ? -err : -EIO;
}

bool lines_dev_is_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, 0) > 0 && (wait.revents & POLLIN);
}

void lines_dev_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}
