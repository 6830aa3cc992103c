/* SPDX-License-Identifier: Apache-2.0 */
/* The buses of one plugin out of a configuration, in the form a host process is told. */
#ifndef GATEWAYCTL_HOST_VIEW_H
#define GATEWAYCTL_HOST_VIEW_H

#include "lib/config/config.h"
#include "lib/host/host_config.h"

/* Strings and options stay the configuration's and must outlive the view. 0 or -ENOMEM.
 */
int host_view_make(const struct config *config, const char *plugin,
                   const char *plugin_dir, struct host_config *ret_view);
/* Frees the arrays alone. */
void host_view_done(struct host_config *view);

#endif
