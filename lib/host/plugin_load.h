/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a plugin and agreeing with it on version and size. Any thread. */
#ifndef GATEWAYD_HOST_PLUGIN_LOAD_H
#define GATEWAYD_HOST_PLUGIN_LOAD_H

#include "gateway/plugin.h"
#include "lib/base/err.h"

/* Opens NAME.so in the first of `dirs` (separated by colons) that has it, and checks what
 * it exports. On success *ret_plugin is a copy of the descriptor in today's size,
 * callbacks it is too old for NULL; free() it, the plugin itself stays loaded for ever.
 * On failure -ENOENT, -EINVAL or -ENOMEM and a sentence for people. */
int plugin_load(const char *dirs, const char *name, struct gw_plugin **ret_plugin,
                struct gw_error *reterr);

/* The checks on a descriptor alone, for plugin_load and its tests. */
int plugin_load_negotiate(const struct gw_plugin *descriptor, const char *name,
                          struct gw_plugin *ret_plugin, struct gw_error *reterr);

#endif
