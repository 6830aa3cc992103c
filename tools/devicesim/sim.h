/* SPDX-License-Identifier: Apache-2.0 */
/* All that one process simulates: devices, numbered through, behind ports and lines. */
#ifndef GATEWAYD_DEVICESIM_SIM_H
#define GATEWAYD_DEVICESIM_SIM_H

#include <stdio.h>

#include "tools/devicesim/device.h"
#include "tools/devicesim/loop.h"
#include "tools/devicesim/model.h"
#include "tools/devicesim/rtu.h"
#include "tools/devicesim/spec.h"
#include "tools/devicesim/tcp.h"

struct sim {
    struct loop *loop;
    FILE *ledger, *writes;
    struct model_home home; /* one for all models of the process */
    unsigned n_devices, n_ports, n_lines;
    struct device *devices;
    struct tcp_port **ports;
    struct rtu_line **lines;
    char (*where)[160]; /* per device: "HOST PORT" or "PATH UNIT" */
};

/* 0 or -errno with a sentence on stderr. */
int sim_open(struct sim *sim, struct loop *loop, const struct spec *spec);
/* "INDEX HOST PORT" or "INDEX PATH UNIT", a line per device, moved into place whole. */
int sim_write_ready(const struct sim *sim, const char *path);
void sim_close(struct sim *sim);

#endif
