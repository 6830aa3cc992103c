/* SPDX-License-Identifier: Apache-2.0 */
/* What the two versions of libgpiod have in common here. Bus thread. */
#ifndef GATEWAYD_GPIO_LINES_DEV_H
#define GATEWAYD_GPIO_LINES_DEV_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the kernel's own queue of events per line in the old interface. */
#define LINES_DEV_QUEUE 16

/* -errno of a call that just failed; a chip that is gone is always -ENODEV. */
int lines_dev_error(void);
/* Is there something to read? */
bool lines_dev_is_readable(int fd);
/* Copies a text that may be NULL. */
void lines_dev_copy(char *to, size_t size, const char *from);

#endif
