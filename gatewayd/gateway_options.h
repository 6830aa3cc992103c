/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says; plain strings that live as long as the program. */
#ifndef GATEWAYD_GATEWAY_OPTIONS_H
#define GATEWAYD_GATEWAY_OPTIONS_H

#include <stdbool.h>

struct loader_options {
    const char *config_file;
    const char *config_dir; /* NULL: conf.d beside the file */
    const char *map_dir;    /* NULL: /etc/gatewayd/maps, then the installed ones */
    const char *plugin_dir;
    const char *devhost;
    const char *last_good_dir; /* "" none */
};

struct gateway_options {
    struct loader_options loader;
    const char *route_program;
    const char *socket;          /* NULL: the configuration's */
    const char *credentials;     /* paths of the routes' files begin so; "" none */
    const char *ready_file;      /* NULL: none */
    bool strict;
};

/* Runs until it is told to stop; the exit code of the program. */
int gateway_run(const struct gateway_options *options);

#endif
