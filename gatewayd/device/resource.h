/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the device nodes that plugins ask for: serial ports come and go, and only the
 * core may open them. */
#ifndef GATEWAYD_DEVICE_RESOURCE_H
#define GATEWAYD_DEVICE_RESOURCE_H

/* Opens a character device (or a pty) for reading and writing, non-blocking, locked
 * against other programs (flock and TIOCEXCL). The descriptor, or -errno: -EBUSY when
 * another program holds it. */
int resource_open(const char *path);

#endif
