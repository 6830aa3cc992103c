/* SPDX-License-Identifier: Apache-2.0 */
/* Buses of a configuration in the form a host process is told; for the core, which starts
 * hosts, and for gatewayctl check, which asks one for its read plan. */
#ifndef GATEWAYD_HOSTVIEW_HOST_VIEW_H
#define GATEWAYD_HOSTVIEW_HOST_VIEW_H

#include "lib/config/config.h"
#include "lib/host/host_config.h"

/* At least one bus, all of one plugin. Strings and options stay the configuration's and
 * must outlive the view, as must plugin_dir. 0 or -ENOMEM. */
int host_view_make(const struct config *config, const uint32_t *buses, uint32_t n_buses,
                   const char *plugin_dir, struct host_config *ret_view);
/* Frees the arrays alone. */
void host_view_done(struct host_config *view);

#endif
