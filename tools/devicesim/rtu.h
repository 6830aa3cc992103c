/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One RS-485 line on a pseudo terminal. Replies come when a real line of that speed would
 * have delivered their last byte: 11 bits a character, request and reply one after the
 * other, the turnaround between them.
 */
#ifndef GATEWAYD_DEVICESIM_RTU_H
#define GATEWAYD_DEVICESIM_RTU_H

#include <stdint.h>

#include "tools/devicesim/device.h"
#include "tools/devicesim/loop.h"

struct rtu_line;

struct rtu_settings {
    const char *link;      /* symlink to make to the terminal, NULL: none; borrowed */
    unsigned baud;         /* 0: no line time */
    int64_t turnaround_ns; /* < 0: 3.5 characters */
};

/* The devices are borrowed, n_devices of them in a row. 0 or -errno. */
int rtu_line_new(struct loop *loop, const struct rtu_settings *settings,
                 struct device *devices, unsigned n_devices, struct rtu_line **ret_line);
const char *rtu_line_path(const struct rtu_line *line); /* of the terminal */
void rtu_line_free(struct rtu_line *line);

#endif
