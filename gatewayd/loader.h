/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the configuration for the daemon: plugin tables asked of their hosts, and the last
 * configuration that ran, kept for a start that finds errors. On the loop.
 */
#ifndef GATEWAYD_LOADER_H
#define GATEWAYD_LOADER_H

#include "gatewayd/gateway_options.h"
#include "lib/config/config.h"

/* As config_load. */
int loader_load(const struct loader_options *options, struct config **ret_config,
                struct config_report *report);
/* The kept copy. -ENOENT when there is none. */
int loader_load_last_good(const struct loader_options *options, struct config **ret_config,
                          struct config_report *report);
/* Keeps the files of a configuration that runs. 0 or -errno. */
int loader_keep(const struct loader_options *options, const struct config *config);

#endif
