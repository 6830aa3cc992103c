/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the configuration for the daemon: plugin tables asked of their hosts, and the
 * last configuration that ran, kept for a start that finds errors. On the loop.
 */
#ifndef GATEWAYD_LOADER_H
#define GATEWAYD_LOADER_H

#include "gatewayd/gateway_options.h"
#include "lib/config/config.h"

/* The loop stands meanwhile, and hosts that hear nothing for 5 s end themselves. */
#define LOADER_RELOAD_MS 1500u

/* As config_load. questions_ms: what all questions to plugins may take together, 0: each
 * its own time. */
int loader_load(const struct loader_options *options, uint32_t questions_ms,
                struct config **ret_config, struct config_report *report);
/* The kept copy. -ENOENT when there is none. */
int loader_load_last_good(const struct loader_options *options,
                          struct config **ret_config, struct config_report *report);
/* Keeps the files of a configuration that runs. 0 or -errno. */
int loader_keep(const struct loader_options *options, const struct config *config);

#endif
