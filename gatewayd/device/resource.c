/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of serial ports and other device nodes for the hosts; see resource.h. */
#include "gatewayd/device/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int resource_open(const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        rc = -errno;
    else if (!S_ISCHR(st.st_mode))
        rc = -ENOTTY;
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    ioctl(fd, TIOCEXCL); /* not every device knows it; flock is the lock that counts */
    return fd;
}
